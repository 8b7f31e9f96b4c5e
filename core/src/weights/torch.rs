//! Files of `torch.save`: a ZIP archive since PyTorch 1.6, pickles in a row before.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};

use safetensors::Dtype;

use super::pickle::{self, Id, Node, Pickle};
use super::raw::{RawTensor, Tensors};

/// The first value of a file before PyTorch 1.6, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Where a checkpoint may keep its parameters, in the order of preference. MedContext saves student
/// and teacher in files of their own.
const STATE_DICTS: [&str; 7] = [
    "student_state_dict",
    "teacher_state_dict",
    "state_dict",
    "model_state_dict",
    "network_weights",
    "model",
    "net",
];

/// Whether the bytes are one of the two forms.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || is_legacy(bytes)
}

fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x80, 0x02, 0x8a, 0x0a]) && bytes[4..].starts_with(&LEGACY_MAGIC)
}

/// The parameters of a checkpoint.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub(super) fn read_torch(bytes: &[u8]) -> Result<Tensors<'static>, String> {
    if is_legacy(bytes) {
        return read_legacy(bytes);
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let names = archive.file_names().filter_map(Result::ok);
    let main = names
        .map(Cow::into_owned)
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .ok_or("it is an archive without data.pkl, so PyTorch did not write it")?;
    let folder = main.trim_end_matches("data.pkl").to_owned();
    let mut entry = |name: &str| -> Result<Vec<u8>, String> {
        let mut file = archive.by_name(name).map_err(|e| format!("{name}: {e}"))?;
        let mut data = Vec::new();
        file.read_to_end(&mut data)
            .map_err(|e| format!("{name}: {e}"))?;
        Ok(data)
    };
    let pickle = pickle::parse(&entry(&main)?)?;
    let views = views(&pickle)?;
    let mut storages = Storages::new();
    for (_, view) in &views {
        if !storages.contains_key(view.storage) {
            let data = entry(&format!("{folder}data/{}", view.storage))?;
            storages.insert(view.storage.to_owned(), Cow::Owned(data));
        }
    }
    assemble(views, &storages, bytes.len())
}

/// Values by the key of their storage.
type Storages<'a> = HashMap<String, Cow<'a, [u8]>>;

/// Five pickles (magic number, protocol, machine, checkpoint, order of the storages), then each
/// storage's count and values.
fn read_legacy(bytes: &[u8]) -> Result<Tensors<'static>, String> {
    let mut rest = bytes;
    let mut next = || -> Result<Pickle, String> {
        let pickle = pickle::parse(rest)?;
        rest = &rest[pickle.length..];
        Ok(pickle)
    };
    for _ in 0..3 {
        next()?;
    }
    let (checkpoint, order) = (next()?, next()?);
    let widths = storage_widths(&checkpoint);
    let mut storages = Storages::new();
    for &key in order.sequence(order.root()).unwrap_or_default() {
        let key = order.text(key).ok_or("its storages have no names")?;
        let (count, data) = rest.split_at_checked(8).ok_or("it ends too early")?;
        let count = count.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b));
        let width = widths.get(key).copied().unwrap_or(1);
        let length = usize::try_from(count)
            .ok()
            .and_then(|c| c.checked_mul(width));
        let parts = length.and_then(|length| data.split_at_checked(length));
        let (data, after) = parts.ok_or("it ends too early")?;
        storages.insert(key.to_owned(), Cow::Borrowed(data));
        rest = after;
    }
    assemble(views(&checkpoint)?, &storages, bytes.len())
}

/// Bytes of one value of each storage that a pickle names.
fn storage_widths(pickle: &Pickle) -> HashMap<String, usize> {
    let mut widths = HashMap::new();
    let mut stack = vec![pickle.root()];
    let mut seen = std::collections::HashSet::new();
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        match pickle.node(id) {
            Node::Sequence(items) => stack.extend(items),
            Node::Dict(entries) => stack.extend(entries.iter().flat_map(|&(k, v)| [k, v])),
            Node::Call(_, arguments) => stack.push(*arguments),
            Node::Persistent(reference) => {
                if let Some((key, dtype)) = storage(pickle, *reference) {
                    widths.insert(key.to_owned(), width(dtype));
                }
            }
            _ => {}
        }
    }
    widths
}

/// The tensors of the checkpoint's state dict, by name.
fn views(pickle: &Pickle) -> Result<Vec<(&str, View<'_>)>, String> {
    let dict = state_dict(pickle).ok_or("it holds no dictionary of tensors")?;
    let entries = pickle.entries(dict).iter();
    let named = entries.filter_map(|&(k, v)| Some((pickle.text(k)?, View::of(pickle, v)?)));
    Ok(named.collect())
}

/// Copies the tensors out of their storages. Together they may take a few times the file's size, for
/// those that share a storage, and no more.
fn assemble(
    views: Vec<(&str, View<'_>)>,
    storages: &Storages<'_>,
    file_size: usize,
) -> Result<Tensors<'static>, String> {
    let mut budget = file_size.saturating_mul(4);
    let mut found = Tensors::new();
    for (name, view) in views {
        let storage = storages.get(view.storage);
        let tensor = storage.and_then(|storage| view.read(storage, budget));
        let tensor = tensor.ok_or_else(|| format!("{name} reaches beyond its data"))?;
        budget -= tensor.bytes.len();
        found.insert(name.to_owned(), tensor);
    }
    Ok(found)
}

/// The dictionary that holds the parameters.
fn state_dict(pickle: &Pickle) -> Option<Id> {
    let holds_tensors = |dict: Id| {
        let mut values = pickle.entries(dict).iter().map(|&(_, value)| value);
        values.any(|value| View::of(pickle, value).is_some())
    };
    let root = pickle.root();
    let named = STATE_DICTS.iter().filter_map(|key| pickle.get(root, key));
    named.chain([root]).find(|&dict| holds_tensors(dict))
}

/// Key and type of a storage, from `("storage", type, key, device, count)`.
fn storage(pickle: &Pickle, reference: Id) -> Option<(&str, Dtype)> {
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
fn width(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F64 | Dtype::I64 => 8,
        Dtype::F32 | Dtype::I32 => 4,
        Dtype::F16 | Dtype::BF16 | Dtype::I16 => 2,
        _ => 1,
    }
}

/// A tensor's place in a storage.
struct View<'a> {
    storage: &'a str,
    dtype: Dtype,
    offset: usize,
    shape: Vec<usize>,
    stride: Vec<usize>,
}

impl<'a> View<'a> {
    /// From a call of `_rebuild_tensor_v2(storage, offset, shape, stride, …)`, perhaps within one of
    /// `_rebuild_parameter(tensor, …)`.
    fn of(pickle: &'a Pickle, id: Id) -> Option<Self> {
        let Node::Call(callee, arguments) = pickle.node(id) else {
            return None;
        };
        let Node::Global(name) = pickle.node(*callee) else {
            return None;
        };
        let arguments = pickle.sequence(*arguments)?;
        match (name.as_str(), arguments) {
            // A parameter holds a tensor, never a parameter: this is no deep recursion.
            ("torch._utils._rebuild_parameter", [tensor, ..])
                if matches!(pickle.node(*tensor), Node::Call(inner, _)
                    if pickle.node(*inner) != pickle.node(*callee)) =>
            {
                Self::of(pickle, *tensor)
            }
            ("torch._utils._rebuild_tensor_v2", [reference, offset, shape, stride, ..]) => {
                let Node::Persistent(reference) = pickle.node(*reference) else {
                    return None;
                };
                let (storage, dtype) = storage(pickle, *reference)?;
                let sizes = |id: Id| -> Option<Vec<usize>> {
                    let items = pickle.sequence(id)?.iter();
                    items
                        .map(|&i| usize::try_from(pickle.int(i)?).ok())
                        .collect()
                };
                Some(Self {
                    storage,
                    dtype,
                    offset: usize::try_from(pickle.int(*offset)?).ok()?,
                    shape: sizes(*shape)?,
                    stride: sizes(*stride)?,
                })
            }
            _ => None,
        }
    }

    /// The values in row-major order; `None` where they reach beyond the storage or take more than
    /// `budget` bytes.
    fn read(&self, storage: &[u8], budget: usize) -> Option<RawTensor<'static>> {
        let width = width(self.dtype);
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |n, &side| n.checked_mul(side))?;
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

#[cfg(test)]
mod tests {
    use super::{is_torch, read_torch};

    const ZIP: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint.pt");
    const LEGACY: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint_legacy.pt");
    const HOSTILE: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint_hostile.pt");

    #[test]
    fn both_forms_give_the_students_tensors() {
        for bytes in [ZIP, LEGACY] {
            assert!(is_torch(bytes));
            let tensors = read_torch(bytes).expect("a checkpoint");
            let floats = |name: &str| tensors[name].floats().expect("floats");
            assert_eq!(tensors.len(), 8);
            assert_eq!(tensors["module.plain"].shape, [3, 4]);
            let plain: Vec<f32> = (0..12u8).map(f32::from).collect();
            assert_eq!(floats("module.plain"), plain);
            assert_eq!(tensors["module.transposed"].shape, [4, 3]);
            let transposed = [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0];
            assert_eq!(floats("module.transposed"), transposed);
            assert_eq!(floats("module.part"), [4.0, 6.0, 8.0, 10.0]);
            assert_eq!(floats("module.parameter"), [0.5, -0.25]);
            assert_eq!(floats("module.half"), [1.5, -2.0]);
            assert_eq!(floats("module.brain"), [1.5, -2.0]);
            assert_eq!(floats("module.double"), [0.1]);
            assert!(tensors["module.count"].floats().is_none(), "a whole number");
        }
    }

    #[test]
    fn a_checkpoint_that_would_run_a_command_is_refused() {
        let refused = read_torch(HOSTILE).expect_err("it asks for os.system");
        assert!(refused.contains("posix.system"), "{refused}");
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        for bytes in [ZIP, LEGACY] {
            for end in (0..bytes.len()).step_by(37) {
                assert!(read_torch(&bytes[..end]).is_err(), "cut at {end}");
            }
            for at in (0..bytes.len()).step_by(11) {
                let mut damaged = bytes.to_vec();
                damaged[at] ^= 0xff;
                // Any answer will do, if it is one.
                let _ = read_torch(&damaged);
            }
        }
    }
}
