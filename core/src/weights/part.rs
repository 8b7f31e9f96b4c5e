//! Which tensors of a file belong to a network.
//!
//! Frameworks prefix all names (data-parallel and compiled networks, Lightning's modules, teachers and averages), and
//! nest dictionaries. No list of prefixes is needed: the prefix of an anchor, a tensor that only one network has, is
//! the prefix of them all.

use std::collections::{BTreeMap, BTreeSet};

use crate::backbone::{anchors, canonical_name};

/// Shapes of tensors, by name.
pub(super) type Shapes = BTreeMap<String, Vec<usize>>;

/// The tensors of one dictionary in a file.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// The path of keys that lead to it, separated by points; empty for the outermost.
    pub path: String,
    pub shapes: Shapes,
}

/// The tensors of one network in a file.
#[derive(Debug)]
pub(super) struct Part {
    /// The index of its dictionary.
    pub dictionary: usize,
    /// Its path, dictionary keys and name prefix together; [`WHOLE`] if there are none.
    pub label: String,
    /// Names in the file, by the names of MONAI 1.5 and the released networks.
    pub names: BTreeMap<String, String>,
    /// Shapes, by the same names.
    pub shapes: Shapes,
    /// Names of the dictionary's other tensors that belong to no network.
    pub rest: Vec<String>,
}

/// The label of a network at the top level.
const WHOLE: &str = ".";

/// The networks of a file, the default one first: a student or the network itself before its average, and that before a
/// teacher.
pub(super) fn parts(dictionaries: &[Dictionary]) -> Vec<Part> {
    let mut parts: Vec<Part> = dictionaries
        .iter()
        .enumerate()
        .flat_map(|(index, dictionary)| parts_of(index, dictionary))
        .collect();
    parts.sort_by_key(|part| rank(&part.label));
    parts
}

/// All tensors of the largest dictionary, under their own names.
pub(super) fn whole(dictionaries: Vec<Dictionary>) -> Option<Part> {
    let all = dictionaries.into_iter().enumerate();
    let (index, dictionary) = all.max_by_key(|(_, found)| found.shapes.len())?;
    let names = dictionary.shapes.keys();
    Some(Part {
        dictionary: index,
        label: label(&dictionary.path, ""),
        names: names.map(|name| (name.clone(), name.clone())).collect(),
        shapes: dictionary.shapes,
        rest: Vec::new(),
    })
}

fn parts_of(index: usize, dictionary: &Dictionary) -> Vec<Part> {
    let names = without_wrappers(&dictionary.shapes);
    let prefixes: BTreeSet<&str> = names.iter().filter_map(|(name, _)| prefix_of(name)).collect();
    let mut parts: Vec<(&str, Vec<(&str, &str)>)> = prefixes.into_iter().map(|prefix| (prefix, Vec::new())).collect();
    let mut rest = Vec::new();
    for (name, original) in &names {
        // If one network's prefix lies within another's, the inner one owns the tensors.
        let owner = parts
            .iter_mut()
            .filter(|(prefix, _)| name.starts_with(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        match owner {
            Some((prefix, own)) => own.push((&name[prefix.len()..], original)),
            None => rest.push((*original).to_owned()),
        }
    }
    parts
        .into_iter()
        .map(|(prefix, own)| {
            let names = canonical(&own);
            let shape = |original: &String| dictionary.shapes.get(original).cloned();
            Part {
                dictionary: index,
                label: label(&dictionary.path, prefix),
                shapes: names
                    .iter()
                    .filter_map(|(name, original)| Some((name.clone(), shape(original)?)))
                    .collect(),
                names,
                rest: rest.clone(),
            }
        })
        .collect()
}

/// Names without wrappers around parts of a network (compiled, sharded or checkpointed ones), each with the name in the
/// file. If two names would become equal, they stay.
fn without_wrappers(shapes: &Shapes) -> Vec<(String, &str)> {
    let wrapper = |part: &&str| part.starts_with('_') || *part == "module";
    let strip = |name: &str| {
        let parts: Vec<&str> = name.split('.').filter(|part| !wrapper(part)).collect();
        parts.join(".")
    };
    let stripped: BTreeMap<String, &str> = shapes.keys().map(|name| (strip(name), name.as_str())).collect();
    if stripped.len() == shapes.len() {
        return stripped.into_iter().collect();
    }
    shapes.keys().map(|name| (name.clone(), name.as_str())).collect()
}

/// The prefix of an anchor, a tensor that only one network has.
fn prefix_of(name: &str) -> Option<&str> {
    let before = |anchor: &str| name.strip_suffix(anchor);
    let ends = |before: &&str| before.is_empty() || before.ends_with('.');
    anchors().find_map(|anchor| before(anchor).filter(ends))
}

/// A network's reference names, with those in the file.
fn canonical(names: &[(&str, &str)]) -> BTreeMap<String, String> {
    let present: BTreeSet<&str> = names.iter().map(|(name, _)| *name).collect();
    let has = |name: &str| present.contains(name);
    names
        .iter()
        .map(|(name, original)| (canonical_name(name, &has), (*original).to_owned()))
        .collect()
}

fn label(path: &str, prefix: &str) -> String {
    let prefix = prefix.trim_end_matches('.');
    match (path.is_empty(), prefix.is_empty()) {
        (true, true) => WHOLE.to_owned(),
        (true, false) => prefix.to_owned(),
        (false, true) => path.to_owned(),
        (false, false) => format!("{path}.{prefix}"),
    }
}

/// How far a network is from the one that was trained.
fn rank(label: &str) -> usize {
    let label = label.to_lowercase();
    let words = label.split(|letter: char| !letter.is_alphanumeric());
    let is_one_of = |known: &[&str]| words.clone().any(|word| known.contains(&word));
    if is_one_of(&["student"]) {
        0
    } else if is_one_of(&["teacher", "target", "momentum"]) {
        3
    } else if is_one_of(&["ema", "swa", "average", "averaged"]) {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::{Dictionary, parts};

    const OWN: [&str; 3] = [
        "vit.patch_embedding.position_embeddings",
        "vit.blocks.0.norm1.weight",
        "out.conv.conv.weight",
    ];

    fn dictionary(path: &str, names: impl IntoIterator<Item = String>) -> Dictionary {
        Dictionary {
            path: path.to_owned(),
            shapes: names.into_iter().map(|name| (name, vec![1])).collect(),
        }
    }

    fn behind(prefix: &str) -> impl Iterator<Item = String> {
        OWN.iter().map(move |name| format!("{prefix}{name}"))
    }

    #[test]
    fn any_prefix_that_all_share_is_taken_off() {
        for prefix in [
            "",
            "module.",
            "model.",
            "model._orig_mod.",
            "a.b.c.d.",
            "module.module.",
            "my network/v2.",
        ] {
            let beside = ["loss_function.weight", "vit", "x.vit.norm"].map(str::to_owned);
            let found = parts(&[dictionary("", behind(prefix).chain(beside.clone()))]);
            let [part] = &found[..] else {
                panic!("{prefix}: {found:?}");
            };
            let rest: Vec<&String> = part.names.keys().chain(&part.rest).collect();
            for name in OWN {
                assert_eq!(part.names[name], format!("{prefix}{name}"));
                assert!(part.shapes.contains_key(name));
            }
            assert_eq!(rest.len(), 6, "{prefix}: {rest:?}");
        }
    }

    #[test]
    fn wrappers_within_names_are_taken_off() {
        let names = [
            "_fsdp_wrapped_module.vit._fsdp_wrapped_module.patch_embedding.position_embeddings",
            "_fsdp_wrapped_module.vit.module.blocks.0._checkpoint_wrapped_module.norm1.weight",
            "_fsdp_wrapped_module.out.conv.conv.weight",
        ];
        let found = parts(&[dictionary("model", names.map(str::to_owned))]);
        assert_eq!(found[0].label, "model");
        for (name, original) in OWN.iter().zip(names) {
            assert_eq!(found[0].names[*name], original);
        }
    }

    #[test]
    fn of_several_networks_the_trained_one_comes_first() {
        let labels = |dictionaries: &[Dictionary]| -> Vec<String> {
            let found = parts(dictionaries);
            for part in &found {
                assert_eq!(part.names.len(), OWN.len());
            }
            found.into_iter().map(|part| part.label).collect()
        };
        // In one dictionary, nested, and in separate dictionaries.
        let together = dictionary("state_dict", behind("teacher.").chain(behind("student.")));
        assert_eq!(labels(&[together]), ["state_dict.student", "state_dict.teacher"]);
        let inner = dictionary("", behind("ema_model.").chain(behind("")));
        assert_eq!(labels(&[inner]), [".", "ema_model"]);
        let apart = [
            dictionary("ema.module", behind("")),
            dictionary("model", behind("module.")),
        ];
        assert_eq!(labels(&apart), ["model", "ema.module"]);
    }

    #[test]
    fn a_transformer_at_the_top_level_is_put_where_monai_has_it() {
        let names = [
            "s.patch_embedding.position_embeddings",
            "s.blocks.0.norm1.weight",
            "s.encoder1.layer.conv1.conv.weight",
        ];
        let found = parts(&[dictionary("", names.map(str::to_owned))]);
        let names: Vec<&str> = found[0].names.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "encoder1.layer.conv1.conv.weight",
                "vit.blocks.0.norm1.weight",
                "vit.patch_embedding.position_embeddings"
            ]
        );
        assert!(parts(&[dictionary("", ["a.b".to_owned()])]).is_empty());
    }
}
