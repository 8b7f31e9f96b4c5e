//! Between a network's parameters and a weights file.
//!
//! Names are the reference implementation's; linear weights are transposed, because PyTorch keeps
//! them `[out, in]` and burn `[in, out]`. All other layouts agree.

use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData, f16};
use safetensors::Dtype;

use super::metadata::KEY;
use super::raw::{self, RawTensor, Tensors};
use super::{Metadata, WeightsError};
use crate::backbone::Model;

/// A network with what its file says about it.
#[derive(Debug)]
pub struct Loaded {
    /// The network, on the device that was asked for.
    pub model: Model,
    /// The file's metadata.
    pub metadata: Metadata,
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As it is trained.
    #[default]
    F32,
    /// Half the size; three digits.
    F16,
}

/// How a network takes tensors that are not quite its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// The last layer stays as it is where the file's has another number of classes.
    pub new_head: bool,
    /// The first layer takes a file's of one channel for several, or of several for one.
    pub adapt_channels: bool,
    /// The mask token stays as it is where the file has none.
    pub without_mask_token: bool,
}

/// A network that was filled, and what remained.
#[derive(Debug)]
pub struct Filled {
    /// The network.
    pub model: Model,
    /// Parameters that stayed as they were.
    pub kept: Vec<String>,
    /// Tensors of the file that the network has no place for.
    pub ignored: Vec<String>,
}

/// Writes a weights file. Reads the parameters from the device without blocking.
///
/// # Errors
/// When the device does not give them.
pub async fn save(
    model: &Model,
    metadata: &Metadata,
    precision: Precision,
) -> Result<Vec<u8>, WeightsError> {
    let text = serde_json::to_string(metadata)
        .map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
    let header = HashMap::from([(KEY.to_owned(), text)]);
    write_safetensors(&parameters(model).await?, precision, Some(header))
}

/// Writes several models of one network into one file, each under a prefix: a run's state.
pub(crate) async fn save_parts(
    parts: &[(&str, &Model)],
    header: HashMap<String, String>,
) -> Result<Vec<u8>, WeightsError> {
    let mut all = Vec::new();
    for (prefix, model) in parts {
        let named = parameters(model).await?.into_iter();
        all.extend(named.map(|(name, shape, values)| (format!("{prefix}.{name}"), shape, values)));
    }
    write_safetensors(&all, Precision::F32, Some(header))
}

/// Fills `model` with what [`save_parts`] wrote under `prefix`.
pub(crate) fn fill_part(
    model: Model,
    tensors: &Tensors<'_>,
    prefix: &str,
) -> Result<Model, WeightsError> {
    let part = tensors.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix(prefix)?.strip_prefix('.')?;
        Some((name.to_owned(), tensor.clone()))
    });
    Ok(fill(model, &part.collect(), Fit::default())?.model)
}

/// A parameter in the file's layout: its reference name, shape and values.
pub(super) type Parameter = (String, Vec<usize>, Vec<f32>);

/// All parameters, read from the device without blocking.
pub(super) async fn parameters(model: &Model) -> Result<Vec<Parameter>, WeightsError> {
    let mut collected = Collect::new(model);
    model.visit(&mut collected);
    let mut parameters = Vec::with_capacity(collected.found.len());
    for (name, shape, values) in collected.found {
        let data = values.into_data_async().await;
        let data = data.map_err(|_| WeightsError::Device)?.convert::<f32>();
        let values: Vec<f32> = data.try_into_vec().map_err(|_| WeightsError::Device)?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(WeightsError::NotFinite(name));
        }
        parameters.push((name, shape, values));
    }
    Ok(parameters)
}

fn write_safetensors(
    parameters: &[Parameter],
    precision: Precision,
    header: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, WeightsError> {
    let tensors = parameters.iter().map(|(name, shape, values)| {
        let bytes: Vec<u8> = match precision {
            Precision::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::F16 => {
                let halves = values.iter().map(|&v| f16::from_f32(v));
                halves.flat_map(f16::to_le_bytes).collect()
            }
        };
        let dtype = match precision {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        };
        let tensor = RawTensor {
            shape: shape.clone(),
            dtype,
            bytes: bytes.into(),
        };
        (name.clone(), tensor)
    });
    raw::write_safetensors(&tensors.collect(), header)
}

/// Reads a weights file and builds its network on `device`.
///
/// # Errors
/// When the file is damaged, or its tensors are not those of the network that it names.
pub fn load(bytes: &[u8], device: &Device) -> Result<Loaded, WeightsError> {
    let metadata = Metadata::read(bytes)?;
    let model = metadata.build(device);
    let model = fill(model, &raw::read_safetensors(bytes)?, Fit::default())?.model;
    Ok(Loaded { model, metadata })
}

/// Replaces every parameter of `model` by the tensor of its reference name.
///
/// # Errors
/// When one is missing or of another shape or type, and `fit` does not allow for it; names the
/// tensor.
pub fn fill(model: Model, tensors: &Tensors<'_>, fit: Fit) -> Result<Filled, WeightsError> {
    let mut mapper = Fill {
        path: Path::default(),
        names: model.clone(),
        tensors,
        fit,
        used: HashSet::new(),
        kept: Vec::new(),
        error: None,
    };
    let model = model.map(&mut mapper);
    if let Some(error) = mapper.error {
        return Err(error);
    }
    let names = tensors.keys();
    let ignored = names.filter(|name| !mapper.used.contains(*name));
    Ok(Filled {
        model,
        kept: mapper.kept,
        ignored: ignored.cloned().collect(),
    })
}

/// Where a visitor stands in the module tree.
#[derive(Default)]
struct Path {
    names: Vec<String>,
    containers: Vec<String>,
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The path below the backbone's own name.
    fn within_backbone(&self) -> String {
        self.names.get(1..).unwrap_or_default().join(".")
    }

    fn is_linear_weight(&self) -> bool {
        self.containers.last().is_some_and(|c| c == "Struct:Linear")
            && self.names.last().is_some_and(|name| name == "weight")
    }
}

/// Collects parameters in file layout, still on the device.
struct Collect<'a> {
    path: Path,
    model: &'a Model,
    found: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl<'a> Collect<'a> {
    fn new(model: &'a Model) -> Self {
        Self {
            path: Path::default(),
            model,
            found: Vec::new(),
        }
    }
}

impl ModuleVisitor for Collect<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut value = param.val();
        if self.path.is_linear_weight() {
            value = value.swap_dims(0, 1);
        }
        let name = self.model.reference_name(&self.path.within_backbone());
        let shape = value.dims().to_vec();
        let count: usize = shape.iter().product();
        self.found.push((name, shape, value.reshape([count])));
    }
}

struct Fill<'a> {
    path: Path,
    /// A copy that names its parameters while the other is being mapped.
    names: Model,
    tensors: &'a Tensors<'a>,
    fit: Fit,
    /// Tensors that found their place.
    used: HashSet<String>,
    kept: Vec<String>,
    error: Option<WeightsError>,
}

impl Fill<'_> {
    /// The parameter's new value in file layout; `None` where it stays as it is.
    fn value<const D: usize>(
        &mut self,
        current: &Tensor<D>,
    ) -> Result<Option<TensorData>, WeightsError> {
        let name = self.names.reference_name(&self.path.within_backbone());
        let Some(tensor) = self.tensors.get(&name) else {
            if self.fit.without_mask_token && name.ends_with("mask_token") {
                self.kept.push(name);
                return Ok(None);
            }
            return Err(WeightsError::Missing(name));
        };
        self.used.insert(name.clone());
        let mut expected = current.dims().to_vec();
        if self.path.is_linear_weight() {
            expected.swap(0, 1);
        }
        let Some(values) = tensor.floats() else {
            return Err(WeightsError::Datatype {
                name,
                found: format!("{:?}", tensor.dtype),
            });
        };
        if tensor.shape == expected {
            return Ok(Some(TensorData::new(values, expected)));
        }
        if self.fit.new_head && self.names.is_head(&name) {
            self.kept.push(name);
            return Ok(None);
        }
        if self.fit.adapt_channels
            && self.names.is_input(&name)
            && let Some(values) = adapt_channels(&values, &tensor.shape, &expected)
        {
            return Ok(Some(TensorData::new(values, expected)));
        }
        Err(WeightsError::Shape {
            name,
            found: tensor.shape.clone(),
            expected,
        })
    }
}

/// The weights of one channel for several, each an equal part, so that equal channels give the same
/// response; or the sum over several channels for one. `None` where the shapes do not allow it.
///
/// Shapes are `[out, channel, …]`, or `[out, voxels · channel]` with channels fastest.
fn adapt_channels(values: &[f32], found: &[usize], wanted: &[usize]) -> Option<Vec<f32>> {
    if found.len() != wanted.len() || found.len() < 2 || found[0] != wanted[0] {
        return None;
    }
    let (one, several) = (found[1].min(wanted[1]), found[1].max(wanted[1]));
    let same = found[2..] == wanted[2..];
    if !same || one == 0 || !several.is_multiple_of(one) {
        return None;
    }
    let channels = several / one;
    // Values that lie together for each channel.
    let run = if found.len() == 2 {
        1
    } else if one == 1 {
        found[2..].iter().product()
    } else {
        return None;
    };
    if found[1] < wanted[1] {
        let runs = values.chunks(run);
        let part = |run: &[f32]| -> Vec<f32> { run.iter().map(|v| v / channels as f32).collect() };
        Some(runs.flat_map(|run| part(run).repeat(channels)).collect())
    } else {
        let groups = values.chunks(run * channels);
        let sum = |group: &[f32]| -> Vec<f32> {
            (0..run)
                .map(|i| group.iter().skip(i).step_by(run).sum())
                .collect()
        };
        Some(groups.flat_map(sum).collect())
    }
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let current = param.val();
        match self.value(&current) {
            Ok(None) => param,
            Ok(Some(data)) => {
                let mut value = Tensor::<D>::from_data(data, &current.device());
                if self.path.is_linear_weight() {
                    value = value.swap_dims(0, 1);
                }
                param.map(|old| value.set_require_grad(old.is_require_grad()))
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::adapt_channels;

    #[test]
    fn one_channel_becomes_two_and_back() {
        // [out 2, channel 1, 2 voxels] to two channels: halves, channel by channel.
        let one = [2.0, 4.0, 6.0, 8.0];
        let two = adapt_channels(&one, &[2, 1, 2], &[2, 2, 2]).expect("it fits");
        assert_eq!(two, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
        let back = adapt_channels(&two, &[2, 2, 2], &[2, 1, 2]).expect("it fits");
        assert_eq!(back, one);
        // A linear layer has its channels fastest: [out 1, 2 voxels · channel].
        let two = adapt_channels(&[2.0, 4.0], &[1, 2], &[1, 4]).expect("it fits");
        assert_eq!(two, [1.0, 1.0, 2.0, 2.0]);
        let back = adapt_channels(&two, &[1, 4], &[1, 2]).expect("it fits");
        assert_eq!(back, [2.0, 4.0]);
        assert_eq!(adapt_channels(&one, &[2, 2], &[2, 3]), None);
        assert_eq!(adapt_channels(&one, &[2, 2, 1], &[2, 4, 1]), None);
        assert_eq!(adapt_channels(&one, &[4, 1, 1], &[2, 1, 1]), None);
    }
}
