//! Which network a checkpoint holds, from the names and shapes of its tensors.

use std::collections::BTreeMap;

use super::name::Label;
use super::{Backbone, ENTRIES, Merging, Network};
use crate::volume::AxisOrder;

/// Whether a checkpoint holds a tensor of a name.
pub(super) type Holds<'a> = &'a dyn Fn(&str) -> bool;

/// What is known of a backbone before there is a network of it.
pub(super) trait Registered {
    /// Its names, each with what is said of it.
    const LABELS: &'static [Label];

    /// The reference name of a tensor that each of its networks has once and no other backbone has.
    const ANCHOR: &'static str;

    /// Other names that checkpoints give to the anchor.
    const OTHER_ANCHORS: &'static [&'static str] = &[];

    /// The reference name of a tensor that some checkpoints call `name`; `None` where it is that name. `has`
    /// says which tensors the checkpoint holds.
    fn canonical_name(_name: &str, _has: Holds<'_>) -> Option<String> {
        None
    }

    /// Whether a tensor is one that the reference implementation holds and does not use, or computes anew.
    fn is_unused(_name: &str) -> bool {
        false
    }

    /// The network whose tensors these are; the anchor is among them.
    ///
    /// # Errors
    /// When a tensor is missing, or the sizes cannot be told from the shapes.
    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_>) -> Result<Recognized, RecognitionError>;
}

/// What a file of the list offers, as a value.
pub(super) struct Entry {
    anchor: &'static str,
    other_anchors: &'static [&'static str],
    canonical_name: fn(&str, Holds<'_>) -> Option<String>,
    is_unused: fn(&str) -> bool,
    recognize: fn(&Shapes<'_>, &Untold<'_>) -> Result<Recognized, RecognitionError>,
}

impl Entry {
    /// That of the file whose numbers are `T`.
    pub(super) const fn of<T: Registered>() -> Self {
        Self {
            anchor: T::ANCHOR,
            other_anchors: T::OTHER_ANCHORS,
            canonical_name: T::canonical_name,
            is_unused: T::is_unused,
            recognize: T::recognize,
        }
    }
}

/// A network as its tensors show it.
#[derive(Debug)]
pub(crate) struct Recognized {
    /// The numbers of the network.
    pub network: Network,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub classes: usize,
    /// The patch `[depth, height, width]` in voxels.
    pub patch: [usize; 3],
    /// The order in which the reference implementation holds a volume's axes.
    pub axes: AxisOrder,
    /// What the tensors do not tell, one phrase each.
    pub assumed: Vec<String>,
}

/// What the tensors of a checkpoint do not tell.
#[derive(Clone, Debug)]
pub(crate) struct Untold<'a> {
    /// The patch `[depth, height, width]` in voxels.
    pub patch: Option<[usize; 3]>,
    /// Attention heads.
    pub heads: Option<usize>,
    /// How patches are merged.
    pub merging: Merging,
    /// The network that is to take the tensors; it tells what nothing else does.
    pub expected: Option<&'a Network>,
}

/// Why tensors are of no network. Each sentence follows "the weights".
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecognitionError {
    /// Tensors of this name are missing.
    Missing(String),
    /// The tensors make no network that is known here.
    Unsuitable(String),
}

/// Sides of tensors by their reference names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shapes<'a>(pub &'a BTreeMap<String, Vec<usize>>);

impl Shapes<'_> {
    /// The sides of a tensor.
    ///
    /// # Errors
    /// When there is no such tensor.
    pub fn shape(&self, name: &str) -> Result<&[usize], RecognitionError> {
        let shape = self.0.get(name);
        let shape = shape.ok_or_else(|| RecognitionError::Missing(name.to_owned()))?;
        Ok(shape)
    }

    /// One side of a tensor.
    ///
    /// # Errors
    /// When there is no such tensor, or it has fewer sides.
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

/// Finds the network whose tensors these are.
///
/// # Errors
/// When the names are those of no backbone of the list, its sizes cannot be told from the shapes, or they make
/// no network for the patch.
pub(crate) fn recognize(
    shapes: &Shapes<'_>,
    untold: &Untold<'_>,
) -> Result<Recognized, RecognitionError> {
    let mut entries = ENTRIES.iter();
    let Some(entry) = entries.find(|entry| shapes.has(entry.anchor)) else {
        let backbones = Backbone::ALL.map(Backbone::name).join(", ");
        let example = shapes.0.keys().next().map_or(String::new(), |name| {
            format!(", but tensors such as {name}")
        });
        return Err(RecognitionError::Unsuitable(format!(
            "hold none of the networks known here ({backbones}) as a whole{example}; choose a checkpoint of one of them"
        )));
    };
    let mut found = (entry.recognize)(shapes, untold)?;
    if let Some(patch) = untold.patch {
        found.patch = patch;
    }
    let checked = found.network.check(found.patch);
    checked.map_err(|problem| RecognitionError::Unsuitable(format!("hold {problem}")))?;
    Ok(found)
}

/// Names of tensors of which each network has one.
pub(crate) fn anchors() -> impl Iterator<Item = &'static str> {
    ENTRIES
        .iter()
        .flat_map(|entry| std::iter::once(&entry.anchor).chain(entry.other_anchors))
        .copied()
}

/// The reference name of the tensor `name` of a checkpoint in which `has` says what there is.
pub(crate) fn canonical_name(name: &str, has: Holds<'_>) -> String {
    ENTRIES
        .iter()
        .find_map(|entry| (entry.canonical_name)(name, has))
        .unwrap_or_else(|| name.to_owned())
}

/// Whether a tensor is one that PyTorch's networks hold and do not use, or compute anew.
pub(crate) fn is_unused(name: &str) -> bool {
    ENTRIES.iter().any(|entry| (entry.is_unused)(name))
}
