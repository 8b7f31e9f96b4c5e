//! The methods of pretraining and their numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::backbone::{Backbone, Network};
use crate::transform::Augmentation;

/// A method of self-supervised pretraining.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Masked autoencoder: the encoder sees the visible tokens alone, and a small transformer restores the voxels of
    /// the others (He et al., arXiv 2111.06377). For encoders that can leave tokens out.
    #[default]
    Mae,
    /// The encoder sees mask tokens in place of hidden ones, and one linear layer restores their voxels (Xie et al.,
    /// arXiv 2111.09886).
    Simmim,
    /// Two augmented views of one place should have similar features, unlike those of other places (Chen et al., arXiv
    /// 2002.05709).
    Simclr,
    /// A distorted patch is restored, and two views of one place and parts of them should have similar features at
    /// every level of the decoder (Zhou et al., arXiv 2301.00772). For the network of that name.
    Pcrlv2,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 4] = [Self::Mae, Self::Simmim, Self::Simclr, Self::Pcrlv2];

    /// The network that it is for where none is chosen.
    pub fn backbone(self) -> Backbone {
        match self {
            Self::Mae | Self::Simmim | Self::Simclr => Backbone::Unetr,
            Self::Pcrlv2 => Backbone::Pcrlv2,
        }
    }

    /// Whether it hides a part of each patch.
    pub fn masks(self) -> bool {
        matches!(self, Self::Mae | Self::Simmim)
    }

    /// Whether patches come in pairs, two views of one place.
    pub fn has_pairs(self) -> bool {
        !self.masks()
    }

    /// The fewest patches of a batch: of two places to tell apart, or of three whose features are normalized together.
    pub fn fewest_patches(self) -> usize {
        match self {
            Self::Mae | Self::Simmim => 1,
            Self::Simclr => 4,
            Self::Pcrlv2 => 6,
        }
    }

    /// The augmentation of its patches where training has `augmentation` and nothing else is chosen: what is restored
    /// should be a scan, without noise; views that are compared should differ in all that counts for nothing.
    pub fn augmentation(self, augmentation: Augmentation) -> Augmentation {
        let moved = Augmentation {
            flip: augmentation.flip,
            mirror_axes: augmentation.mirror_axes,
            ..Augmentation::none()
        };
        match self {
            Self::Mae | Self::Simmim => moved,
            Self::Simclr => augmentation,
            Self::Pcrlv2 => Augmentation {
                spatial: augmentation.spatial,
                ..moved
            },
        }
    }

    /// Its name as papers write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mae => "MAE",
            Self::Simmim => "SimMIM",
            Self::Simclr => "SimCLR",
            Self::Pcrlv2 => "PCRLv2",
        }
    }

    /// Share of the tokens that is masked, as published.
    fn mask_ratio(self) -> f64 {
        match self {
            Self::Mae => 0.75,
            Self::Simmim => 0.6,
            Self::Simclr | Self::Pcrlv2 => 0.0,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mae => "mae",
            Self::Simmim => "simmim",
            Self::Simclr => "simclr",
            Self::Pcrlv2 => "pcrlv2",
        })
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|method| method.to_string() == name);
        found.ok_or_else(|| format!("{name:?} is no method of pretraining; choose mae, simmim, simclr or pcrlv2"))
    }
}

/// Settings of pretraining: `[pretraining]` in `config.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pretraining {
    /// Which method.
    pub method: Method,
    /// Share of the tokens that is masked, above 0 and below 1; by default the method's, 0.75 for MAE and 0.6 for
    /// SimMIM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_ratio: Option<f64>,
    /// Voxels along each axis of the cubes that SimMIM masks.
    pub mask_side: usize,
    /// Whether MAE restores the voxels of each token in units of their deviation from their mean.
    pub normalized_target: bool,
    /// Temperature of SimCLR's similarities.
    pub temperature: f64,
    /// Channels of SimCLR's projection, in which views are compared.
    pub projection: usize,
}

impl Default for Pretraining {
    fn default() -> Self {
        Self {
            method: Method::Mae,
            mask_ratio: None,
            mask_side: 16,
            normalized_target: true,
            temperature: 0.1,
            projection: 128,
        }
    }
}

impl Pretraining {
    /// The same with everything that the method determines as numbers.
    #[must_use]
    pub fn resolved(self) -> Self {
        let ratio = self.mask_ratio.unwrap_or_else(|| self.method.mask_ratio());
        Self {
            mask_ratio: self.method.masks().then_some(ratio),
            ..self
        }
    }

    /// Share of the tokens that is masked.
    pub fn ratio(&self) -> f64 {
        self.mask_ratio.unwrap_or_else(|| self.method.mask_ratio())
    }

    /// Checks that the settings are valid for a network, its patch and batches of so many patches.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn check(&self, network: &Network, patch: [usize; 3], batch: usize) -> Result<(), String> {
        let (method, title) = (self.method, self.method.title());
        let backbone = network.backbone();
        let Some(encoder) = network.encoder() else {
            return Err(format!(
                "{backbone} has no encoder that can be pretrained: choose unetr, swin-unetr or pcrlv2"
            ));
        };
        if encoder.decoder.is_some() != (method == Method::Pcrlv2) {
            return Err(match method {
                Method::Pcrlv2 => format!("{backbone} is not the network that {title} is for: choose pcrlv2"),
                _ => format!("{backbone} cannot be pretrained with {title}: choose the method pcrlv2"),
            });
        }
        if method == Method::Mae && !encoder.leaves_out {
            return Err(format!(
                "{backbone} cannot leave tokens out, as {title} does: choose simmim, or the network unetr"
            ));
        }
        let ratio = self.ratio();
        if method.masks() && !(ratio > 0.0 && ratio < 1.0) {
            return Err(format!(
                "pretraining.mask_ratio is {ratio}: choose more than 0 and less than 1"
            ));
        }
        let unit = if method == Method::Mae {
            encoder.token
        } else {
            self.mask_side
        };
        let units: usize = patch.map(|side| side.div_ceil(unit.max(1))).iter().product();
        if method.masks() && units < 2 {
            return Err(format!(
                "a patch of {patch:?} voxels is a single cube of {unit}, of which nothing can be masked: choose a \
                 larger patch"
            ));
        }
        if method == Method::Simmim && (self.mask_side == 0 || !self.mask_side.is_multiple_of(encoder.token)) {
            return Err(format!(
                "pretraining.mask_side is {}: choose a multiple of {}, the voxels of a token",
                self.mask_side, encoder.token
            ));
        }
        let fewest = method.fewest_patches();
        if method.has_pairs() && (batch < fewest || !batch.is_multiple_of(2)) {
            return Err(format!(
                "batch_size is {batch}, and {title} needs two views each of {} places or more: choose an even number, \
                 at least {fewest}",
                fewest / 2
            ));
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(format!(
                "pretraining.temperature is {}: make it more than 0",
                self.temperature
            ));
        }
        if self.projection == 0 {
            return Err("pretraining.projection is 0: make it more than 0".to_owned());
        }
        Ok(())
    }
}
