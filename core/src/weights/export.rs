//! Weights for PyTorch: everything that the reference implementation's `load_state_dict` requires.

use std::borrow::Cow;

use safetensors::Dtype;

use super::names::Place;
use super::raw::{RawTensor, Tensors, write_safetensors};
use super::save::collect;
use super::{Metadata, WeightsError};
use crate::backbone::{Model, ReferenceValues};

/// A safetensors file whose names, shapes and buffers are those of the reference implementation, such as MONAI 1.5 or
/// the released code of a network's authors. The mask token at the top level only exists here and is left out. In
/// Python: `model.load_state_dict(safetensors.torch.load_file(path))`, with `strict=False` for a pretrained encoder, of
/// which there is nothing else in the file.
///
/// # Errors
/// When the parameters cannot be read from the device.
pub async fn to_reference(model: &Model, metadata: &Metadata) -> Result<Vec<u8>, WeightsError> {
    let only_encoder = metadata.training.pretraining.is_some();
    let mut tensors = Tensors::new();
    for parameter in collect("", model) {
        let (
            Place {
                name, shape, encoder, ..
            },
            values,
        ) = parameter.read().await?;
        if name == "mask_token" || only_encoder && !encoder {
            continue;
        }
        tensors.insert(name, floats(shape, &values));
    }
    let names: Vec<String> = tensors.keys().cloned().collect();
    for beside in metadata.network.reference_tensors(&names, metadata.patch) {
        if only_encoder && !model.is_encoder(&beside.name) {
            continue;
        }
        let values = match beside.values {
            ReferenceValues::Constant(value) => {
                let count = beside.shape.iter().product();
                floats(beside.shape, &vec![value; count])
            }
            ReferenceValues::Integers(values) => integers(beside.shape, &values),
        };
        tensors.insert(beside.name, values);
    }
    write_safetensors(&tensors, None)
}

fn floats(shape: Vec<usize>, values: &[f32]) -> RawTensor<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    RawTensor {
        shape,
        dtype: Dtype::F32,
        bytes: Cow::Owned(bytes),
    }
}

fn integers(shape: Vec<usize>, values: &[i64]) -> RawTensor<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    RawTensor {
        shape,
        dtype: Dtype::I64,
        bytes: Cow::Owned(bytes),
    }
}
