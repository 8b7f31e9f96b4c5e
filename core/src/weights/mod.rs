//! Weights files: `.safetensors`, named and laid out as the reference implementations do it
//! (PyTorch's layouts), with what is needed to use them again in the file's metadata.

mod error;
mod export;
mod fill;
mod import;
mod metadata;
mod names;
mod opened;
mod part;
mod pickle;
mod raw;
mod recognise;
mod save;
mod torch;

pub use error::WeightsError;
pub use export::to_reference;
pub(crate) use fill::fill_part;
pub use fill::{Filled, Fit, Loaded, fill, load};
pub use import::{ImportOptions, Imported, Summary, examine, import, is_checkpoint};
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub(crate) use metadata::counted;
pub(crate) use metadata::describe;
pub use metadata::{Metadata, Training};
pub(crate) use opened::Opened;
pub use raw::{RawTensor, Tensors, read_safetensors};
pub(crate) use save::write;
pub use save::{Precision, save};

pub use crate::digest::sha256;
