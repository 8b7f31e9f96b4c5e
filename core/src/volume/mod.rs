//! Volumes: voxel grid, affine, reading, writing as NIfTI-1, label maps, their components
//! and their surfaces.
//!
//! A file goes through three steps: `stream` decompresses gzip and limits what is read, one of the [`FORMATS`] checks
//! the header and finds where the voxels are in the patient (its `grid`), and `orient` turns the array so that its axes
//! are \[S, A, R\]. `orient` is the only place in the crate where a voxel changes its axis order.
//!
//! ```
//! use medcontext_core::dataset::{PhantomConfig, phantom};
//! use medcontext_core::volume::{Image, Limits, gzip};
//!
//! // The bytes of a `.nii.gz` file: a synthetic scan.
//! let settings = PhantomConfig { cases: 1, seed: 0, voxels: (16, 20) };
//! let bytes = gzip(&phantom(&settings)[0].image);
//!
//! let image = Image::read(&bytes, &Limits::default())?;
//! let intensities = image.canonical(); // [depth, height, width]
//! assert_eq!(intensities.shape(), image.grid().canonical_dims());
//! assert!(image.warnings().is_empty());
//! # Ok::<(), medcontext_core::volume::VolumeError>(())
//! ```

mod affine;
mod bounds;
mod components;
mod datatype;
mod display;
mod error;
pub mod format;
mod grid;
mod ignored;
mod image;
mod inspection;
mod label;
mod orient;
mod palette;
mod partial;
mod placement;
mod read;
mod repair;
mod stream;
mod surface;
mod thumbnail;
mod voxels;

pub use affine::Affine;
pub use bounds::Bounds;
pub use components::{Component, ComponentRun, Components};
pub use datatype::Datatype;
pub use error::VolumeError;
pub use format::nifti::{Extension, Header, INTENT_LABEL};
pub use format::{FORMATS, Format, stem};
pub use grid::{Form, Grid, SAME_GRID_VOXELS, format_dims};
pub use ignored::{IGNORE, names_ignored};
pub use image::Image;
pub use inspection::Inspection;
pub use label::LabelImage;
pub use orient::{AxisOrder, Orientation};
pub use palette::label_rgb;
pub use partial::SliceAxis;
pub use placement::{AxisOrderInFile, Placement};
pub use read::inspect;
pub(crate) use stream::gzip_fast;
pub use stream::{Limits, gzip};
pub use surface::{Surface, SurfaceNames};
pub use thumbnail::Thumbnail;
pub use voxels::Voxels;

/// Result with a [`VolumeError`].
pub type Result<T> = std::result::Result<T, VolumeError>;
