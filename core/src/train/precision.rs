//! Mixed precision: a step's forward and backward passes in a smaller type, all persistent values in f32.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use super::LossScale;
use crate::{Error, Result};

/// The type in which a step's passes are computed. Parameters, optimizer and teacher stay in f32; norms, softmaxes and
/// losses are computed in f32 (as in PyTorch's autocast).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixedPrecision {
    /// f32.
    #[default]
    Off,
    /// bfloat16: half the memory and much faster on GPUs with hardware for it. It has the range of f32.
    Bf16,
    /// f16: the same for devices without bfloat16, such as WebGPU. Its range is small, so gradients are computed from a
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

    /// The loss scale of the first step, if one is needed.
    pub(super) fn loss_scale(self) -> Option<LossScale> {
        (self == Self::F16).then(LossScale::default)
    }

    /// # Errors
    /// When the device does not support the type.
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

    /// The model for the passes: everything but its norms in the smaller type.
    pub(super) fn lower<M: Module>(self, model: M) -> M {
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
    /// Nesting depth in norms of the current parameter.
    norms: usize,
}

/// Whether a container (`Struct:Name`) is one of burn's norms or of PCRLv2's head, which run in f32.
fn is_norm(container: &str) -> bool {
    ["LayerNorm", "GroupNorm", "BatchNorm", "OverBatch"]
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

/// Gradients of `model` from a loss times `scale`, unscaled, in f32 and on `device`.
pub(super) fn gather<M: Module>(gradients: GradientsParams, model: &M, device: &Device, scale: f64) -> GradientsParams {
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
