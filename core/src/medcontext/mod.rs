//! The MedContext method (arXiv 2402.17725, section 3): a student sees the volume and a masked copy of it, its
//! exponential moving average (the EMA teacher) sees the volume, and one loss combines the supervised and the
//! self-supervised part.
//!
//! - `settings.rs`: every switch of the method, and the published settings
//! - `tubes.rs`: how tubes are chosen, and `mask.rs` which tokens are masked; how a network hides
//!   them is in `nn/token_mask.rs`
//! - `consistency.rs`: the self-supervised loss
//! - `teacher.rs`: the moving average, and `momentum.rs` how slowly it moves
//! - `step.rs`: the joint loss of one step

mod consistency;
mod mask;
mod momentum;
mod settings;
mod step;
mod teacher;
mod tubes;

pub use consistency::{ConsistencyForm, consistency};
pub use mask::TubeMask;
pub use momentum::{Momentum, MomentumSchedule};
pub use settings::{MedContext, TeacherKind, TeacherMode, TestWeights};
pub use step::{Backward, ConsistencyTarget, JointLoss, Masked, joint_gradients, joint_loss};
pub use teacher::{momentum, released_momentum, update_teacher};
pub use tubes::{MaskSampling, TubeAxis};
