//! Text on a picture, in Noto Sans Mono.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};
use tiny_skia::{Pixmap, PremultipliedColorU8};
use unicode_normalization::UnicodeNormalization;

/// A size and weight of letters.
#[derive(Clone, Copy)]
pub(super) struct Font {
    weight: FontWeight,
    size: RasterHeight,
}

/// Of titles and the legend.
pub(super) const PLAIN: Font = Font {
    weight: FontWeight::Regular,
    size: RasterHeight::Size24,
};

/// Of the letters at the edges of panels.
pub(super) const BOLD: Font = Font {
    weight: FontWeight::Bold,
    size: RasterHeight::Size24,
};

pub(super) const BLACK: [u8; 3] = [0; 3];
pub(super) const WHITE: [u8; 3] = [255; 3];

/// Drawn for letters that the font lacks.
const UNKNOWN: char = '?';

impl Font {
    /// Height of a line in pixels.
    pub fn height(self) -> usize {
        self.size.val()
    }

    /// Width of a text in pixels: all letters are as wide.
    pub fn width(self, text: &str) -> usize {
        text.nfc().count() * get_raster_width(self.weight, self.size)
    }

    /// A text that is at most so many pixels wide: what does not fit becomes "...".
    pub fn shortened(self, text: &str, width: usize) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let fitting = width / get_raster_width(self.weight, self.size);
        let kept: String = text.nfc().take(fitting.saturating_sub(3)).collect();
        format!("{}...", kept.trim_end())
    }

    /// Draws a line whose top left corner is at (x, y), in pixels; what lies outside the picture is left out.
    pub fn draw(self, picture: &mut Pixmap, text: &str, [x, y]: [i32; 2], color: [u8; 3]) {
        let step = get_raster_width(self.weight, self.size);
        for (index, letter) in text.nfc().enumerate() {
            if let Some(glyph) = self.glyph(letter) {
                let left = x.saturating_add(i32::try_from(index * step).unwrap_or(i32::MAX));
                put(picture, &glyph, [left, y], color);
            }
        }
    }

    /// The same in white with a black rim, which can be read on any gray.
    pub fn draw_on_gray(self, picture: &mut Pixmap, text: &str, [x, y]: [i32; 2]) {
        for (right, down) in (-2..=2).flat_map(|right| (-2..=2).map(move |down| (right, down))) {
            self.draw(picture, text, [x + right, y + down], BLACK);
        }
        self.draw(picture, text, [x, y], WHITE);
    }

    fn glyph(self, letter: char) -> Option<RasterizedChar> {
        let of = |letter| get_raster(letter, self.weight, self.size);
        of(letter).or_else(|| of(UNKNOWN))
    }
}

/// Blends a letter into an opaque picture.
fn put(picture: &mut Pixmap, glyph: &RasterizedChar, [left, top]: [i32; 2], color: [u8; 3]) {
    let (width, height) = (picture.width(), picture.height());
    let pixels = picture.pixels_mut();
    for (row, y) in glyph.rows().zip(top..) {
        for (&cover, x) in row.iter().zip(left..) {
            let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
                continue;
            };
            if cover == 0 || x >= width || y >= height {
                continue;
            }
            let pixel = &mut pixels[y as usize * width as usize + x as usize];
            let under = [pixel.red(), pixel.green(), pixel.blue()];
            let [r, g, b] = [0, 1, 2].map(|channel| mixed(under[channel], color[channel], cover));
            // Opaque colors always are valid.
            *pixel = PremultipliedColorU8::from_rgba(r, g, b, u8::MAX).unwrap_or(*pixel);
        }
    }
}

/// `over` on `under`, as far as it covers it (0 to 255).
fn mixed(under: u8, over: u8, cover: u8) -> u8 {
    let cover = u32::from(cover);
    ((u32::from(over) * cover + u32::from(under) * (255 - cover) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Pixmap {
        let mut picture = Pixmap::new(60, 40).expect("a size");
        picture.fill(tiny_skia::Color::WHITE);
        picture
    }

    #[test]
    fn letters_are_where_they_should_be() {
        let mut drawn = picture();
        PLAIN.draw(&mut drawn, " I", [10, 5], [200, 0, 0]);
        let touched = |picture: &Pixmap| {
            let marked = picture
                .pixels()
                .iter()
                .enumerate()
                .filter(|(_, pixel)| pixel.green() < 128);
            marked.map(|(at, _)| [at % 60, at / 60]).collect::<Vec<_>>()
        };
        let found = touched(&drawn);
        let (left, right) = (10 + PLAIN.width(" "), 10 + PLAIN.width(" I"));
        assert!(!found.is_empty());
        assert!(
            found
                .iter()
                .all(|[x, y]| (left..right).contains(x) && (5..5 + PLAIN.height()).contains(y))
        );
        // Outside of the picture, nothing is drawn and nothing fails.
        let mut beyond = picture();
        PLAIN.draw(&mut beyond, "abc", [-200, 30], BLACK);
        PLAIN.draw(&mut beyond, "abc", [5, 40], BLACK);
        assert!(touched(&beyond).is_empty());
    }

    #[test]
    fn letters_that_the_font_lacks_are_question_marks() {
        let draw = |text: &str| {
            let mut drawn = picture();
            PLAIN.draw(&mut drawn, text, [0, 0], BLACK);
            drawn
        };
        assert_eq!(draw("肝"), draw("?"));
        // A letter and its accent may be stored as two.
        assert_eq!(draw("e\u{301}"), draw("é"));
        assert_ne!(draw("é"), draw("?"));
    }

    #[test]
    fn long_texts_are_shortened() {
        let width = PLAIN.width("0123456789");
        assert_eq!(PLAIN.shortened("0123456789", width), "0123456789");
        assert_eq!(PLAIN.shortened("0123456789a", width), "0123456...");
        assert_eq!(PLAIN.shortened("012345 789a", width), "012345...");
    }
}
