//! How a network's output becomes labels: the settings of inference that are stored with the weights.

use serde::{Deserialize, Serialize};

/// How overlapping windows are blended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blend {
    /// Every voxel of a window weighs the same (MONAI's default).
    Constant,
    /// Voxels near a window's center weigh more: a Gaussian with σ = 0.125 · window.
    #[default]
    Gaussian,
}

impl Blend {
    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Gaussian => "gaussian",
        }
    }
}

/// What is done to a label map after it was predicted, on the image's grid and for every label but the background:
/// small components are removed first, then holes are filled. `apply` does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PostProcessing {
    /// Whether to keep only the largest connected component of every label.
    pub largest_component: bool,
    /// Whether background that one label encloses becomes that label.
    pub fill_holes: bool,
    /// Components below this volume in mL become background; 0 keeps all.
    pub smallest_ml: f64,
}

/// Settings of inference that belong to a network. What a caller wants besides, such as logits, is in
/// [`PredictConfig`](crate::infer::PredictConfig).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inference {
    /// Overlap of neighboring windows, 0 to below 1.
    pub overlap: f64,
    /// How overlapping windows are blended.
    pub blend: Blend,
    /// Mirror TTA: averages the logits of a window's mirror images, at eight times the work where all axes may be
    /// mirrored.
    #[serde(alias = "flips")]
    pub mirror: bool,
    /// What is done to the label map.
    #[serde(flatten)]
    pub post_processing: PostProcessing,
}

impl Default for Inference {
    fn default() -> Self {
        Self {
            overlap: 0.5,
            blend: Blend::Gaussian,
            mirror: false,
            post_processing: PostProcessing::default(),
        }
    }
}

impl Inference {
    /// What is wrong with these settings, in one sentence; `None` if nothing is.
    pub fn problem(&self) -> Option<String> {
        if !(0.0..1.0).contains(&self.overlap) {
            return Some(format!(
                "an overlap of {} cannot work: choose one from 0 to below 1",
                self.overlap
            ));
        }
        let smallest = self.post_processing.smallest_ml;
        (!(smallest >= 0.0 && smallest.is_finite()))
            .then(|| format!("a smallest component of {smallest} mL cannot work: choose 0 or more"))
    }

    /// The settings in words: `overlap 0.5, gaussian blending, largest component of each label`.
    pub fn describe(&self) -> String {
        let blending = format!("overlap {}, {} blending", self.overlap, self.blend.name());
        let mirror = self.mirror.then(|| "averaged over mirror images".to_owned());
        let parts = [Some(blending), mirror, Some(self.post_processing.describe())];
        parts.into_iter().flatten().collect::<Vec<String>>().join(", ")
    }
}

impl PostProcessing {
    /// The settings in words: `largest component of each label, holes filled`.
    pub fn describe(&self) -> String {
        let parts = [
            (self.largest_component).then(|| "largest component of each label".to_owned()),
            (self.smallest_ml > 0.0).then(|| format!("components of at least {} mL", self.smallest_ml)),
            (self.fill_holes).then(|| "holes filled".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => "no post-processing".to_owned(),
            false => parts.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Blend, Inference, PostProcessing};

    #[test]
    fn settings_are_flat_in_files_and_unknown_ones_are_refused() {
        let given: Inference = toml::from_str("overlap = 0.25\nflips = true\nlargest_component = true").expect("read");
        let expected = Inference {
            overlap: 0.25,
            blend: Blend::Gaussian,
            mirror: true,
            post_processing: PostProcessing {
                largest_component: true,
                ..PostProcessing::default()
            },
        };
        assert_eq!(given, expected);
        let text = toml::to_string(&given).expect("written");
        assert_eq!(toml::from_str::<Inference>(&text).expect("read again"), given);
        assert!(text.contains("\nlargest_component = true\n"), "{text}");
        let error = toml::from_str::<Inference>("fill_hole = true").expect_err("misspelled");
        assert!(error.message().contains("fill_hole"), "{error}");
        assert_eq!(toml::from_str::<Inference>("").expect("defaults"), Inference::default());
    }

    #[test]
    fn problems_and_words() {
        let settings = Inference::default();
        assert_eq!(settings.problem(), None);
        assert_eq!(
            settings.describe(),
            "overlap 0.5, gaussian blending, no post-processing"
        );
        for overlap in [1.0, -0.1, f64::NAN] {
            assert!(Inference { overlap, ..settings }.problem().is_some(), "{overlap}");
        }
        for smallest_ml in [-1.0, f64::NAN, f64::INFINITY] {
            let post_processing = PostProcessing {
                smallest_ml,
                ..PostProcessing::default()
            };
            let settings = Inference {
                post_processing,
                ..settings
            };
            assert!(settings.problem().is_some(), "{smallest_ml}");
        }
        let all = PostProcessing {
            largest_component: true,
            fill_holes: true,
            smallest_ml: 0.5,
        };
        assert_eq!(
            all.describe(),
            "largest component of each label, components of at least 0.5 mL, holes filled"
        );
    }
}
