//! Slices of a volume as they are looked at.

use clap::ValueEnum;
use ndarray::{Array2, Array3, Axis, s};

use crate::volume::Grid;

/// A plane through the body. Pictures are in the neurological convention, as in the page's viewer: the patient's right
/// is on the right of axial and coronal slices, the patient's front on the right of sagittal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Plane {
    /// Slices from bottom to top, the front above.
    Axial,
    /// Slices from back to front, the head above.
    Coronal,
    /// Slices from left to right, the head above.
    Sagittal,
}

/// Letters at the edges of a picture: the patient's directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letters {
    pub left: char,
    pub right: char,
    pub top: char,
    pub bottom: char,
}

impl Plane {
    /// The axis of a volume with axes \[S, A, R\] that its slices are counted along.
    fn axis(self) -> Axis {
        Axis(match self {
            Self::Axial => 0,
            Self::Coronal => 1,
            Self::Sagittal => 2,
        })
    }

    /// Its name and where its first slice is.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Axial => ("axial", "bottom"),
            Self::Coronal => ("coronal", "back"),
            Self::Sagittal => ("sagittal", "left"),
        }
    }

    /// The directions at the edges of its pictures.
    pub(super) fn letters(self) -> Letters {
        let (left, right, top, bottom) = match self {
            Self::Axial => ('L', 'R', 'A', 'P'),
            Self::Coronal => ('L', 'R', 'S', 'I'),
            Self::Sagittal => ('P', 'A', 'S', 'I'),
        };
        Letters {
            left,
            right,
            top,
            bottom,
        }
    }

    /// How many slices a volume has.
    pub fn slices<T>(self, volume: &Array3<T>) -> usize {
        volume.len_of(self.axis())
    }

    /// One slice of a volume with axes \[S, A, R\], its rows from the top of the picture. The volume must have it.
    pub fn cut<T: Clone>(self, volume: &Array3<T>, slice: usize) -> Array2<T> {
        // Both axes of what is left run to where the letters say, rows from the bottom.
        let plane = volume.index_axis(self.axis(), slice);
        plane.slice(s![..;-1, ..]).to_owned()
    }

    /// Height and width of a voxel in the picture, in mm.
    pub fn voxel_mm(self, grid: &Grid) -> [f64; 2] {
        let [superior, anterior, right] = grid.canonical_spacing();
        match self {
            Self::Axial => [anterior, right],
            Self::Coronal => [superior, right],
            Self::Sagittal => [superior, anterior],
        }
    }

    /// The slice with the most marked voxels, the first of equals; `None` where none is marked.
    pub fn fullest(self, marked: &Array3<bool>) -> Option<usize> {
        let slices = marked.axis_iter(self.axis());
        let counts = slices.map(|slice| slice.iter().filter(|&&marked| marked).count());
        let (slice, count) = counts
            .enumerate()
            .reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        (count > 0).then_some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Affine, Form, Image, Voxels};

    /// 4×3×2 voxels in the file, i to the patient's left, j to the back, k upwards, each with its place in the file.
    fn flipped() -> Image {
        let affine = Affine([[-1.0, 0.0, 0.0, 3.0], [0.0, -2.0, 0.0, 4.0], [0.0, 0.0, 5.0, 0.0]]);
        let grid = Grid {
            dims: [4, 3, 2],
            affine,
            form: Form::Sform,
        };
        Image::new(Voxels::U8((0..24).collect()), grid).expect("an image")
    }

    /// In the file, the first voxel is the patient's rightmost, frontmost and lowest.
    #[test]
    fn the_patients_right_is_on_the_right() {
        let image = flipped();
        let volume = image.canonical();
        let axial = Plane::Axial.cut(&volume, 0);
        assert_eq!(axial.dim(), (3, 4));
        assert_eq!((axial[[0, 3]], axial[[0, 0]], axial[[2, 3]]), (0.0, 3.0, 8.0));
        let coronal = Plane::Coronal.cut(&volume, 2);
        assert_eq!(coronal.dim(), (2, 4));
        assert_eq!((coronal[[1, 3]], coronal[[0, 3]], coronal[[1, 0]]), (0.0, 12.0, 3.0));
        let sagittal = Plane::Sagittal.cut(&volume, 3);
        assert_eq!(sagittal.dim(), (2, 3));
        assert_eq!((sagittal[[1, 2]], sagittal[[0, 2]], sagittal[[1, 0]]), (0.0, 12.0, 8.0));
        let letters = Plane::Axial.letters();
        assert_eq!(
            (letters.left, letters.right, letters.top, letters.bottom),
            ('L', 'R', 'A', 'P')
        );
        let letters = Plane::Sagittal.letters();
        assert_eq!(
            (letters.left, letters.right, letters.top, letters.bottom),
            ('P', 'A', 'S', 'I')
        );
    }

    #[test]
    fn voxels_are_as_high_and_wide_as_in_the_patient() {
        let grid = flipped().grid().clone();
        let sizes = [Plane::Axial, Plane::Coronal, Plane::Sagittal].map(|plane| plane.voxel_mm(&grid));
        assert_eq!(sizes, [[2.0, 1.0], [5.0, 1.0], [5.0, 2.0]]);
    }

    #[test]
    fn the_slice_with_the_most_marked_voxels_is_found() {
        let mut marked = Array3::from_elem((4, 5, 6), false);
        assert_eq!(Plane::Axial.fullest(&marked), None);
        for place in [[1, 0, 5], [3, 0, 2], [3, 4, 2], [1, 3, 2]] {
            marked[place] = true;
        }
        assert_eq!(Plane::Axial.fullest(&marked), Some(1), "the first of equals");
        assert_eq!(Plane::Coronal.fullest(&marked), Some(0));
        assert_eq!(Plane::Sagittal.fullest(&marked), Some(2));
    }
}
