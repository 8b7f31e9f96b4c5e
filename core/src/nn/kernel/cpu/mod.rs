//! The operations on a CPU, each as an operation of burn's graph (`node`) beside its computation.
//!
//! Convolutions are in `conv`; attention in `attention` (the operation) and `heads`; instance norm in `norm` (the
//! operation) and `moments`; losses in `class_sums`, `dice_of_sums` and `relative_distance`; layer and group norm in
//! `layer_norm` and `group_norm`. `update` has the optimizer's and the EMA's update of a parameter. `work` distributes
//! work over threads, `matrix` multiplies, `math` has vectorizable functions.

mod add_bias;
mod add_leaky;
mod attention;
mod class_sums;
mod concat;
mod conv;
mod depth_to_space;
mod dice_of_sums;
mod gelu;
mod group_norm;
mod heads;
mod layer_norm;
mod linear;
mod math;
mod matrix;
mod moments;
mod norm;
mod relative_distance;
mod update;
mod work;

pub(super) use update::{adamw, adamw_two, average, average_three};
