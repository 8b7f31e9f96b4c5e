//! From a case to network input: normalisation, padding, patches, augmentation.

mod augment;
mod prepare;
mod sampler;

pub use augment::Augmentation;
pub use prepare::{Prepared, z_score};
pub use sampler::{Patch, Sampler};
