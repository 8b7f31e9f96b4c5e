//! Values of an image by position, without the library's own conversion from a file's order to the canonical one.

use medcontext_core::volume::{Image, Voxels};

/// The index of the voxel at a position in mm, which is within `voxels` of its center.
pub fn index_at(image: &Image, mm: [f64; 3], voxels: f64) -> [usize; 3] {
    let inverse = image.grid().affine.inverse().expect("axes span space");
    inverse.apply(mm).map(|index| {
        assert!((index - index.round()).abs() < voxels, "{mm:?}: {index}");
        index.round() as usize
    })
}

/// Where a voxel is in the file's order.
pub fn place_in_file(image: &Image, [i, j, k]: [usize; 3]) -> usize {
    let [width, height, _] = image.grid().dims;
    (k * height + j) * width + i
}

/// Values after slope and intercept, in the file's order.
pub fn values(image: &Image) -> Vec<f64> {
    let stored: Vec<f64> = match image.voxels() {
        Voxels::U8(values) => values.iter().map(|&value| value.into()).collect(),
        Voxels::I16(values) => values.iter().map(|&value| value.into()).collect(),
        Voxels::U16(values) => values.iter().map(|&value| value.into()).collect(),
        Voxels::I32(values) => values.iter().map(|&value| value.into()).collect(),
        Voxels::F32(values) => values.iter().map(|&value| value.into()).collect(),
        other => panic!("no test needs {:?}", other.datatype()),
    };
    let (slope, inter) = image.scaling();
    stored.iter().map(|value| value * slope + inter).collect()
}
