//! Whether settings can work at all on given cases: refused with the nearest that do.

use super::Memory;
use super::decision::{millimeters, voxels};
use super::stages::region_of;
use crate::dataset::CaseFingerprint;
use crate::train::TrainConfig;
use crate::transform::{Center, Crop};

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

/// Checks settings against the memory there is, as far as it is known: that the cases fit at their spacing, and a
/// training step with its patch.
///
/// # Errors
/// What does not work, with the nearest settings that do. Those may have to be checked again: only one thing is changed
/// at a time.
pub fn check(config: &TrainConfig, cases: &[CaseFingerprint], memory: Memory) -> Result<(), Infeasible> {
    if let Some(room) = memory.cases {
        spacing(config, cases, room as f64)?;
    }
    patch(config, memory.step)
}

/// All cases are held in memory at their spacing, those of both stages of a cascade.
fn spacing(config: &TrainConfig, cases: &[CaseFingerprint], room: f64) -> Result<(), Infeasible> {
    let stages = || std::iter::once(config).chain(config.coarse.as_deref());
    let needed: f64 = stages()
        .flat_map(|stage| cases.iter().map(|case| prepared_bytes(case, stage)))
        .sum();
    // A side that is no length is refused by the settings' own check.
    let Some(spacing) = config
        .preprocessing
        .spacing
        .filter(|_| needed.is_finite() && needed > room)
    else {
        return Ok(());
    };
    let factor = (needed / room).cbrt();
    let mut nearest = config.clone();
    coarsen(&mut nearest, factor);
    if let Some(coarse) = &mut nearest.coarse {
        coarsen(coarse, factor);
    }
    let mm = nearest.preprocessing.spacing.map_or(spacing.mm, |spacing| spacing.mm);
    Err(Infeasible {
        problem: format!(
            "at voxels of {} the cases take {:.1} GB, and {:.1} GB of memory are free",
            millimeters(spacing.mm),
            needed / GB,
            room / GB
        ),
        value: format!("voxels of {}", millimeters(mm)),
        nearest: Box::new(nearest),
    })
}

/// Makes voxels larger, rounded up to hundredths of a millimeter, so that they fit.
fn coarsen(config: &mut TrainConfig, factor: f64) {
    if let Some(spacing) = &mut config.preprocessing.spacing {
        spacing.mm = spacing.mm.map(|side| (side * factor * 100.0).ceil() / 100.0);
    }
}

/// Bytes of a case at a stage's spacing, or at its own: intensities and classes of what is not cropped, and where its
/// labels are.
fn prepared_bytes(case: &CaseFingerprint, stage: &TrainConfig) -> f64 {
    let whole = [0, 1, 2].map(|axis| case.size[axis] as f64 * case.spacing[axis]);
    let facts = case.facts.as_ref();
    let region = match stage.preprocessing.crop {
        Crop::Labels { margin_mm } => region_of(case, margin_mm),
        Crop::NonZero => facts.map(|facts| [0, 1, 2].map(|axis| facts.nonzero.size[axis] as f64 * case.spacing[axis])),
        _ => None,
    };
    let sides = region.unwrap_or(whole);
    let mm = stage.preprocessing.spacing.map_or(case.spacing, |spacing| spacing.mm);
    let voxels: f64 = (0..3).map(|axis| (sides[axis] / mm[axis]).max(1.0)).product();
    let labeled = match stage.sampling.center {
        Center::Anywhere => 0.0,
        _ => {
            let volume = whole.into_iter().product::<f64>() / mm.into_iter().product::<f64>();
            facts.map_or(0.0, |facts| facts.labeled_share * volume)
        }
    };
    voxels * (case.channels as f64 * size_of::<f32>() as f64 + LABEL_BYTES) + labeled * size_of::<u32>() as f64
}

/// A patch that the network takes, and that a step has memory for.
fn patch(config: &TrainConfig, memory: Option<u64>) -> Result<(), Infeasible> {
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
            value: format!("a patch of {}", voxels(nearest.patch)),
            nearest: Box::new(nearest),
        });
    }
    let needed = config.training_bytes();
    let Some(memory) = memory.filter(|&memory| needed > memory) else {
        return Ok(());
    };
    let mut nearest = config.clone();
    while nearest.training_bytes() > memory {
        match (nearest.smaller_patch(), nearest.smaller()) {
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
            true => format!("a patch of {}", voxels(nearest.patch)),
            false => format!(
                "{} with a patch of {}",
                nearest.network.network().title(),
                voxels(nearest.patch)
            ),
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
    use crate::transform::{Resampling, Spacing};

    fn memory(bytes: u64) -> Memory {
        Memory {
            cases: Some(bytes),
            step: Some(bytes),
        }
    }

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
        let memory = memory(4 << 30);
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
        // Nothing is refused for memory that nobody knows.
        assert_eq!(check(&at([0.27; 3], [32; 3]), &cases, Memory::default()), Ok(()));
    }

    /// 5 bytes a voxel, and 4 for each labeled one where patches are centered on them.
    #[test]
    fn the_cases_of_both_stages_count_without_what_is_cropped() {
        let cases = &abdomens(false)[..1];
        let mut single = at([2.0; 3], [32; 3]);
        let bytes = |config: &TrainConfig| prepared_bytes(&cases[0], config);
        let whole = 277.2 * 360.0 * 400.0 / 8.0;
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-9, "{found}, {expected}");
        near(bytes(&single), 5.0 * whole);
        single.sampling.center = Center::Foreground { share: 0.5 };
        // A tenth of the scan is labeled.
        near(bytes(&single), 5.4 * whole);
        let mut cropped = cases[0].clone();
        cropped.facts.as_mut().expect("facts").nonzero.size = [36, 144, 160];
        single.preprocessing.crop = Crop::NonZero;
        near(prepared_bytes(&cropped, &single), (5.0 / 4.0 + 0.4) * whole);

        let mut both = single.clone();
        both.coarse = Some(Box::new(at([4.0; 3], [32; 3])));
        let needed = bytes(&both) + bytes(both.coarse.as_ref().expect("a first stage"));
        let room = |bytes: f64| Memory {
            cases: Some(bytes as u64),
            step: None,
        };
        assert_eq!(check(&both, cases, room(needed + 1.0)), Ok(()));
        let refused = check(&both, cases, room(needed / 8.0)).expect_err("an eighth");
        let mm = |config: &TrainConfig| config.preprocessing.spacing.expect("a spacing").mm;
        // Rounded up to hundredths.
        assert!((mm(&refused.nearest)[0] - 4.005).abs() <= 0.006);
        assert!((mm(refused.nearest.coarse.as_ref().expect("a first stage"))[0] - 8.005).abs() <= 0.006);
    }

    #[test]
    fn a_patch_beyond_memory_is_refused_with_the_nearest() {
        let cases = abdomens(false);
        let config = at([2.0; 3], [512, 512, 512]);
        let memory = memory(2 << 30);
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
        let refused = check(&at([2.0; 3], [33, 48, 48]), &abdomens(false), memory(4 << 30)).expect_err("33");
        assert_eq!(refused.nearest.patch, [32, 48, 48]);
        assert!(refused.to_string().contains("33 × 48 × 48 voxels"), "{refused}");
    }
}
