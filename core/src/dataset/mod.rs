//! Cases: finding images and labels, pairing them, label sets, splits, synthetic volumes.

mod anatomy;
mod case;
mod case_cache;
mod case_files;
mod case_header;
mod case_ids;
mod channels;
mod dataset_json;
mod error;
mod facts;
mod fingerprint;
mod fix;
mod hidden;
mod intensity;
mod labels;
mod library;
mod listed;
mod matching;
mod memory;
mod names;
mod pair;
mod pairing;
mod phantom;
mod reading;
mod regions;
mod side_names;
mod sides;
mod source;
mod split;

pub use case::Case;
pub use case_cache::CaseCache;
pub use case_files::{CaseFiles, Part, Role, Structure};
pub use case_header::CaseHeader;
pub use dataset_json::DatasetJson;
pub use error::DatasetError;
pub use facts::{CaseFacts, ChannelFacts, LabelFacts};
pub use fingerprint::{CaseFingerprint, common_channels};
pub use fix::Fix;
pub use hidden::is_passed_over;
pub use intensity::IntensityStats;
pub use labels::{LabelSet, not_learned};
pub use library::{Changes, Choices, Library, drawing_path};
pub use matching::{Match, Matching, match_predictions};
pub use memory::{case_bytes, check_memory};
pub use pair::{not_a_volume, pair};
pub use pairing::{Leftover, Pairing, StructureMaps};
pub(crate) use phantom::phantom_dataset;
pub use phantom::{PHANTOM_LABELS, PhantomCase, PhantomConfig, phantom, phantom_dataset_json};
pub use reading::{HEADER_BYTES, ReadOptions, Reading, read_case};
pub use regions::{Region, Regions};
pub use sides::{SideEvidence, SidePair, side_pairs};
pub use source::{Frames, Source};
pub use split::Split;

/// Result with a [`DatasetError`].
pub type Result<T> = std::result::Result<T, DatasetError>;
