//! Every switch of the method, and the settings that were published.

use serde::{Deserialize, Serialize};

use super::{ConsistencyForm, MaskSampling, Momentum, MomentumSchedule, TubeAxis};

/// Where the masked student's consistency target comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeacherKind {
    /// The EMA teacher: an exponential moving average of the student.
    #[default]
    Ema,
    /// The student itself on the clean view, without a gradient. The paper's ablation (section 4.4) is not
    /// this but no consistency at all.
    None,
}

/// Whether layers that are random in training are so in the teacher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TeacherMode {
    /// It predicts as a network does that is used: nothing is random.
    #[default]
    Eval,
    /// As the student: with stochastic depth, and with the batch's statistics in batch norms. The released code never
    /// takes the teacher out of training.
    Train,
}

impl TeacherMode {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which weights are validated, saved and used for prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestWeights {
    /// The student's, which are better in Figure 4.
    #[default]
    Student,
    /// The teacher's.
    Teacher,
}

/// The settings of the method. Each term has its own switch: without `masked_loss` only consistency
/// is left (CL in Table 8), with `consistency = "off"` only the masked loss (MSL).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MedContext {
    /// Off: one clean pass, and everything else the same.
    pub enabled: bool,
    /// Mask ratio: the share of tubes that are masked, 0 to 1.
    pub mask_ratio: f64,
    /// Whether the mask ratio is exact or each tube's probability.
    #[serde(alias = "mask_law")]
    pub mask_sampling: MaskSampling,
    /// Along which axis tubes run.
    pub tube_axis: TubeAxis,
    /// Side in tokens of a masked unit, across the tube; 1 in every published run.
    pub mask_unit: usize,
    /// Whether the student is supervised on the masked view too.
    pub masked_loss: bool,
    /// The formula of the consistency term, or off.
    pub consistency: ConsistencyForm,
    /// Weight of the consistency term (β).
    pub beta: f64,
    /// Where the consistency target comes from.
    pub teacher: TeacherKind,
    /// Whether layers that are random in training are so in the teacher.
    #[serde(skip_serializing_if = "TeacherMode::is_default")]
    pub teacher_mode: TeacherMode,
    /// Schedule of the teacher's momentum.
    pub schedule: MomentumSchedule,
    /// The teacher's momentum at the first step: a number, or `"fitted"` to the length of the run.
    pub momentum: Momentum,
    /// The teacher's momentum after the last step of the cosine.
    pub momentum_end: f64,
    /// Which weights are validated, saved and used for prediction.
    pub test_weights: TestWeights,
    /// The share of the run before the masked view joins, 0 to 1: until then a step is a plain one, at less than half
    /// the cost. 0 in every published run.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay: f64,
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

/// The paper's settings, with a momentum fitted to the length of the run: the paper's own from some 3,450 steps on.
impl Default for MedContext {
    fn default() -> Self {
        Self {
            momentum: Momentum::Fitted,
            ..Self::paper()
        }
    }
}

impl MedContext {
    /// The paper's settings: ratio 0.4 (Table 7), equation 2, momentum from 0.996 to 1 by a cosine
    /// over all steps. The paper gives no β; 0.5 is the released code's.
    pub fn paper() -> Self {
        Self {
            enabled: true,
            mask_ratio: 0.4,
            mask_sampling: MaskSampling::Exact,
            tube_axis: TubeAxis::Slice,
            mask_unit: 1,
            masked_loss: true,
            consistency: ConsistencyForm::Paper,
            beta: 0.5,
            teacher: TeacherKind::Ema,
            teacher_mode: TeacherMode::Eval,
            schedule: MomentumSchedule::Cosine,
            momentum: Momentum::PAPER,
            momentum_end: 1.0,
            test_weights: TestWeights::Student,
            delay: 0.0,
        }
    }

    /// The released code's settings for UNETR on Synapse: mask ratio 0.6, tubes along the first axis, the weaker
    /// consistency, a teacher that is updated once per epoch and stays in training.
    pub fn released_unetr() -> Self {
        Self {
            mask_ratio: 0.6,
            tube_axis: TubeAxis::First,
            consistency: ConsistencyForm::Released,
            teacher_mode: TeacherMode::Train,
            schedule: MomentumSchedule::ReleasedUnetr,
            ..Self::paper()
        }
    }

    /// The released code's settings for nnFormer on Synapse: the weaker consistency with β 0.4, a teacher that nearly
    /// equals the student and stays in training. On ACDC β is 0.5 and consistency that of a batch's first sample; for
    /// tumors it is the same with a mask ratio of 0.6.
    pub fn released_nnformer() -> Self {
        Self {
            tube_axis: TubeAxis::First,
            consistency: ConsistencyForm::Released,
            beta: 0.4,
            teacher_mode: TeacherMode::Train,
            schedule: MomentumSchedule::ReleasedNnformer,
            ..Self::paper()
        }
    }

    /// Without MedContext: the same network trained on clean views only.
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::paper()
        }
    }

    /// The same with the momentum fitted to a run of `steps` steps, see [`Momentum::at_start`].
    pub fn fitted(self, steps: usize) -> Self {
        Self {
            momentum: Momentum::Fitted,
            ..self
        }
        .resolved(steps)
    }

    /// The same with everything that depends on the length of the run resolved to a number.
    pub fn resolved(self, steps: usize) -> Self {
        Self {
            momentum: Momentum::Of(self.start_momentum(steps)),
            ..self
        }
    }

    /// The momentum at the first of `steps` steps. The released schedules, which start from 0, only use the paper's.
    pub fn start_momentum(&self, steps: usize) -> f64 {
        let momentum = match (self.schedule, self.momentum) {
            (MomentumSchedule::Cosine, momentum) | (_, momentum @ Momentum::Of(_)) => momentum,
            (_, Momentum::Fitted) => Momentum::PAPER,
        };
        momentum.at_start(steps)
    }

    /// Whether there is a second model, the EMA teacher.
    pub fn has_teacher(&self) -> bool {
        self.enabled && self.teacher == TeacherKind::Ema
    }

    /// Whether the masked view is used.
    pub fn has_masked_view(&self) -> bool {
        self.enabled && (self.masked_loss || self.consistency != ConsistencyForm::Off)
    }

    /// Whether the masked student is ever compared with a teacher, with any weight.
    pub fn has_consistency(&self) -> bool {
        self.enabled && self.consistency != ConsistencyForm::Off && self.beta > 0.0 && self.delay < 1.0
    }

    /// Whether the masked view is used at step `index` (from 0) of `steps`.
    pub fn has_masked_view_at(&self, index: usize, steps: usize) -> bool {
        self.has_masked_view() && index as f64 >= self.delay * steps as f64
    }

    /// The first of `steps` steps (from 0) with the masked view, if there is one.
    pub fn first_masked_step(&self, steps: usize) -> usize {
        (self.delay * steps as f64).ceil() as usize
    }

    /// Why these settings are invalid, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("mask_ratio", self.mask_ratio),
            // A fitted momentum lies between 0 and 1 for any number of steps.
            ("momentum", self.momentum.at_start(1)),
            ("momentum_end", self.momentum_end),
            ("delay", self.delay),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("medcontext.{name} is {value}: choose 0 to 1"));
            }
        }
        if !(self.beta >= 0.0 && self.beta.is_finite()) {
            let beta = self.beta;
            return Err(format!("medcontext.beta is {beta}: choose 0 or more"));
        }
        if self.mask_unit == 0 {
            return Err("medcontext.mask_unit is 0: make it at least 1".to_owned());
        }
        let averages = self.has_teacher() && self.test_weights == TestWeights::Teacher;
        if self.enabled && !self.has_masked_view() && !averages {
            return Err(
                "medcontext is on with neither masked_loss nor consistency: switch one on, or set \
                 enabled = false"
                    .to_owned(),
            );
        }
        if self.test_weights == TestWeights::Teacher && !self.has_teacher() {
            return Err("medcontext.test_weights asks for a teacher where there is none: choose student".to_owned());
        }
        Ok(())
    }
}
