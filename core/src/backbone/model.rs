//! Operations on any network with parameters.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Int, Tensor};

use super::Model;
use crate::nn::TokenMask;

impl Model {
    /// Logits `[batch, class, d, h, w]` of `x` `[batch, channel, d, h, w]`, unmasked or masked.
    pub fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        self.segmenter().forward(x, mask, 1).swap_remove(0)
    }

    /// Logits at up to `scales` scales (at least one), full resolution first.
    pub fn forward_scales(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>> {
        self.segmenter().forward(x, mask, scales.max(1))
    }

    /// Whether a sample's logits depend on the others of its batch while it trains (batch norm).
    pub fn mixes_samples(&self) -> bool {
        self.segmenter().mixes_samples()
    }

    /// The name that the reference implementation gives to the parameter at `path` of this module.
    pub fn reference_name(&self, path: &str) -> String {
        self.segmenter().reference_name(path)
    }

    /// Whether the shape of the parameter with this reference name depends on the number of classes.
    pub fn is_head(&self, name: &str) -> bool {
        name.starts_with(self.segmenter().head_prefix())
    }

    /// Whether the shape of the parameter with this reference name depends on the number of input
    /// channels.
    pub fn is_input(&self, name: &str) -> bool {
        let mut names = self.segmenter().input_prefixes().iter();
        names.any(|prefix| name.starts_with(prefix))
    }

    /// The encoder's deepest features of `x` `[batch, channel, d, h, w]`, unmasked or masked; `None` where it cannot be
    /// pretrained.
    pub fn features(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Option<Tensor<5>> {
        Some(self.segmenter().encoder()?.features(x, mask))
    }

    /// The encoder's deepest features of the tokens with these numbers, `[batch, visible, feature]`; `None` where it
    /// cannot leave tokens out.
    pub fn visible_features(&self, x: Tensor<5>, visible: Tensor<2, Int>) -> Option<Tensor<3>> {
        self.segmenter().encoder()?.visible(x, visible)
    }

    /// The maps of the decoder's levels, the coarsest first, each `[batch, channel, d, h, w]`; `None` where pretraining
    /// leaves the decoder out.
    pub fn decoded(&self, x: Tensor<5>) -> Option<Vec<Tensor<5>>> {
        self.segmenter().encoder()?.decoded(x)
    }

    /// Whether the parameter with this reference name belongs to the encoder.
    pub fn is_encoder(&self, name: &str) -> bool {
        let mut names = self.segmenter().encoder_prefixes().iter();
        names.any(|prefix| name.starts_with(prefix))
    }

    /// Number of trainable parameters; running statistics do not count.
    pub fn parameters(&self) -> usize {
        let mut count = Count::default();
        self.visit(&mut count);
        count.learned
    }
}

#[derive(Default)]
struct Count {
    learned: usize,
    names: Vec<String>,
}

impl ModuleVisitor for Count {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.names.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let statistic = self.names.last().is_some_and(|name| name.starts_with("running_"));
        if !statistic {
            self.learned += param.shape().num_elements();
        }
    }
}
