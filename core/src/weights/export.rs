//! Weights for PyTorch: everything that the reference implementation's `load_state_dict` asks for.

use std::borrow::Cow;

use safetensors::Dtype;

use super::names::Place;
use super::raw::{RawTensor, Tensors, write_safetensors};
use super::save::collect;
use super::{Metadata, WeightsError};
use crate::backbone::{Model, Network};
use crate::nn::relative_rows;

/// A safetensors file whose names, shapes and buffers are those of the reference: MONAI 1.5's UNETR
/// and SwinUNETR, or the released nnFormer and PCRLv2. MONAI and PCRLv2 have no mask token, so it is
/// left out for them. In Python: `model.load_state_dict(safetensors.torch.load_file(path))`.
///
/// # Errors
/// When the device does not give the parameters.
pub async fn to_reference(model: &Model, metadata: &Metadata) -> Result<Vec<u8>, WeightsError> {
    let mut tensors = Tensors::new();
    for parameter in collect("", model) {
        let (Place { name, shape, .. }, values) = parameter.read().await?;
        if name == "mask_token" {
            continue;
        }
        if let Some(attention) = name.strip_suffix("relative_position_bias_table") {
            let index = position_index(metadata, attention);
            tensors.insert(format!("{attention}relative_position_index"), index);
        }
        tensors.insert(name, floats(shape, &values));
    }
    if let Network::Unetr(config) = &metadata.network {
        for block in 0..config.layers {
            tensors.extend(unused_cross_attention(block, config.hidden));
        }
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

/// Parameters that MONAI's transformer blocks hold since 1.3 and that UNETR never uses; zeros, and
/// ones where a norm scales.
fn unused_cross_attention(block: usize, hidden: usize) -> [(String, RawTensor<'static>); 7] {
    let block = format!("vit.blocks.{block}");
    let square = |name: &str| {
        let zeros = floats(vec![hidden; 2], &vec![0.0; hidden * hidden]);
        (format!("{block}.cross_attn.{name}.weight"), zeros)
    };
    let vector = |name: &str, value: f32| {
        let values = floats(vec![hidden], &vec![value; hidden]);
        (format!("{block}.{name}"), values)
    };
    [
        square("out_proj"),
        square("to_q"),
        square("to_k"),
        square("to_v"),
        vector("cross_attn.out_proj.bias", 0.0),
        vector("norm_cross_attn.weight", 1.0),
        vector("norm_cross_attn.bias", 0.0),
    ]
}

/// The index buffer of the attention at `path`, `[token, token]`.
fn position_index(metadata: &Metadata, path: &str) -> RawTensor<'static> {
    let (base, strides) = match &metadata.network {
        Network::SwinUnetr(config) => config.position_index(),
        Network::Nnformer(config) => {
            // "….layers.LEVEL.…": the decoder's levels have the windows of the encoder's.
            let parts: Vec<&str> = path.split('.').collect();
            let level = parts.iter().position(|part| *part == "layers");
            let level = level.and_then(|at| parts.get(at + 1)?.parse().ok());
            config.position_index(metadata.patch, level.unwrap_or(0))
        }
        // No other network has such an attention.
        Network::Unetr(_) | Network::Pcrlv2(_) => ([1; 3], [1; 3]),
    };
    let tokens: usize = base.iter().product();
    let rows = relative_rows(base, strides, tokens);
    let bytes = rows.iter().flat_map(|&row| i64::from(row).to_le_bytes());
    RawTensor {
        shape: vec![tokens; 2],
        dtype: Dtype::I64,
        bytes: Cow::Owned(bytes.collect()),
    }
}
