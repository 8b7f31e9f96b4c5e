//! A backbone with a file and a line in the list supports everything that the others do.

use std::collections::BTreeMap;

use burn::tensor::Device;
use futures::executor::block_on;
use safetensors::tensor::{TensorView, serialize};

use crate::backbone::{Backbone, Network, Size};
use crate::dataset::{Case, LabelSet, PhantomConfig, phantom};
use crate::medcontext::MedContext;
use crate::train::{CheckpointKind, Event, NetworkChoice, Start, TrainConfig, Trainer};
use crate::volume::{AxisOrder, Image, LabelImage, Limits};
use crate::weights::{self, ImportOptions, Metadata, Tensors};

const PATCH: [usize; 3] = [16; 3];

/// Trains the network named "toy" for a few steps, with masked views.
fn trained() -> Vec<u8> {
    let config = TrainConfig {
        network: NetworkChoice::named("toy".parse().expect("it is in the list"), Size::Tiny),
        patch: PATCH,
        batch_size: 1,
        iterations: 3,
        checkpoint_every: 3,
        medcontext: MedContext::paper(),
        ..TrainConfig::default()
    };
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
    let (start, device) = (Start::Scratch, Device::flex());
    let mut trainer = Trainer::new(config, cases, Vec::new(), labels, start, &device).expect("a trainer");
    let mut last = None;
    while let Some(event) = block_on(trainer.next()).expect("an event") {
        match event {
            Event::Step { losses, .. } => {
                assert!(losses.total.is_finite());
                assert!(losses.consistency.is_some(), "the masked view is trained");
            }
            Event::Checkpoint {
                kind: CheckpointKind::Last,
                weights,
                ..
            } => last = Some(weights),
            _ => {}
        }
    }
    last.expect("weights at the end")
}

fn assert_same(found: &Tensors<'_>, expected: &Tensors<'_>) {
    for (name, tensor) in expected {
        assert_eq!(found[name].floats(), tensor.floats(), "{name}");
    }
}

/// The tensors of a PyTorch file whose names all have a prefix.
fn prefixed(reference: &[u8]) -> Vec<u8> {
    let tensors = weights::read_safetensors(reference).expect("tensors");
    let views = tensors.iter().map(|(name, tensor)| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
        (format!("module.{name}"), view.expect("a tensor"))
    });
    serialize(views, None).expect("a file")
}

#[test]
fn it_is_trained_saved_recognized_exported_and_loaded_again() {
    let (file, device) = (trained(), Device::flex());
    let loaded = weights::load(&file, &device).expect("its own file");
    assert_eq!(loaded.metadata.network.backbone(), Backbone::Toy);
    let saved = weights::read_safetensors(&file).expect("tensors");

    // In the reference's names, without what only this program has.
    let reference = block_on(weights::to_reference(&loaded.model, &loaded.metadata)).expect("a file");
    let tensors = weights::read_safetensors(&reference).expect("tensors");
    assert!(tensors.contains_key("toy_encoder.weight") && !tensors.contains_key("mask_token"));
    assert!(Metadata::read(&reference).is_err());
    assert_same(&saved, &tensors);

    // By shapes alone, with or without a common prefix.
    for bytes in [reference.clone(), prefixed(&reference)] {
        let found = weights::import(&bytes, &ImportOptions::default(), &device).expect("a network of the list");
        assert_eq!(found.metadata.network, Network::new(Backbone::Toy, Size::Tiny));
        assert_eq!(found.metadata.patch, PATCH);
        assert_eq!(found.metadata.preprocessing.axes, AxisOrder::Xyz);
        assert_eq!(found.missing, ["mask_token"]);
        assert!(found.ignored.is_empty());
        let again = block_on(weights::to_reference(&found.model, &found.metadata)).expect("a file");
        assert_eq!(again, reference);
    }
}

#[test]
fn it_has_the_parameters_that_its_label_says() {
    for size in Size::ALL {
        let model = Network::new(Backbone::Toy, size).build(1, 3, PATCH, 0, &Device::flex());
        assert_eq!(model.parameters(), Backbone::Toy.parameters(size));
    }
}

#[test]
fn messages_name_it() {
    let refused = "nothing".parse::<Backbone>().expect_err("no backbone");
    assert!(refused.ends_with("pcrlv2, toy"), "{refused}");
    assert!(Backbone::choices().ends_with("pcrlv2 or toy"));
    let refused = weights::import(
        &serialize(Vec::<(String, TensorView<'_>)>::new(), None).expect("a file"),
        &ImportOptions::default(),
        &Device::flex(),
    )
    .expect_err("no tensors");
    assert!(refused.to_string().contains("pcrlv2, toy"), "{refused}");
}
