//! Self-supervised pretraining of an encoder on scans without labels, from which
//! [`train`](crate::train) can start.
//!
//! - `settings.rs`: the methods and their numbers
//! - `mask.rs`: which parts of a patch are hidden
//! - `head.rs`: what a method adds to the encoder, one file each: `mae.rs` (He et al., arXiv 2111.06377), `simmim.rs`
//!   (Xie et al., arXiv 2111.09886), `simclr.rs` (Chen et al., arXiv 2002.05709) and `pcrlv2.rs` (Zhou et al., arXiv
//!   2301.00772), in three dimensions
//! - `distortion.rs`: what PCRLv2 does to the patches that it restores
//! - `task.rs`: what a method is told

mod distortion;
mod head;
mod mae;
mod mask;
mod pcrlv2;
mod settings;
mod simclr;
mod simmim;
mod task;

pub use head::Head;
pub use mae::{mae_loss, normalized_target};
pub use pcrlv2::{cosine, normalized_over_batch};
pub use settings::{Method, Pretraining};
pub use simclr::nt_xent;
pub use simmim::simmim_loss;
pub use task::Task;
