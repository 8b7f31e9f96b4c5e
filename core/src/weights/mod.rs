//! Weights files: `.safetensors`, with the reference implementations' names and layouts (PyTorch's), and everything
//! needed to use them again in the metadata.

mod error;
mod export;
mod fill;
mod import;
mod inference;
mod load;
mod metadata;
mod names;
mod opened;
mod options;
mod part;
mod pickle;
mod raw;
mod recognize;
mod save;
mod torch;

pub use error::WeightsError;
pub use export::to_reference;
pub(crate) use fill::fill_part;
pub use fill::{Filled, Fit, fill};
pub use import::{Imported, Summary, examine, import, is_checkpoint};
pub use inference::{Blend, Inference, PostProcessing};
pub use load::{Loaded, load};
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub(crate) use metadata::counted;
pub(crate) use metadata::describe;
pub use metadata::{Metadata, TrainingSummary};
pub(crate) use names::Stored;
pub(crate) use opened::Opened;
pub use options::ImportOptions;
pub use raw::{RawTensor, Tensors, read_safetensors};
pub(crate) use save::{COARSE, collect, write};
pub use save::{Precision, save, save_cascade};

pub use crate::digest::sha256;
