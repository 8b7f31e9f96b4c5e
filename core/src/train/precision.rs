//! Mixed precision: a step's passes in a smaller type, everything that is kept in f32.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::LossScale;
use crate::backbone::Model;
use crate::{Error, Result};

/// In which type a step's passes are computed. Parameters, optimizer and teacher are kept in f32, and so are
/// norms, softmaxes and losses computed (as PyTorch's autocast does).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixedPrecision {
    /// f32.
    #[default]
    Off,
    /// bfloat16: half the memory and, where a GPU has units for it, much faster. Its range is that of f32.
    Bf16,
    /// f16: the same for what has no bfloat16, as WebGPU. Its range is small, so gradients are computed of a
    /// [scaled](LossScale) loss.
    F16,
}

impl MixedPrecision {
    /// The type of activations and weights.
    pub(super) fn dtype(self) -> FloatDType {
        match self {
            Self::Off => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }

    /// What the loss of the first step is multiplied by, where it has to be.
    pub(super) fn loss_scale(self) -> Option<LossScale> {
        (self == Self::F16).then(LossScale::default)
    }

    /// # Errors
    /// When the device has no such numbers.
    pub(super) fn check(self, device: &Device) -> Result<()> {
        let name = match self {
            Self::Off => return Ok(()),
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        };
        if device.supports_dtype(self.dtype()) {
            return Ok(());
        }
        Err(Error::Config(format!(
            "this device does not compute in {name}: set mixed_precision to \"off\""
        )))
    }

    /// The model as passes use it: all but its norms in the smaller type.
    pub(super) fn lower(self, model: Model) -> Model {
        if self == Self::Off {
            return model;
        }
        model.map(&mut Lower {
            dtype: self.dtype(),
            norms: 0,
        })
    }
}

struct Lower {
    dtype: FloatDType,
    /// How many norms the parameter at hand lies in.
    norms: usize,
}

/// Whether a container (`Struct:Name`) is one of burn's norms, which run in f32.
fn is_norm(container: &str) -> bool {
    ["LayerNorm", "GroupNorm", "BatchNorm"]
        .iter()
        .any(|norm| container.rsplit(':').next() == Some(norm))
}

impl ModuleMapper for Lower {
    fn enter_module(&mut self, _name: &str, container: &str) {
        self.norms += usize::from(is_norm(container));
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.norms -= usize::from(is_norm(container));
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.norms > 0 {
            return param;
        }
        let dtype = self.dtype;
        param.map(|old| {
            if !old.device().is_autodiff() {
                return old.cast(dtype);
            }
            let learns = old.is_require_grad();
            Tensor::from_inner(old.inner().cast(dtype)).set_require_grad(learns)
        })
    }
}

/// Gradients of `model`, which are those of a loss times `scale`, in f32 on `device` and without it.
pub(super) fn gather(gradients: GradientsParams, model: &Model, device: &Device, scale: f64) -> GradientsParams {
    let mut gather = Gather {
        gradients,
        device: device.clone().inner(),
        scale,
    };
    model.visit(&mut gather);
    gather.gradients
}

struct Gather {
    gradients: GradientsParams,
    device: Device,
    scale: f64,
}

impl ModuleVisitor for Gather {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let gradient = gradient.to_device(&self.device).cast(FloatDType::F32);
            let gradient = if self.scale == 1.0 {
                gradient
            } else {
                gradient / self.scale
            };
            self.gradients.register(param.id, gradient);
        }
    }
}
