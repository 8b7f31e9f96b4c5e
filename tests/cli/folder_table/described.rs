//! Files as the table of folders describes them; `tests/browser/folders.test.mjs` makes the same ones.

use std::fs;
use std::path::Path;

use medcontext_core::volume::gzip;
use serde::Deserialize;

use crate::nifti;

/// Voxels along i, j and k.
type Dims = [usize; 3];

/// Rows of a matrix from voxels to mm.
type Affine = [[f32; 4]; 3];

/// Axes that grow to the left, back and head, with voxels of 1.5 × 1.5 × 3 mm.
const LPS: Affine = [[-1.5, 0.0, 0.0, 20.0], [0.0, -1.5, 0.0, 10.0], [0.0, 0.0, 3.0, -30.0]];

/// A file.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Described {
    /// What it says.
    Text(String),
    /// What it says as JSON.
    Json(serde_json::Value),
    /// A scan.
    Image(ImageFile),
    /// A label map.
    Label(LabelFile),
}

/// A scan.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFile {
    size: Dims,
    r#type: Datatype,
    values: Pattern,
    frames: usize,
}

/// A label map.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelFile {
    size: Dims,
    r#type: Datatype,
    grid: LabelGrid,
    /// The only label, which then is 1.
    only: Option<u8>,
    /// What the labels are multiplied by.
    factor: f64,
}

/// NIfTI's datatypes.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Datatype {
    U8,
    I16,
    F32,
}

/// Values of an image at voxel i, j, k of frame f.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pattern {
    /// 40i + 7j + k.
    Ramp,
    /// i.
    Columns,
    /// 100f + ij + k.
    Frames,
    /// i, or NaN where i + j + k = 9.
    Holes,
}

/// Where a label map lies by its header, and in which order its voxels are.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LabelGrid {
    /// As the image.
    Image,
    /// In the same order, and elsewhere by the header.
    Identity,
    /// On the image, with i and j running the other way.
    Turned,
    /// On the image, with the axes k, i, j.
    Permuted,
}

impl Default for ImageFile {
    fn default() -> Self {
        Self {
            size: [12, 10, 8],
            r#type: Datatype::I16,
            values: Pattern::Ramp,
            frames: 1,
        }
    }
}

impl Default for LabelFile {
    fn default() -> Self {
        Self {
            size: [12, 10, 8],
            r#type: Datatype::U8,
            grid: LabelGrid::Image,
            only: None,
            factor: 1.0,
        }
    }
}

impl Described {
    /// Writes it; compressed where its name ends in `.gz`.
    pub fn write(&self, path: &Path) {
        let bytes = match self {
            Described::Text(text) => text.clone().into_bytes(),
            Described::Json(json) => json.to_string().into_bytes(),
            Described::Image(image) => image.bytes(),
            Described::Label(label) => label.bytes(),
        };
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let ending = path.extension().expect("an ending");
        let bytes = match ending.eq_ignore_ascii_case("gz") {
            true => gzip(&bytes),
            false => bytes,
        };
        fs::write(path, bytes).expect("written");
    }
}

impl ImageFile {
    fn bytes(&self) -> Vec<u8> {
        let voxels = |frame| voxels(self.size, move |at| self.values.at(at, frame));
        let values: Vec<f64> = (0..self.frames).flat_map(voxels).collect();
        file(self.size, self.frames, LPS, self.r#type, &values)
    }
}

impl Pattern {
    fn at(self, [i, j, k]: Dims, frame: usize) -> f64 {
        let value = match self {
            Pattern::Ramp => 40 * i + 7 * j + k,
            Pattern::Columns => i,
            Pattern::Frames => 100 * frame + i * j + k,
            Pattern::Holes if i + j + k == 9 => return f64::NAN,
            Pattern::Holes => i,
        };
        value as f64
    }
}

impl LabelFile {
    fn bytes(&self) -> Vec<u8> {
        let [ni, nj, nk] = self.size;
        let at = |place| self.at(place);
        let (dims, affine, values) = match self.grid {
            LabelGrid::Image => (self.size, LPS, voxels(self.size, at)),
            LabelGrid::Identity => {
                let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
                (self.size, affine, voxels(self.size, at))
            }
            LabelGrid::Turned => {
                let mut affine = LPS;
                for (axis, size) in [(0, ni), (1, nj)] {
                    affine[axis][3] += affine[axis][axis] * (size - 1) as f32;
                    affine[axis][axis] *= -1.0;
                }
                let turned = |[i, j, k]: Dims| self.at([ni - 1 - i, nj - 1 - j, k]);
                (self.size, affine, voxels(self.size, turned))
            }
            LabelGrid::Permuted => {
                let (dims, affine) = ([nk, ni, nj], LPS.map(|[i, j, k, origin]| [k, i, j, origin]));
                (dims, affine, voxels(dims, |[k, i, j]| self.at([i, j, k])))
            }
        };
        file(dims, 1, affine, self.r#type, &values)
    }

    /// The value at a voxel of the image.
    fn at(&self, place: Dims) -> f64 {
        let label = label_at(place);
        let label = match self.only {
            Some(only) => u8::from(label == only),
            None => label,
        };
        self.factor * f64::from(label)
    }
}

/// Label 1 is 3 × 3 × 3 voxels, label 2 is 2 × 4 × 2; off the middle, so that no turn of the axes hides.
fn label_at([i, j, k]: Dims) -> u8 {
    if (1..4).contains(&i) && (2..5).contains(&j) && k < 3 {
        1
    } else if (8..10).contains(&i) && (5..9).contains(&j) && (5..7).contains(&k) {
        2
    } else {
        0
    }
}

/// A value for every voxel, i running fastest.
fn voxels([ni, nj, nk]: Dims, value: impl Fn(Dims) -> f64) -> Vec<f64> {
    let place = |at| [at % ni, at / ni % nj, at / (ni * nj)];
    (0..ni * nj * nk).map(|at| value(place(at))).collect()
}

/// A NIfTI-1 file; several frames behind each other are a series.
fn file(size: Dims, frames: usize, affine: Affine, datatype: Datatype, values: &[f64]) -> Vec<u8> {
    let [i, j, k] = size.map(|size| size as i16);
    let dims = [if frames > 1 { 4 } else { 3 }, i, j, k, frames as i16];
    let values = values.iter();
    let mut bytes = match datatype {
        Datatype::U8 => nifti(dims, 2, 8, &values.map(|&value| value as u8).collect::<Vec<_>>()),
        Datatype::I16 => {
            let voxels = values.flat_map(|&value| (value as i16).to_le_bytes());
            nifti(dims, 4, 16, &voxels.collect::<Vec<_>>())
        }
        Datatype::F32 => {
            let voxels = values.flat_map(|&value| (value as f32).to_le_bytes());
            nifti(dims, 16, 32, &voxels.collect::<Vec<_>>())
        }
    };
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    for axis in 0..3 {
        let side = affine.iter().map(|row| row[axis].powi(2)).sum::<f32>().sqrt();
        put(80 + 4 * axis, &side.to_le_bytes());
    }
    // Lengths in mm, and a matrix in the sform.
    put(123, &[2]);
    put(254, &1i16.to_le_bytes());
    for (place, value) in affine.iter().flatten().enumerate() {
        put(280 + 4 * place, &value.to_le_bytes());
    }
    bytes
}
