//! A picture of what a run of pretraining restores.

use ndarray::{Array2, Axis, Zip};
use tiny_skia::{Color, FilterQuality, Pixmap, PixmapPaint, Transform};

use crate::cli::Failure;
use crate::cli::render::gray_picture;
use crate::train::Restoration;

/// Pixels of the longer side of a panel, and between panels.
const SIDE: usize = 256;
const GAP: usize = 8;

/// The gray of what the network does not see.
const HIDDEN: u8 = 96;

/// The middle slice of a patch across `slice_axis` as a PNG file: the patch, what the network sees of it, and the same
/// with what it restores.
///
/// # Errors
/// When there is no memory for it.
pub(super) fn png(restoration: &Restoration, slice_axis: usize) -> Result<Vec<u8>, Failure> {
    let failed = || Failure::Message("there is no memory for a picture of what is restored".to_owned());
    let picture = draw(restoration, slice_axis).ok_or_else(failed)?;
    picture.encode_png().map_err(|_| failed())
}

fn draw(restoration: &Restoration, slice_axis: usize) -> Option<Pixmap> {
    let axis = Axis(slice_axis);
    let middle = restoration.original.len_of(axis) / 2;
    let original = restoration.original.index_axis(axis, middle);
    let hidden = restoration.hidden.index_axis(axis, middle);
    let restored = restoration.restored.index_axis(axis, middle);
    let (low, high) = original
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    let gray = |value: f32| (255.0 * (value - low) / (high - low).max(f32::MIN_POSITIVE)) as u8;
    let seen = Zip::from(&original)
        .and(&hidden)
        .map_collect(|&value, &hidden| match hidden {
            true => HIDDEN,
            false => gray(value),
        });
    let together = Zip::from(&original).and(&hidden).and(&restored);
    let together = together.map_collect(|&value, &hidden, &restored| gray(if hidden { restored } else { value }));
    side_by_side(&[original.mapv(gray), seen, together])
}

fn side_by_side(panels: &[Array2<u8>]) -> Option<Pixmap> {
    let (rows, columns) = panels.first()?.dim();
    let scale = (SIDE / rows.max(columns).max(1)).max(1);
    let step = columns * scale + GAP;
    let width = u32::try_from(panels.len() * step - GAP).ok()?;
    let mut picture = Pixmap::new(width, u32::try_from(rows * scale).ok()?)?;
    picture.fill(Color::WHITE);
    let voxels = PixmapPaint {
        quality: FilterQuality::Nearest,
        ..PixmapPaint::default()
    };
    for (index, panel) in panels.iter().enumerate() {
        let place = Transform::from_scale(scale as f32, scale as f32).post_translate((index * step) as f32, 0.0);
        picture.draw_pixmap(0, 0, gray_picture(panel)?.as_ref(), &voxels, place, None);
    }
    Some(picture)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::draw;
    use crate::train::Restoration;

    /// A patch of 0 and 1 whose second half is hidden and restored as 1.
    #[test]
    fn what_is_hidden_is_gray_and_then_restored() {
        let original = Array3::from_shape_fn((2, 4, 4), |(_, row, _)| if row == 0 { 1.0 } else { 0.0 });
        let restoration = Restoration {
            hidden: Array3::from_shape_fn((2, 4, 4), |(_, row, _)| row >= 2),
            restored: Array3::ones((2, 4, 4)),
            original,
        };
        let picture = draw(&restoration, 0).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (3 * 256 + 16, 256));
        let at = |panel: u32, row: u32| picture.pixel(panel * 264 + 100, row * 64 + 32).expect("a pixel").red();
        let columns = [0, 1, 2].map(|panel| [0, 1, 2, 3].map(|row| at(panel, row)));
        assert_eq!(columns, [[255, 0, 0, 0], [255, 0, 96, 96], [255, 0, 255, 255]]);
    }
}
