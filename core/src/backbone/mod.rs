//! Encoder-decoder networks, one file each, behind one [`Model`].
//!
//! A backbone maps `[batch, channel, depth, height, width]` to logits of the same size. It can see
//! its input masked: a [`TokenMask`] hides what its file says, where the method says (section 3 of
//! arXiv 2402.17725 and, where that is silent, the header of the file).
//!
//! To add one: a file with its numbers (`Architecture`) and its layers (`Segmenter`), and a
//! variant of [`Network`] and of [`Model`].

mod cost;
mod monai;
mod name;
mod nnformer;
mod patch_rule;
mod pcrlv2;
mod swin_unetr;
mod unetr;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::medcontext::TokenMask;
use crate::nn::Init;

pub use crate::nn::Merging;
pub use name::{Backbone, Size};
pub use nnformer::{IndexLaw, Nnformer, NnformerConfig, NnformerForm};
pub use patch_rule::PatchRule;
pub use pcrlv2::{NormKind, Pcrlv2, Pcrlv2Config};
pub use swin_unetr::{SwinUnetr, SwinUnetrConfig};
pub use unetr::{PatchProjection, Unetr, UnetrConfig};

/// Memory of the program itself in bytes.
const PROGRAM: u64 = 45_000_000;

/// Values that the loss of three classes keeps for each voxel of a patch.
const LOSS: f64 = 26.0;

/// Architectural numbers of one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Network {
    /// UNETR.
    Unetr(UnetrConfig),
    /// SwinUNETR.
    SwinUnetr(SwinUnetrConfig),
    /// nnFormer, in one of its three forms.
    Nnformer(NnformerConfig),
    /// PCRLv2's 3D CNN.
    Pcrlv2(Pcrlv2Config),
}

/// What a training step keeps in memory at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Copies of the parameters, with what is as large: gradients, moments, a teacher.
    pub copies: usize,
    /// Passes whose activations are kept for their gradients.
    pub views: usize,
}

/// What the numbers of a network say about it.
trait Architecture {
    /// The patches that it can take.
    fn patch_rule(&self) -> PatchRule;

    /// Voxels of a token along each axis.
    fn token(&self) -> [usize; 3];

    /// Weight of each scale of the output in the loss, the finest first.
    fn scale_weights(&self) -> &'static [f64] {
        &[1.0]
    }

    /// Values that a training pass over a patch keeps for its gradients, those of the loss included.
    /// Counted in blocks, the factors fitted to the peaks of runs on a CPU.
    fn training_values(&self, patch: [usize; 3]) -> f64;

    /// Values that are alive at once while a patch is segmented, fitted likewise.
    fn inference_values(&self, patch: [usize; 3]) -> f64;

    /// Values of the largest tensor of a pass over a patch, where attention keeps its scores.
    fn largest_values(&self, patch: [usize; 3]) -> f64;

    /// Multiplications with addition of one forward pass over one patch.
    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64;

    /// Why these numbers cannot make a network for `patch`, which keeps the rule, in one sentence.
    fn check(&self, patch: [usize; 3]) -> Result<(), String>;

    /// The network with new parameters.
    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Model;
}

impl Network {
    /// A named size of a backbone.
    pub fn new(backbone: Backbone, size: Size) -> Self {
        let nnformer = |form| Self::Nnformer(NnformerConfig::new(form, size));
        match backbone {
            Backbone::Unetr => Self::Unetr(UnetrConfig::new(size)),
            Backbone::SwinUnetr => Self::SwinUnetr(SwinUnetrConfig::new(size)),
            Backbone::Nnformer => nnformer(NnformerForm::Synapse),
            Backbone::NnformerAcdc => nnformer(NnformerForm::Acdc),
            Backbone::NnformerTumor => nnformer(NnformerForm::Tumor),
            Backbone::Pcrlv2 => Self::Pcrlv2(Pcrlv2Config::new(size)),
        }
    }

    /// Which backbone this is.
    pub fn backbone(&self) -> Backbone {
        match self {
            Self::Unetr(_) => Backbone::Unetr,
            Self::SwinUnetr(_) => Backbone::SwinUnetr,
            Self::Nnformer(config) => match config.form {
                NnformerForm::Synapse => Backbone::Nnformer,
                NnformerForm::Acdc => Backbone::NnformerAcdc,
                NnformerForm::Tumor => Backbone::NnformerTumor,
            },
            Self::Pcrlv2(_) => Backbone::Pcrlv2,
        }
    }

    fn architecture(&self) -> &dyn Architecture {
        match self {
            Self::Unetr(config) => config,
            Self::SwinUnetr(config) => config,
            Self::Nnformer(config) => config,
            Self::Pcrlv2(config) => config,
        }
    }

    /// The patches that it can take.
    pub fn patch_rule(&self) -> PatchRule {
        self.architecture().patch_rule()
    }

    /// Tokens along each axis of a patch: the grid on which masks are drawn.
    pub fn token_grid(&self, patch: [usize; 3]) -> [usize; 3] {
        let token = self.architecture().token();
        std::array::from_fn(|axis| patch[axis].div_ceil(token[axis]))
    }

    /// Weight of each scale of the output in the loss, the finest first; one scale for most networks
    /// (deep supervision otherwise).
    pub fn scale_weights(&self) -> &'static [f64] {
        self.architecture().scale_weights()
    }

    /// Estimated memory of a training step in bytes: `copies` of the parameters (themselves, gradients, two
    /// moments and perhaps a teacher), and the activations that the backward pass of `views` passes keeps.
    pub fn training_bytes(
        &self,
        parameters: usize,
        patch: [usize; 3],
        batch: usize,
        Kept { copies, views }: Kept,
    ) -> u64 {
        let values = (views * batch) as f64 * self.architecture().training_values(patch);
        PROGRAM + 4 * ((copies * parameters) as u64 + values as u64)
    }

    /// Estimated memory in bytes while one patch is segmented: the weights file beside the parameters
    /// that are made from it, and the activations.
    pub fn inference_bytes(&self, parameters: usize, patch: [usize; 3]) -> u64 {
        let values = self.architecture().inference_values(patch);
        PROGRAM + 4 * (2 * parameters as u64 + values as u64)
    }

    /// Bytes of the largest tensor of a pass over `batch` patches in f32, as far as blocks keep them. On a GPU
    /// attention's scores are among them.
    pub fn largest_tensor_bytes(&self, patch: [usize; 3], batch: usize) -> u64 {
        4 * batch as u64 * self.architecture().largest_values(patch) as u64
    }

    /// Multiplications with addition of one forward pass over one patch, as PyTorch's flop counter
    /// counts them (half of its FLOPs): products and convolutions.
    pub fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        self.architecture().multiply_adds(channels, classes, patch)
    }

    /// Why these numbers cannot make a network for `patch`, in one sentence.
    pub fn check(&self, patch: [usize; 3]) -> Result<(), String> {
        let rule = self.patch_rule();
        if !rule.fits(patch) {
            let backbone = self.backbone();
            return Err(format!(
                "a patch of {patch:?} voxels does not fit {backbone}: {rule}"
            ));
        }
        self.architecture().check(patch)
    }

    /// Builds the network with `channels` input and `classes` output channels, drawn from `seed`.
    pub fn build(
        &self,
        channels: usize,
        classes: usize,
        patch: [usize; 3],
        seed: u64,
        device: &Device,
    ) -> Model {
        let mut init = Init::new(seed, device);
        self.architecture()
            .build(channels, classes, patch, &mut init)
    }
}

/// A network with its parameters.
#[derive(Module, Debug)]
// One value of this type lives at a time; a box would be one more step for every visitor.
#[allow(clippy::large_enum_variant)]
pub enum Model {
    /// UNETR.
    Unetr(Unetr),
    /// SwinUNETR.
    SwinUnetr(SwinUnetr),
    /// nnFormer.
    Nnformer(Nnformer),
    /// PCRLv2's 3D CNN.
    Pcrlv2(Pcrlv2),
}

/// What the layers of a network do.
trait Segmenter {
    /// Logits of `x` `[batch, channel, d, h, w]`, seen whole or masked, at up to `scales` scales of
    /// those that the network has, the finest first; never none.
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>>;

    /// The name that the reference implementation gives to the parameter at `path`.
    fn reference_name(&self, path: &str) -> String;

    /// Reference names of the parameters whose shape depends on the number of classes start so.
    fn head(&self) -> &'static str;

    /// Reference names of the parameters whose shape depends on the number of input channels start
    /// so.
    fn input(&self) -> &'static [&'static str];
}

impl Model {
    fn segmenter(&self) -> &dyn Segmenter {
        match self {
            Self::Unetr(network) => network,
            Self::SwinUnetr(network) => network,
            Self::Nnformer(network) => network,
            Self::Pcrlv2(network) => network,
        }
    }

    /// Logits `[batch, class, d, h, w]` of `x` `[batch, channel, d, h, w]`, seen whole or masked.
    pub fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        self.segmenter().forward(x, mask, 1).swap_remove(0)
    }

    /// Logits at up to `scales` scales (at least one), the finest and whole one first.
    pub fn forward_scales(
        &self,
        x: Tensor<5>,
        mask: Option<&TokenMask>,
        scales: usize,
    ) -> Vec<Tensor<5>> {
        self.segmenter().forward(x, mask, scales.max(1))
    }

    /// The name that the reference implementation gives to the parameter at `path` of this module.
    pub fn reference_name(&self, path: &str) -> String {
        self.segmenter().reference_name(path)
    }

    /// Whether the shape of the parameter with this reference name depends on the number of classes.
    pub fn is_head(&self, name: &str) -> bool {
        name.starts_with(self.segmenter().head())
    }

    /// Whether the shape of the parameter with this reference name depends on the number of input
    /// channels.
    pub fn is_input(&self, name: &str) -> bool {
        let mut names = self.segmenter().input().iter();
        names.any(|prefix| name.starts_with(prefix))
    }

    /// How many numbers are learned. Running statistics are not.
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
        let statistic = self
            .names
            .last()
            .is_some_and(|name| name.starts_with("running_"));
        if !statistic {
            self.learned += param.shape().num_elements();
        }
    }
}
