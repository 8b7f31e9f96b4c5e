//! Case names that are unique on any file system.

use std::collections::{BTreeMap, BTreeSet};

use super::names::tidy;
use super::{CaseFiles, Part};
use crate::file_names::folded;
use crate::volume::stem;

/// Makes names unique on any file system: cases of the same name in different folders are prefixed with their folders,
/// except the one that is trained on; what still collides gets a number.
pub(super) fn make_ids_unique(cases: &mut [CaseFiles], root: Option<&str>) {
    let mut alike: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        alike.entry(folded(&case.id)).or_default().push(index);
    }
    let trained = |case: &CaseFiles| matches!(case.part, None | Some(Part::Training));
    for mut places in alike.into_values().filter(|places| places.len() > 1) {
        let first: Vec<usize> = places.iter().copied().filter(|&place| trained(&cases[place])).collect();
        if let [only] = first[..] {
            places.retain(|&place| place != only);
        }
        let names = |name: fn(&CaseFiles, Option<&str>) -> String| -> Vec<String> {
            let names = places.iter().map(|&place| name(&cases[place], root));
            names.collect()
        };
        let differ = |names: &[String]| {
            let unlike: BTreeSet<String> = names.iter().map(|name| folded(name)).collect();
            unlike.len() == names.len()
        };
        let (short, whole) = (names(id_with_folders), names(path_as_id));
        let chosen = match (differ(&short), differ(&whole)) {
            (true, _) => short,
            (false, true) => whole,
            // They differ only in case; numbers will tell them apart.
            (false, false) => continue,
        };
        for (&place, name) in places.iter().zip(chosen) {
            cases[place].id = name;
        }
    }
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|&a, &b| cases[a].image().cmp(cases[b].image()));
    let mut taken = BTreeSet::new();
    for index in order {
        let id = cases[index].id.clone();
        let mut number = 1;
        while !taken.insert(folded(&cases[index].id)) {
            number += 1;
            cases[index].id = format!("{id}_{number}");
        }
    }
}

/// The path of a case's image below the common folder of all files.
fn below(case: &CaseFiles, root: Option<&str>) -> String {
    let path = tidy(case.image());
    let inside = root.and_then(|root| path.strip_prefix(root)?.strip_prefix('/'));
    inside.unwrap_or(&path).to_owned()
}

/// A case's name behind those of its folders.
fn id_with_folders(case: &CaseFiles, root: Option<&str>) -> String {
    let path = below(case, root);
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let own = folders.rsplit('/').next().filter(|last| *last == case.id);
    let name = match own {
        Some(_) => folders.to_owned(),
        None => format!("{folders}/{}", case.id),
    };
    name.trim_start_matches('/').replace('/', "_")
}

/// The path of a case's image as its name.
fn path_as_id(case: &CaseFiles, root: Option<&str>) -> String {
    let path = below(case, root);
    stem(&path).unwrap_or(&path).replace('/', "_")
}
