//! Labels as the viewer sees them.

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
