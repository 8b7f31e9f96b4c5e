//! How each channel's intensities are normalized.

use super::DatasetFacts;

/// Below this share of a volume left by cropping, z-scores are taken of nonzero voxels alone.
pub(super) const MASKED_BELOW: f64 = 0.75;

/// nnU-Net's ways to normalize a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormalizationScheme {
    /// Clipped to the percentiles 0.5 and 99.5 of the data set's foreground, then z-scores by its mean and standard
    /// deviation.
    Ct,
    /// Left as they are.
    None,
    /// Z-scores of the image itself.
    ZScore,
    /// The image's range brought to 0 … 1.
    RescaleTo01,
    /// 0 … 255 brought to 0 … 1.
    RgbTo01,
}

impl NormalizationScheme {
    /// The scheme that a channel's name asks for, upper or lower case; z-scores for any name that asks for nothing.
    pub fn of_channel(name: &str) -> Self {
        match name.to_lowercase().as_str() {
            "ct" => Self::Ct,
            "nonorm" => Self::None,
            "rescale_to_0_1" => Self::RescaleTo01,
            "rgb_to_0_1" => Self::RgbTo01,
            _ => Self::ZScore,
        }
    }

    /// Its name in nnU-Net's plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ct => "CTNormalization",
            Self::None => "NoNormalization",
            Self::ZScore => "ZScoreNormalization",
            Self::RescaleTo01 => "RescaleTo01Normalization",
            Self::RgbTo01 => "RGBTo01Normalization",
        }
    }
}

/// How one channel is normalized.
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelNormalization {
    /// By which rule.
    pub scheme: NormalizationScheme,
    /// Whether only voxels within the nonzero mask count, and those outside stay 0 (`use_mask_for_norm`).
    pub use_mask: bool,
}

/// How each channel of a data set is normalized.
pub fn normalization(facts: &DatasetFacts) -> Vec<ChannelNormalization> {
    let masked = facts.median_relative_size < MASKED_BELOW;
    let schemes = facts.channels.iter().map(|name| NormalizationScheme::of_channel(name));
    let channel = |scheme| ChannelNormalization {
        scheme,
        use_mask: masked && scheme == NormalizationScheme::ZScore,
    };
    schemes.map(channel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_used_for_z_scores_of_much_cropped_volumes() {
        let facts = |median_relative_size| DatasetFacts {
            cases: Vec::new(),
            channels: ["Ct", "NONORM", "T1", "rgb_to_0_1", "zscore"]
                .map(str::to_owned)
                .to_vec(),
            labels: 2,
            median_relative_size,
        };
        let masks = |share| {
            normalization(&facts(share))
                .iter()
                .map(|channel| channel.use_mask)
                .collect::<Vec<_>>()
        };
        assert_eq!(masks(0.74), [false, false, true, false, true]);
        assert_eq!(masks(0.75), [false; 5]);
        let names: Vec<&str> = normalization(&facts(1.0))
            .iter()
            .map(|channel| channel.scheme.name())
            .collect();
        let expected = [
            "CTNormalization",
            "NoNormalization",
            "ZScoreNormalization",
            "RGBTo01Normalization",
        ];
        assert_eq!(names[..4], expected);
    }
}
