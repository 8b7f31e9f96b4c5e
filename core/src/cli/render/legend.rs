//! The legend below the panels.

use tiny_skia::Pixmap;

use super::difference::Frame;
use super::panel::{draw_box, draw_sign};
use super::text::{BLACK, PLAIN};

/// Pixels of a sign, between it and its words, and between entries.
const SIGN: usize = 22;
const SPACE: usize = 10;
const GAP: usize = 34;
/// Pixels from one line to the next.
const LINE: usize = 34;

/// A sign and what it means.
pub(super) struct Entry {
    pub sign: Sign,
    pub words: String,
}

/// What is drawn before the words.
pub(super) enum Sign {
    /// A label of this color.
    Label([u8; 3]),
    /// A box around differences.
    Box,
}

/// Entries in as many lines as they need.
pub(super) struct Legend {
    /// Each with the pixels from the legend's left edge, and its line.
    entries: Vec<(Entry, usize, usize)>,
    lines: usize,
}

impl Legend {
    /// Lays entries out in lines of this width in pixels; words that are longer are shortened.
    pub fn new(entries: Vec<Entry>, width: usize) -> Self {
        let (mut at, mut line) = (0, 0);
        let place = |mut entry: Entry| {
            entry.words = PLAIN.shortened(&entry.words, width.saturating_sub(SIGN + SPACE));
            let wide = SIGN + SPACE + PLAIN.width(&entry.words);
            if at > 0 && at + wide > width {
                (at, line) = (0, line + 1);
            }
            let placed = (entry, at, line);
            at += wide + GAP;
            placed
        };
        let entries: Vec<(Entry, usize, usize)> = entries.into_iter().map(place).collect();
        let lines = entries.last().map_or(0, |(_, _, line)| line + 1);
        Self { entries, lines }
    }

    /// Its height in pixels.
    pub fn height(&self) -> usize {
        self.lines * LINE
    }

    /// Draws it with its top left corner at (x, y).
    pub fn draw(&self, picture: &mut Pixmap, [x, y]: [usize; 2]) {
        for (entry, across, line) in &self.entries {
            let (left, top) = (x + across, y + line * LINE + (LINE - SIGN) / 2);
            match entry.sign {
                Sign::Label(color) => draw_sign(picture, [left as f32, top as f32], SIGN as f32, color),
                Sign::Box => draw_box(picture, sign_frame(left, top)),
            }
            let words = [left + SIGN + SPACE, y + line * LINE + (LINE - PLAIN.height()) / 2];
            let words = words.map(|place| i32::try_from(place).unwrap_or(i32::MAX));
            PLAIN.draw(picture, &entry.words, words, BLACK);
        }
    }
}

/// The sign of a box, whose rim ends where other signs do.
fn sign_frame(left: usize, top: usize) -> Frame {
    let inset = 3;
    Frame {
        left: (left + inset) as f64,
        top: (top + inset) as f64,
        right: (left + SIGN - inset) as f64,
        bottom: (top + SIGN - inset) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_do_not_fit_begin_a_line() {
        let entry = |words: &str| Entry {
            sign: Sign::Label([1, 2, 3]),
            words: words.to_owned(),
        };
        let wide = |words: &str| SIGN + SPACE + PLAIN.width(words);
        let width = wide("liver") + GAP + wide("spleen");
        let names = ["liver", "spleen", "a kidney", "x"];
        let legend = Legend::new(names.map(entry).into(), width);
        let places: Vec<(usize, usize)> = legend.entries.iter().map(|(_, x, line)| (*x, *line)).collect();
        assert_eq!(
            places,
            [(0, 0), (wide("liver") + GAP, 0), (0, 1), (wide("a kidney") + GAP, 1)]
        );
        assert_eq!(legend.height(), 2 * LINE);
        assert_eq!(Legend::new(Vec::new(), 100).height(), 0);
        let narrow = Legend::new(vec![entry("a name that is too long")], wide("a name..."));
        assert_eq!(narrow.entries[0].0.words, "a name...");
    }
}
