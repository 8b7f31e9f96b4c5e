//! Which network a checkpoint holds, from the names and shapes of its tensors.

use super::shapes::{Holds, RecognitionError, Recognized, Shapes, Untold};
use super::{Backbone, ENTRIES, Network};

/// Finds the network that these tensors belong to.
///
/// # Errors
/// When no backbone has tensors of these names, the shapes do not tell its sizes, or there is no such network for the
/// patch.
pub(crate) fn recognize(
    shapes: &Shapes<'_>,
    untold: &Untold<'_, Network>,
) -> Result<Recognized<Network>, RecognitionError> {
    let mut entries = ENTRIES.iter();
    let Some(entry) = entries.find(|entry| shapes.has(entry.anchor)) else {
        let backbones = Backbone::ALL.map(Backbone::name).join(", ");
        let example = shapes
            .0
            .keys()
            .next()
            .map_or(String::new(), |name| format!(", but tensors such as {name}"));
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

/// Names of tensors of which every network has exactly one.
pub(crate) fn anchors() -> impl Iterator<Item = &'static str> {
    ENTRIES
        .iter()
        .flat_map(|entry| std::iter::once(&entry.anchor).chain(entry.other_anchors))
        .copied()
}

/// The reference name of the tensor `name` of a checkpoint; `has` says which tensors the checkpoint holds.
pub(crate) fn canonical_name(name: &str, has: Holds<'_>) -> String {
    ENTRIES
        .iter()
        .find_map(|entry| (entry.canonical_name)(name, has))
        .unwrap_or_else(|| name.to_owned())
}

/// Whether PyTorch's networks hold this tensor without using it, or recompute it.
pub(crate) fn is_unused(name: &str) -> bool {
    ENTRIES.iter().any(|entry| (entry.is_unused)(name))
}
