//! Drawing and correcting labels, which become the case's truth.

mod pen;
mod tools;
mod view;

pub use view::Editor;
