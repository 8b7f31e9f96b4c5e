//! Panels side by side, with titles above and a legend below.

use ndarray::Array2;
use tiny_skia::{Color, Pixmap, PixmapPaint, Transform};

use super::legend::{Entry, Legend};
use super::panel::Panel;
use super::text::{BLACK, PLAIN};
use crate::cli::Failure;

/// Panels in one row at most.
const MOST_COLUMNS: usize = 5;

/// Pixels between panels, around all, and of a line with titles.
const GAP: usize = 12;
const MARGIN: usize = 10;
const TITLE: usize = 36;

/// A slice of an image, once for each of several label maps.
pub(super) struct Figure {
    pub panel: Panel,
    /// The title of each panel, and its labels.
    pub views: Vec<(String, Option<Array2<u16>>)>,
    pub entries: Vec<Entry>,
}

impl Figure {
    /// The figure as a PNG file.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn into_png(self) -> Result<Vec<u8>, Failure> {
        let picture = self.draw().ok_or_else(|| {
            Failure::Message("there is no memory for so many panels; draw fewer predictions".to_owned())
        })?;
        let png = picture.encode_png();
        png.map_err(|error| Failure::Message(format!("the picture cannot be written as PNG ({error}); draw it again")))
    }

    fn draw(self) -> Option<Pixmap> {
        let [wide, high] = self.panel.size.map(|side| side as usize);
        let rows = self.views.len().div_ceil(MOST_COLUMNS).max(1);
        let columns = self.views.len().div_ceil(rows).max(1);
        let width = columns * (wide + GAP) - GAP;
        let legend = Legend::new(self.entries, width);
        let below = match legend.height() {
            0 => 0,
            height => GAP / 2 + height,
        };
        let height = rows * (TITLE + high + GAP) - GAP + below;
        let side = |pixels: usize| u32::try_from(pixels + 2 * MARGIN).ok();
        let mut picture = Pixmap::new(side(width)?, side(height)?)?;
        picture.fill(Color::WHITE);
        for (index, (title, labels)) in self.views.iter().enumerate() {
            let left = MARGIN + index % columns * (wide + GAP);
            let top = MARGIN + index / columns * (TITLE + high + GAP);
            let title = PLAIN.shortened(title, wide);
            let middle = left + (wide.saturating_sub(PLAIN.width(&title))) / 2;
            PLAIN.draw(
                &mut picture,
                &title,
                [i32::try_from(middle).ok()?, i32::try_from(top).ok()?],
                BLACK,
            );
            let panel = self.panel.draw(labels.as_ref())?;
            let (x, y) = (i32::try_from(left).ok()?, i32::try_from(top + TITLE).ok()?);
            picture.draw_pixmap(
                x,
                y,
                panel.as_ref(),
                &PixmapPaint::default(),
                Transform::identity(),
                None,
            );
        }
        legend.draw(&mut picture, [MARGIN, MARGIN + height - legend.height()]);
        Some(picture)
    }
}
