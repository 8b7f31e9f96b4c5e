//! Between a network's parameters and a weights file.
//!
//! Names are the reference implementation's; linear weights are transposed, because PyTorch keeps
//! them `[out, in]` and burn `[in, out]`. All other layouts agree.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::metadata::KEY;
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

/// Writes a weights file. Reads the parameters from the device without blocking.
///
/// # Errors
/// When the device does not give them.
pub async fn save(model: &Model, metadata: &Metadata) -> Result<Vec<u8>, WeightsError> {
    let mut collected = Collect::new(model);
    model.visit(&mut collected);
    let mut tensors = Vec::with_capacity(collected.found.len());
    for (name, shape, values) in collected.found {
        let data = values.into_data_async().await;
        let data = data.map_err(|_| WeightsError::Device)?.convert::<f32>();
        tensors.push((name, shape, data.as_bytes().to_vec()));
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name, view))
    });
    let views: Result<Vec<_>, _> = views.collect();
    let text = serde_json::to_string(metadata)
        .map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
    let header = HashMap::from([(KEY.to_owned(), text)]);
    views
        .and_then(|views| serialize(views, Some(header)))
        .map_err(|error| WeightsError::Format(error.to_string()))
}

/// Reads a weights file and builds its network on `device`.
///
/// # Errors
/// When the file is damaged, or its tensors are not those of the network that it names.
pub fn load(bytes: &[u8], device: &Device) -> Result<Loaded, WeightsError> {
    let metadata = Metadata::read(bytes)?;
    let model = metadata.network.build(
        metadata.channels,
        metadata.labels.classes(),
        metadata.patch,
        0,
        device,
    );
    let tensors =
        SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let model = fill(model, &tensors)?;
    Ok(Loaded { model, metadata })
}

/// Replaces every parameter of `model` by the tensor of its reference name.
///
/// # Errors
/// When one is missing or of another shape or type; names the tensor.
pub fn fill(model: Model, tensors: &SafeTensors<'_>) -> Result<Model, WeightsError> {
    let mut mapper = Fill {
        path: Path::default(),
        names: model.clone(),
        tensors,
        error: None,
    };
    let model = model.map(&mut mapper);
    match mapper.error {
        Some(error) => Err(error),
        None => Ok(model),
    }
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
    tensors: &'a SafeTensors<'a>,
    error: Option<WeightsError>,
}

impl Fill<'_> {
    fn value<const D: usize>(&self, current: &Tensor<D>) -> Result<TensorData, WeightsError> {
        let name = self.names.reference_name(&self.path.within_backbone());
        let view = self
            .tensors
            .tensor(&name)
            .map_err(|_| WeightsError::Missing(name.clone()))?;
        let mut expected = current.dims().to_vec();
        if self.path.is_linear_weight() {
            expected.swap(0, 1);
        }
        if view.shape() != expected {
            return Err(WeightsError::Shape {
                name,
                found: view.shape().to_vec(),
                expected,
            });
        }
        if view.dtype() != Dtype::F32 {
            return Err(WeightsError::Datatype {
                name,
                found: format!("{:?}", view.dtype()),
            });
        }
        let values: Vec<f32> = view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        Ok(TensorData::new(values, expected))
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
            Ok(data) => {
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
