//! Colors of labels, distinguishable with any kind of color vision.

/// Okabe and Ito's colors without black, then Paul Tol's muted set where it differs: order matters, since
/// the first few are the most distinct.
const COLORS: [[u8; 3]; 14] = [
    [0xE6, 0x9F, 0x00],
    [0x56, 0xB4, 0xE9],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0xF0, 0xE4, 0x42],
    [0xD5, 0x5E, 0x00],
    [0x00, 0x72, 0xB2],
    [0x88, 0xCC, 0xEE],
    [0x99, 0x99, 0x33],
    [0xCC, 0x66, 0x77],
    [0x44, 0xAA, 0x99],
    [0xAA, 0x44, 0x99],
    [0xDD, 0xCC, 0x77],
    [0x88, 0x22, 0x55],
];

/// Color of the label with this place in the legend; after fourteen they repeat.
pub fn rgb(index: usize) -> [u8; 3] {
    COLORS[index % COLORS.len()]
}

/// The same color for CSS.
pub fn css(index: usize) -> String {
    let [r, g, b] = rgb(index);
    format!("rgb({r} {g} {b})")
}
