//! Overlap, surface distances and volumes, by case and label, the tables of an evaluation, and post-processing chosen
//! by Dice.

mod dice;
mod distance;
mod document;
mod empty;
mod evaluation;
mod hausdorff;
mod ignored;
mod measure;
mod overlap;
mod post_processing;
mod protocol;
mod region;
mod score;
mod statistic;
mod surface_distances;
mod table;
mod targets;

pub use dice::{dice, dice_of_region};
pub use distance::squared_distance;
pub use document::EvaluationDocument;
// Charts of the command line have text as well.
#[cfg(feature = "cli")]
pub(crate) use document::escape;
pub use empty::EmptyPolicy;
pub use evaluation::{Evaluation, EvaluationError, LabelMean};
pub use hausdorff::{Hausdorff, hd95};
pub use ignored::without_ignored;
pub use measure::{Means, Measure};
pub use overlap::Overlap;
pub use post_processing::{ChosenPostProcessing, HeldOutPrediction, choose_post_processing};
pub use protocol::Protocol;
pub use region::Region;
pub use score::{CaseScore, LabelScore};
pub use statistic::Statistic;
pub use surface_distances::{SurfaceDistances, surface};
pub use table::Unit;
pub(crate) use table::csv_field;
pub use targets::Targets;
