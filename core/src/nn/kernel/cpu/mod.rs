//! The operations on a CPU: each as a node of burn's graph, with what it computes beside it.
//!
//! Convolutions are in `conv` (the node) and `tiles`, which chooses: `winograd` (kernels of 3 with more than a few
//! channels), `direct` (long planes), or matrix products; attention in `attention` (the node) and `heads`;
//! instance norm in `norm` (the node) and `moments`; a loss in `class_sums`; layer and group norm in `layer_norm`
//! and `group_norm`. `work` cuts work into pieces for all threads, `matrix` multiplies,
//! `math` has functions for vectors.

mod add_leaky;
mod attention;
mod class_sums;
mod conv;
mod direct;
mod gelu;
mod group_norm;
mod heads;
mod join;
mod layer_norm;
mod linear;
mod math;
mod matrix;
mod moments;
mod norm;
mod tiles;
mod unfold;
mod update;
mod winograd;
mod work;

pub(super) use add_leaky::add;
pub(super) use attention::attend;
pub(super) use class_sums::sums;
pub(super) use conv::convolve;
pub(super) use gelu::gelu;
pub(super) use group_norm::group_norm_relu;
pub(super) use join::join;
pub(super) use layer_norm::layer_norm;
pub(super) use linear::linear;
pub(super) use norm::normalise;
pub(super) use unfold::unfold;
pub(super) use update::{adamw, average};
