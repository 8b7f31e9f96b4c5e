//! Synthetic CT-like volumes that a small network learns from a few cases.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::anatomy::Anatomy;
use crate::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};

/// Ids and names of the phantom's labels.
pub const PHANTOM_LABELS: [(u16, &str); 2] = [(1, "liver"), (2, "kidney")];

/// Standard deviation of the noise in HU.
const NOISE: f64 = 14.0;

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhantomConfig {
    /// Number of cases.
    pub cases: usize,
    /// The same seed gives the same bytes, on every machine.
    pub seed: u64,
    /// Smallest and largest number of voxels along an axis.
    pub voxels: (usize, usize),
}

impl Default for PhantomConfig {
    /// Eight cases of 24 to 40 voxels per axis, seed 0.
    fn default() -> Self {
        Self {
            cases: 8,
            seed: 0,
            voxels: (24, 40),
        }
    }
}

/// One synthetic case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhantomCase {
    /// `phantom_001` and so on.
    pub name: String,
    /// The image, a NIfTI-1 file (`.nii`, int16, HU).
    pub image: Vec<u8>,
    /// The label map, a NIfTI-1 file (`.nii`, uint8).
    pub label: Vec<u8>,
}

/// Makes the cases: a trunk with fat, muscle and bones, liver and kidneys to segment, a spleen and a stomach as
/// distractors, a smooth bias and noise. Every case is deformed differently; spacing is anisotropic; files are stored
/// as RAS, LPS, LAS, with permuted axes, or oblique, in turn.
pub fn phantom(config: &PhantomConfig) -> Vec<PhantomCase> {
    (0..config.cases)
        .map(|index| {
            let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
            // One random stream per case: a case does not depend on their number.
            rng.set_stream(index as u64);
            let (image, label) = case(&mut rng, index, config.voxels);
            PhantomCase {
                name: format!("phantom_{:03}", index + 1),
                image: image.to_nifti(),
                label: label.to_nifti(),
            }
        })
        .collect()
}

fn case(rng: &mut ChaCha8Rng, index: usize, voxels: (usize, usize)) -> (Image, LabelImage) {
    let grid = grid(rng, index, voxels);
    let anatomy = Anatomy::random(rng);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    let [ni, nj, nk] = grid.dims.map(|size| size as u32);
    for k in 0..nk {
        for j in 0..nj {
            for i in 0..ni {
                let center = [i, j, k].map(f64::from);
                let noise = NOISE * normal(rng);
                let hu = attenuation(&anatomy, &grid.affine, center) + noise;
                values.push(hu.round().clamp(-1024.0, 3071.0) as i16);
                labels.push(anatomy.at(grid.affine.apply(center)).1);
            }
        }
    }
    let image = |voxels| Image::new(voxels, grid.clone()).expect("one voxel per grid point");
    let label = LabelImage::from_image(image(Voxels::U8(labels))).expect("whole numbers");
    (image(Voxels::I16(values)), label)
}

/// Mean over eight points of a voxel: edges are as soft as in a real scan.
fn attenuation(anatomy: &Anatomy, affine: &Affine, center: [f64; 3]) -> f64 {
    let sum: f64 = (0..8)
        .map(|corner| {
            let offset = |axis: usize| if corner >> axis & 1 == 1 { 0.25 } else { -0.25 };
            let point = [0, 1, 2].map(|axis| center[axis] + offset(axis));
            anatomy.at(affine.apply(point)).0
        })
        .sum();
    sum / 8.0
}

/// Approximately normal with standard deviation 1, from sums only (Irwin-Hall): logarithms and cosines differ between
/// machines in the last bit.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

/// A grid around the trunk: square pixels in the axial plane, thicker slices.
fn grid(rng: &mut ChaCha8Rng, index: usize, (smallest, largest): (usize, usize)) -> Grid {
    // World axis and direction of i, j and k.
    let layouts = [
        [(0, 1.0), (1, 1.0), (2, 1.0)],
        [(0, -1.0), (1, -1.0), (2, 1.0)],
        [(0, -1.0), (1, 1.0), (2, 1.0)],
        [(1, -1.0), (2, -1.0), (0, 1.0)],
        [(0, 1.0), (1, 1.0), (2, 1.0)],
    ];
    let oblique = index % layouts.len() == 4;
    let smallest = smallest.clamp(2, 1024);
    let largest = largest.clamp(smallest, 1024);
    let quarter = (largest - smallest) / 4;
    let wide = rng.random_range(largest - quarter..=largest);
    let deep = (wide * 3 / 4).max(smallest);
    let high = rng.random_range(smallest..=smallest + quarter);
    let pixel = 300.0 / wide as f64;
    let (sizes, steps) = ([wide, deep, high], [pixel, pixel, 250.0 / high as f64]);

    let mut dims = [0; 3];
    let mut rows = [[0.0; 4]; 3];
    for (axis, (world, sign)) in layouts[index % layouts.len()].into_iter().enumerate() {
        dims[axis] = sizes[world];
        rows[world][axis] = sign * steps[world];
    }
    if oblique {
        // A rotation about the long axis by 16 degrees, whose cosine and sine are 24/25 and 7/25.
        let [x, y, _] = rows;
        for axis in 0..3 {
            rows[0][axis] = 0.96 * x[axis] - 0.28 * y[axis];
            rows[1][axis] = 0.28 * x[axis] + 0.96 * y[axis];
        }
    }
    for row in &mut rows {
        row[3] = -(0..3)
            .map(|axis| row[axis] * (dims[axis] as f64 - 1.0) / 2.0)
            .sum::<f64>();
    }
    Grid {
        dims,
        affine: Affine(rows),
        form: Form::Sform,
    }
}

/// The dataset.json of a phantom data set in Decathlon layout: the cases named in `training` have
/// labels, those in `test` have none. Files are `imagesTr/NAME.nii.gz`, `labelsTr/NAME.nii.gz` and
/// `imagesTs/NAME.nii.gz`.
pub fn phantom_dataset_json(training: &[String], test: &[String]) -> String {
    format!("{:#}\n", phantom_dataset(training, test))
}

/// The same as a JSON value.
pub(crate) fn phantom_dataset(training: &[String], test: &[String]) -> serde_json::Value {
    let mut labels = serde_json::Map::new();
    labels.insert("0".into(), "background".into());
    labels.extend(PHANTOM_LABELS.map(|(id, name)| (id.to_string(), name.into())));
    let pair = |name: &String| {
        json!({
            "image": format!("./imagesTr/{name}.nii.gz"),
            "label": format!("./labelsTr/{name}.nii.gz"),
        })
    };
    json!({
        "name": "Phantom",
        "description": "Synthetic CT-like trunks with liver and kidneys",
        "tensorImageSize": "3D",
        "modality": { "0": "CT" },
        "labels": labels,
        "numTraining": training.len(),
        "numTest": test.len(),
        "training": training.iter().map(pair).collect::<Vec<_>>(),
        "test": test.iter().map(|name| format!("./imagesTs/{name}.nii.gz")).collect::<Vec<_>>(),
    })
}
