//! Weights files: `.safetensors`, named and laid out as the reference implementations do it
//! (PyTorch's layouts), with what is needed to use them again in the file's metadata.

mod error;
mod export;
mod import;
mod metadata;
mod module;
mod pickle;
mod raw;
mod recognise;
mod torch;

pub use error::WeightsError;
pub use export::to_reference;
pub use import::{ImportOptions, Imported, import};
pub use metadata::{Metadata, Training};
pub use module::{Filled, Fit, Loaded, Precision, fill, load, save};
pub(crate) use module::{fill_part, save_parts};
pub use raw::{RawTensor, Tensors, read_safetensors};
