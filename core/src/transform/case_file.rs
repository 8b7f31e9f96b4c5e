//! Prepared cases as files, so that a data set need not fit into memory and is prepared once.

// Mapping a file is an unsafe function.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use ndarray::{Array3, ArrayView3, ArrayView4};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Prepared;
use crate::loss::IGNORED;

/// Key of the safetensors header for what the case was prepared from, and how.
const KEY: &str = "medcontext-case";

/// A prepared case in a safetensors file: `image`, f32 `[channel, depth, height, width]`, and `classes`, u8 `[depth,
/// height, width]`. Its values are used in place (memory-mapped), which is why big-endian machines are not supported.
#[derive(Debug)]
pub struct CaseFile {
    map: Mmap,
    image: Location<4>,
    classes: Location<3>,
}

/// Byte range and shape of a row-major array.
type Location<const AXES: usize> = (Range<usize>, [usize; AXES]);

impl CaseFile {
    /// The file content of a case; without labels, every voxel is [`IGNORED`]. `origin` says what it was prepared from,
    /// and how.
    ///
    /// # Errors
    /// When it cannot be written as safetensors.
    pub fn serialize(case: &Prepared, origin: &str) -> io::Result<Vec<u8>> {
        let unlabeled = || Cow::Owned(Array3::from_elem(case.size(), IGNORED));
        let classes = case.classes.as_ref().map_or_else(unlabeled, Cow::Borrowed);
        let (image, classes) = (case.image.as_standard_layout(), classes.as_standard_layout());
        // In standard layout both are slices.
        let (Some(intensities), Some(numbers)) = (image.as_slice(), classes.as_slice()) else {
            return Err(io::Error::other("the case is not in one piece in memory"));
        };
        let tensors = [
            ("image", Dtype::F32, image.shape(), bytemuck::cast_slice(intensities)),
            ("classes", Dtype::U8, classes.shape(), numbers),
        ];
        let mut views = Vec::new();
        for (name, kind, shape, bytes) in tensors {
            let view = TensorView::new(kind, shape.to_vec(), bytes).map_err(io::Error::other)?;
            views.push((name, view));
        }
        let header = HashMap::from([(KEY.to_owned(), origin.to_owned())]);
        safetensors::serialize(views, Some(header)).map_err(io::Error::other)
    }

    /// Opens a case; `None` if there is no readable file, or its origin differs.
    pub fn open(path: &Path, origin: &str) -> Option<Self> {
        let file = File::open(path).ok()?;
        // SAFETY: a mapped file must not change. Files of prepared cases are written under another name and renamed;
        // nothing changes one after that.
        let map = unsafe { Mmap::map(&file) }.ok()?;
        let (image, classes) = find(&map, origin)?;
        Some(Self { map, image, classes })
    }

    /// Normalized intensities `[channel, depth, height, width]`.
    pub fn image(&self) -> ArrayView4<'_, f32> {
        let (range, shape) = &self.image;
        let values = bytemuck::cast_slice(&self.map[range.clone()]);
        ArrayView4::from_shape(*shape, values).expect("found as large as its shape")
    }

    /// Class indices `[depth, height, width]`.
    pub fn classes(&self) -> ArrayView3<'_, u8> {
        let (range, shape) = &self.classes;
        let values = &self.map[range.clone()];
        ArrayView3::from_shape(*shape, values).expect("found as large as its shape")
    }
}

/// Where the arrays of a case of this origin lie; `None` if the bytes are not such a case.
fn find(bytes: &[u8], origin: &str) -> Option<(Location<4>, Location<3>)> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    if header.metadata().as_ref()?.get(KEY)? != origin {
        return None;
    }
    // Checks every shape against its number of bytes.
    let tensors = SafeTensors::deserialize(bytes).ok()?;
    let place = |name: &str, kind| {
        let tensor = tensors.tensor(name).ok()?;
        let start = tensor.data().as_ptr().addr() - bytes.as_ptr().addr();
        let range = start..start + tensor.data().len();
        (tensor.dtype() == kind).then(|| (range, tensor.shape().to_vec()))
    };
    let (image, image_shape) = place("image", Dtype::F32)?;
    let (classes, classes_shape) = place("classes", Dtype::U8)?;
    let image_shape: [usize; 4] = image_shape.try_into().ok()?;
    let classes_shape: [usize; 3] = classes_shape.try_into().ok()?;
    // Headers are padded so that values are aligned; an unaligned file is not ours.
    let aligned = bytemuck::try_cast_slice::<u8, f32>(&bytes[image.clone()]).is_ok();
    let fits = image_shape[1..] == classes_shape;
    (aligned && fits).then_some(((image, image_shape), (classes, classes_shape)))
}
