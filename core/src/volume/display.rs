//! Volumes in a form that viewers read correctly (seen in NiiVue 0.69).

use super::voxels::with_values;
use super::{Affine, Image, LabelImage, Result, Voxels};

// Byte offsets of NIfTI-1 fields.
const QFORM_CODE: usize = 252;
const SFORM_CODE: usize = 254;
const SROW_X: usize = 280;

impl Image {
    /// The image as a NIfTI-1 file to be shown: its only spatial transform is an sform, the affine of its grid; 32-bit
    /// and 64-bit integers become 64-bit floats.
    ///
    /// Viewers choose between qform and sform by other rules, place a file without either differently, and lose the low
    /// digits of wide integers.
    ///
    /// # Errors
    /// When an axis is longer than 32767.
    pub fn to_display(&self) -> Result<Vec<u8>> {
        let wide = matches!(
            self.voxels(),
            Voxels::U32(_) | Voxels::I32(_) | Voxels::U64(_) | Voxels::I64(_)
        );
        if !wide {
            return Ok(placed(self.to_nifti(), &self.grid().affine));
        }
        let (slope, inter) = self.scaling();
        let values = with_values!(self.voxels(), voxels => voxels
            .iter()
            .map(|&voxel| voxel as f64 * slope + inter)
            .collect());
        let floats = Image::new(Voxels::F64(values), self.grid().clone())?;
        Ok(placed(floats.to_nifti(), &self.grid().affine))
    }
}

impl LabelImage {
    /// The labels as a NIfTI-1 file to be shown; see [`Image::to_display`].
    pub fn to_display(&self) -> Vec<u8> {
        placed(self.to_nifti(), &self.grid().affine)
    }
}

/// Writes an affine into a file as its sform, and removes its qform.
fn placed(mut nifti: Vec<u8>, affine: &Affine) -> Vec<u8> {
    let mut put = |offset: usize, bytes: &[u8]| {
        if let Some(field) = nifti.get_mut(offset..offset + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(QFORM_CODE, &0i16.to_le_bytes());
    // For a viewer, these are scanner coordinates.
    put(SFORM_CODE, &1i16.to_le_bytes());
    for (index, &value) in affine.0.iter().flatten().enumerate() {
        put(SROW_X + 4 * index, &(value as f32).to_le_bytes());
    }
    nifti
}
