//! What each backbone's file states about the backbone itself, before any network is built.

use super::shapes::{Holds, RecognitionError, Recognized, Shapes, Untold};
use super::size::Size;

/// One of the names of the backbone whose numbers are `T`.
pub(super) struct Named<T> {
    /// Its description.
    pub label: Label,
    /// The numbers of a named size.
    pub numbers: fn(Size) -> T,
}

/// Description of a named network.
pub(super) struct Label {
    /// The name in commands and files: the list's name in kebab case.
    pub name: &'static str,
    /// The name as papers write it.
    pub title: &'static str,
    /// Parameter counts of the sizes in order, for one channel, three classes and a small patch.
    pub parameters: [usize; 3],
    /// How fast it is beside the others, in words.
    pub pace: &'static str,
    /// Which family of published settings applies to it.
    pub recipes: RecipeFamily,
}

/// Published settings that backbones share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeFamily {
    /// MONAI's pipelines, as the released MedContext code uses them.
    Monai,
    /// nnU-Net's pipelines, as the released nnFormer code uses them.
    NnUnet,
}

/// What is known about a backbone before a network is built; implemented by its hyperparameters.
pub(super) trait Registered: Sized + 'static {
    /// Its names; at least one.
    const NAMES: &'static [Named<Self>];

    /// The reference name of a tensor that each of its networks has once and no other backbone has.
    const ANCHOR: &'static str;

    /// Other names that checkpoints give to the anchor.
    const OTHER_ANCHORS: &'static [&'static str] = &[];

    /// The name of a network with these numbers, for files that declare several.
    fn name(&self) -> &'static str {
        Self::NAMES[0].label.name
    }

    /// The reference name of a tensor that some checkpoints call `name`; `None` where `name` already is the reference
    /// name. `has` says which tensors the checkpoint holds.
    fn canonical_name(_name: &str, _has: Holds<'_>) -> Option<String> {
        None
    }

    /// Whether the reference implementation holds this tensor without using it, or recomputes it.
    fn is_unused(_name: &str) -> bool {
        false
    }

    /// The network that these tensors belong to; the anchor is among them.
    ///
    /// # Errors
    /// When a tensor is missing, or the shapes do not tell the sizes.
    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError>;
}

/// The name that the list writes as `variant`, from the file whose numbers are `T`. A missing name is a compile-time
/// error.
pub(super) const fn named<T: Registered>(variant: &str) -> &'static Named<T> {
    let mut index = 0;
    while index < T::NAMES.len() {
        if is_kebab_case(T::NAMES[index].label.name, variant) {
            return &T::NAMES[index];
        }
        index += 1;
    }
    panic!("the list has a name that the backbone's file has not")
}

/// Whether `name` is what serde makes of a variant in kebab case: `nnformer-acdc` of `NnformerAcdc`.
const fn is_kebab_case(name: &str, variant: &str) -> bool {
    let (name, variant) = (name.as_bytes(), variant.as_bytes());
    let (mut at, mut index) = (0, 0);
    while index < variant.len() {
        let letter = variant[index];
        if index > 0 && letter.is_ascii_uppercase() {
            if at >= name.len() || name[at] != b'-' {
                return false;
            }
            at += 1;
        }
        if at >= name.len() || name[at] != letter.to_ascii_lowercase() {
            return false;
        }
        at += 1;
        index += 1;
    }
    at == name.len()
}

/// How a file of the list finds the network of a checkpoint, as one of the networks `N` of the whole list.
type Recognize<N> = fn(&Shapes<'_>, &Untold<'_, N>) -> Result<Recognized<N>, RecognitionError>;

/// What a file of the list offers, as a value.
pub(super) struct Entry<N> {
    pub anchor: &'static str,
    pub other_anchors: &'static [&'static str],
    pub canonical_name: fn(&str, Holds<'_>) -> Option<String>,
    pub is_unused: fn(&str) -> bool,
    pub recognize: Recognize<N>,
}

impl<N> Entry<N> {
    /// The entry of the file whose numbers are `T`.
    pub(super) const fn of<T: Registered>(recognize: Recognize<N>) -> Self {
        Self {
            anchor: T::ANCHOR,
            other_anchors: T::OTHER_ANCHORS,
            canonical_name: T::canonical_name,
            is_unused: T::is_unused,
            recognize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_kebab_case;

    #[test]
    fn names_are_compared_as_serde_writes_them() {
        assert!(is_kebab_case("nnformer-acdc", "NnformerAcdc"));
        assert!(is_kebab_case("pcrlv2", "Pcrlv2"));
        for other in ["nnformer", "nnformeracdc", "nnformer-acdc-2", "nnformer-", ""] {
            assert!(!is_kebab_case(other, "NnformerAcdc"), "{other}");
        }
    }
}
