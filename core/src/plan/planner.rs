//! nnU-Net's planners: which network, and how much memory.

use super::Encoder;

/// A planner: which encoder its networks have, and what they may take.
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and 2024 (MICCAI; residual
/// encoders) and measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planner {
    /// Which encoder.
    pub encoder: Encoder,
    /// The memory of the GPU that is planned for, in GB.
    pub gigabytes: f64,
    /// The memory in GB that the two numbers of values below were measured at.
    pub reference_gigabytes: f64,
    /// Feature map values of two patches in 3D that this memory is good for (see
    /// [`FeatureMaps::values`](super::FeatureMaps::values)).
    pub reference_3d: f64,
    /// The same of twelve patches in 2D.
    pub reference_2d: f64,
    /// A batch has at most this share of the data set's voxels.
    pub dataset_share: f64,
}

impl Planner {
    /// The default planner (`nnUNetPlans`): a plain encoder for 8 GB.
    pub const DEFAULT: Self = Self {
        encoder: Encoder::Plain,
        gigabytes: 8.0,
        reference_gigabytes: 8.0,
        reference_3d: 560e6,
        reference_2d: 85e6,
        dataset_share: 0.05,
    };
    /// Residual encoder M (`nnUNetResEncUNetMPlans`), 8 GB.
    pub const RES_ENC_M: Self = Self::residual(8.0, 680e6, 135e6);
    /// Residual encoder L (`nnUNetResEncUNetLPlans`), 24 GB.
    pub const RES_ENC_L: Self = Self::residual(24.0, 2100e6, 380e6);
    /// Residual encoder XL (`nnUNetResEncUNetXLPlans`), 40 GB.
    pub const RES_ENC_XL: Self = Self::residual(40.0, 3600e6, 560e6);

    const fn residual(gigabytes: f64, reference_3d: f64, reference_2d: f64) -> Self {
        Self {
            encoder: Encoder::Residual,
            gigabytes,
            reference_gigabytes: gigabytes,
            reference_3d,
            reference_2d,
            dataset_share: 1.0,
        }
    }

    /// The same planner for a GPU with so many GB.
    pub fn with_memory(self, gigabytes: f64) -> Self {
        Self { gigabytes, ..self }
    }

    /// Feature map values that the memory is good for, by the number of axes.
    pub(super) fn reference(&self, axes: usize) -> f64 {
        let reference = if axes == 2 {
            self.reference_2d
        } else {
            self.reference_3d
        };
        reference * (self.gigabytes / self.reference_gigabytes)
    }
}
