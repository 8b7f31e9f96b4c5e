//! Made-up held-out cases with 1 mm³ voxels, whose Dice is computed by hand.

use ndarray::{Array3, s};

use super::{HeldOutPrediction, choose_post_processing, sizes};
use crate::Error;
use crate::infer::PostProcessing;
use crate::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};

const SIDE: usize = 14;

/// Cubes `(corner, side, label)` painted in turn.
fn map(cubes: &[(usize, usize, u16)]) -> LabelImage {
    let mut labels = Array3::zeros((SIDE, SIDE, SIDE));
    for &(corner, side, label) in cubes {
        let along = corner..corner + side;
        labels.slice_mut(s![along.clone(), along.clone(), along]).fill(label);
    }
    on_grid(labels)
}

fn on_grid(labels: Array3<u16>) -> LabelImage {
    let (d, h, w) = labels.dim();
    let grid = Grid {
        dims: [w, h, d],
        affine: Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
        form: Form::Sform,
    };
    let image = Image::new(Voxels::U8(vec![0; grid.len()]), grid).expect("a volume");
    LabelImage::from_canonical(labels, &image).expect("one shape")
}

/// The chosen settings, Dice before and after in ten-thousandths, and the reasons.
fn chosen(cases: &[[&LabelImage; 2]]) -> (PostProcessing, [f64; 2], [String; 3]) {
    let read = |case: usize| {
        let [prediction, truth] = cases[case].map(LabelImage::clone);
        let case = "a".to_owned();
        Ok::<_, Error>(HeldOutPrediction {
            case,
            prediction,
            truth,
        })
    };
    let found = choose_post_processing(cases.len(), read).expect("one grid");
    let dice = [found.dice_before, found.dice].map(|dice| (1e4 * dice.expect("labels")).round());
    (found.settings, dice, found.reasons)
}

const NOTHING: PostProcessing = PostProcessing {
    largest_component: false,
    fill_holes: false,
    smallest_ml: 0.0,
};

#[test]
fn sizes_are_below_the_smallest_component() {
    assert_eq!(sizes([0.5, 0.216].into_iter()), [0.022, 0.054, 0.11]);
    assert!(sizes([].into_iter()).is_empty());
}

/// Nothing is known of the place of the speck.
#[test]
fn a_speck_that_the_truth_ignores_is_no_reason() {
    let truth = map(&[(1, 6, 1), (8, 5, 9)]).with_ignored(9);
    let prediction = map(&[(1, 6, 1), (8, 5, 1)]);
    let (settings, dice, _) = chosen(&[[&prediction, &truth]]);
    assert_eq!((settings, dice), (NOTHING, [10000.0, 10000.0]));
}

#[test]
fn a_large_speck_is_removed_where_labels_are_one_piece() {
    // 216 voxels, and a speck of 125, which is more than half of the smallest component.
    let (truth, prediction) = (map(&[(1, 6, 1)]), map(&[(1, 6, 1), (8, 5, 1)]));
    let (settings, dice, [largest, smallest, holes]) = chosen(&[[&prediction, &truth]]);
    let expected = PostProcessing {
        largest_component: true,
        ..NOTHING
    };
    // 2·216 / (341 + 216)
    assert_eq!((settings, dice), (expected, [7756.0, 10000.0]));
    assert_eq!(
        largest,
        "keeping only the largest component of each label raises the mean Dice of held-out cases from 0.7756 to 1.0000"
    );
    assert!(smallest.ends_with("by +0.0000, which is too little"), "{smallest}");
    assert!(holes.starts_with("filling holes would change"), "{holes}");
}

#[test]
fn small_specks_are_removed_where_labels_have_several_pieces() {
    // Pieces of 216 and 64 voxels, and a speck of 8 that lies apart.
    let pieces = [(0, 6, 1), (7, 4, 1)];
    let truth = map(&pieces);
    let prediction = map(&[pieces[0], pieces[1], (12, 2, 1)]);
    let (settings, dice, [largest, smallest, _]) = chosen(&[[&prediction, &truth]]);
    // Of 6.4, 16 and 32 voxels, 16 is the first above 8.
    let expected = PostProcessing {
        smallest_ml: 0.016,
        ..NOTHING
    };
    // 2·280 / (288 + 280); with the largest alone 2·216 / (216 + 280) = 0.8710
    assert_eq!((settings, dice), (expected, [9859.0, 10000.0]));
    assert!(largest.ends_with("would cost label 1 0.1290 of its Dice"), "{largest}");
    assert!(
        smallest.starts_with("removing components below 0.016 mL raises"),
        "{smallest}"
    );
}

#[test]
fn holes_are_filled_where_the_truth_has_none() {
    let truth = map(&[(1, 6, 1)]);
    let prediction = map(&[(1, 6, 1), (3, 2, 0)]);
    let (settings, dice, [.., holes]) = chosen(&[[&prediction, &truth]]);
    let expected = PostProcessing {
        fill_holes: true,
        ..NOTHING
    };
    // 2·208 / (208 + 216)
    assert_eq!((settings, dice), (expected, [9811.0, 10000.0]));
    assert!(holes.starts_with("filling holes raises"), "{holes}");

    // The truth has the hole as well: one of 8 voxels of 216.
    let (settings, dice, [.., holes]) = chosen(&[[&prediction, &prediction]]);
    assert_eq!((settings, dice), (NOTHING, [10000.0, 10000.0]));
    assert!(holes.ends_with("would cost label 1 0.0189 of its Dice"), "{holes}");
}

#[test]
fn what_gains_too_little_is_left() {
    // 1000 voxels and one more: 2000 / 2001.
    let (truth, prediction) = (map(&[(1, 10, 1)]), map(&[(1, 10, 1), (12, 1, 1)]));
    let (settings, dice, [largest, ..]) = chosen(&[[&prediction, &truth]]);
    assert_eq!((settings, dice), (NOTHING, [9995.0, 9995.0]));
    assert!(largest.ends_with("by +0.0005, which is too little"), "{largest}");
}

#[test]
fn no_label_may_lose_for_another() {
    // Label 1 would gain by keeping its largest component, but label 2 has a second piece of 8 voxels.
    let first = map(&[(1, 6, 1)]);
    let with_speck = map(&[(1, 6, 1), (9, 3, 1)]);
    let two_pieces = map(&[(1, 8, 2), (10, 2, 2)]);
    let cases = [[&with_speck, &first], [&two_pieces, &two_pieces]];
    let (settings, dice, [largest, ..]) = chosen(&cases);
    // Label 1: 2·216 / (243 + 216) = 0.9412; label 2: 1, then 2·512 / (512 + 520) = 0.9922.
    assert_eq!((settings, dice), (NOTHING, [9706.0, 9706.0]));
    assert!(largest.ends_with("would cost label 2 0.0078 of its Dice"), "{largest}");
}

#[test]
fn a_label_that_is_nowhere_true_counts_until_it_is_gone() {
    let (truth, prediction) = (map(&[(1, 6, 1)]), map(&[(1, 6, 1), (10, 1, 3)]));
    let (settings, dice, _) = chosen(&[[&prediction, &truth]]);
    assert_eq!((settings.smallest_ml, dice), (0.022, [5000.0, 10000.0]));
}

#[test]
fn without_labels_nothing_is_chosen_and_other_grids_are_refused() {
    let none = |_: usize| -> Result<HeldOutPrediction, Error> { unreachable!("there is no case") };
    let found = choose_post_processing(0, none).expect("nothing to compare");
    assert_eq!((found.settings, found.dice), (NOTHING, None));
    assert!(found.reasons[1].contains("no true label map has a component"));

    let read = |_: usize| {
        Ok::<_, Error>(HeldOutPrediction {
            case: "b".to_owned(),
            prediction: on_grid(Array3::zeros((3, 4, 5))),
            truth: map(&[(1, 6, 1)]),
        })
    };
    let error = choose_post_processing(1, read).expect_err("other grids");
    assert!(
        error.to_string().starts_with("case b: the prediction does not lie"),
        "{error}"
    );
}
