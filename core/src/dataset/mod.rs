//! Cases: finding images and labels, pairing them, label sets, splits, synthetic volumes.

mod anatomy;
mod case;
mod error;
mod labels;
mod layout;
mod matching;
mod names;
mod outline;
mod pairing;
mod phantom;
mod preset;
mod regions;
mod split;

pub use case::Case;
pub use error::DatasetError;
pub use labels::{LabelSet, channel_count, label_names};
pub use layout::lay_out;
pub use matching::{Match, Matching, match_predictions};
pub use outline::{Outline, common_channels};
pub use pairing::{CaseFiles, Leftover, Pairing, Role, pair};
pub use phantom::{PHANTOM_LABELS, PhantomCase, PhantomConfig, phantom, phantom_dataset_json};
pub(crate) use preset::file_name;
pub use preset::{Preset, PresetSettings};
pub use regions::{Region, Regions};
pub use split::Split;

/// Result with a [`DatasetError`].
pub type Result<T> = std::result::Result<T, DatasetError>;
