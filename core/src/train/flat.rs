//! The values of a network, or of its gradients, as one row of numbers.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Shape, Tensor, TensorData};

use crate::backbone::Model;
use crate::pool::floats;
use crate::{Error, Result};

/// All values of a network outside autodiff, running statistics included, in the order of its parameters.
///
/// # Errors
/// When the device does not answer.
pub(super) async fn values(model: &Model) -> Result<Vec<f32>> {
    let mut rows = Values(Vec::new());
    model.visit(&mut rows);
    read(rows.0).await
}

struct Values(Vec<Tensor<1>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(row(param.val()));
    }
}

fn row<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let count = tensor.shape().num_elements();
    tensor.reshape([count])
}

/// Reads tensors from the device in one go.
async fn read(rows: Vec<Tensor<1>>) -> Result<Vec<f32>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let data = Tensor::cat(rows, 0).into_data_async().await.map_err(|_| lost())?;
    data.convert::<f32>().try_into_vec().map_err(|_| lost())
}

/// A network with the values that [`values`] gave, [as bytes](crate::pool::to_bytes), on its own device.
///
/// # Errors
/// When there are more or fewer.
pub(super) fn fill(model: Model, values: &[u8]) -> Result<Model> {
    let mut rest = Some(values);
    let model = model.map(&mut Fill(&mut rest));
    match rest {
        Some([]) => Ok(model),
        _ => Err(miscounted()),
    }
}

/// The values that are left; `None` once there were too few.
struct Fill<'a, 'b>(&'b mut Option<&'a [u8]>);

impl ModuleMapper for Fill<'_, '_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let Some(data) = take(self.0, old.shape()) else {
                return old;
            };
            match old.device().is_autodiff() {
                true => {
                    let new = Tensor::from_inner(Tensor::from_data(data, &old.device().inner()));
                    new.set_require_grad(old.is_require_grad())
                }
                false => Tensor::from_data(data, &old.device()),
            }
        })
    }
}

/// The values of the next tensor of this shape, if they are all there.
fn take(rest: &mut Option<&[u8]>, shape: Shape) -> Option<TensorData> {
    let bytes = shape.num_elements() * size_of::<f32>();
    let taken = rest.and_then(|rest| rest.split_at_checked(bytes));
    *rest = taken.map(|(_, rest)| rest);
    taken.map(|(values, _)| TensorData::new(floats(values), shape))
}

fn miscounted() -> Error {
    Error::Pool("weights came for another network".to_owned())
}

/// All gradients of a network, one parameter after the other, and which parameters have one.
///
/// # Errors
/// When the device does not answer.
pub(super) async fn gradient_values(gradients: GradientsParams, model: &Model) -> Result<(Vec<f32>, Vec<bool>)> {
    let mut found = Gradients {
        gradients,
        rows: Vec::new(),
        present: Vec::new(),
    };
    model.visit(&mut found);
    Ok((read(found.rows).await?, found.present))
}

struct Gradients {
    gradients: GradientsParams,
    rows: Vec<Tensor<1>>,
    present: Vec<bool>,
}

impl ModuleVisitor for Gradients {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.remove::<D>(param.id);
        self.present.push(gradient.is_some());
        self.rows.extend(gradient.map(row));
    }
}

/// The gradients of `model` that [`gradient_values`] gave, [as bytes](crate::pool::to_bytes), on `device`.
///
/// # Errors
/// When they belong to another network.
pub(super) fn gradients(values: &[u8], present: &[bool], model: &Model, device: &Device) -> Result<GradientsParams> {
    let mut register = Register {
        gradients: GradientsParams::new(),
        values: Some(values),
        present: present.iter(),
        device: device.clone().inner(),
    };
    model.visit(&mut register);
    match (register.values, register.present.as_slice()) {
        (Some([]), []) => Ok(register.gradients),
        _ => Err(miscounted()),
    }
}

struct Register<'a> {
    gradients: GradientsParams,
    /// The values that are left; `None` once there were too few.
    values: Option<&'a [u8]>,
    present: std::slice::Iter<'a, bool>,
    device: Device,
}

impl ModuleVisitor for Register<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        match self.present.next() {
            Some(true) => {}
            Some(false) => return,
            None => {
                self.values = None;
                return;
            }
        }
        if let Some(data) = take(&mut self.values, param.shape()) {
            let gradient = Tensor::<D>::from_data(data, &self.device);
            self.gradients.register(param.id, gradient);
        }
    }
}

/// Reads tensors `[1]`, at least one, from the device.
///
/// # Errors
/// When it does not return as many numbers.
pub(super) async fn numbers(tensors: Vec<Tensor<1>>) -> Result<Vec<f64>> {
    let count = tensors.len();
    let read = Tensor::cat(tensors, 0).into_data_async().await;
    let read = read.map_err(|_| lost())?.convert::<f64>();
    let values: Vec<f64> = read.try_into_vec().map_err(|_| lost())?;
    if values.len() != count {
        return Err(lost());
    }
    Ok(values)
}

pub(super) fn lost() -> Error {
    Error::Lost("training".to_owned())
}
