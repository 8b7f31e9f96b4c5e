use std::collections::BTreeMap;

use burn::tensor::Device;
use futures::executor::block_on;
use ndarray::Array3;

use super::Trainer;
use crate::backbone::{Backbone, Size};
use crate::dataset::{Case, LabelSet, PhantomConfig, phantom};
use crate::medcontext::{MedContext, Momentum};
use crate::train::{CheckpointKind, Event, NetworkChoice, RunState, Start, TrainConfig};
use crate::transform::{Crop, Resampling, Spacing};
use crate::volume::{Image, LabelImage, Limits};
use crate::weights::{self, Metadata};

fn trainer(config: TrainConfig) -> Trainer {
    trainer_that_holds_out(config, |case| case)
}

/// A trainer without validation.
fn started(config: TrainConfig, start: Start) -> Trainer {
    with(config, start, |_| None)
}

/// A trainer that validates on a changed copy of its first case.
fn trainer_that_holds_out(config: TrainConfig, change: impl FnOnce(Case) -> Case) -> Trainer {
    with(config, Start::Scratch, |case| Some(change(case)))
}

fn with(config: TrainConfig, start: Start, held_out: impl FnOnce(Case) -> Option<Case>) -> Trainer {
    let made = phantom(&PhantomConfig {
        cases: 2,
        voxels: (16, 20),
        ..PhantomConfig::default()
    });
    let cases = made.iter().map(|case| {
        let read = |bytes: &[u8]| Image::read(bytes, &Limits::default()).expect("an image");
        let label = LabelImage::from_image(read(&case.label)).expect("labels");
        Case::new(&case.name, read(&case.image), Some(label)).expect("a case")
    });
    let cases: Vec<Case> = cases.collect();
    let labels = LabelSet::from_cases(&cases, &BTreeMap::new()).expect("labels");
    let held_out = Vec::from_iter(held_out(cases[0].clone()));
    Trainer::new(config, cases, held_out, labels, start, &Device::flex()).expect("a trainer")
}

fn config() -> TrainConfig {
    TrainConfig {
        network: NetworkChoice::named(Backbone::Pcrlv2, Size::Tiny),
        patch: [16; 3],
        batch_size: 1,
        iterations: 4,
        checkpoint_every: 2,
        medcontext: MedContext::off(),
        ..TrainConfig::default()
    }
}

fn next(trainer: &mut Trainer) -> Option<Event> {
    block_on(trainer.next()).expect("an event")
}

#[test]
fn a_run_that_is_stopped_does_not_validate_first() {
    let mut trainer = trainer(config());
    while !matches!(next(&mut trainer), Some(Event::Step { iteration: 2, .. })) {}
    // Validation is due now.
    trainer.stop();
    assert!(matches!(
        next(&mut trainer),
        Some(Event::Checkpoint {
            iteration: 2,
            kind: CheckpointKind::Last,
            ..
        })
    ));
    assert!(matches!(
        next(&mut trainer),
        Some(Event::Finished { stopped: true, .. })
    ));
    assert_eq!(next(&mut trainer), None);
}

/// The best weights are those with the best mean over reported labels; events have all labels.
#[test]
fn the_reported_labels_choose_the_best() {
    let mut trainer = trainer(TrainConfig {
        reported: vec![2],
        ..config()
    });
    let mut seen = 0;
    while let Some(event) = next(&mut trainer) {
        if let Event::Validated { dice, labels, .. } = event {
            seen += 1;
            assert!(labels.len() > 1);
            let reported = labels.iter().find(|label| label.id == 2).expect("it is learned");
            assert_eq!(Some(dice), reported.dice);
        }
    }
    assert_eq!(seen, 2);
}

/// The whole label map is label 1, or not labeled.
#[test]
fn validation_leaves_out_what_is_not_labeled() {
    for ignored in [false, true] {
        let mut trainer = trainer_that_holds_out(config(), |mut case| {
            let size = case.image.grid().canonical_dims();
            let label = LabelImage::from_canonical(Array3::from_elem(size, 1), &case.image).expect("a label map");
            case.label = Some(if ignored { label.with_ignored(1) } else { label });
            case
        });
        let mut seen = 0;
        while let Some(event) = next(&mut trainer) {
            if let Event::Validated { labels, .. } = event {
                seen += 1;
                assert_eq!(labels[0].dice.is_none(), ignored);
            }
        }
        assert_eq!(seen, 2);
    }
}

#[test]
fn a_run_knows_its_settings_as_numbers() {
    let trainer = trainer(TrainConfig {
        medcontext: MedContext::default(),
        ..config()
    });
    assert_eq!(trainer.stage.run().warmup, Some(1));
    assert_eq!(trainer.stage.run().medcontext.momentum, Momentum::Of(0.0));
}

/// Two steps on coarse voxels, then three around the labels.
fn cascade() -> TrainConfig {
    let mut coarse = config();
    coarse.iterations = 2;
    coarse.preprocessing.spacing = Some(Spacing {
        mm: [6.0; 3],
        rule: Resampling::NnUnet,
    });
    let mut config = TrainConfig {
        iterations: 3,
        checkpoint_every: 1,
        coarse: Some(Box::new(coarse)),
        ..config()
    };
    config.preprocessing.crop = Crop::Labels { margin_mm: 4 };
    config
}

/// The events of a run in words, its last weights, and its state after each step.
fn follow(trainer: &mut Trainer) -> (Vec<String>, Vec<u8>, Vec<Vec<u8>>) {
    let (mut told, mut last, mut states) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(event) = next(trainer) {
        match event {
            Event::Started { iterations, .. } => told.push(format!("of {iterations}")),
            Event::Step { iteration, .. } => told.push(format!("step {iteration}")),
            Event::SecondStage { iteration, .. } => told.push(format!("second after {iteration}")),
            Event::Finished { iteration, stopped, .. } => told.push(format!("{iteration} done, {stopped}")),
            Event::Checkpoint {
                kind: CheckpointKind::Last,
                weights,
                ..
            } => {
                last = weights;
                let mut state = Vec::new();
                block_on(trainer.write_state(&mut state)).expect("a state");
                states.push(state);
            }
            Event::Checkpoint { .. } | Event::Validated { .. } => {}
        }
    }
    (told, last, states)
}

#[test]
fn a_cascade_is_one_run_of_two_stages() {
    let (told, last, states) = follow(&mut started(cascade(), Start::Scratch));
    let expected = [
        "of 5",
        "step 1",
        "step 2",
        "second after 2",
        "step 3",
        "step 4",
        "step 5",
        "5 done, false",
    ];
    assert_eq!(told, expected);
    let metadata = Metadata::read(&last).expect("weights");
    let first = metadata.coarse.expect("a first stage");
    assert_eq!((first.training.iterations, metadata.training.iterations), (2, 3));
    assert_eq!(first.preprocessing.spacing.map(|spacing| spacing.mm), Some([6.0; 3]));
    // A checkpoint of the first stage stands for itself; the others hold both.
    assert_eq!(states.len(), 4);

    for state in &states {
        let read = RunState::read(state).expect("a state");
        let mut resumed = started(cascade(), Start::Resume(state));
        let (told, again, _) = follow(&mut resumed);
        assert_eq!(told[0], "of 5");
        assert_eq!(told.last().map(String::as_str), Some("5 done, false"));
        assert!(
            again == last,
            "other weights when resumed after {} steps",
            read.steps_done()
        );
    }
}

#[test]
fn a_cascade_that_is_stopped_in_its_first_stage_leaves_that_stage() {
    let mut trainer = started(cascade(), Start::Scratch);
    while !matches!(next(&mut trainer), Some(Event::Step { iteration: 1, .. })) {}
    trainer.stop();
    let (told, last, _) = follow(&mut trainer);
    assert_eq!(told, ["1 done, true"]);
    assert_eq!(Metadata::read(&last).expect("weights").coarse, None);
}

#[test]
fn weights_of_a_cascade_keep_their_first_stage_in_a_run_from_them() {
    let (_, last, _) = follow(&mut started(cascade(), Start::Scratch));
    let (told, again, _) = follow(&mut started(cascade(), Start::Weights(&last)));
    assert_eq!(told, ["of 3", "step 1", "step 2", "step 3", "3 done, false"]);
    let [before, after] = [&last, &again].map(|bytes| weights::read_safetensors(bytes).expect("tensors"));
    let changed = before
        .iter()
        .filter(|(name, tensor)| after[*name].bytes != tensor.bytes);
    let changed: Vec<&String> = changed.map(|(name, _)| name).collect();
    assert!(!changed.is_empty() && changed.iter().all(|name| !name.starts_with("coarse.")));
}
