//! From a case to network input: spacing, intensities, cropping, padding, patches, augmentation; and the inverse
//! transform to a case's own grid.

mod augment;
#[cfg(not(target_arch = "wasm32"))]
mod case_file;
mod crop;
mod grid_steps;
mod intensity;
mod inverse;
mod loader;
mod mirror_axes;
mod prepare;
mod preprocessing;
mod resample;
mod respacing;
mod sampled_case;
mod sampler;
mod sampling;
mod unlabeled;

pub(crate) use augment::normal;
pub use augment::{
    Augmentation, Blur, Brightness, Contrast, Gamma, IntensityScale, IntensityShift, LowResolution, Noise, Spatial,
    Warp,
};
#[cfg(not(target_arch = "wasm32"))]
pub use case_file::CaseFile;
pub use crop::Crop;
pub use intensity::{Normalization, z_score};
pub use inverse::{InverseTransform, NativeClasses, largest};
pub use loader::Loader;
pub use mirror_axes::MirrorAxes;
pub use prepare::Prepared;
pub use preprocessing::Preprocessing;
pub use resample::{Interpolation, Resampler, Resampling, Spacing};
pub use sampled_case::SampledCase;
pub use sampler::{Batch, HostBatch, Sampler, SamplerSettings};
pub use sampling::{Center, Sampling};
