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
}

/// The places of all parameters, in the order in which the network is visited.
pub(super) fn places(model: &Model) -> Vec<Place> {
    let mut visitor = Places {
        model,
        names: Vec::new(),
        containers: Vec::new(),
        found: Vec::new(),
    };
    model.visit(&mut visitor);
    visitor.found
}

struct Places<'a> {
    model: &'a Model,
    names: Vec<String>,
    containers: Vec<String>,
    found: Vec<Place>,
}

impl ModuleVisitor for Places<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // The first name is the backbone's own.
        let path = self.names.get(1..).unwrap_or_default().join(".");
        let name = self.model.reference_name(&path);
        let linear = self.containers.last().is_some_and(|c| c == "Struct:Linear");
        let transposed = linear && self.names.last().is_some_and(|name| name == "weight");
        let mut shape = param.shape().to_vec();
        if transposed {
            shape.reverse();
        }
        self.found.push(Place {
            shape,
            transposed,
            head: self.model.is_head(&name),
            input: self.model.is_input(&name),
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
