//! From a case to network input: normalisation, padding, patches, augmentation.

mod augment;
mod prepare;
mod sampler;

pub use augment::Augmentation;
pub use prepare::{Normalisation, Prepared, z_score};
pub use sampler::{Patch, Sampler};
