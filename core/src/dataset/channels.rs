//! Images that are the channels of one case, by their names.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{CONTRASTS, Kind, Name};
use super::{DatasetJson, Leftover, Pairing, Part};

/// The folder of a case's files, and the common part of their names.
type Base = (String, Option<Part>, String);

fn base_of(name: &Name) -> Option<(Base, u16)> {
    let (base, channel) = name.channel()?;
    Some(((name.scope.clone(), name.part, base.to_owned()), channel))
}

/// nnU-Net: `CASE_0000` is the first channel of `CASE`. Names that merely end in four digits are told apart by a file
/// `CASE` beside them (the label map), by nnU-Net's folder names, or because dataset.json lists them as separate images
/// (`listed`).
pub(super) fn take_channels(
    names: &mut Vec<Name>,
    json: Option<&DatasetJson>,
    listed: &BTreeSet<String>,
    found: &mut Pairing,
) {
    let mut bases: BTreeMap<Base, Vec<u16>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.kind == Kind::Image) {
        if let Some((base, channel)) = base_of(name) {
            bases.entry(base).or_default().push(channel);
        }
    }
    bases.retain(|base, channels| are_channels(names, base, channels, listed));
    for name in names.iter_mut() {
        // The label map `CASE` beside the channels, in a folder that says nothing.
        let base = (name.scope.clone(), name.part, name.key.clone());
        if name.kind == Kind::Image && !name.in_image_folder && bases.contains_key(&base) {
            name.kind = Kind::Label;
        }
    }
    let expected = json.and_then(|json| json.channels).filter(|&channels| channels > 1);
    for (base, mut channels) in bases {
        channels.sort_unstable();
        let complete = channels.iter().copied().eq(0..channels.len() as u16);
        let as_many = expected.is_none_or(|expected| expected == channels.len());
        if complete && as_many {
            merge(names, &base.2, channels.len(), |name| {
                let (other, channel) = base_of(name)?;
                (other == base).then_some(usize::from(channel))
            });
            continue;
        }
        let reason = why_not_merged(&base.2, &channels, expected.filter(|_| complete));
        let of_case = |name: &Name| name.kind == Kind::Image && base_of(name).is_some_and(|(other, _)| other == base);
        for name in names.extract_if(.., |name| of_case(name)) {
            let reason = reason.clone();
            let path = name.path;
            found.leftovers.push(Leftover { path, reason });
        }
    }
}

/// Why these channels do not form a case: there are fewer or more than `expected`, or they are badly numbered.
fn why_not_merged(case: &str, channels: &[u16], expected: Option<usize>) -> String {
    let listed: Vec<String> = channels.iter().map(u16::to_string).collect();
    let listed = listed.join(", ");
    match expected {
        Some(expected) => {
            format!("case {case} has the channels {listed} of the {expected} that dataset.json names; add the others")
        }
        None => format!("case {case} has the channels {listed}; number them from 0 without gaps or doubles"),
    }
}

/// Whether the numbers behind a name are channels.
fn are_channels(names: &[Name], base: &Base, channels: &[u16], listed: &BTreeSet<String>) -> bool {
    let (scope, part, key) = base;
    let fits = |name: &&Name| match (name.part, part) {
        (Some(a), Some(b)) => a == *b,
        _ => true,
    };
    let is_base = |name: &&Name| base_of(name).is_some_and(|(other, _)| other == *base);
    let of_base = || names.iter().filter(is_base);
    let has_label = names
        .iter()
        .filter(fits)
        .any(|name| name.key == *key && (name.kind == Kind::Label || name.scope == *scope));
    let in_folder = of_base().any(|name| name.in_nnunet_folder);
    let all_numbered = names
        .iter()
        .filter(|name| name.in_nnunet_folder && name.scope == *scope)
        .all(|name| name.channel().is_some());
    // A label map with the same digits: the digits are part of the name.
    let counted = names
        .iter()
        .filter(fits)
        .any(|name| name.kind == Kind::Label && name.channel().is_some_and(|(other, _)| other == key));
    let ends_listed = |name: &Name| {
        let mut endings = name.tidy.match_indices('/').map(|(at, _)| &name.tidy[at + 1..]);
        listed.contains(&name.tidy) || endings.any(|ending| listed.contains(ending))
    };
    let second_listed = of_base()
        .filter(|name| name.kind == Kind::Image && name.channel().is_some_and(|(_, n)| n > 0))
        .any(ends_listed);
    let first = channels.contains(&0) || (in_folder && has_label);
    first && !counted && !second_listed && (has_label || (in_folder && all_numbered))
}

/// Makes `count` images one case `base`: `channel` says which channel an image is, if any.
fn merge(names: &mut Vec<Name>, base: &str, count: usize, channel: impl Fn(&Name) -> Option<usize>) {
    let mut paths = vec![String::new(); count];
    names.retain(|name| match channel(name) {
        Some(index) if name.kind == Kind::Image => {
            paths[index].clone_from(&name.path);
            index == 0
        }
        _ => true,
    });
    let is_first = |name: &&mut Name| name.kind == Kind::Image && channel(name) == Some(0);
    if let Some(first) = names.iter_mut().find(is_first) {
        first.other_channels = paths.split_off(1);
        first.numbered = true;
        first.become_case(base);
    }
}

/// BraTS: four contrasts of one name in one folder are the channels of a case.
pub(super) fn take_contrasts(names: &mut Vec<Name>) {
    let place = |name: &Name| {
        let (base, contrast) = name.contrast()?;
        Some(((name.scope.clone(), name.part, base.to_owned()), contrast))
    };
    let mut found: BTreeMap<Base, Vec<usize>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.kind == Kind::Image) {
        if let Some((case, contrast)) = place(name) {
            found.entry(case).or_default().push(contrast);
        }
    }
    for (case, mut contrasts) in found {
        contrasts.sort_unstable();
        if contrasts.into_iter().eq(0..CONTRASTS.len()) {
            merge(names, &case.2, CONTRASTS.len(), |name| {
                let (other, contrast) = place(name)?;
                (other == case).then_some(contrast)
            });
        }
    }
}
