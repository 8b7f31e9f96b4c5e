//! Supervised losses, and the terms of the joint loss.
//!
//! To add one: a file with its settings, which implement [`Loss`], and a line of the list below. `toy.rs`, which exists
//! in tests alone, is the shortest example. Since a macro names the files, rustfmt must be given them: `cargo fmt --
//! core/src/loss/*.rs`.

mod function;
mod list;
mod multi_scale;
mod supervised;
mod target;
mod terms;
#[cfg(test)]
mod tests;

use list::losses;

pub use function::{Activation, Loss};
pub use multi_scale::MultiScaleLoss;
pub use target::{IGNORED, Target};
pub use terms::Terms;

losses! {
    dice_ce::DiceCe untagged;
    #[cfg(test)] toy::Toy;
}
