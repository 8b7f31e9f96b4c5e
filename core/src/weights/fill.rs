//! From the tensors of a weights file to a network's parameters.

use std::collections::HashSet;

use burn::module::{ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::WeightsError;
use super::names::{Place, Stored, places, transpose};
use super::raw::Tensors;
use crate::backbone::Model;

/// How a network accepts tensors that do not match exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// The last layer is left unchanged if the file's has another number of classes.
    pub new_head: bool,
    /// The first layer is adapted from one channel to several, or from several to one.
    pub adapt_channels: bool,
    /// The mask token is left unchanged if the file has none.
    pub without_mask_token: bool,
    /// What does not belong to the encoder is left unchanged if the file has it not, as after pretraining.
    pub new_decoder: bool,
}

/// A filled network, and what remained.
#[derive(Debug)]
pub struct Filled<M = Model> {
    /// The network.
    pub model: M,
    /// Parameters that were left unchanged.
    pub kept: Vec<String>,
    /// Tensors of the file that the network does not use.
    pub ignored: Vec<String>,
}

/// Replaces every parameter of `model` by the tensor of its reference name.
///
/// # Errors
/// When one is missing or of another shape or type, and `fit` does not allow for it; names the
/// tensor.
pub fn fill(model: Model, tensors: &Tensors<'_>, fit: Fit) -> Result<Filled, WeightsError> {
    fill_stored(model, tensors, fit)
}

fn fill_stored<M: Stored>(model: M, tensors: &Tensors<'_>, fit: Fit) -> Result<Filled<M>, WeightsError> {
    let mut mapper = Fill {
        places: places(&model).into_iter(),
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

/// Fills `model` with the tensors whose names start with `prefix`.
pub(crate) fn fill_part<M: Stored>(model: M, tensors: &Tensors<'_>, prefix: &str) -> Result<M, WeightsError> {
    let part = tensors.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix(prefix)?;
        Some((name.to_owned(), tensor.clone()))
    });
    Ok(fill_stored(model, &part.collect(), Fit::default())?.model)
}

struct Fill<'a> {
    /// Places of the remaining parameters. They are collected beforehand, so that the old parameters need not be kept
    /// while the new ones are read.
    places: std::vec::IntoIter<Place>,
    tensors: &'a Tensors<'a>,
    fit: Fit,
    /// Tensors that were used.
    used: HashSet<String>,
    kept: Vec<String>,
    error: Option<WeightsError>,
}

impl Fill<'_> {
    /// The parameter's new value in file layout; `None` if it is left unchanged.
    fn value(&mut self, place: Place) -> Result<Option<Vec<f32>>, WeightsError> {
        let Place { name, shape, .. } = place;
        let Some(tensor) = self.tensors.get(&name) else {
            if self.fit.without_mask_token && name.ends_with("mask_token") {
                self.kept.push(name);
                return Ok(None);
            }
            if self.fit.new_decoder && !place.encoder {
                self.kept.push(name);
                return Ok(None);
            }
            return Err(WeightsError::Missing(name));
        };
        self.used.insert(name.clone());
        let Some(values) = tensor.floats() else {
            return Err(WeightsError::Datatype {
                name,
                found: format!("{:?}", tensor.dtype),
            });
        };
        if tensor.shape == shape {
            return Ok(Some(values));
        }
        if self.fit.new_head && place.head {
            self.kept.push(name);
            return Ok(None);
        }
        if self.fit.adapt_channels
            && place.input
            && let Some(values) = adapt_channels(&values, &tensor.shape, &shape)
        {
            return Ok(Some(values));
        }
        Err(WeightsError::Shape {
            name,
            found: tensor.shape.clone(),
            expected: shape,
        })
    }
}

impl ModuleMapper for Fill<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // There are as many places as parameters: both come from visiting the same network.
        let Some(place) = self.places.next() else {
            return param;
        };
        if self.error.is_some() {
            return param;
        }
        let (transposed, rows) = (place.transposed, place.shape.first().copied());
        match self.value(place) {
            Ok(None) => param,
            Ok(Some(values)) => param.map(|old| {
                let values = match rows {
                    Some(rows) if transposed => transpose(&values, values.len() / rows.max(1)),
                    _ => values,
                };
                let data = TensorData::new(values, old.dims().to_vec());
                Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
            }),
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

/// Distributes the weights of one channel equally over several, so that equal channels give the same response; or sums
/// several channels into one. `None` if the shapes do not allow it.
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
    // Contiguous values per channel.
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
        let sum = |group: &[f32]| -> Vec<f32> { (0..run).map(|i| group.iter().skip(i).step_by(run).sum()).collect() };
        Some(groups.flat_map(sum).collect())
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
