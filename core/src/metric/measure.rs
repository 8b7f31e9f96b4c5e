//! The measures of an evaluation, one by one, and their means.

use serde::{Deserialize, Serialize};

use super::{EmptyPolicy, LabelScore, Protocol, Statistic};

/// Mean and standard deviation over cases of every metric; undefined where no case counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Dice.
    pub dice: Option<Statistic>,
    /// HD95 in mm.
    pub hd95_mm: Option<Statistic>,
    /// HD95 in voxels.
    pub hd95_voxels: Option<Statistic>,
    /// Surface Dice at the protocol's tolerance. This and what follows are undefined in evaluations of versions that
    /// did not measure them.
    #[serde(default)]
    pub surface_dice: Option<Statistic>,
    /// Jaccard index.
    #[serde(default)]
    pub iou: Option<Statistic>,
    /// Precision.
    #[serde(default)]
    pub precision: Option<Statistic>,
    /// Recall.
    #[serde(default)]
    pub recall: Option<Statistic>,
}

/// What is measured of a label in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Dice.
    Dice,
    /// HD95 in mm.
    Hd95Mm,
    /// HD95 in voxels.
    Hd95Voxels,
    /// Surface Dice at the protocol's tolerance.
    SurfaceDice,
    /// Jaccard index.
    Iou,
    /// The share of the prediction that is true.
    Precision,
    /// The share of the truth that is found.
    Recall,
}

impl Measure {
    /// Its name in CSV files. That of surface Dice holds the tolerance: `surface_dice_2mm`.
    pub fn key(self, protocol: Protocol) -> String {
        let key = match self {
            Self::Dice => "dice",
            Self::Hd95Mm => "hd95_mm",
            Self::Hd95Voxels => "hd95_voxels",
            Self::SurfaceDice => return format!("surface_dice_{}mm", protocol.tolerance_mm),
            Self::Iou => "iou",
            Self::Precision => "precision",
            Self::Recall => "recall",
        };
        key.to_owned()
    }

    /// Its name in the heads of tables: `Surface Dice (2 mm)`.
    pub fn title(self, protocol: Protocol) -> String {
        let title = match self {
            Self::Dice => "Dice",
            Self::Hd95Mm => "HD95 mm",
            Self::Hd95Voxels => "HD95 voxels",
            Self::SurfaceDice => return format!("Surface Dice ({} mm)", protocol.tolerance_mm),
            Self::Iou => "IoU",
            Self::Precision => "Precision",
            Self::Recall => "Recall",
        };
        title.to_owned()
    }

    /// Decimals in tables.
    pub fn decimals(self) -> usize {
        match self {
            Self::Dice | Self::SurfaceDice => 4,
            Self::Iou | Self::Precision | Self::Recall => 3,
            Self::Hd95Mm | Self::Hd95Voxels => 2,
        }
    }

    /// Its value of a label in a case.
    pub fn of(self, score: &LabelScore) -> Option<f64> {
        match self {
            Self::Dice => score.dice,
            Self::Hd95Mm => score.hd95_mm,
            Self::Hd95Voxels => score.hd95_voxels,
            Self::SurfaceDice => score.surface_dice,
            Self::Iou => score.iou,
            Self::Precision => score.precision,
            Self::Recall => score.recall,
        }
    }

    /// Its mean over cases.
    pub fn mean(self, means: &Means) -> Option<Statistic> {
        match self {
            Self::Dice => means.dice,
            Self::Hd95Mm => means.hd95_mm,
            Self::Hd95Voxels => means.hd95_voxels,
            Self::SurfaceDice => means.surface_dice,
            Self::Iou => means.iou,
            Self::Precision => means.precision,
            Self::Recall => means.recall,
        }
    }

    /// The values that a mean counts, in the order of the scores. No value counts if one of the scores lacks this
    /// measure, as those of earlier versions do.
    pub(super) fn counted<'a>(
        self,
        scores: impl Iterator<Item = &'a LabelScore> + Clone,
        empty: EmptyPolicy,
    ) -> Vec<Option<f64>> {
        let distance = matches!(self, Self::Hd95Mm | Self::Hd95Voxels);
        // What overlap says is defined wherever Dice is.
        let lacking = |score: &LabelScore| !distance && score.dice.is_some() && self.of(score).is_none();
        if scores.clone().any(lacking) {
            return Vec::new();
        }
        // A label without voxels has volume 0.
        let counts = |score: &LabelScore| match distance {
            true => empty.distance(self.of(score)),
            false => empty.overlap_of(self.of(score), score.ml_true == 0.0),
        };
        scores.map(counts).collect()
    }
}

impl Means {
    /// The means of all measures.
    pub(crate) fn of(statistic: impl Fn(Measure) -> Option<Statistic>) -> Means {
        Means {
            dice: statistic(Measure::Dice),
            hd95_mm: statistic(Measure::Hd95Mm),
            hd95_voxels: statistic(Measure::Hd95Voxels),
            surface_dice: statistic(Measure::SurfaceDice),
            iou: statistic(Measure::Iou),
            precision: statistic(Measure::Precision),
            recall: statistic(Measure::Recall),
        }
    }
}
