//! A synthetic volume.

use medcontext_core::volume::{Affine, Form, Grid, Image, Voxels};

/// A volume of 1 mm along the patient's axes whose values rise from 0 to 999 repeatedly.
///
/// # Panics
/// When an axis is longer than NIfTI allows.
pub fn ramp(dims: [usize; 3]) -> Image {
    let affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let form = Form::Sform;
    let voxels = (0..dims.iter().product::<usize>()).map(|i| (i % 1000) as i16);
    let grid = Grid { dims, affine, form };
    Image::new(Voxels::I16(voxels.collect()), grid).expect("a volume")
}
