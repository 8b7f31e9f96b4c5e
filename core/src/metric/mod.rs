//! Dice, Hausdorff distance and volumes, by case and label, and the tables of an evaluation.

mod dice;
mod distance;
mod document;
mod empty;
mod evaluation;
mod hausdorff;
mod ignored;
mod region;
mod score;
mod statistic;
mod table;
mod targets;

pub use dice::{dice, dice_of_region};
pub use distance::squared_distance;
pub use document::EvaluationDocument;
pub use empty::EmptyPolicy;
pub use evaluation::{Evaluation, EvaluationError, LabelMean, Means, Protocol};
pub use hausdorff::{Hausdorff, hd95, percentile, surface};
pub use ignored::without_ignored;
pub use region::Region;
pub use score::{CaseScore, LabelScore};
pub use statistic::Statistic;
pub use table::Unit;
pub(crate) use table::csv_field;
pub use targets::Targets;
