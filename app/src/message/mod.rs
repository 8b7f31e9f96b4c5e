//! Messages between the page and its worker: a [`Request`] one way, a [`Report`] the other, grouped by panel.
//!
//! Volumes and weights travel as the browser's own `File` and `Blob` objects. These are handles: passing one copies
//! nothing, and a large file is only read where and when its bytes are needed.

mod cases;
mod display;
mod export;
mod folds;
mod plan;
mod segmentation;
mod session;
mod task;
mod training;
mod weights;
mod worker;

use serde::{Deserialize, Serialize};

pub use cases::{CaseContents, CaseInfo, CasesReport, CasesRequest, ReadingProgress, Unused, Upload};
pub use display::{DisplayReport, DisplayRequest};
pub use export::{ExportReport, ExportRequest, Packed};
pub use folds::FoldReport;
pub use plan::{PlanReport, PlanRequest, PlanTask, Planned, PlannedSetting};
pub use segmentation::{SegmentationReport, SegmentationRequest, Segmented};
pub use session::{SessionReport, SessionRequest};
pub use task::{TaskReport, TaskRequest};
pub use training::{TrainingReport, TrainingRequest};
pub use weights::{WeightsInfo, WeightsReport};
pub use worker::{Compute, Device, DevicePreference, WorkerReport, WorkerRequest};

pub use crate::platform::Handle;

/// A request of the page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// About the worker itself.
    Worker(WorkerRequest),
    /// About files and cases.
    Cases(CasesRequest),
    /// Plan a training run.
    Plan(PlanRequest),
    /// Start a training run.
    Training(TrainingRequest),
    /// Start a segmentation.
    Segmentation(SegmentationRequest),
    /// About the running task.
    Task(TaskRequest),
    /// Volumes for the viewer.
    Display(DisplayRequest),
    /// Files to take away.
    Export(ExportRequest),
    /// About the saved session.
    Session(SessionRequest),
}

impl Request {
    /// Whether a new worker should do this if the previous one did not get to it. What that one did is in the
    /// [`FileLibrary`](crate::saved::FileLibrary).
    pub fn outlives_worker(&self) -> bool {
        match self {
            Self::Cases(_) | Self::Display(_) | Self::Export(_) | Self::Session(_) => true,
            // A long task ends with its worker; requests about the worker itself are sent again to each.
            Self::Worker(_) | Self::Plan(_) | Self::Training(_) | Self::Segmentation(_) | Self::Task(_) => false,
        }
    }
}

/// A report of the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    /// About the worker itself.
    Worker(WorkerReport),
    /// About files and cases.
    Cases(CasesReport),
    /// About a plan.
    Plan(PlanReport),
    /// About a training run.
    Training(TrainingReport),
    /// About a segmentation.
    Segmentation(SegmentationReport),
    /// About the running task.
    Task(TaskReport),
    /// About the current weights.
    Weights(WeightsReport),
    /// Volumes for the viewer.
    Display(DisplayReport),
    /// Files to take away.
    Export(ExportReport),
    /// About the saved session.
    Session(SessionReport),
}

/// Converts a message of a group, so that it can be sent directly.
macro_rules! groups {
    ($whole:ident: $($group:ident($part:ty)),*) => {
        $(impl From<$part> for $whole {
            fn from(part: $part) -> Self {
                Self::$group(part)
            }
        })*
    };
}

groups!(Request:
    Worker(WorkerRequest), Cases(CasesRequest), Plan(PlanRequest), Training(TrainingRequest),
    Segmentation(SegmentationRequest), Task(TaskRequest), Display(DisplayRequest), Export(ExportRequest),
    Session(SessionRequest));
groups!(Report:
    Worker(WorkerReport), Cases(CasesReport), Plan(PlanReport), Training(TrainingReport),
    Segmentation(SegmentationReport), Task(TaskReport), Weights(WeightsReport), Display(DisplayReport),
    Export(ExportReport), Session(SessionReport));
