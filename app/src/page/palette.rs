//! Colors of labels for the page.

pub use medcontext_core::volume::label_rgb as rgb;

/// The color of the label with this place in the legend for CSS.
pub fn css(index: usize) -> String {
    let [r, g, b] = rgb(index);
    format!("rgb({r} {g} {b})")
}
