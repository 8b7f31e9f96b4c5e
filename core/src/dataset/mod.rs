//! Cases: finding images and labels, pairing them, label sets, splits, synthetic volumes.

mod anatomy;
mod case;
mod case_files;
mod case_ids;
mod channels;
mod dataset_json;
mod error;
mod hidden;
mod labels;
mod layout;
mod library;
mod listed;
mod matching;
mod names;
mod outline;
mod pairing;
mod phantom;
mod preset;
mod reading;
mod regions;
mod split;

pub use case::Case;
pub use case_files::{CaseFiles, Part, Role, Structure};
pub use dataset_json::DatasetJson;
pub use error::DatasetError;
pub use hidden::is_passed_over;
pub use labels::{LabelSet, not_learned};
pub use layout::lay_out;
pub use library::{Changes, Choices, DRAWN_FOLDER, Library, drawing_path};
pub use matching::{Match, Matching, match_predictions};
pub use names::stem as nifti_stem;
pub use outline::{Outline, common_channels};
pub use pairing::{Leftover, NOT_A_VOLUME, Pairing, StructureMaps, pair};
pub use phantom::{PHANTOM_LABELS, PhantomCase, PhantomConfig, phantom, phantom_dataset_json};
#[cfg(feature = "cli")]
pub(crate) use preset::file_name;
pub use preset::{Preset, PresetSettings};
pub use reading::{Fix, Frames, HEADER_BYTES, ReadOptions, Reading, read_case};
pub use regions::{Region, Regions};
pub use split::Split;

/// Result with a [`DatasetError`].
pub type Result<T> = std::result::Result<T, DatasetError>;
