//! Networks with reference weights, and their gradients by reference name.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor};
use futures::executor::block_on;
use medcontext_core::backbone::{Model, Network};
use medcontext_core::dataset::LabelSet;
use medcontext_core::volume::AxisOrder;
use medcontext_core::weights::{self, Metadata};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// A named tensor in PyTorch's layout.
pub type Named = (String, Vec<usize>, Vec<f32>);

/// Builds `network` and fills it with reference weights. The mask token is zero where the reference
/// has none.
pub fn load_reference(
    network: &Network,
    classes: usize,
    patch: [usize; 3],
    mut tensors: Vec<Named>,
    device: &Device,
) -> Model {
    let medcontext = tensors.iter().any(|(name, ..)| name == "mask_token");
    for (name, ..) in &mut tensors {
        // The released MedContext student has the transformer at the top level.
        let inner = ["blocks.", "norm.", "patch_embedding."];
        if inner.iter().any(|prefix| name.starts_with(prefix)) {
            *name = format!("vit.{name}");
        }
    }
    if !medcontext {
        let Network::Unetr(config) = network;
        let hidden = config.hidden;
        tensors.push((
            "mask_token".to_owned(),
            vec![1, 1, hidden],
            vec![0.0; hidden],
        ));
    }
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, values)| {
            (
                name,
                shape,
                values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = bytes.iter().map(|(name, shape, data)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), data).expect("a tensor"),
        )
    });
    let file = serialize(views, None).expect("a file");
    let model = network.build(1, classes, patch, 0, device);
    weights::fill(model, &SafeTensors::deserialize(&file).expect("a file"))
        .expect("all tensors fit")
}

/// Gradients of all parameters by reference name, in PyTorch's layout.
pub fn gradients(model: &Model, gradients: &Gradients) -> HashMap<String, Vec<f32>> {
    parameters(&model.clone().map(&mut IntoGradients(gradients)))
}

/// All parameters by reference name, in PyTorch's layout.
pub fn parameters(model: &Model) -> HashMap<String, Vec<f32>> {
    let metadata = Metadata {
        version: String::new(),
        network: Network::Unetr(Default::default()),
        channels: 1,
        patch: [16; 3],
        axes: AxisOrder::Zyx,
        normalisation: String::new(),
        labels: LabelSet::from_ids([1], &Default::default()).expect("a label set"),
        training: Default::default(),
    };
    let file = block_on(weights::save(model, &metadata)).expect("the device answers");
    let tensors = SafeTensors::deserialize(&file).expect("a file");
    tensors
        .iter()
        .map(|(name, view)| {
            let values = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b));
            (name.to_owned(), values.collect())
        })
        .collect()
}

struct IntoGradients<'a>(&'a Gradients);

impl ModuleMapper for IntoGradients<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = param.val().grad(self.0);
        param.map(|value| match gradient {
            Some(gradient) => Tensor::from_inner(gradient),
            None => value.zeros_like(),
        })
    }
}
