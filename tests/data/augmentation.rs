//! Augmentations of a patch, each forced to one strength: against SciPy, scikit-image and NumPy
//! (`fixtures/resampling.py`).

use medcontext_core::transform::{
    Augmentation, Blur, Brightness, Contrast, Gamma, IntensityScale, IntensityShift, LowResolution, Noise, Spatial,
    Warp,
};
use medcontext_tests::{assert_within, reference};
use ndarray::{Array3, Array4, Axis, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::resampling::made_up;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The made-up volume as the first of two channels, the second twice as bright, and its classes.
fn patch() -> (Array4<f32>, Array3<u8>) {
    let (dims, values, labels) = made_up();
    let one = Array3::from_shape_vec(dims, values).expect("a volume");
    let two = &one * 2.0;
    let both = ndarray::stack(Axis(0), &[one.view(), two.view()]).expect("one size");
    (both, Array3::from_shape_vec(dims, labels).expect("a volume"))
}

fn floats(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).expect("numbers")
}

/// The first channel after one change; the classes must stay as they were.
fn changed(augmentation: Augmentation, slice_axis: usize) -> Array4<f32> {
    let (mut image, mut classes) = patch();
    let before = classes.clone();
    augmentation.apply(&mut image, &mut classes, slice_axis, &mut rng(1));
    assert_eq!(classes, before);
    image
}

fn assert_channel(what: &str, found: &Array4<f32>, expected: &Value, tolerance: f64) {
    let first: Vec<f32> = found.index_axis(Axis(0), 0).iter().copied().collect();
    assert_within(what, &first, &floats(expected), tolerance);
}

#[test]
fn intensities_change_as_in_the_reference() {
    let expected = reference("resampling");
    let none = Augmentation::none();
    for sigma in [0.6, 0.9] {
        let found = changed(
            Augmentation {
                blur: Some(Blur {
                    probability: 1.0,
                    channel: 1.0,
                    sigma: [sigma, sigma],
                }),
                ..none
            },
            0,
        );
        assert_channel("blur", &found, &expected["blur"][format!("{sigma}")], 1e-5);
    }
    for (in_plane, name) in [(false, "low_resolution"), (true, "low_resolution_in_plane")] {
        let low_resolution = LowResolution {
            probability: 1.0,
            channel: 1.0,
            zoom: [0.6, 0.6],
            in_plane,
        };
        let found = changed(
            Augmentation {
                low_resolution: Some(low_resolution),
                ..none
            },
            0,
        );
        assert_channel(name, &found, &expected[name], 2e-5);
    }
    let gamma = Some(Gamma {
        probability: 1.0,
        exponent: [1.4, 1.4],
    });
    let found = changed(Augmentation { gamma, ..none }, 0);
    assert_channel("gamma", &found, &expected["gamma"], 1e-5);
    let inverted = Augmentation {
        gamma_inverted: gamma,
        ..none
    };
    assert_channel("inverted", &changed(inverted, 0), &expected["gamma_inverted"], 1e-5);
    let contrast = Augmentation {
        contrast: Some(Contrast {
            probability: 1.0,
            factor: [1.2, 1.2],
        }),
        ..none
    };
    assert_channel("contrast", &changed(contrast, 0), &expected["contrast"], 1e-5);
}

#[test]
fn linear_changes_are_linear() {
    let (before, _) = patch();
    let none = Augmentation::none();
    let brightness = Some(Brightness {
        probability: 1.0,
        factor: [1.2, 1.2],
    });
    let found = changed(Augmentation { brightness, ..none }, 0);
    assert_eq!(found, before.mapv(|value| value * 1.2));

    let (probability, strength) = (1.0, 0.1);
    // One factor, one shift, for all channels.
    let scaled = changed(
        Augmentation {
            scale: Some(IntensityScale { probability, strength }),
            ..none
        },
        0,
    );
    let factor = scaled[[0, 0, 0, 1]] / before[[0, 0, 0, 1]];
    assert!((0.9..=1.1).contains(&factor) && factor != 1.0, "{factor}");
    for (a, b) in scaled.iter().zip(&before) {
        assert!((a - b * factor).abs() < 1e-5);
    }
    let shifted = changed(
        Augmentation {
            shift: Some(IntensityShift { probability, strength }),
            ..none
        },
        0,
    );
    let shift = shifted[[0, 0, 0, 0]] - before[[0, 0, 0, 0]];
    assert!((-0.1..=0.1).contains(&shift) && shift != 0.0, "{shift}");
    for (a, b) in shifted.iter().zip(&before) {
        assert!((a - b - shift).abs() < 1e-5);
    }
    let masked = changed(
        Augmentation {
            shift: Some(IntensityShift { probability, strength }),
            keep_zero: true,
            ..none
        },
        0,
    );
    for (a, b) in masked.iter().zip(&before) {
        assert_eq!(*a == 0.0, *b == 0.0, "{a} was {b}");
    }
}

#[test]
fn noise_has_the_deviation_that_was_asked_for() {
    let noise = Some(Noise {
        probability: 1.0,
        deviation: [0.3, 0.3],
    });
    let augmentation = Augmentation {
        noise,
        ..Augmentation::none()
    };
    let (mut image, mut classes) = (Array4::zeros((1, 40, 50, 50)), Array3::zeros((40, 50, 50)));
    augmentation.apply(&mut image, &mut classes, 0, &mut rng(5));
    let count = image.len() as f64;
    let moment = |power: i32| image.iter().map(|&v| f64::from(v).powi(power)).sum::<f64>() / count;
    // Of 100 000 numbers: standard errors 0.001, 0.0007 and 0.016.
    assert!(moment(1).abs() < 0.004, "{}", moment(1));
    assert!((moment(2).sqrt() - 0.3).abs() < 0.003, "{}", moment(2).sqrt());
    let kurtosis = moment(4) / moment(2).powi(2);
    assert!((kurtosis - 3.0).abs() < 0.07, "{kurtosis}");
}

#[test]
fn mirrors_move_image_and_classes_together() {
    let flips = Augmentation {
        flip: 1.0,
        ..Augmentation::none()
    };
    let (mut image, mut classes) = patch();
    let (before, labels) = patch();
    flips.apply(&mut image, &mut classes, 0, &mut rng(0));
    assert_eq!(image, before.slice(s![.., ..;-1, ..;-1, ..;-1]));
    assert_eq!(classes, labels.slice(s![..;-1, ..;-1, ..;-1]));

    // Square planes turn by one, two or three quarters, all of which happen.
    let turns = Augmentation {
        quarter_turn: 1.0,
        ..Augmentation::none()
    };
    let expected: Vec<Vec<f32>> = reference("resampling")["quarter_turns"]
        .as_array()
        .expect("turns")
        .iter()
        .map(floats)
        .collect();
    let mut seen = [0; 4];
    for seed in 0..40 {
        let mut image = before.slice(s![.., .., ..6, ..]).to_owned();
        let mut classes = image.index_axis(Axis(0), 0).mapv(|value| (value + 6.0) as u8);
        turns.apply(&mut image, &mut classes, 0, &mut rng(seed));
        let first: Vec<f32> = image.index_axis(Axis(0), 0).iter().copied().collect();
        let turn = expected.iter().position(|turned| *turned == first);
        seen[turn.expect("a quarter turn")] += 1;
        let followed: Vec<f32> = classes.iter().map(|&class| f32::from(class) - 6.0).collect();
        assert_eq!(followed, first);
    }
    assert!(seen[0] == 0 && seen[1..].iter().all(|&count| count > 4), "{seen:?}");
    // Others by two.
    let (mut image, mut classes) = patch();
    turns.apply(&mut image, &mut classes, 0, &mut rng(3));
    assert_eq!(image, before.slice(s![.., .., ..;-1, ..;-1]));
}

#[test]
fn warps_are_batchgenerators() {
    let (image, classes) = patch();
    for warp in reference("resampling")["warps"].as_array().expect("warps") {
        let triple = |key: &str| -> [usize; 3] { serde_json::from_value(warp[key].clone()).expect("three numbers") };
        let angles: [f64; 3] = serde_json::from_value(warp["angles"].clone()).expect("angles");
        let kept = warp["kept"].as_u64().map(|axis| axis as usize);
        let zoom = warp["zoom"].as_f64().expect("a zoom");
        let (found, found_classes) =
            Warp::new(angles, zoom, kept).cut(image.view(), classes.view(), triple("corner"), triple("patch"));
        let what = format!("{angles:?}, zoom {zoom}");
        // Values reach 16; the spline is fitted to the patch's surroundings, not to the whole volume.
        assert_channel(&what, &found, &warp["image"], 1e-3);
        let expected: Vec<u8> = serde_json::from_value(warp["labels"].clone()).expect("labels");
        assert_eq!(found_classes.into_iter().collect::<Vec<u8>>(), expected, "{what}");
    }
}

#[test]
fn warps_are_drawn_within_their_limits() {
    let spatial = Spatial {
        rotate: 0.2,
        degrees: 30.0,
        zoom: 0.2,
        zoom_range: [0.7, 1.4],
        in_plane: false,
    };
    let mut rng = rng(2);
    let drawn = (0..5000).filter(|_| spatial.draw(0, &mut rng).is_some()).count();
    // 1 - 0.8² of 5000, standard deviation 34.
    assert!((1660..=1940).contains(&drawn), "{drawn}");
    let never = Spatial {
        rotate: 0.0,
        zoom: 0.0,
        ..spatial
    };
    assert_eq!(never.draw(0, &mut rng), None);
    // In-plane, slices are not mixed; near the case's border splines ring a little.
    let in_plane = Spatial {
        rotate: 1.0,
        zoom: 1.0,
        degrees: 180.0,
        in_plane: true,
        ..spatial
    };
    let (mut image, classes) = patch();
    for (depth, mut slice) in image.axis_iter_mut(Axis(1)).enumerate() {
        slice.fill(depth as f32 + 1.0);
    }
    for _ in 0..20 {
        let warp = in_plane.draw(0, &mut rng).expect("always");
        let (found, _) = warp.cut(image.view(), classes.view(), [1, 2, 2], [3, 2, 2]);
        for ((_, depth, ..), value) in found.indexed_iter() {
            assert!((value - (depth as f32 + 2.0)).abs() < 0.3, "{depth}: {value}");
        }
    }
}

#[test]
fn settings_survive_a_file() {
    for augmentation in [
        Augmentation::default(),
        Augmentation::none(),
        Augmentation::monai(),
        Augmentation::monai_brats(),
        Augmentation::nnunet(true, false),
        Augmentation::nnunet(false, true),
    ] {
        let text = serde_json::to_string(&augmentation).expect("JSON");
        let again: Augmentation = serde_json::from_str(&text).expect("the same");
        assert_eq!(again, augmentation);
    }
    // Absent terms are not applied.
    let partial: Augmentation =
        serde_json::from_str(r#"{"scale": null, "shift": null, "flip": 0.0}"#).expect("settings");
    assert_eq!(partial, Augmentation::none());
}
