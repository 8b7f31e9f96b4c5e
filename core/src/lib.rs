//! Few-shot 3D medical segmentation with MedContext (arXiv 2402.17725).
//!
//! Read the modules in this order, in which each uses only those before it: a [`volume`] is read from
//! NIfTI, [`nn`] has the blocks of networks and [`loss`] what they learn from, [`dataset`] pairs images
//! with labels, [`transform`] turns them into patches, a [`backbone`] built from [`nn`] blocks maps
//! patches to logits, [`medcontext`] adds the masked view and the teacher, [`weights`] are files,
//! [`infer`] segments and [`metric`] measures, [`train`] runs the loop and reports typed events, a
//! [`preset`] knows a data set's settings, [`plan`] derives them from its cases, and an [`experiment`] compares many
//! runs.

pub mod backbone;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
pub mod dataset;
pub mod device;
mod digest;
pub mod duration;
mod error;
pub mod experiment;
pub mod file_names;
pub mod infer;
pub mod loss;
pub mod medcontext;
pub mod metric;
pub mod nn;
mod parallel;
pub mod plan;
pub mod pool;
pub mod preset;
pub mod pretrain;
mod statistics;
pub mod train;
pub mod transform;
pub mod volume;
pub mod weights;

pub use error::{Error, Result};
