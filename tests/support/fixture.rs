//! Reference tensors from `tests/fixtures`.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde_json::Value;

/// A named tensor in PyTorch's layout.
pub type Named = (String, Vec<usize>, Vec<f32>);

/// One fixture file.
pub struct Fixture {
    name: String,
    bytes: Vec<u8>,
}

impl Fixture {
    /// Opens `tests/fixtures/NAME.safetensors`.
    pub fn open(name: &str) -> Self {
        let path = folder().join(format!("{name}.safetensors"));
        Self {
            name: name.to_owned(),
            bytes: std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
        }
    }

    /// Opens a fixture that is not in the repository because it holds real scans; `None`, with a
    /// message, where it is not at hand.
    pub fn shared(name: &str) -> Option<Self> {
        let path = folder()
            .join("../../../shared/fixtures")
            .join(format!("{name}.safetensors"));
        let Ok(bytes) = std::fs::read(&path) else {
            crate::announce(&format!("skipped: {} is not here", path.display()));
            return None;
        };
        let name = name.to_owned();
        Some(Self { name, bytes })
    }

    /// What the manifest says about it.
    pub fn meta(&self) -> Value {
        let text = std::fs::read_to_string(folder().join("manifest.json")).expect("the manifest");
        let manifest: Value = serde_json::from_str(&text).expect("the manifest is JSON");
        manifest["meta"][&self.name].clone()
    }

    /// Names of all tensors.
    pub fn names(&self) -> Vec<String> {
        let tensors = self.tensors();
        tensors.names().into_iter().map(str::to_owned).collect()
    }

    /// A tensor's shape.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors().tensor(name).expect(name).shape().to_vec()
    }

    /// A tensor's values; integers and f64 are converted.
    pub fn values(&self, name: &str) -> Vec<f32> {
        self.doubles(name).into_iter().map(|v| v as f32).collect()
    }

    /// A tensor's values in f64.
    pub fn doubles(&self, name: &str) -> Vec<f64> {
        let tensors = self.tensors();
        let view = tensors.tensor(name).expect(name);
        let data = view.data();
        match view.dtype() {
            Dtype::U8 => data.iter().map(|&v| f64::from(v)).collect(),
            Dtype::F32 => data
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f64::from(f32::from_le_bytes(*b)))
                .collect(),
            Dtype::F64 => data.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The network's weights: those that are stored as `w.NAME`, or those that the manifest's rule
    /// makes.
    pub fn weights(&self) -> Vec<Named> {
        let meta = self.meta();
        let Some(rules) = meta["weights"].as_array() else {
            let names = self.names();
            let stored = names.iter().filter_map(|n| Some((n, n.strip_prefix("w.")?)));
            return stored
                .map(|(name, short)| (short.to_owned(), self.shape(name), self.values(name)))
                .collect();
        };
        rules.iter().map(made).collect()
    }

    /// The tensors whose names start with `prefix`, by the rest of their names.
    pub fn with_prefix(&self, prefix: &str) -> Vec<(String, Vec<f32>)> {
        let names = self.names();
        let found = names.iter().filter_map(|n| Some((n, n.strip_prefix(prefix)?)));
        found.map(|(name, rest)| (rest.to_owned(), self.values(name))).collect()
    }

    /// A u8 tensor's values.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.tensors().tensor(name).expect(name).data().to_vec()
    }

    /// A tensor on a device.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let shape: [usize; D] = self.shape(name).try_into().expect("the rank");
        Tensor::from_data(TensorData::new(self.values(name), shape), device)
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("a safetensors file")
    }
}

/// The numbers of `tests/fixtures/NAME.json`.
pub fn reference(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect(name);
    serde_json::from_str(&text).expect("JSON")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A tensor from the manifest's rule for it.
fn made(rule: &Value) -> Named {
    let shape: Vec<usize> = serde_json::from_value(rule["shape"].clone()).expect("a shape");
    let number = |key: &str| rule[key].as_f64().expect("a number") as f32;
    let key = rule["key"].as_u64().expect("a key");
    let count = shape.iter().product();
    let name = rule["name"].as_str().expect("a name").to_owned();
    let values = procedural(key, number("base"), number("scale"), count);
    (name, shape, values)
}

/// Values made by the fixtures' rule: `base + scale · u`, `u` in [−1, 1) from splitmix64 of
/// `key · 2⁴⁰ + index`.
pub fn procedural(key: u64, base: f32, scale: f32, count: usize) -> Vec<f32> {
    let unit = |index: u64| {
        let bits = splitmix64((key << 40).wrapping_add(index)) >> 40;
        bits as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..count as u64).map(|index| base + scale * unit(index)).collect()
}

fn splitmix64(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::procedural;

    #[test]
    fn the_rule_gives_the_values_of_the_manifest() {
        let expected = [-0.9031824, 0.75554085, 0.576_079_85, 0.122_153_4, 0.6426568];
        assert_eq!(procedural(655360, 0.0, 1.0, 5), expected);
    }
}
