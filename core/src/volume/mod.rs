//! Volumes: voxel grid, affine, NIfTI-1 reading and writing, label maps and their surfaces.
//!
//! A file goes through four steps, one file each: `stream` undoes gzip and bounds what is read,
//! `header` checks the 348 bytes, `grid` finds where the voxels are in the patient, and
//! `orient` turns the array so that its axes are \[S, A, R\]. `orient` is the only place in the
//! crate where a voxel changes its axis order.

mod datatype;
mod display;
mod error;
mod grid;
mod header;
mod image;
mod inspect;
mod label;
mod mend;
mod orient;
mod placement;
mod stream;
mod surface;
mod thumbnail;
mod voxels;

pub use datatype::Datatype;
pub use error::VolumeError;
pub use grid::{Affine, Form, Grid, SAME_GRID_VOXELS};
pub use header::{Extension, Header};
pub use image::Image;
pub use inspect::{Inspection, inspect};
pub use label::LabelImage;
pub use orient::{AxisOrder, Orientation};
pub use placement::{AxisOrderInFile, Placement};
pub use stream::{Limits, gzip};
pub use surface::{Surface, SurfaceNames};
pub use thumbnail::Thumbnail;
pub use voxels::Voxels;

/// Result with a [`VolumeError`].
pub type Result<T> = std::result::Result<T, VolumeError>;
