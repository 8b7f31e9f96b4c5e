//! The convolution without gathering, for planes that are long enough to fill vectors.
//!
//! The volume is copied once with zeros around it (`padded`). In that layout a plane is one row of positions, and the
//! input of a kernel tap is the same row shifted by a fixed offset: a few vectors of positions times a few output
//! channels stay in registers while looping over all taps. Positions in the border are computed too and discarded.
//!
//! `forward` has the convolution, `gradient` the gradient of the weights.

mod forward;
mod gradient;
mod padded;

pub(super) use forward::forward;
pub(super) use gradient::weight_gradient;
pub(super) use padded::suits;
