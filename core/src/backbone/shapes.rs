//! What the names and shapes of a checkpoint's tensors tell, and what they do not.

use std::collections::BTreeMap;

use crate::nn::Merging;
use crate::volume::AxisOrder;

/// Whether a checkpoint holds a tensor of a name.
pub(super) type Holds<'a> = &'a dyn Fn(&str) -> bool;

/// Shapes of tensors by their reference names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shapes<'a>(pub &'a BTreeMap<String, Vec<usize>>);

impl Shapes<'_> {
    /// The shape of a tensor.
    ///
    /// # Errors
    /// When the tensor does not exist.
    pub fn shape(&self, name: &str) -> Result<&[usize], RecognitionError> {
        let shape = self.0.get(name);
        let shape = shape.ok_or_else(|| RecognitionError::Missing(name.to_owned()))?;
        Ok(shape)
    }

    /// One side of a tensor.
    ///
    /// # Errors
    /// When the tensor does not exist, or has fewer axes.
    pub fn side(&self, name: &str, axis: usize) -> Result<usize, RecognitionError> {
        let side = self.shape(name)?.get(axis).copied();
        side.ok_or_else(|| RecognitionError::Missing(format!("{name} with {} sides", axis + 1)))
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// How many of `name(0)`, `name(1)`, … there are.
    pub fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|&i| self.has(&name(i))).count()
    }
}

/// A network as recognized from its tensors; `N` is the type of its numbers.
#[derive(Debug)]
pub(crate) struct Recognized<N> {
    /// The numbers of the network.
    pub network: N,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub classes: usize,
    /// The patch `[depth, height, width]` in voxels.
    pub patch: [usize; 3],
    /// The order in which the reference implementation holds a volume's axes.
    pub axes: AxisOrder,
    /// What was assumed because the tensors do not tell, one phrase each.
    pub assumed: Vec<String>,
}

impl<N> Recognized<N> {
    /// The same with the numbers as another type.
    pub fn map<M>(self, network: impl FnOnce(N) -> M) -> Recognized<M> {
        Recognized {
            network: network(self.network),
            channels: self.channels,
            classes: self.classes,
            patch: self.patch,
            axes: self.axes,
            assumed: self.assumed,
        }
    }
}

/// What the tensors of a checkpoint do not tell; `N` is the type of a network's numbers.
#[derive(Clone, Debug)]
pub(crate) struct Untold<'a, N> {
    /// The patch `[depth, height, width]` in voxels.
    pub patch: Option<[usize; 3]>,
    /// Attention heads.
    pub heads: Option<usize>,
    /// How patches are merged.
    pub merging: Merging,
    /// The network that the tensors are loaded into; it supplies whatever nothing else tells.
    pub expected: Option<&'a N>,
}

impl<'a, N> Untold<'a, N> {
    /// The same for one backbone, with its own numbers from the expected network.
    pub fn of<M>(&self, own: impl FnOnce(&'a N) -> Option<&'a M>) -> Untold<'a, M> {
        Untold {
            patch: self.patch,
            heads: self.heads,
            merging: self.merging,
            expected: self.expected.and_then(own),
        }
    }
}

/// Why tensors do not belong to any network. Each sentence follows "the weights".
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecognitionError {
    /// Tensors of this name are missing.
    Missing(String),
    /// No network known here has these tensors.
    Unsuitable(String),
}
