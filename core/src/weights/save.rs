//! Saving a network's parameters, one at a time: no more than one of them is in memory besides the network and the
//! file.

use std::collections::BTreeMap;
use std::io::Write;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Tensor, f16};
use serde_json::{Map, Value, json};

use super::metadata::KEY;
use super::names::{Place, Stored, places, transpose};
use super::{Metadata, WeightsError};
use crate::backbone::Model;

/// Prefix of the tensors of a cascade's first stage.
pub(crate) const COARSE: &str = "coarse.";

/// How a value is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Full precision, as in training.
    #[default]
    F32,
    /// Half the size, three significant digits.
    F16,
}

impl Precision {
    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
        }
    }
}

/// Writes a weights file. Reads the parameters from the device without blocking.
///
/// # Errors
/// When they cannot be read from the device, or one has become NaN or infinite.
pub async fn save(model: &Model, metadata: &Metadata, precision: Precision) -> Result<Vec<u8>, WeightsError> {
    save_cascade(model, None, metadata, precision).await
}

/// Writes a weights file of a cascade: a network, and the one of the first stage that `metadata` names. Of weights
/// that are pretrained, the encoder alone is written.
///
/// # Errors
/// As [`save`], and when there is a first stage that `metadata` does not name, or the other way round.
pub async fn save_cascade(
    model: &Model,
    coarse: Option<&Model>,
    metadata: &Metadata,
    precision: Precision,
) -> Result<Vec<u8>, WeightsError> {
    if coarse.is_some() != metadata.coarse.is_some() {
        let problem = "the first stage of a cascade is in one of network and metadata only".to_owned();
        return Err(WeightsError::BadMetadata(problem));
    }
    let text = serde_json::to_string(metadata).map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
    let mut file = Vec::new();
    let header = BTreeMap::from([(KEY, text)]);
    let mut parameters = collect("", model);
    if metadata.training.pretraining.is_some() {
        parameters.retain(|parameter| parameter.place.encoder);
    }
    parameters.extend(coarse.into_iter().flat_map(|coarse| collect(COARSE, coarse)));
    write(parameters, precision, &header, &mut file).await?;
    Ok(file)
}

/// Writes parameters into one safetensors file.
///
/// # Errors
/// As [`save`], and when writing to `sink` fails.
pub(crate) async fn write(
    parameters: Vec<Parameter>,
    precision: Precision,
    metadata: &BTreeMap<&str, String>,
    sink: &mut impl Write,
) -> Result<(), WeightsError> {
    let full = |error: std::io::Error| WeightsError::Unwritten(error.to_string());
    let header = header(&parameters, precision, metadata);
    let length = (header.len() as u64).to_le_bytes();
    sink.write_all(&length).map_err(full)?;
    sink.write_all(header.as_bytes()).map_err(full)?;
    for parameter in parameters {
        let (_, values) = parameter.read().await?;
        let bytes: Vec<u8> = match precision {
            Precision::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::F16 => {
                let halves = values.iter().map(|&v| f16::from_f32(v));
                halves.flat_map(f16::to_le_bytes).collect()
            }
        };
        sink.write_all(&bytes).map_err(full)?;
    }
    Ok(())
}

/// The JSON header of a safetensors file, padded so that values start at a multiple of 8.
fn header(parameters: &[Parameter], precision: Precision, metadata: &BTreeMap<&str, String>) -> String {
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for Parameter { place, .. } in parameters {
        let start = end;
        end += precision.bytes() * place.shape.iter().product::<usize>();
        let entry = json!({
            "dtype": precision.name(), "shape": place.shape, "data_offsets": [start, end],
        });
        entries.insert(place.name.clone(), entry);
    }
    let mut text = Value::Object(entries).to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    text
}

/// A parameter, still on the device.
pub(crate) struct Parameter {
    pub(super) place: Place,
    values: Tensor<1>,
}

impl Parameter {
    /// Its place and its values in the file's layout.
    pub(super) async fn read(self) -> Result<(Place, Vec<f32>), WeightsError> {
        let data = self.values.into_data_async().await;
        let data = data.map_err(|_| WeightsError::Device)?.convert::<f32>();
        let values: Vec<f32> = data.try_into_vec().map_err(|_| WeightsError::Device)?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(WeightsError::NotFinite(self.place.name));
        }
        let values = match self.place.transposed {
            true => transpose(&values, self.place.shape[0]),
            false => values,
        };
        Ok((self.place, values))
    }
}

/// All parameters, the names of each after `prefix`.
pub(crate) fn collect<M: Stored>(prefix: &str, model: &M) -> Vec<Parameter> {
    let mut collected = Flat(Vec::new());
    model.visit(&mut collected);
    let places = places(model).into_iter().map(|place| Place {
        name: format!("{prefix}{}", place.name),
        ..place
    });
    let parameters = places.zip(collected.0);
    parameters.map(|(place, values)| Parameter { place, values }).collect()
}

/// The values of every parameter, flattened.
struct Flat(Vec<Tensor<1>>);

impl ModuleVisitor for Flat {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let count = param.shape().num_elements();
        self.0.push(param.val().reshape([count]));
    }
}
