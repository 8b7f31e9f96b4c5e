//! Networks with reference weights, and their gradients by reference name.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Gradients, Tensor};
use futures::executor::block_on;
use medcontext_core::backbone::{Model, Network};
use medcontext_core::dataset::LabelSet;
use medcontext_core::transform::MirrorAxes;
use medcontext_core::weights::{self, Fit, Metadata, Precision, RawTensor};
use safetensors::Dtype;

use crate::fixture::Named;

/// Builds `network` and fills it with reference weights. The mask token is zero if the reference has none.
pub fn load_reference(
    network: &Network,
    channels: usize,
    classes: usize,
    patch: [usize; 3],
    tensors: Vec<Named>,
    device: &Device,
) -> Model {
    let tensor = |(name, shape, values): Named| {
        // The released MedContext student has UNETR's transformer at the top level.
        let inner = ["blocks.", "norm.", "patch_embedding."];
        let inner = inner.iter().any(|prefix| name.starts_with(prefix));
        let name = if inner { format!("vit.{name}") } else { name };
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = RawTensor {
            shape,
            dtype: Dtype::F32,
            bytes: bytes.into(),
        };
        (name, tensor)
    };
    let tensors = tensors.into_iter().map(tensor).collect();
    let fit = Fit {
        without_mask_token: true,
        ..Fit::default()
    };
    let model = network.build(channels, classes, patch, 0, device);
    let filled = weights::fill(model, &tensors, fit);
    filled.expect("all tensors fit").model
}

/// Gradients of all parameters by reference name, in PyTorch's layout.
pub fn gradients(model: &Model, gradients: &Gradients) -> HashMap<String, Vec<f32>> {
    by_name(model, Found::Tape(gradients))
}

/// Gradients collected for an optimizer, by reference name, in PyTorch's layout; zeros for those without one.
pub fn collected_gradients(model: &Model, gradients: &GradientsParams) -> HashMap<String, Vec<f32>> {
    by_name(model, Found::Collected(gradients))
}

fn by_name(model: &Model, found: Found) -> HashMap<String, Vec<f32>> {
    let names = Vec::new();
    parameters(&model.clone().map(&mut IntoGradients { found, names }))
}

/// All parameters by reference name, in PyTorch's layout.
pub fn parameters(model: &Model) -> HashMap<String, Vec<f32>> {
    let metadata = Metadata {
        version: String::new(),
        network: Network::Unetr(Default::default()),
        channels: 1,
        patch: [16; 3],
        preprocessing: Default::default(),
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels: LabelSet::from_ids([1], &Default::default()).expect("a label set"),
        training: Default::default(),
    };
    let file = block_on(weights::save(model, &metadata, Precision::F32)).expect("the device answers");
    let tensors = weights::read_safetensors(&file).expect("a file");
    tensors
        .into_iter()
        .map(|(name, tensor)| (name, tensor.floats().expect("floats")))
        .collect()
}

enum Found<'a> {
    Tape(&'a Gradients),
    Collected(&'a GradientsParams),
}

struct IntoGradients<'a> {
    found: Found<'a>,
    names: Vec<String>,
}

impl ModuleMapper for IntoGradients<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Running statistics are shared with the network itself, and have no gradient.
        let statistic = self.names.last().is_some_and(|n| n.starts_with("running_"));
        if statistic {
            return param;
        }
        let gradient = match self.found {
            Found::Tape(gradients) => param.val().grad(gradients),
            Found::Collected(gradients) => gradients.get(param.id),
        };
        param.map(|value| match gradient {
            Some(gradient) => Tensor::from_inner(gradient),
            None => value.zeros_like(),
        })
    }
}
