//! Augmentation of training patches: one struct of optional terms, one file per family.

mod chance;
mod gamma;
mod linear;
mod mirror;
mod resolution;
mod smooth;
mod spatial;

use ndarray::{Array3, Array4};
use rand::Rng;
use serde::{Deserialize, Serialize};

pub use gamma::Gamma;
pub use linear::{Brightness, Contrast, IntensityScale, IntensityShift};
pub use resolution::LowResolution;
pub(crate) use smooth::normal;
pub use smooth::{Blur, Noise};
pub use spatial::{Spatial, Warp};

use super::MirrorAxes;

/// Which augmentations are applied, how often and how strongly. Terms are applied in the order of the fields, after
/// [`Spatial`]; absent ones are skipped. The defaults are those of MONAI's UNETR recipe on which the paper builds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Probability of a flip (MONAI's `RandFlip`), for each axis independently.
    pub flip: f64,
    /// Axes along which patches are flipped, and windows mirrored by a network that is trained so.
    #[serde(skip_serializing_if = "MirrorAxes::is_all")]
    pub mirror_axes: MirrorAxes,
    /// Probability of one, two or three quarter turns in the plane of the slices (MONAI 1.5, `RandRotate90`). Patches
    /// that are not square there are rotated by half a turn.
    pub quarter_turn: f64,
    /// Rotation and zoom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spatial: Option<Spatial>,
    /// Gaussian noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// Gaussian blur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blur: Option<Blur>,
    /// Brightness: a factor for each channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brightness: Option<Brightness>,
    /// Contrast: a factor for each channel's deviation from its mean, within its range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// Simulated low resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_resolution: Option<LowResolution>,
    /// Gamma of the inverted intensities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma_inverted: Option<Gamma>,
    /// Gamma of the intensities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<Gamma>,
    /// One factor 1 ± strength for all channels (MONAI 1.5, `RandScaleIntensity`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<IntensityScale>,
    /// A shift of ± strength of all channels (`RandShiftIntensity`), in the unit of the normalized
    /// intensities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<IntensityShift>,
    /// Whether voxels that are 0 in every channel stay 0 (nnU-Net's mask around a brain).
    pub keep_zero: bool,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: 0.2,
            ..Self::intensities(0.1)
        }
    }
}

impl Augmentation {
    /// No augmentation.
    pub const fn none() -> Self {
        Self {
            flip: 0.0,
            mirror_axes: MirrorAxes::ALL,
            quarter_turn: 0.0,
            spatial: None,
            noise: None,
            blur: None,
            brightness: None,
            contrast: None,
            low_resolution: None,
            gamma_inverted: None,
            gamma: None,
            scale: None,
            shift: None,
            keep_zero: false,
        }
    }

    /// Intensities scaled and shifted by up to a tenth, both with one probability.
    fn intensities(probability: f64) -> Self {
        let strength = 0.1;
        Self {
            scale: Some(IntensityScale { probability, strength }),
            shift: Some(IntensityShift { probability, strength }),
            ..Self::none()
        }
    }

    /// MONAI's recipe for Synapse (research-contributions, SwinUNETR/BTCV, and the released MedContext
    /// UNETR trainer).
    pub fn monai() -> Self {
        Self {
            quarter_turn: 0.2,
            ..Self::default()
        }
    }

    /// MONAI's recipe for BraTS 2021 (research-contributions, SwinUNETR/BRATS21).
    pub fn monai_brats() -> Self {
        Self {
            flip: 0.5,
            ..Self::intensities(1.0)
        }
    }

    /// nnU-Net 1's `get_moreDA_augmentation` as nnFormer uses it. `in_plane` is its "dummy 2D" for thick
    /// slices: rotation and zoom stay within a slice.
    pub fn nnunet(in_plane: bool, keep_zero: bool) -> Self {
        let gamma = |probability| Gamma {
            probability,
            exponent: [0.7, 1.5],
        };
        let quarter = [0.75, 1.25];
        Self {
            flip: 0.5,
            spatial: Some(Spatial {
                rotate: 0.2,
                degrees: if in_plane { 180.0 } else { 30.0 },
                zoom: 0.2,
                zoom_range: [0.7, 1.4],
                in_plane,
            }),
            noise: Some(Noise {
                probability: 0.1,
                deviation: [0.0, 0.1],
            }),
            blur: Some(Blur {
                probability: 0.2,
                channel: 0.5,
                sigma: [0.5, 1.0],
            }),
            brightness: Some(Brightness {
                probability: 0.15,
                factor: quarter,
            }),
            contrast: Some(Contrast {
                probability: 0.15,
                factor: quarter,
            }),
            low_resolution: Some(LowResolution {
                probability: 0.25,
                channel: 0.5,
                zoom: [0.5, 1.0],
                in_plane,
            }),
            gamma_inverted: Some(gamma(0.1)),
            gamma: Some(gamma(0.3)),
            keep_zero,
            ..Self::none()
        }
    }

    /// The same, with every change but mirroring at this share of its probability, 0 to 1.
    pub fn at_share(mut self, share: f64) -> Self {
        if let Some(spatial) = &mut self.spatial {
            spatial.rotate *= share;
            spatial.zoom *= share;
        }
        let probabilities = [
            self.noise.as_mut().map(|noise| &mut noise.probability),
            self.blur.as_mut().map(|blur| &mut blur.probability),
            self.brightness.as_mut().map(|brightness| &mut brightness.probability),
            self.contrast.as_mut().map(|contrast| &mut contrast.probability),
            self.low_resolution.as_mut().map(|low| &mut low.probability),
            self.gamma_inverted.as_mut().map(|gamma| &mut gamma.probability),
            self.gamma.as_mut().map(|gamma| &mut gamma.probability),
            self.scale.as_mut().map(|scale| &mut scale.probability),
            self.shift.as_mut().map(|shift| &mut shift.probability),
        ];
        for probability in probabilities.into_iter().flatten() {
            *probability *= share;
        }
        self
    }

    /// Changes one patch in place, apart from [`Spatial`], which is applied while the patch is cut: both intensities
    /// `[channel, depth, height, width]` and classes. `slice_axis` is the axis across slices.
    pub fn apply(&self, image: &mut Array4<f32>, classes: &mut Array3<u8>, slice_axis: usize, rng: &mut impl Rng) {
        mirror::flip(self.flip, self.mirror_axes, image, classes, rng);
        mirror::quarter_turn(self.quarter_turn, image, classes, slice_axis, rng);
        let zero = self.keep_zero.then(|| zeros(image));
        self.change_intensities(image, slice_axis, rng);
        if let Some(zero) = zero {
            for mut channel in image.outer_iter_mut() {
                channel.zip_mut_with(&zero, |value, &zero| {
                    if zero {
                        *value = 0.0;
                    }
                });
            }
        }
    }

    fn change_intensities(&self, image: &mut Array4<f32>, slice_axis: usize, rng: &mut impl Rng) {
        if let Some(noise) = &self.noise {
            noise.apply(image, rng);
        }
        if let Some(blur) = &self.blur {
            blur.apply(image, rng);
        }
        if let Some(brightness) = &self.brightness {
            brightness.apply(image, rng);
        }
        if let Some(contrast) = &self.contrast {
            contrast.apply(image, rng);
        }
        if let Some(low_resolution) = &self.low_resolution {
            low_resolution.apply(image, slice_axis, rng);
        }
        if let Some(gamma) = &self.gamma_inverted {
            gamma.apply(image, true, rng);
        }
        if let Some(gamma) = &self.gamma {
            gamma.apply(image, false, rng);
        }
        if let Some(scale) = &self.scale {
            scale.apply(image, rng);
        }
        if let Some(shift) = &self.shift {
            shift.apply(image, rng);
        }
    }

    /// Probabilities by name, for a check of the settings.
    pub(crate) fn probabilities(&self) -> Vec<(&'static str, f64)> {
        let mut all = vec![
            ("augmentation.flip", self.flip),
            ("augmentation.quarter_turn", self.quarter_turn),
        ];
        let mut add = |name, probability: Option<f64>| {
            all.extend(probability.map(|probability| (name, probability)));
        };
        add("augmentation.spatial.rotate", self.spatial.map(|s| s.rotate));
        add("augmentation.spatial.zoom", self.spatial.map(|s| s.zoom));
        add("augmentation.noise", self.noise.map(|n| n.probability));
        add("augmentation.blur", self.blur.map(|b| b.probability));
        add("augmentation.blur.channel", self.blur.map(|b| b.channel));
        add("augmentation.brightness", self.brightness.map(|b| b.probability));
        add("augmentation.contrast", self.contrast.map(|c| c.probability));
        let low = self.low_resolution;
        add("augmentation.low_resolution", low.map(|l| l.probability));
        add("augmentation.low_resolution.channel", low.map(|l| l.channel));
        let inverted = self.gamma_inverted;
        add("augmentation.gamma_inverted", inverted.map(|g| g.probability));
        add("augmentation.gamma", self.gamma.map(|g| g.probability));
        add("augmentation.scale", self.scale.map(|s| s.probability));
        add("augmentation.shift", self.shift.map(|s| s.probability));
        all
    }
}

/// Mask of voxels that are 0 in every channel.
fn zeros(image: &Array4<f32>) -> Array3<bool> {
    let (_, d, h, w) = image.dim();
    let mut zero = Array3::from_elem((d, h, w), true);
    for channel in image.outer_iter() {
        zero.zip_mut_with(&channel, |zero, &value| *zero &= value == 0.0);
    }
    zero
}
