//! Views of tensors into their storages.

use std::borrow::Cow;

use safetensors::Dtype;

use crate::weights::pickle::{Id, Node, Pickle};
use crate::weights::raw::RawTensor;

/// Key and type of a storage, from `("storage", type, key, device, count)`.
pub(super) fn storage(pickle: &Pickle, reference: Id) -> Option<(&str, Dtype)> {
    let [_, kind, key, ..] = pickle.sequence(reference)? else {
        return None;
    };
    let Node::Global(kind) = pickle.node(*kind) else {
        return None;
    };
    let dtype = match kind.rsplit('.').next()? {
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        _ => return None,
    };
    Some((pickle.text(*key)?, dtype))
}

/// Bytes of one value.
pub(super) fn width(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F64 | Dtype::I64 => 8,
        Dtype::F32 | Dtype::I32 => 4,
        Dtype::F16 | Dtype::BF16 | Dtype::I16 => 2,
        _ => 1,
    }
}

/// A tensor's place in a storage.
pub(super) struct View {
    pub storage: String,
    dtype: Dtype,
    offset: usize,
    pub shape: Vec<usize>,
    stride: Vec<usize>,
}

impl View {
    /// From a call of `_rebuild_tensor_v2(storage, offset, shape, stride, …)`, possibly inside calls that wrap it into
    /// a parameter or another class of tensor.
    pub fn of(pickle: &Pickle, id: Id) -> Option<Self> {
        let mut call = match pickle.node(id) {
            Node::Call(callee, arguments) => (*callee, pickle.sequence(*arguments)?),
            _ => return None,
        };
        // At most a tensor within a parameter within another class of tensor.
        for _ in 0..3 {
            let Node::Global(name) = pickle.node(call.0) else {
                return None;
            };
            call = match (name.as_str(), call.1) {
                ("torch._utils._rebuild_tensor_v2", arguments) => {
                    return Self::rebuilt(pickle, arguments);
                }
                ("torch._utils._rebuild_parameter", [tensor, ..]) => match pickle.node(*tensor) {
                    Node::Call(callee, arguments) => (*callee, pickle.sequence(*arguments)?),
                    _ => return None,
                },
                ("torch._tensor._rebuild_from_type_v2", [callee, _, arguments, ..]) => {
                    (*callee, pickle.sequence(*arguments)?)
                }
                _ => return None,
            };
        }
        None
    }

    fn rebuilt(pickle: &Pickle, arguments: &[Id]) -> Option<Self> {
        let [reference, offset, shape, stride, ..] = arguments else {
            return None;
        };
        let Node::Persistent(reference) = pickle.node(*reference) else {
            return None;
        };
        let (storage, dtype) = storage(pickle, *reference)?;
        let sizes = |id: Id| -> Option<Vec<usize>> {
            let items = pickle.sequence(id)?.iter();
            items.map(|&i| usize::try_from(pickle.int(i)?).ok()).collect()
        };
        Some(Self {
            storage: storage.to_owned(),
            dtype,
            offset: usize::try_from(pickle.int(*offset)?).ok()?,
            shape: sizes(*shape)?,
            stride: sizes(*stride)?,
        })
    }

    /// The values in row-major order; `None` if they exceed the storage or take more than `budget` bytes.
    pub fn read(&self, storage: &[u8], budget: usize) -> Option<RawTensor<'static>> {
        let width = width(self.dtype);
        let count = self.shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side))?;
        // Strides of 0 could make a small file a huge tensor.
        let size = count.checked_mul(width).filter(|&size| size <= budget)?;
        if self.shape.len() != self.stride.len() {
            return None;
        }
        let mut bytes = Vec::with_capacity(size);
        let mut place = vec![0usize; self.shape.len()];
        for _ in 0..count {
            let steps = place.iter().zip(&self.stride);
            let index = steps
                .map(|(p, s)| p.checked_mul(*s))
                .try_fold(self.offset, |sum, step| sum.checked_add(step?))?;
            let start = index.checked_mul(width)?;
            bytes.extend(storage.get(start..start.checked_add(width)?)?);
            for axis in (0..place.len()).rev() {
                place[axis] += 1;
                if place[axis] < self.shape[axis] {
                    break;
                }
                place[axis] = 0;
            }
        }
        Some(RawTensor {
            shape: self.shape.clone(),
            dtype: self.dtype,
            bytes: Cow::Owned(bytes),
        })
    }
}
