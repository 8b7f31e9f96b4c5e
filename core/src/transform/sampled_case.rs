//! The source of patches: a prepared case, in memory or in a file.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis};

use super::Prepared;
#[cfg(not(target_arch = "wasm32"))]
use super::case_file::CaseFile;
use crate::loss::IGNORED;

/// A case that patches are sampled from. In a file it is memory-mapped: the system reads the parts that patches
/// need, and caches them as long as there is room.
#[derive(Debug)]
pub struct SampledCase(Storage);

#[derive(Debug)]
enum Storage {
    Memory {
        image: Array4<f32>,
        classes: Array3<u8>,
    },
    #[cfg(not(target_arch = "wasm32"))]
    File(CaseFile),
}

impl From<Prepared> for SampledCase {
    /// Without labels, nothing is known of any voxel.
    fn from(case: Prepared) -> Self {
        let size = case.size();
        Self(Storage::Memory {
            image: case.image,
            classes: case.classes.unwrap_or_else(|| Array3::from_elem(size, IGNORED)),
        })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<CaseFile> for SampledCase {
    fn from(file: CaseFile) -> Self {
        Self(Storage::File(file))
    }
}

impl SampledCase {
    /// Normalized intensities `[channel, depth, height, width]`.
    pub fn image(&self) -> ArrayView4<'_, f32> {
        match &self.0 {
            Storage::Memory { image, .. } => image.view(),
            #[cfg(not(target_arch = "wasm32"))]
            Storage::File(file) => file.image(),
        }
    }

    /// Class indices `[depth, height, width]`; [`IGNORED`] where a voxel is not labeled.
    pub fn classes(&self) -> ArrayView3<'_, u8> {
        match &self.0 {
            Storage::Memory { classes, .. } => classes.view(),
            #[cfg(not(target_arch = "wasm32"))]
            Storage::File(file) => file.classes(),
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.image().len_of(Axis(0))
    }

    /// Size after padding, [depth, height, width].
    pub fn size(&self) -> [usize; 3] {
        let (d, h, w) = self.classes().dim();
        [d, h, w]
    }
}
