//! Whether settings can work at all on given cases: refused with the nearest that do.

use super::decision::{millimeters, voxels};
use super::stages::region_of;
use crate::dataset::CaseFingerprint;
use crate::train::TrainConfig;
use crate::transform::{Crop, Spacing};

/// Bytes of a prepared voxel: its label, beside four for each channel.
const LABEL_BYTES: f64 = 1.0;

const GB: f64 = 1e9;

/// Settings that cannot work, and the nearest that can.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}; the nearest that works is {value}")]
pub struct Infeasible {
    /// What does not work, without the remedy.
    pub problem: String,
    /// The nearest value that works, in words.
    pub value: String,
    /// The settings with it.
    pub nearest: Box<TrainConfig>,
}

/// Checks settings against the memory there is: that the cases fit at their spacing, and a training step with its
/// patch. `memory` is in bytes.
///
/// # Errors
/// What does not work, with the nearest settings that do. Those may have to be checked again: only one thing is changed
/// at a time.
pub fn check(config: &TrainConfig, cases: &[CaseFingerprint], memory: u64) -> Result<(), Infeasible> {
    spacing(config, cases, memory)?;
    patch(config, memory)
}

/// All cases are held in memory at their spacing.
fn spacing(config: &TrainConfig, cases: &[CaseFingerprint], memory: u64) -> Result<(), Infeasible> {
    let Some(spacing) = config.preprocessing.spacing else {
        return Ok(());
    };
    let crop = config.preprocessing.crop;
    let bytes = |mm: [f64; 3]| cases.iter().map(|case| prepared_bytes(case, crop, mm)).sum::<f64>();
    let (needed, room) = (bytes(spacing.mm), memory as f64);
    let positive = spacing.mm.iter().all(|side| side.is_finite() && *side > 0.0);
    // A side that is no length is refused by the settings' own check.
    if !positive || needed <= room {
        return Ok(());
    }
    // Rounded up to hundredths, so that it fits.
    let factor = (needed / room).cbrt();
    let mm = spacing.mm.map(|side| (side * factor * 100.0).ceil() / 100.0);
    let mut nearest = config.clone();
    nearest.preprocessing.spacing = Some(Spacing { mm, rule: spacing.rule });
    Err(Infeasible {
        problem: format!(
            "at voxels of {} the cases take {:.1} GB, and {:.1} GB of memory are free",
            millimeters(spacing.mm),
            needed / GB,
            room / GB
        ),
        value: millimeters(mm),
        nearest: Box::new(nearest),
    })
}

/// Bytes of a case at a spacing, `[depth, height, width]` in mm.
fn prepared_bytes(case: &CaseFingerprint, crop: Crop, mm: [f64; 3]) -> f64 {
    let region = match crop {
        Crop::Labels { margin_mm } => region_of(case, margin_mm),
        _ => None,
    };
    let sides = region.unwrap_or([0, 1, 2].map(|axis| case.size[axis] as f64 * case.spacing[axis]));
    let voxels: f64 = (0..3).map(|axis| (sides[axis] / mm[axis]).max(1.0)).product();
    voxels * (case.channels as f64 * size_of::<f32>() as f64 + LABEL_BYTES)
}

/// A patch that the network takes, and that a step has memory for.
fn patch(config: &TrainConfig, memory: u64) -> Result<(), Infeasible> {
    let rule = config.resolved_network().patch_rule();
    if !rule.fits(config.patch) {
        let mut nearest = config.clone();
        nearest.patch = rule.nearest(config.patch);
        return Err(Infeasible {
            problem: format!(
                "{} does not take a patch of {}",
                config.network.backbone().title(),
                voxels(config.patch)
            ),
            value: voxels(nearest.patch),
            nearest: Box::new(nearest),
        });
    }
    let needed = config.training_bytes();
    if needed <= memory {
        return Ok(());
    }
    let mut nearest = config.clone();
    while nearest.training_bytes() > memory {
        let mut axes = [0, 1, 2];
        axes.sort_by_key(|&axis| std::cmp::Reverse(nearest.patch[axis]));
        let shorter = axes.into_iter().find_map(|axis| rule.shorter(nearest.patch, axis));
        match (shorter, nearest.smaller()) {
            (Some(patch), _) => nearest.patch = patch,
            (None, Some(smaller)) => nearest = smaller,
            (None, None) => break,
        }
    }
    Err(Infeasible {
        problem: format!(
            "a training step with a patch of {} takes {:.1} GB, and {:.1} GB of memory are free",
            voxels(config.patch),
            needed as f64 / GB,
            memory as f64 / GB
        ),
        value: match nearest.network == config.network {
            true => voxels(nearest.patch),
            false => format!("{} {}", nearest.network.network().title(), voxels(nearest.patch)),
        },
        nearest: Box::new(nearest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::{Backbone, Size};
    use crate::plan::tests::abdomens;
    use crate::train::NetworkChoice;
    use crate::transform::Resampling;

    fn at(mm: [f64; 3], patch: [usize; 3]) -> TrainConfig {
        let mut config = TrainConfig {
            network: NetworkChoice::named(Backbone::Pcrlv2, Size::Tiny),
            patch,
            ..TrainConfig::default()
        };
        config.preprocessing.spacing = Some(Spacing {
            mm,
            rule: Resampling::NnUnet,
        });
        config
    }

    /// 277 × 360 × 400 mm at 0.27 mm is two billion voxels a case.
    #[test]
    fn voxels_too_small_for_memory_are_refused_with_the_nearest() {
        let cases = abdomens(false);
        let memory = 4 << 30;
        let refused = check(&at([0.27; 3], [32; 3]), &cases, memory).expect_err("50 GB");
        assert!(
            refused
                .to_string()
                .starts_with("at voxels of 0.27 × 0.27 × 0.27 mm the cases take 50."),
            "{refused}"
        );
        let mm = refused.nearest.preprocessing.spacing.expect("a spacing").mm;
        // (50.7 GB / 4.29 GB)^(1/3) · 0.27 mm
        assert!((mm[0] - 0.62).abs() < 0.011, "{mm:?}");
        assert_eq!(check(&refused.nearest, &cases, memory), Ok(()));
        let finer = mm.map(|side| side - 0.02);
        assert!(check(&at(finer, [32; 3]), &cases, memory).is_err());
    }

    #[test]
    fn a_patch_beyond_memory_is_refused_with_the_nearest() {
        let cases = abdomens(false);
        let config = at([2.0; 3], [512, 512, 512]);
        let memory = 2 << 30;
        let refused = check(&config, &cases, memory).expect_err("too large");
        assert_eq!(check(&refused.nearest, &cases, memory), Ok(()));
        // One step of the longest side more does not fit.
        let rule = config.resolved_network().patch_rule();
        let mut larger = (*refused.nearest).clone();
        let axis = (0..3).min_by_key(|&axis| larger.patch[axis]).expect("an axis");
        larger.patch[axis] += rule.step[axis];
        assert!(check(&larger, &cases, memory).is_err());
    }

    #[test]
    fn a_patch_that_the_network_does_not_take_is_refused() {
        let refused = check(&at([2.0; 3], [33, 48, 48]), &abdomens(false), 4 << 30).expect_err("33");
        assert_eq!(refused.nearest.patch, [32, 48, 48]);
        assert!(refused.to_string().contains("33 × 48 × 48 voxels"), "{refused}");
    }
}
