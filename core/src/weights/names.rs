//! How a network's parameters are stored in a weights file.
//!
//! Names are the reference implementation's; linear weights are transposed, because PyTorch stores them as `[out, in]`
//! and burn as `[in, out]`. All other layouts agree.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::backbone::Model;

/// A parameter in the file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its reference name.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Whether its two axes are swapped in the file.
    pub transposed: bool,
    /// Whether its shape depends on the number of classes.
    pub head: bool,
    /// Whether its shape depends on the number of input channels.
    pub input: bool,
    /// Whether it belongs to the encoder.
    pub encoder: bool,
}

/// A module whose parameters have names in a file.
pub(crate) trait Stored: Module {
    /// The name of the parameter that lies under these names in the module.
    fn stored_name(&self, names: &[String]) -> String;

    /// The network in it, which knows about its parameters by their names.
    fn network(&self) -> &Model;
}

impl Stored for Model {
    fn stored_name(&self, names: &[String]) -> String {
        // The first name is the backbone's own.
        let path = names.get(1..).unwrap_or_default().join(".");
        self.reference_name(&path)
    }

    fn network(&self) -> &Model {
        self
    }
}

/// The places of all parameters, in the order in which the module is visited.
pub(super) fn places<M: Stored>(model: &M) -> Vec<Place> {
    let mut visitor = Places {
        model,
        names: Vec::new(),
        containers: Vec::new(),
        found: Vec::new(),
    };
    model.visit(&mut visitor);
    visitor.found
}

struct Places<'a, M> {
    model: &'a M,
    names: Vec<String>,
    containers: Vec<String>,
    found: Vec<Place>,
}

impl<M: Stored> ModuleVisitor for Places<'_, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.model.stored_name(&self.names);
        let network = self.model.network();
        let linear = self.containers.last().is_some_and(|c| c == "Struct:Linear");
        let transposed = linear && self.names.last().is_some_and(|name| name == "weight");
        let mut shape = param.shape().to_vec();
        if transposed {
            shape.reverse();
        }
        self.found.push(Place {
            shape,
            transposed,
            head: network.is_head(&name),
            input: network.is_input(&name),
            encoder: network.is_encoder(&name),
            name,
        });
    }
}

/// Row-major `[rows, columns]` values as `[columns, rows]`.
pub(super) fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    // With known capacity: otherwise large layers would permanently take up to twice their memory.
    let mut turned = Vec::with_capacity(values.len());
    for column in 0..columns {
        turned.extend(values.iter().skip(column).step_by(columns));
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn two_rows_become_three() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(transpose(&values, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
