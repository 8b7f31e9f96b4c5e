//! Few-shot 3D medical segmentation with MedContext (arXiv 2402.17725).
//!
//! Read the modules in this order: a [`volume`] is read from NIfTI, [`dataset`] pairs images with
//! labels, [`transform`] turns them into patches, a [`backbone`] built from [`nn`] blocks maps
//! patches to logits, [`medcontext`] adds the masked view and the teacher, [`train`] and [`infer`]
//! run the loops and report typed events, [`metric`] measures the result and [`weights`] keeps it;
//! an [`experiment`] compares many runs.

pub mod backbone;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
pub mod dataset;
pub mod device;
mod error;
pub mod experiment;
pub mod file_names;
mod hash;
pub mod infer;
pub mod medcontext;
pub mod metric;
pub mod nn;
mod parallel;
pub mod train;
pub mod transform;
pub mod volume;
pub mod weights;

pub use error::{Error, Result};
