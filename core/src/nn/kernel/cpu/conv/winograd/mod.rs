//! The 3×3×3 convolution with fewer multiplications: Winograd's F(2×2×2, 3×3×3), see Lavin and Gray, "Fast Algorithms
//! for Convolutional Neural Networks" (arXiv 1509.09308), along three axes.
//!
//! A tile of 2×2×2 outputs sees 4×4×4 inputs. Inputs and weights are transformed to 64 points, by sums and differences
//! along each axis; there a convolution is one multiplication per input channel instead of 27 for each of eight
//! outputs. Tiles of a plane are contiguous, so that vectors run across tiles.
//!
//! `plan` cuts a convolution into blocks of tiles, `input` has the input transform, `forward` the convolution and
//! `gradient` the gradient of the weights.

mod forward;
mod gradient;
mod input;
mod plan;

pub(super) use forward::forward;
pub(super) use gradient::weight_gradient;
pub(super) use plan::Plan;
