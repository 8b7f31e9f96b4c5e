//! The operations on a GPU: kernels in CubeCL, one source for WebGPU, Vulkan, Metal and CUDA.
//!
//! Convolutions are in `conv`, matrix products in `product`, attention in `attention`; instance and group norm in
//! `norm`, layer norm in `layer_norm`; losses in `class_sums`, `dice_of_sums` and `relative_distance`. `update` has the
//! optimizer's and the EMA's update of a parameter. `launch` has what all share. All kernels compute in f32 and need no
//! more than WebGPU promises: 256 invocations and 16 KB of shared memory in a workgroup, eight buffers, no subgroups.

// A kernel's arguments are its buffers, sizes and numbers.
#![allow(clippy::too_many_arguments)]

mod add_bias;
mod add_leaky;
mod attention;
mod class_sums;
mod concat;
mod conv;
mod depth_to_space;
mod dice_of_sums;
mod gelu;
mod launch;
mod layer_norm;
mod linear;
mod norm;
mod product;
mod relative_distance;
mod update;

pub(super) use conv::suits;
pub(super) use update::{adamw, adamw_two, average, average_three};
