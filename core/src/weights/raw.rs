//! Tensors as stored in a file, by name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use burn::tensor::{bf16, f16};
use safetensors::tensor::{TensorView, serialize};
use safetensors::{Dtype, SafeTensors};

use super::WeightsError;

/// A tensor's shape and its values as stored.
#[derive(Clone, Debug)]
pub struct RawTensor<'a> {
    /// Shape, slowest axis first.
    pub shape: Vec<usize>,
    /// How a value is stored.
    pub dtype: Dtype,
    /// The values, little-endian, row-major.
    pub bytes: Cow<'a, [u8]>,
}

impl RawTensor<'_> {
    /// The values in f32; `None` unless they are stored as floats.
    pub fn floats(&self) -> Option<Vec<f32>> {
        fn read<const N: usize>(bytes: &[u8], value: fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|b| value(*b)).collect()
        }
        let bytes = &self.bytes;
        match self.dtype {
            Dtype::F32 => Some(read(bytes, f32::from_le_bytes)),
            Dtype::F64 => Some(read(bytes, |b| f64::from_le_bytes(b) as f32)),
            Dtype::F16 => Some(read(bytes, |b| f16::from_le_bytes(b).to_f32())),
            Dtype::BF16 => Some(read(bytes, |b| bf16::from_le_bytes(b).to_f32())),
            _ => None,
        }
    }
}

/// Named tensors.
pub type Tensors<'a> = BTreeMap<String, RawTensor<'a>>;

/// The tensors of a safetensors file.
///
/// # Errors
/// When the file is damaged.
pub fn read_safetensors(bytes: &[u8]) -> Result<Tensors<'_>, WeightsError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let tensor = RawTensor {
            shape: view.shape().to_vec(),
            dtype: view.dtype(),
            bytes: Cow::Borrowed(view.data()),
        };
        (name, tensor)
    });
    Ok(tensors.collect())
}

/// A safetensors file of these tensors.
pub(super) fn write_safetensors(
    tensors: &Tensors<'_>,
    header: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, WeightsError> {
    let views = tensors.iter().map(|(name, tensor)| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
        view.map(|view| (name, view))
    });
    let views: Result<Vec<_>, _> = views.collect();
    views
        .and_then(|views| serialize(views, header))
        .map_err(|error| WeightsError::Format(error.to_string()))
}
