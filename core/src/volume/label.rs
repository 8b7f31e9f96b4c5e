//! Label maps: integers on an image's grid.

use std::collections::BTreeMap;

use ndarray::Array3;

use super::grid::format_dims;
use super::voxels::with_values;
use super::{AxisOrderInFile, Grid, Header, Image, Placement, Result, VolumeError, Voxels, names_ignored};

/// A value this close to an integer is rounded to it.
const ROUNDING: f64 = 1e-3;

/// A label map: one id from 0 (background) to 65535 per voxel.
#[derive(Debug, Clone)]
pub struct LabelImage {
    header: Header,
    grid: Grid,
    labels: Vec<u16>,
    warnings: Vec<String>,
    /// The id of voxels that are not labeled, as chosen; else the header's names may tell.
    ignored: Option<u16>,
}

impl LabelImage {
    /// Takes an image's values (after slope and intercept) as labels: rounded when within 1e-3 of an integer, or within
    /// the rounding error of being stored with a slope. NaN and infinities are background.
    ///
    /// # Errors
    /// When a value is not an integer, is negative or is above 65535.
    pub fn from_image(image: Image) -> Result<LabelImage> {
        let labels = labels_of(&image, rounding(&image))?;
        let as_float = matches!(image.voxels(), Voxels::F32(_) | Voxels::F64(_));
        let scaled = image.scaling() != (1.0, 0.0);
        let (header, grid, mut warnings) = image.into_parts();
        if as_float || scaled {
            warnings.push("the labels are stored as scaled or floating-point values and were rounded".into());
        }
        Ok(LabelImage {
            header,
            grid,
            labels,
            warnings,
            ignored: None,
        })
    }

    /// Puts canonical labels (\[S, A, R\]) on the grid of the image they were predicted from; header
    /// and extensions are the image's.
    ///
    /// # Errors
    /// When the shape is not the image's canonical shape.
    pub fn from_canonical(labels: Array3<u16>, like: &Image) -> Result<LabelImage> {
        Self::on_grid(labels, like.header().clone(), like.grid().clone())
    }

    /// [`from_canonical`](Self::from_canonical) without the image.
    ///
    /// # Errors
    /// As [`from_canonical`](Self::from_canonical).
    pub fn on_grid(labels: Array3<u16>, header: Header, grid: Grid) -> Result<LabelImage> {
        let labels = grid.place(&labels)?;
        Ok(Self::from_parts(header, grid, labels))
    }

    /// Other labels on another grid, with the names and warnings of this map.
    pub(super) fn moved(&self, labels: Vec<u16>, like: &Image) -> Result<LabelImage> {
        Ok(LabelImage {
            header: self.header.placed_like(like.header())?,
            grid: like.grid().clone(),
            labels,
            warnings: self.warnings.clone(),
            ignored: self.ignored,
        })
    }

    pub(super) fn from_parts(header: Header, grid: Grid, labels: Vec<u16>) -> LabelImage {
        LabelImage {
            header,
            grid,
            labels,
            warnings: Vec::new(),
            ignored: None,
        }
    }

    /// This map on the given grid of another volume, with that volume's header, and how it was placed. It keeps its own
    /// names and warnings.
    ///
    /// # Errors
    /// When it lies elsewhere and has another size.
    pub fn placed_on(self, header: &Header, grid: &Grid) -> Result<(LabelImage, Placement)> {
        let placement = grid.placement_of(&self.grid);
        let labels = match placement {
            Placement::Same(AxisOrderInFile::STORED) | Placement::VoxelByVoxel { .. } => self.labels,
            Placement::Same(order) => order.apply(&self.labels, self.grid.dims),
            Placement::Elsewhere => {
                return Err(VolumeError::Elsewhere {
                    found: self.grid.describe(),
                    wanted: grid.describe(),
                });
            }
        };
        let map = LabelImage {
            header: self.header.placed_like(header)?,
            grid: grid.clone(),
            labels,
            warnings: self.warnings,
            ignored: self.ignored,
        };
        Ok((map, placement))
    }

    /// Labels that were drawn over an image by another program: its voxels in the file's order, on the image's own
    /// grid, with the image's header. The names of the ids that occur are stored in an extension, where
    /// [`names`](Self::names) finds them.
    ///
    /// # Errors
    /// When the drawing has another shape than the image.
    pub fn drawn(drawing: LabelImage, image: &Image, names: &BTreeMap<u16, String>) -> Result<LabelImage> {
        drawing.check_dims(image.grid())?;
        Self::on_voxels(drawing.labels, image, names)
    }

    /// Labels of an image's voxels in the file's order, with the image's header, and their names stored as by
    /// [`drawn`](Self::drawn).
    ///
    /// # Errors
    /// When there are more or fewer than the image has voxels.
    pub fn on_voxels(labels: Vec<u16>, image: &Image, names: &BTreeMap<u16, String>) -> Result<LabelImage> {
        let mut map = Self::in_file_order(labels, image)?;
        let present = map.present();
        let named = names.iter().filter(|(id, _)| present.contains(id));
        let xml: String = named
            .map(|(id, name)| format!("<Label Key=\"{id}\">{}</Label>\n", escaped(name)))
            .collect();
        if !xml.is_empty() {
            map.header.add_comment(&xml);
        }
        Ok(map)
    }

    /// Where this map, a prediction, differs from the truth: [`MISSED`](Self::MISSED) where only the truth has a label,
    /// [`EXTRA`](Self::EXTRA) where only the prediction has one, [`OTHER`](Self::OTHER) where their labels differ.
    /// Compared voxel by voxel, where the truth is not [ignored](Self::ignored).
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn difference(&self, truth: &LabelImage) -> Result<LabelImage> {
        self.check_dims(&truth.grid)?;
        let ignored = truth.ignored();
        let compare = |(&found, &truth): (&u16, &u16)| match (found, truth) {
            (_, truth) if Some(truth) == ignored => 0,
            (found, truth) if found == truth => 0,
            (0, _) => Self::MISSED,
            (_, 0) => Self::EXTRA,
            _ => Self::OTHER,
        };
        Ok(LabelImage {
            labels: self.labels.iter().zip(&truth.labels).map(compare).collect(),
            ignored: None,
            ..self.clone()
        })
    }

    /// Checks that the number of voxels along each axis matches a grid.
    fn check_dims(&self, grid: &Grid) -> Result<()> {
        if self.grid.dims == grid.dims {
            return Ok(());
        }
        Err(VolumeError::ShapeMismatch {
            array: format_dims(&self.grid.dims),
            grid: format_dims(&grid.dims),
        })
    }

    /// A voxel labeled only in the truth.
    pub const MISSED: u16 = 1;
    /// A voxel labeled only in the prediction.
    pub const EXTRA: u16 = 2;
    /// A voxel whose labels in prediction and truth differ.
    pub const OTHER: u16 = 3;

    /// Header of the file, or of the image that the labels belong to.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Size and place.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Labels in the file's order (i fastest).
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Labels with axes \[S, A, R\].
    pub fn canonical(&self) -> Array3<u16> {
        self.grid
            .array_orientation()
            .file_to_canonical(&self.labels, self.grid.dims, |&label| label)
    }

    /// The same map, in which voxels of this id are [ignored](Self::ignored).
    #[must_use]
    pub fn with_ignored(self, id: u16) -> LabelImage {
        LabelImage {
            ignored: Some(id),
            ..self
        }
    }

    /// The id of voxels that are not labeled, of which nothing is known: the one that was chosen, else the one that the
    /// file names `ignore` (nnU-Net's word). It is no label: it is neither learned nor measured.
    pub fn ignored(&self) -> Option<u16> {
        self.ignored.or_else(|| {
            let mut names = self.names().into_iter();
            names
                .find(|(id, name)| *id > 0 && names_ignored(name))
                .map(|(id, _)| id)
        })
    }

    /// Whether any voxel is ignored.
    pub fn has_ignored(&self) -> bool {
        self.ignored().is_some_and(|id| self.labels.contains(&id))
    }

    /// Other labels, with axes \[S, A, R\] and this map's shape.
    pub(super) fn set_canonical(&mut self, labels: &Array3<u16>) {
        self.labels = self.grid.array_orientation().canonical_to_file(labels.view());
    }

    /// Ids that occur, ascending; background (0) and the id of ignored voxels are left out.
    pub fn present(&self) -> Vec<u16> {
        let ignored = self.ignored();
        self.counts().into_keys().filter(|id| Some(*id) != ignored).collect()
    }

    /// Volume of every id that is [present](Self::present) in mL.
    pub fn volumes_ml(&self) -> Vec<(u16, f64)> {
        let (voxel, ignored) = (self.grid.voxel_ml(), self.ignored());
        self.counts()
            .into_iter()
            .filter(|(label, _)| Some(*label) != ignored)
            .map(|(label, count)| (label, count as f64 * voxel))
            .collect()
    }

    fn counts(&self) -> BTreeMap<u16, usize> {
        let mut counts = vec![0usize; 1 << 16];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        (1..=u16::MAX)
            .map(|label| (label, counts[usize::from(label)]))
            .filter(|&(_, count)| count > 0)
            .collect()
    }

    /// Names that TotalSegmentator or Connectome Workbench left in a header extension
    /// (`<Label Key="5" ...>liver</Label>`), by id.
    pub fn names(&self) -> BTreeMap<u16, String> {
        self.header
            .extensions()
            .iter()
            .flat_map(|extension| names_in_xml(&String::from_utf8_lossy(&extension.data)))
            .collect()
    }

    /// Warnings about the file and how it was read, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The labels as a NIfTI-1 file (`.nii`, not compressed): uint8 or uint16, intent 1002, slope 1,
    /// with the header's dim, pixdim, units, qform, sform, description and extensions bit for bit.
    pub fn to_nifti(&self) -> Vec<u8> {
        let largest = self.labels.iter().copied().max().unwrap_or(0);
        let voxels = if largest <= u16::from(u8::MAX) {
            Voxels::U8(self.labels.iter().map(|&label| label as u8).collect())
        } else {
            Voxels::U16(self.labels.clone())
        };
        let mut out = self.header.to_label_bytes(voxels.datatype());
        voxels.write(&mut out);
        out
    }
}

/// How far a value may lie from the integer label that it stands for.
///
/// Programs that save floats as integers choose a slope for the actual range (nibabel and SPM: 13/255 for labels up to
/// 13 in one byte), so values come back off by up to half a slope. With a slope of one or more, labels would be lost,
/// so values must be exact.
fn rounding(image: &Image) -> f64 {
    let step = image.scaling().0.abs();
    let as_float = matches!(image.voxels(), Voxels::F32(_) | Voxels::F64(_));
    if as_float || step >= 1.0 {
        ROUNDING
    } else {
        (step / 2.0 + ROUNDING).min(0.49)
    }
}

/// An image's values (after slope and intercept) as labels, in the file's order: each within `rounding` of an integer.
/// NaN and infinities are background.
pub(super) fn labels_of(image: &Image, rounding: f64) -> Result<Vec<u16>> {
    let (slope, inter) = image.scaling();
    with_values!(image.voxels(), values => values
        .iter()
        .map(|&value| label(value as f64 * slope + inter, rounding))
        .collect())
}

fn label(value: f64, rounding: f64) -> Result<u16> {
    if !value.is_finite() {
        return Ok(0);
    }
    let whole = value.round();
    // The precision of 32-bit slopes and voxels.
    if (value - whole).abs() >= rounding + value.abs() * f64::from(f32::EPSILON) {
        return Err(VolumeError::NotLabels(value));
    }
    if whole < 0.0 {
        return Err(VolumeError::NegativeLabel(whole));
    }
    if whole > f64::from(u16::MAX) {
        return Err(VolumeError::LabelTooLarge(whole));
    }
    Ok(whole as u16)
}

/// `Key` and text of every `<Label>` element. The extensions are flat and written by two programs, so
/// this is not an XML parser.
fn names_in_xml(xml: &str) -> Vec<(u16, String)> {
    xml.split("<Label ")
        .skip(1)
        .filter_map(|element| {
            let (attributes, rest) = element.split_once('>')?;
            let (name, _) = rest.split_once("</Label>")?;
            let (_, key) = attributes.split_once("Key=\"")?;
            let (key, _) = key.split_once('"')?;
            Some((key.trim().parse().ok()?, plain_text(name)))
        })
        .filter(|(_, name)| !name.is_empty())
        .collect()
}

/// Escapes text for XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text without its CDATA brackets and entities.
fn plain_text(xml: &str) -> String {
    xml.trim()
        .trim_start_matches("<![CDATA[")
        .trim_end_matches("]]>")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
        .trim()
        .to_owned()
}
