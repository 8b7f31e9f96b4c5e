//! Thumbnails, checked by hand.

use medcontext_core::volume::{Affine, Form, Grid, Image, Voxels};

/// An image whose voxels count up along the patient's axes: 1 to the right, 10 to the front, 100 to the head.
fn counting(affine: [[f64; 4]; 3], dims: [usize; 3], value: impl Fn([usize; 3]) -> i16) -> Image {
    let [ni, nj, nk] = dims;
    let voxels = (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])));
    let grid = Grid {
        dims,
        affine: Affine(affine),
        form: Form::Sform,
    };
    Image::new(Voxels::I16(voxels.map(value).collect()), grid).expect("an image")
}

#[test]
fn front_is_up_and_right_is_right_whatever_the_axes() {
    let straight = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    // i to the back, j to the head, k to the left: the same volume in other axes.
    let turned = [[0.0, 0.0, -1.0, 3.0], [-1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.0, 0.0]];
    let value = |r: usize, a: usize, s: usize| (r + 10 * a + 100 * s) as i16;
    let images = [
        counting(straight, [4, 3, 2], |[i, j, k]| value(i, j, k)),
        counting(turned, [3, 2, 4], |[i, j, k]| value(3 - k, 2 - i, j)),
    ];
    // The upper of two slices: 100 to 123, of which 0 and 23 become black and white.
    let grey = |above: i16| (255.0 * f64::from(above) / 23.0).round() as u8;
    let expected: Vec<u8> = [20, 21, 22, 23, 10, 11, 12, 13, 0, 1, 2, 3].map(grey).into();
    for image in images {
        let picture = image.thumbnail(4);
        assert_eq!((picture.width, picture.height), (4, 3));
        assert_eq!(picture.pixels, expected);
    }
}

#[test]
fn pixels_are_as_wide_as_high_in_millimeters() {
    // 8 × 6 voxels of 1 × 4 mm: 8 × 24 mm.
    let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
    let picture = counting(affine, [8, 6, 2], |[_, j, _]| j as i16).thumbnail(12);
    assert_eq!((picture.width, picture.height), (4, 12));
    // Every row of voxels fills two rows of pixels, from the front to the back.
    let rows: Vec<u8> = picture.pixels.chunks(4).map(|row| row[0]).collect();
    assert_eq!(rows, [255, 255, 204, 204, 153, 153, 102, 102, 51, 51, 0, 0]);

    let flat = counting(affine, [8, 6, 2], |_| 7).thumbnail(12);
    assert!(flat.pixels.iter().all(|&grey| grey == 0));
}
