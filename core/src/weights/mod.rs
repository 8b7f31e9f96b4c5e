//! Weights files: `.safetensors`, named and laid out as the reference implementations do it
//! (PyTorch's layouts), with what is needed to use them again in the file's metadata.

mod error;
mod metadata;
mod module;

pub use error::WeightsError;
pub use metadata::{Metadata, Training};
pub use module::{Loaded, fill, load, save};
