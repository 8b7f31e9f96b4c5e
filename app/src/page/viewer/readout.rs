//! What is under the crosshair.

use serde::Deserialize;

/// What is under the crosshair.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Indices i, j and k of the voxel in the file.
    pub ijk: [i64; 3],
    /// Position in mm, RAS+: to the patient's right, front and head.
    pub mm: [f64; 3],
    /// Value of the image there.
    pub value: f64,
    /// The case's own label there.
    pub truth: Option<f64>,
    /// The predicted label there.
    pub prediction: Option<f64>,
}

/// The same in the form of `viewer.js`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Indices of the voxel along the patient's axes.
    vox: [f64; 3],
    /// Matrix (column-major) from these to indices in the file, if they differ.
    to_file: Option<[f64; 16]>,
    mm: [f64; 3],
    value: f64,
    truth: Option<f64>,
    prediction: Option<f64>,
}

impl From<Place> for Readout {
    fn from(place: Place) -> Self {
        let [x, y, z] = place.vox;
        let indices = match place.to_file {
            Some(m) => [0, 1, 2].map(|row| m[row] * x + m[4 + row] * y + m[8 + row] * z + m[12 + row]),
            None => place.vox,
        };
        Self {
            ijk: indices.map(|index| (index + 0.5).floor() as i64),
            mm: place.mm,
            value: place.value,
            truth: place.truth,
            prediction: place.prediction,
        }
    }
}
