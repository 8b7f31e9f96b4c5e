//! Encoder-decoder networks, one file each, behind one [`Model`].
//!
//! A backbone maps `[batch, channel, depth, height, width]` to logits of the same size. It can see its input masked:
//! the backbone's file decides what a [`TokenMask`](crate::nn::TokenMask) hides, and the method where (section 3 of
//! arXiv 2402.17725 and, where that is silent, the header of the file).
//!
//! To add one, write its file and a line of the list below, which names the file, its two types and the
//! names by which it is chosen. The file holds
//!
//! - its numbers, a serializable type with `Registered` (names, matching presets, how its checkpoints are recognized)
//!   and `Architecture` (which patches fit, what it costs, how it is built), and
//! - its layers, a [`Module`](burn::module::Module) with `Segmenter` (the forward pass, the names that the
//!   reference implementation gives to the parameters).
//!
//! `toy.rs`, which exists in tests alone, is the shortest example. Commands, settings, presets, weights files and the
//! page all use the list. A further type of the file that callers need is exported below it. Since a macro names the
//! files, rustfmt must be given them: `cargo fmt -- core/src/backbone/*.rs`.

mod architecture;
mod cost;
mod encoder;
mod list;
mod model;
mod monai;
mod name;
mod network;
mod patch_rule;
mod recognition;
mod reference;
mod registered;
mod shapes;
mod size;

use architecture::{Architecture, Segmenter};
use list::backbones;
use reference::ReferenceTensor;
use registered::{Entry, Label, Named, Registered, named};
use shapes::Holds;

pub use crate::nn::Merging;
pub use encoder::EncoderShape;
pub use network::StepFootprint;
pub use patch_rule::PatchRule;
pub(crate) use recognition::{anchors, canonical_name, is_unused, recognize};
pub(crate) use reference::ReferenceValues;
pub use registered::RecipeFamily;
pub(crate) use shapes::{RecognitionError, Recognized, Shapes, Untold};
pub use size::Size;

backbones! {
    unetr::Unetr(UnetrConfig): Unetr;
    swin_unetr::SwinUnetr(SwinUnetrConfig): SwinUnetr;
    nnformer::Nnformer(NnformerConfig): Nnformer, NnformerAcdc, NnformerTumor;
    pcrlv2::Pcrlv2(Pcrlv2Config): Pcrlv2;
    #[cfg(test)] toy::Toy(ToyConfig): Toy;
}

pub use nnformer::{NnformerForm, PositionIndex};
pub use pcrlv2::NormKind;
pub use unetr::PatchProjection;
