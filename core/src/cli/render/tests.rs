//! Pictures of scenes, pixel by pixel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array3, s};
use tiny_skia::Pixmap;

use super::plane::Plane;
use super::scene::{Drawn, Scene, View};
use super::titles_of;
use super::window::Window;
use crate::volume::{Affine, Form, Grid, Image, LabelImage, Voxels, label_rgb};

/// Pixels around the figure, of the line of titles, between panels, and of the legend.
const MARGIN: u32 = 10;
const TITLE: u32 = 36;
const GAP: u32 = 12;
const LEGEND: u32 = 40;

/// 20×20×3 voxels of 1×1×5 mm. In the file, i runs to the patient's left and j to the back.
fn flipped() -> Image {
    let affine = Affine([[-1.0, 0.0, 0.0, 7.0], [0.0, -1.0, 0.0, 4.0], [0.0, 0.0, 5.0, -2.0]]);
    let grid = Grid {
        dims: [20, 20, 3],
        affine,
        form: Form::Sform,
    };
    Image::new(Voxels::I16(vec![100; 1200]), grid).expect("an image")
}

/// A map of label 3 in a block of the patient's right front, 4 voxels wide and 6 deep, in the first and second slice;
/// at the back of the first, which so has the most labels; and of some more in the second.
fn block(more: usize) -> LabelImage {
    let mut labels = Array3::zeros((3, 20, 20));
    labels.slice_mut(s![..2, 12..18, 14..18]).fill(3u16);
    labels.slice_mut(s![0, ..2, ..]).fill(3);
    labels.slice_mut(s![1, 5..8, 2..2 + more]).fill(3);
    LabelImage::from_canonical(labels, &flipped()).expect("a map")
}

fn scene(image: &Image) -> Scene {
    Scene::new(Path::new("scan.nii"), image, BTreeMap::from([(1, "liver".to_owned())]))
}

const VIEW: View = View {
    plane: Plane::Axial,
    slice: None,
    window: Some(Window { low: 0.0, high: 200.0 }),
};

fn picture(drawn: &Drawn) -> Pixmap {
    Pixmap::decode_png(&drawn.png).expect("a PNG file")
}

/// The color at a place in voxels of a panel, from its top left corner; a panel is 512 pixels wide.
fn color(picture: &Pixmap, panel: u32, [x, y]: [f64; 2]) -> [u8; 3] {
    let pixels = |voxels: f64| (voxels * 512.0 / 20.0) as u32;
    let (left, top) = (MARGIN + panel * (512 + GAP), MARGIN + TITLE);
    let pixel = picture
        .pixel(left + pixels(x), top + pixels(y))
        .expect("in the picture");
    [pixel.red(), pixel.green(), pixel.blue()]
}

#[test]
fn a_label_on_the_patients_right_is_drawn_on_the_right() {
    let image = flipped();
    let mut scene = scene(&image);
    scene
        .set_truth(Path::new("truth.nii"), block(0))
        .expect("the same grid");
    let drawn = scene.draw(VIEW).expect("a picture");
    assert_eq!(
        drawn.words,
        "axial slice 0 of 3, counted from 0 at the bottom; window 0 to 200"
    );
    let picture = picture(&drawn);
    assert_eq!(picture.width(), 2 * (MARGIN + 512) + GAP);
    assert_eq!(picture.height(), 2 * MARGIN + TITLE + 512 + LEGEND);
    // The block is from 14 to 18 to the right and, from above, from 2 to 8.
    let gray = [128; 3];
    assert_eq!(color(&picture, 0, [16.0, 5.0]), gray, "the image alone");
    assert_eq!(color(&picture, 1, [4.0, 5.0]), gray, "the patient's left");
    assert_eq!(color(&picture, 1, [16.0, 15.0]), gray, "the patient's back");
    // The second color, since the first is the liver's.
    let color_of_label = label_rgb(1);
    let mixed = color_of_label.map(|channel| (f64::from(channel) * 77.0 + 128.0 * 178.0) / 255.0);
    let found = color(&picture, 1, [16.0, 5.0]);
    for (found, expected) in found.into_iter().zip(mixed) {
        assert!((f64::from(found) - expected).abs() <= 1.0, "{found}, not {expected}");
    }
    // The outline is between voxels.
    for place in [[14.0, 5.0], [18.0, 5.0], [16.0, 2.0], [16.0, 8.0]] {
        assert_eq!(color(&picture, 1, place), color_of_label, "{place:?}");
    }
    assert_eq!(color(&picture, 1, [13.5, 5.0]), gray);
}

#[test]
fn a_box_is_around_the_difference_in_every_panel() {
    let image = flipped();
    let mut scene = scene(&image);
    scene
        .set_truth(Path::new("truth.nii"), block(0))
        .expect("the same grid");
    for (title, more) in [("A", 0), ("B", 4)] {
        let added = scene.add_prediction(title.to_owned(), Path::new("found.nii"), block(more));
        added.expect("the same grid");
    }
    let drawn = scene.draw(VIEW).expect("a picture");
    assert!(drawn.words.starts_with("axial slice 1 of 3"), "{}", drawn.words);
    let picture = picture(&drawn);
    assert_eq!(picture.width(), 2 * MARGIN + 4 * 512 + 3 * GAP);
    // From 2 to 6 across, from above 12 to 15, and 4 mm on all sides, but to the left there are only 2.
    for panel in 0..4 {
        for place in [[10.0, 13.5], [4.0, 8.0], [4.0, 19.0]] {
            assert_eq!(color(&picture, panel, place), [255; 3], "{panel} {place:?}");
        }
        assert_ne!(color(&picture, panel, [4.0, 7.5]), [255; 3]);
    }
    // Without a difference, the slice with the most labels, and no box.
    let same = View { slice: Some(0), ..VIEW };
    let drawn = scene.draw(same).expect("a picture");
    let picture = self::picture(&drawn);
    let white = |panel: u32| (0..40).any(|half| color(&picture, panel, [f64::from(half) / 2.0, 13.5]) == [255; 3]);
    assert!(!white(0) && !white(3));
}

#[test]
fn voxels_of_1_by_5_mm_are_drawn_five_times_as_high_as_wide() {
    let image = flipped();
    let coronal = View {
        plane: Plane::Coronal,
        ..VIEW
    };
    let drawn = scene(&image).draw(coronal).expect("a picture");
    let picture = picture(&drawn);
    // 20 mm by 3 · 5 mm.
    assert_eq!(picture.width(), 2 * MARGIN + 512);
    assert_eq!(picture.height(), 2 * MARGIN + TITLE + 512 * 15 / 20);
    assert!(drawn.words.starts_with("coronal slice 10 of 20"), "{}", drawn.words);
}

#[test]
fn a_slice_that_is_not_there_is_refused() {
    let image = flipped();
    let view = View { slice: Some(3), ..VIEW };
    let refused = scene(&image).draw(view).map(|drawn| drawn.words);
    assert_eq!(
        refused.expect_err("no such slice").to_string(),
        "scan.nii: there is no axial slice 3; it has 3, counted from 0 at the bottom"
    );
}

/// A map whose axes are stored in another order lies on the same grid; one that is shifted does not.
#[test]
fn grids_are_compared_by_where_they_are_in_the_patient() {
    let image = flipped();
    let mut scene = scene(&image);
    let turned = |shift: f64| {
        // i runs to the patient's right, from where the other grid ends.
        let affine = Affine([
            [1.0, 0.0, 0.0, -12.0 + shift],
            [0.0, -1.0, 0.0, 4.0],
            [0.0, 0.0, 5.0, -2.0],
        ]);
        let grid = Grid {
            affine,
            ..flipped().grid().clone()
        };
        let image = Image::new(Voxels::U8(vec![0; 1200]), grid).expect("an image");
        LabelImage::from_canonical(block(0).canonical(), &image).expect("a map")
    };
    scene
        .set_truth(Path::new("truth.nii"), turned(0.0))
        .expect("the same place");
    let drawn = picture(&scene.draw(VIEW).expect("a picture"));
    assert_eq!(color(&drawn, 1, [14.0, 5.0]), label_rgb(1));
    let refused = scene.add_prediction(String::new(), Path::new("found.nii"), turned(3.0));
    let sentence = refused.expect_err("elsewhere").to_string();
    assert!(sentence.starts_with("found.nii: by its header it lies"), "{sentence}");
}

#[test]
fn panels_are_named_by_what_tells_their_files_apart() {
    let titles = |files: &[&str]| titles_of(&files.iter().map(PathBuf::from).collect::<Vec<_>>());
    assert_eq!(titles(&["x/a.nii.gz", "y/b.nii"]), ["a", "b"]);
    let folders = ["run/one/predicted/a.nii.gz", "run/two/predicted/a.nii.gz"];
    assert_eq!(titles(&folders), ["one", "two"]);
    assert_eq!(titles(&["a.nii", "a.nii"]), ["Prediction 1", "Prediction 2"]);
    assert!(titles(&[]).is_empty());
}
