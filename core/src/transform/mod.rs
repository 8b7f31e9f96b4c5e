//! From a case to network input: spacing, intensities, cropping, padding, patches, augmentation; and
//! the way back to a case's own grid.

mod augment;
mod change;
mod crop;
mod intensity;
mod loader;
mod native;
mod prepare;
mod preprocessing;
mod resample;
mod sampler;
mod sampling;

pub use augment::{
    Augmentation, Blur, Contrast, Factor, Gamma, LowResolution, Noise, Spatial, Strength, Warp,
};
pub use crop::Crop;
pub use intensity::{Normalisation, z_score};
pub use loader::Loader;
pub use native::{Native, NativeClasses, largest};
pub use prepare::Prepared;
pub use preprocessing::Preprocessing;
pub use resample::{Interpolation, Resampler, Resampling, Spacing};
pub use sampler::{Drawn, Patch, Sampler};
pub use sampling::{Centre, Sampling};
