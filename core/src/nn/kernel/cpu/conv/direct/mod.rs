//! The convolution without gathering, for planes that are long enough to fill vectors.
//!
//! The volume is copied once with zeros around it (`padded`). In that layout a plane is one row of positions,
//! and what lies under a tap of the kernel is the same row moved by a fixed offset: a few vectors of
//! positions times a few output channels stay in registers while all taps pass by. Positions in the
//! border are computed too and thrown away.
//!
//! `forward` has the convolution, `gradient` the gradient of the weights.

mod forward;
mod gradient;
mod padded;

pub(super) use forward::forward;
pub(super) use gradient::weight_gradient;
pub(super) use padded::suits;
