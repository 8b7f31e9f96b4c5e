//! Labels as the viewer sees them.

use medcontext_core::volume::names_ignored;

use crate::page::palette::rgb;

/// Of voxels that are not labeled.
const GRAY: [u8; 3] = [0x80; 3];

/// A label as the viewer colors it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its value in the file.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Whether it is drawn.
    pub visible: bool,
}

impl Label {
    /// Its color in red, green and blue, at its place among all labels. Voxels that are not labeled are gray.
    pub fn rgb(&self, place: usize) -> [u8; 3] {
        match names_ignored(&self.name) {
            true => GRAY,
            false => rgb(place),
        }
    }
}
