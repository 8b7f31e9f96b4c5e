use super::{NnformerConfig, NnformerForm};
use crate::backbone::{Architecture, Size};

#[test]
fn levels_have_the_papers_grids() {
    for (form, patch, grids) in [
        (
            NnformerForm::Synapse,
            [64, 128, 128],
            [[32; 3], [16; 3], [8; 3], [4; 3]],
        ),
        (
            NnformerForm::Acdc,
            [14, 160, 160],
            [[14, 40, 40], [14, 20, 20], [7, 10, 10], [3, 5, 5]],
        ),
        (NnformerForm::Tumor, [128; 3], [[32; 3], [16; 3], [8; 3], [4; 3]]),
    ] {
        let config = NnformerConfig::new(form, Size::Paper);
        assert!(config.patch_rule().fits(patch));
        assert_eq!(config.check(patch), Ok(()));
        assert_eq!(config.grids(patch), grids, "{form:?}");
    }
}

#[test]
fn every_patch_that_fits_comes_back_to_its_own_size() {
    for form in [NnformerForm::Synapse, NnformerForm::Acdc, NnformerForm::Tumor] {
        let config = NnformerConfig::new(form, Size::Tiny);
        let rule = config.patch_rule();
        for steps in 0..4 {
            let patch = std::array::from_fn(|a| rule.smallest[a] + steps * rule.step[a]);
            let grids = config.grids(patch);
            for level in 0..3 {
                let (kernel, extra) = form.up(level);
                let up: [usize; 3] = std::array::from_fn(|a| grids[level + 1][a] * kernel[a] + extra[a]);
                assert_eq!(up, grids[level], "{form:?} {patch:?}");
            }
        }
    }
}

#[test]
fn the_released_index_is_refused_where_it_leaves_its_table() {
    let released = NnformerConfig::new(NnformerForm::Synapse, Size::Paper);
    assert!(released.check([64, 128, 128]).is_ok());
    let refused = released.check([32, 32, 32]).expect_err("windows of 2×1×1");
    assert!(refused.contains("[2, 1, 1]"), "{refused}");
    let tiny = NnformerConfig::new(NnformerForm::Synapse, Size::Tiny);
    assert!(tiny.check([32, 32, 32]).is_ok());
}
