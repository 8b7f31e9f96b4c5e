//! The order of the modules: each layer only uses those below it, and imports have no cycles, neither among files nor
//! among modules.

mod graph;
mod imports;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use graph::{Graph, circles};
use imports::Source;

/// The modules of core in the order of the layers, from the ground up. Modules of one layer may use each other, as long
/// as there is no cycle.
const CORE: [&[&str]; 15] = [
    &["file_names", "digest", "duration", "parallel", "pool", "statistics"],
    &["volume"],
    &["nn"],
    &["loss", "dataset"],
    &["transform", "backbone"],
    &["medcontext", "pretrain"],
    &["weights"],
    &["infer", "metric"],
    &["train"],
    &["device"],
    &["preset"],
    &["plan"],
    &["experiment"],
    &["cli"],
    &["bin"],
];

/// Modules that every layer may use: the crate's error contains the errors of all layers.
const EVERYWHERE: [&str; 1] = ["error"];

/// Checks core and the page, and prints violations.
pub fn check(root: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    for (package, layers) in [("core", CORE.as_slice()), ("app", &[])] {
        let source = Source::read(&root.join(package).join("src"))?;
        let files = source.graph();
        let modules = by_module(&files);
        let mut found: Vec<String> = upward(&files, layers);
        for (what, graph) in [("files", &files), ("modules", &modules)] {
            let circles = circles(graph);
            println!("{package}: {} {what}, {} circles", graph.len(), circles.len());
            found.extend(circles.iter().map(|circle| {
                let arrows: Vec<String> = circle
                    .iter()
                    .flat_map(|from| graph[from].iter().map(move |to| (from, to)))
                    .filter(|(_, to)| circle.contains(to))
                    .map(|(from, to)| format!("{from} -> {to}"))
                    .collect();
                format!("{package}: {what} in a circle: {}", arrows.join(", "))
            }));
        }
        wrong.extend(found);
    }
    if !wrong.is_empty() {
        bail!(
            "{}\nMove what both sides need to a file or a module below them.",
            wrong.join("\n")
        );
    }
    Ok(())
}

/// The module that a file belongs to: the first part of its path.
fn module(file: &str) -> &str {
    file.split('/').next().map_or(file, |part| part.trim_end_matches(".rs"))
}

/// Imports between modules, without those that every layer may use.
fn by_module(files: &Graph) -> Graph {
    let mut modules = Graph::new();
    for (file, used) in files {
        let from = module(file);
        if ["lib", "main"].contains(&from) || EVERYWHERE.contains(&from) {
            continue;
        }
        let to = used.iter().map(|file| module(file));
        let to = to.filter(|to| *to != from && !EVERYWHERE.contains(to));
        modules
            .entry(from.to_owned())
            .or_default()
            .extend(to.map(str::to_owned));
    }
    modules
}

/// Imports of a layer from one above it, and modules that no layer lists.
fn upward(files: &Graph, layers: &[&[&str]]) -> Vec<String> {
    let layer: BTreeMap<&str, usize> = layers
        .iter()
        .enumerate()
        .flat_map(|(height, modules)| modules.iter().map(move |module| (*module, height)))
        .collect();
    let mut found = Vec::new();
    if layers.is_empty() {
        return found;
    }
    for (file, used) in files {
        let from = module(file);
        if from == "lib" || EVERYWHERE.contains(&from) {
            continue;
        }
        let Some(height) = layer.get(from) else {
            found.push(format!(
                "{file}: the module {from} is in no layer of xtask/src/order.rs"
            ));
            continue;
        };
        for other in used {
            if layer.get(module(other)).is_some_and(|above| above > height) {
                found.push(format!("{file} uses {other}, which is above it"));
            }
        }
    }
    found
}
