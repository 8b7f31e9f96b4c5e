use std::collections::BTreeMap;

use burn::tensor::Device;
use futures::executor::block_on;
use ndarray::Array3;

use super::Trainer;
use crate::backbone::{Backbone, Size};
use crate::dataset::{Case, LabelSet, PhantomConfig, phantom};
use crate::medcontext::{MedContext, Momentum};
use crate::train::{CheckpointKind, Event, NetworkChoice, Start, TrainConfig};
use crate::volume::{Image, LabelImage, Limits};

fn trainer(config: TrainConfig) -> Trainer {
    trainer_that_holds_out(config, |case| case)
}

/// A trainer that validates on a changed copy of its first case.
fn trainer_that_holds_out(config: TrainConfig, change: impl FnOnce(Case) -> Case) -> Trainer {
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
    let held_out = vec![change(cases[0].clone())];
    let (start, device) = (Start::Scratch, Device::flex());
    Trainer::new(config, cases, held_out, labels, start, &device).expect("a trainer")
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
    assert_eq!(trainer.config.warmup, Some(1));
    assert_eq!(trainer.config.medcontext.momentum, Momentum::Of(0.0));
}
