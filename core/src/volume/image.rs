//! A 3D image volume.

use ndarray::Array3;

use super::format::decoded::Decoded;
use super::grid::format_dims;
use super::voxels::with_values;
use super::{AxisOrderInFile, Grid, Header, Placement, Result, VolumeError, Voxels};

/// A 3D volume: header, grid, and voxels in the type that the file stores.
#[derive(Debug, Clone)]
pub struct Image {
    header: Header,
    grid: Grid,
    voxels: Voxels,
    frames: usize,
    non_finite: usize,
    warnings: Vec<String>,
}

impl Image {
    /// An image from `voxels` in grid order (i fastest), with slope 1 and an sform. The header stores the affine in 32
    /// bits, and the image's grid has that precision.
    ///
    /// # Errors
    /// When the number of voxels does not match the grid, or an axis is longer than 32767.
    pub fn new(voxels: Voxels, grid: Grid) -> Result<Image> {
        if voxels.len() != grid.len() {
            return Err(VolumeError::ShapeMismatch {
                array: voxels.len().to_string(),
                grid: format_dims(&grid.dims),
            });
        }
        let decoded = Decoded::on_grid(voxels, &grid, (1.0, 0.0))?;
        Ok(Image::assemble(decoded))
    }

    /// Fractions from 0 to 1, given as bytes from 0 to 255 with axes \[S, A, R\], on the grid of a label map and with
    /// its header, but marked as intensities for viewers.
    ///
    /// # Errors
    /// When the shape is not the grid's canonical shape.
    pub fn of_shares(canonical: &Array3<u8>, header: &Header, grid: &Grid) -> Result<Image> {
        let bytes = grid.place(canonical)?;
        let header = header.of_shares()?;
        Ok(Image::assemble(Decoded::with_header(
            header,
            grid.dims,
            Voxels::U8(bytes),
        )))
    }

    /// An image from the result of a format's reader.
    pub(super) fn assemble(decoded: Decoded) -> Image {
        let Decoded {
            header,
            grid,
            voxels,
            frames,
            mut warnings,
        } = decoded;
        let (slope, inter) = header.scaling();
        let non_finite = with_values!(&voxels, values => values
            .iter()
            .filter(|&&value| !((value as f64 * slope + inter) as f32).is_finite())
            .count());
        if non_finite > 0 {
            warnings.push(format!("{non_finite} voxels are NaN or infinite and are read as 0"));
        }
        Image {
            header,
            grid,
            voxels,
            frames,
            non_finite,
            warnings,
        }
    }

    /// The NIfTI-1 header for writing this image and its results: the file's own or, for other formats, one with its
    /// grid and scaling.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Size and place.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Stored values, before slope and intercept.
    pub fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// Frames in the file that this image was read from.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Slope and intercept: a voxel's value is stored·slope + intercept. (1, 0) where the header's
    /// slope is 0, NaN or infinite.
    pub fn scaling(&self) -> (f64, f64) {
        self.header.scaling()
    }

    /// Values after slope and intercept, NaN and infinities as 0, axes \[S, A, R\]: the shape is
    /// \[depth, height, width\], rows run to the patient's right.
    pub fn canonical(&self) -> Array3<f32> {
        let (slope, inter) = self.scaling();
        let orientation = self.grid.array_orientation();
        with_values!(&self.voxels, values => orientation.file_to_canonical(values, self.grid.dims, |&value| {
            let value = (value as f64 * slope + inter) as f32;
            if value.is_finite() { value } else { 0.0 }
        }))
    }

    /// How many voxels are NaN or infinite (read as 0).
    pub fn non_finite(&self) -> usize {
        self.non_finite
    }

    /// Warnings about the file and how it was read, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The image as a NIfTI-1 file (`.nii`, not compressed), little-endian, with its header bytes unchanged.
    pub fn to_nifti(&self) -> Vec<u8> {
        let mut out = self.header.to_bytes();
        self.voxels.write(&mut out);
        out
    }

    /// This image on the grid of `first`, the first channel of its case, and how it was placed.
    ///
    /// # Errors
    /// When it lies elsewhere and has another size.
    pub fn placed_on(self, first: &Image) -> Result<(Image, Placement)> {
        let placement = first.grid.placement_of(&self.grid);
        let voxels = match placement {
            Placement::Same(AxisOrderInFile::STORED) | Placement::VoxelByVoxel { .. } => self.voxels,
            Placement::Same(order) => self.voxels.reordered(order, self.grid.dims),
            Placement::Elsewhere => {
                return Err(VolumeError::Elsewhere {
                    found: self.grid.describe(),
                    wanted: first.grid.describe(),
                });
            }
        };
        let image = Image {
            header: self.header.placed_like(&first.header)?,
            grid: first.grid.clone(),
            voxels,
            ..self
        };
        Ok((image, placement))
    }

    /// The parts that a label map takes over: header, grid and warnings.
    pub(super) fn into_parts(self) -> (Header, Grid, Vec<String>) {
        (self.header, self.grid, self.warnings)
    }
}
