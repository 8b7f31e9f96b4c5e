//! From a case to network input: spacing, intensities, cropping, padding, patches, augmentation; and
//! the way back to a case's own grid.

mod augment;
#[cfg(not(target_arch = "wasm32"))]
mod case_file;
mod change;
mod crop;
mod intensity;
mod loader;
mod native;
mod prepare;
mod preprocessing;
mod resample;
mod sampled_case;
mod sampler;
mod sampling;

pub use augment::{
    Augmentation, Blur, Contrast, Factor, Gamma, LowResolution, Noise, Spatial, Strength, Warp,
};
#[cfg(not(target_arch = "wasm32"))]
pub use case_file::CaseFile;
pub use crop::Crop;
pub use intensity::{Normalisation, z_score};
pub use loader::Loader;
pub use native::{Native, NativeClasses, largest};
pub use prepare::Prepared;
pub use preprocessing::Preprocessing;
pub use resample::{Interpolation, Resampler, Resampling, Spacing};
pub use sampled_case::SampledCase;
pub use sampler::{Drawn, Patch, Sampler};
pub use sampling::{Centre, Sampling};
