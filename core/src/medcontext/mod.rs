//! The MedContext method (arXiv 2402.17725, section 3): a student sees the volume and a masked copy
//! of it, an exponential moving average of it (the teacher) sees the volume, and one loss joins the
//! supervised and the self-supervised part.
//!
//! - `mask.rs`: where the mask is drawn and applied
//! - `consistency.rs`: the self-supervised loss
//! - `teacher.rs`: the moving average
//! - `step.rs`: the joint loss of one step

mod consistency;
mod mask;
mod step;
mod teacher;

use serde::{Deserialize, Serialize};

pub use consistency::{ConsistencyForm, consistency};
pub use mask::{TokenMask, TubeMask};
pub use step::{JointLoss, joint_loss};
pub use teacher::{momentum, update_teacher};

/// The settings of the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MedContext {
    /// Off: one clean pass, and everything else the same.
    pub enabled: bool,
    /// Share of tubes that are masked, 0 to 1.
    pub mask_ratio: f64,
    /// Weight of the consistency term (β).
    pub beta: f64,
    /// The formula of the consistency term.
    pub consistency: ConsistencyForm,
    /// The teacher's momentum at the first step; a cosine takes it to 1 at the last.
    pub momentum: f64,
}

impl Default for MedContext {
    fn default() -> Self {
        Self::paper()
    }
}

impl MedContext {
    /// The paper's settings: ratio 0.4 (Table 7), equation 2, momentum from 0.996. The paper gives
    /// no β; 0.5 is the released code's.
    pub fn paper() -> Self {
        Self {
            enabled: true,
            mask_ratio: 0.4,
            beta: 0.5,
            consistency: ConsistencyForm::Paper,
            momentum: 0.996,
        }
    }

    /// Without MedContext: the same network trained on clean views alone.
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::paper()
        }
    }
}
