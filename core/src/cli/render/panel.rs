//! One panel: a slice with labels, boxes and directions.

use std::collections::BTreeMap;

use ndarray::Array2;
use tiny_skia::{
    Color, FillRule, FilterQuality, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, PremultipliedColorU8,
    Rect, Stroke, Transform,
};

use super::difference::Frame;
use super::outline::outlines;
use super::plane::Letters;
use super::text::BOLD;

/// Pixels of the longer side of a panel.
const SIDE: f64 = 512.0;

/// How much of the image a label's fill hides, 0 to 255.
const FILL: u8 = 77;

/// Width of outlines and of the sides of boxes, in pixels.
const LINE: f32 = 2.5;
/// Width of the black rim of a box.
const RIM: f32 = 6.0;

/// Pixels between an edge and its letter.
const INSET: i32 = 8;

/// Colors of labels by id, in red, green and blue.
pub(super) type Colors = BTreeMap<u16, [u8; 3]>;

/// What all panels of a figure have in common.
pub(super) struct Panel {
    /// The slice of the image, one pixel for each voxel.
    pub gray: Pixmap,
    /// Width and height in pixels: square ones in mm.
    pub size: [u32; 2],
    pub letters: Letters,
    pub frames: Vec<Frame>,
    pub colors: Colors,
}

/// Width and height of a panel, in pixels, of a slice with this many rows and columns.
pub(super) fn size((rows, columns): (usize, usize), voxel_mm: [f64; 2]) -> [u32; 2] {
    let [height, width] = [rows as f64 * voxel_mm[0], columns as f64 * voxel_mm[1]];
    let scale = SIDE / height.max(width);
    [width, height].map(|mm| (mm * scale).round().max(1.0) as u32)
}

/// Grays (0 to 255) as a picture; `None` of none.
pub(in crate::cli) fn gray_picture(slice: &Array2<u8>) -> Option<Pixmap> {
    let (rows, columns) = slice.dim();
    let mut picture = Pixmap::new(u32::try_from(columns).ok()?, u32::try_from(rows).ok()?)?;
    for (pixel, &gray) in picture.pixels_mut().iter_mut().zip(slice) {
        // Opaque colors always are valid.
        *pixel = PremultipliedColorU8::from_rgba(gray, gray, gray, u8::MAX).unwrap_or(*pixel);
    }
    Some(picture)
}

impl Panel {
    /// The panel with a label map over its slice, or without one; `None` if there is no memory for it.
    pub fn draw(&self, labels: Option<&Array2<u16>>) -> Option<Pixmap> {
        let mut picture = Pixmap::new(self.size[0], self.size[1])?;
        let voxels = PixmapPaint {
            quality: FilterQuality::Bilinear,
            ..PixmapPaint::default()
        };
        picture.draw_pixmap(0, 0, self.gray.as_ref(), &voxels, self.scale(), None);
        if let Some(labels) = labels {
            self.draw_labels(&mut picture, labels);
        }
        for &frame in &self.frames {
            draw_box(&mut picture, self.in_pixels(frame));
        }
        self.draw_letters(&mut picture);
        Some(picture)
    }

    /// From voxels of the slice to pixels of the panel.
    fn scale(&self) -> Transform {
        let [width, height] = self.size.map(|side| side as f32);
        Transform::from_scale(width / self.gray.width() as f32, height / self.gray.height() as f32)
    }

    /// Fills first, so that no outline is under one.
    fn draw_labels(&self, picture: &mut Pixmap, labels: &Array2<u16>) {
        let shapes = self.colors.iter().filter_map(|(&id, &color)| {
            let path = path_around(&labels.mapv(|label| label == id))?;
            Some((path.transform(self.scale())?, color))
        });
        let shapes: Vec<(Path, [u8; 3])> = shapes.collect();
        for (path, color) in &shapes {
            // Even-odd: holes are outlines too.
            picture.fill_path(
                path,
                &paint(*color, FILL),
                FillRule::EvenOdd,
                Transform::identity(),
                None,
            );
        }
        for (path, color) in &shapes {
            picture.stroke_path(path, &paint(*color, u8::MAX), &line(LINE), Transform::identity(), None);
        }
    }

    fn in_pixels(&self, frame: Frame) -> Frame {
        let [across, down] = [
            f64::from(self.size[0]) / f64::from(self.gray.width()),
            f64::from(self.size[1]) / f64::from(self.gray.height()),
        ];
        Frame {
            left: frame.left * across,
            right: frame.right * across,
            top: frame.top * down,
            bottom: frame.bottom * down,
        }
    }

    fn draw_letters(&self, picture: &mut Pixmap) {
        let [width, height] = self.size.map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let (wide, high) = (BOLD.width("R") as i32, BOLD.height() as i32);
        let (center, middle) = ((width - wide) / 2, (height - high) / 2);
        for (letter, at) in [
            (self.letters.left, [INSET, middle]),
            (self.letters.right, [width - wide - INSET, middle]),
            (self.letters.top, [center, INSET]),
            (self.letters.bottom, [center, height - high - INSET]),
        ] {
            BOLD.draw_on_gray(picture, &letter.to_string(), at);
        }
    }
}

/// The outlines of a mask as a path, in voxels; `None` where nothing is marked.
fn path_around(mask: &Array2<bool>) -> Option<Path> {
    let mut path = PathBuilder::new();
    for ring in outlines(mask) {
        for (index, [x, y]) in ring.into_iter().enumerate() {
            match index {
                0 => path.move_to(x as f32, y as f32),
                _ => path.line_to(x as f32, y as f32),
            }
        }
        path.close();
    }
    path.finish()
}

/// A white box with a black rim, in pixels, which no label is mistaken for.
pub(super) fn draw_box(picture: &mut Pixmap, frame: Frame) {
    let [left, top, right, bottom] = [frame.left, frame.top, frame.right, frame.bottom].map(|side| side as f32);
    // The whole line is within the picture.
    let rim = RIM / 2.0;
    let (far, low) = (picture.width() as f32 - rim, picture.height() as f32 - rim);
    let rect = Rect::from_ltrb(left.max(rim), top.max(rim), right.min(far), bottom.min(low));
    let Some(path) = rect.map(PathBuilder::from_rect) else {
        return;
    };
    for (color, width) in [([0; 3], RIM), ([255; 3], LINE)] {
        picture.stroke_path(&path, &paint(color, u8::MAX), &line(width), Transform::identity(), None);
    }
}

/// A color that covers what is below it from not at all (0) to entirely (255).
pub(super) fn paint([r, g, b]: [u8; 3], cover: u8) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(r, g, b, cover));
    paint
}

fn line(width: f32) -> Stroke {
    Stroke {
        width,
        line_join: LineJoin::Round,
        ..Stroke::default()
    }
}

/// Draws the sign of a label: a square as labels are drawn, `side` pixels wide.
pub(super) fn draw_sign(picture: &mut Pixmap, [x, y]: [f32; 2], side: f32, color: [u8; 3]) {
    let inset = LINE / 2.0;
    let rect = Rect::from_xywh(x + inset, y + inset, side - LINE, side - LINE);
    if let Some(path) = rect.map(PathBuilder::from_rect) {
        picture.fill_path(
            &path,
            &paint(color, FILL),
            FillRule::EvenOdd,
            Transform::identity(),
            None,
        );
        picture.stroke_path(&path, &paint(color, u8::MAX), &line(LINE), Transform::identity(), None);
    }
}
