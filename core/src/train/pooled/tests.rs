use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::Device;
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use futures::lock::Mutex;

use super::PoolServer;
use crate::backbone::{Backbone, Network, Size};
use crate::dataset::{Case, LabelSet, PhantomConfig, phantom};
use crate::infer::{self, PredictConfig, Predictor, Segmentation};
use crate::medcontext::MedContext;
use crate::pool::{Message, Pool, Worker};
use crate::train::{CheckpointKind, Event, NetworkChoice, Start, TrainConfig, Trainer, rehearse};
use crate::transform::Augmentation;
use crate::volume::{Image, LabelImage, Limits};

/// A worker in this process. It dies over the messages with these numbers, and another takes its place.
struct Local {
    server: Rc<Mutex<PoolServer>>,
    asked: Cell<usize>,
    /// How many parts each message had.
    parts: RefCell<Vec<usize>>,
    dies_at: Vec<usize>,
}

impl Local {
    fn new(dies_at: &[usize]) -> Rc<Self> {
        Rc::new(Self {
            server: Rc::new(Mutex::new(PoolServer::new(&Device::flex()))),
            asked: Cell::new(0),
            parts: RefCell::default(),
            dies_at: dies_at.to_vec(),
        })
    }
}

impl Worker for Local {
    fn ask(&self, message: Message) -> LocalBoxFuture<'static, Option<Message>> {
        let number = self.asked.replace(self.asked.get() + 1);
        self.parts.borrow_mut().push(message.parts.len());
        let (dies, server) = (self.dies_at.contains(&number), Rc::clone(&self.server));
        async move {
            let mut server = server.lock().await;
            if dies {
                *server = PoolServer::new(&Device::flex());
                return None;
            }
            Some(server.answer(&message).await)
        }
        .boxed_local()
    }
}

fn cases() -> Vec<Case> {
    let config = PhantomConfig {
        cases: 2,
        voxels: (20, 24),
        ..PhantomConfig::default()
    };
    let read = |bytes: &[u8]| Image::read(bytes, &Limits::default()).expect("an image");
    let mut cases = Vec::new();
    for made in phantom(&config) {
        let label = LabelImage::from_image(read(&made.label)).expect("labels");
        cases.push(Case::new(&made.name, read(&made.image), Some(label)).expect("a case"));
    }
    cases
}

fn config(backbone: Backbone, medcontext: MedContext) -> TrainConfig {
    TrainConfig {
        network: NetworkChoice::named(backbone, Size::Tiny),
        patch: [16; 3],
        iterations: 2,
        batch_size: 1,
        accumulation: 3,
        augmentation: Augmentation::none(),
        medcontext,
        ..TrainConfig::default()
    }
}

/// The last weights of a run with these workers, and its losses.
fn trained(config: &TrainConfig, workers: &[Rc<dyn Worker>]) -> (Vec<u8>, Vec<f64>) {
    let cases = cases();
    let labels = LabelSet::from_cases(&cases, &BTreeMap::new()).expect("labels");
    let (device, validation) = (Device::flex(), cases[1..].to_vec());
    let mut trainer = Trainer::new(config.clone(), cases, validation, labels, Start::Scratch, &device).expect("a run");
    trainer.share_with(workers).expect("shared");
    let (mut last, mut losses) = (Vec::new(), Vec::new());
    while let Some(event) = block_on(trainer.next()).expect("an event") {
        match event {
            Event::Step { losses: terms, .. } => losses.push(terms.total),
            Event::Validated { dice, .. } => losses.push(dice),
            Event::Checkpoint {
                kind: CheckpointKind::Last,
                weights,
                ..
            } => last = weights,
            _ => {}
        }
    }
    (last, losses)
}

/// Gradients are summed in the order of the batches, whoever computed them, so a run is the same to the last bit.
/// Random numbers of a network are left out: tests that run at the same time draw from the same source.
#[test]
fn workers_change_nothing_of_a_run() {
    for (backbone, medcontext) in [
        (Backbone::Pcrlv2, MedContext::off()),
        (Backbone::Unetr, MedContext::default()),
        (Backbone::Nnformer, MedContext::default()),
    ] {
        let mut config = config(backbone, medcontext);
        if let Network::Nnformer(mut network) = config.resolved_network() {
            network.drop_path = 0.0;
            config.network = NetworkChoice::custom(Network::Nnformer(network));
        }
        config.fit_patch();
        let alone = trained(&config, &[]);
        let (first, second) = (Local::new(&[]), Local::new(&[]));
        let found = trained(&config, &[first.clone(), second.clone()]);
        assert!(found == alone, "{backbone}: {:?} and alone {:?}", found.1, alone.1);
        // The network, and a batch for each of two steps, came to each of them.
        assert!(
            first.asked.get() >= 3 && second.asked.get() >= 3,
            "{} asked",
            second.asked.get()
        );
    }
}

/// Beside intensities and classes: the teacher once, the student in every step, and nothing with a second batch.
#[test]
fn weights_are_sent_no_more_often_than_they_are_needed() {
    let config = TrainConfig {
        iterations: 3,
        accumulation: 5,
        ..config(Backbone::Unetr, MedContext::default())
    };
    let alone = trained(&config, &[]);
    let (first, second) = (Local::new(&[]), Local::new(&[]));
    let found = trained(&config, &[first.clone(), second.clone()]);
    assert!(found == alone, "{:?} and alone {:?}", found.1, alone.1);
    // Networks that validate come to them too.
    assert_eq!(first.parts.borrow()[..7], [0, 4, 2, 3, 2, 3, 2]);
    assert_eq!(second.parts.borrow()[..4], [0, 4, 3, 3]);
}

/// A plan has several patches in a batch; what is timed is the step that workers share.
#[test]
fn a_rehearsal_shares_its_batches() {
    let config = TrainConfig {
        batch_size: 3,
        accumulation: 1,
        ..config(Backbone::Pcrlv2, MedContext::off())
    };
    let cases = cases();
    let labels = LabelSet::from_cases(&cases, &BTreeMap::new()).expect("labels");
    let (first, second) = (Local::new(&[]), Local::new(&[]));
    let workers: [Rc<dyn Worker>; 2] = [first.clone(), second.clone()];
    let times = block_on(rehearse(config, cases, labels, &Device::flex(), &workers, async || {
        true
    }));
    assert!(times.expect("steps").is_some());
    // The network and a patch of each of four steps.
    assert!(first.asked.get() >= 5 && second.asked.get() >= 5);
}

#[test]
fn what_a_dying_worker_leaves_is_done() {
    let config = config(Backbone::Unetr, MedContext::default());
    let alone = trained(&config, &[]);
    // Over the first batch; over the network; over everything.
    for dies_at in [vec![1], vec![0, 3], (0..100).collect()] {
        let dying = Local::new(&dies_at);
        let found = trained(&config, &[dying.clone(), Local::new(&[])]);
        assert!(found == alone, "{dies_at:?}: {:?} and alone {:?}", found.1, alone.1);
        assert!(dying.asked.get() > 1);
    }
}

/// One that failed three times is left out: six messages, since each was preceded by what it has to know.
#[test]
fn a_worker_that_always_fails_is_asked_no_more() {
    let config = TrainConfig {
        iterations: 6,
        ..config(Backbone::Pcrlv2, MedContext::off())
    };
    let cases = cases();
    let labels = LabelSet::from_cases(&cases, &BTreeMap::new()).expect("labels");
    let device = Device::flex();
    let mut trainer = Trainer::new(config, cases, Vec::new(), labels, Start::Scratch, &device).expect("a run");
    let failing = Local::new(&Vec::from_iter(0..100));
    trainer
        .share_with(&[failing.clone() as Rc<dyn Worker>])
        .expect("shared");
    while block_on(trainer.next()).expect("an event").is_some() {}
    assert_eq!(failing.asked.get(), 6);
}

fn segmented(predictor: &Predictor, image: &Image, pool: &mut Pool) -> Segmentation {
    let config = PredictConfig {
        keep_logits: true,
        uncertainty: true,
        ..PredictConfig::default()
    };
    let mut run = predictor.start(image, config).expect("a segmentation");
    while let Some(event) = block_on(run.next_in(pool)).expect("an event") {
        if let infer::Event::Finished { segmentation, .. } = event {
            return *segmentation;
        }
    }
    panic!("no result")
}

#[test]
fn workers_change_nothing_of_a_segmentation() {
    let (device, image) = (Device::flex(), cases().remove(0).image);
    let weights = |seed| {
        let config = TrainConfig {
            seed,
            ..config(Backbone::Pcrlv2, MedContext::off())
        };
        trained(&config, &[]).0
    };
    let load = |seed| Predictor::load(&weights(seed), &device).expect("weights");
    let member = |seed: u64| (seed.to_string(), load(seed));
    let ensemble = Predictor::ensemble(vec![member(1), member(2)]).expect("an ensemble");
    for predictor in [load(0), ensemble, load(0).around(load(1))] {
        let alone = segmented(&predictor, &image, &mut Pool::default());
        let (worker, dying) = (Local::new(&[]), Local::new(&[2]));
        let workers: [Rc<dyn Worker>; 2] = [worker.clone(), dying.clone()];
        let mut pool = block_on(predictor.pool(&workers)).expect("a pool");
        let found = segmented(&predictor, &image, &mut pool);
        assert_eq!(found.logits, alone.logits);
        assert_eq!(found.labels.canonical(), alone.labels.canonical());
        assert_eq!(found.volumes, alone.volumes);
        assert!(worker.asked.get() > 2 && dying.asked.get() > 2);
    }
}
