//! The cost of adding a backbone, a format or a loss, as stated in docs/contributing.md and counted by tests.

use std::fs;

use crate::workspace::{Workspace, sources};

/// The toys that tests add, each by its file and by the list that names it.
const TOYS: [(&str, &str); 3] = [
    ("core/src/backbone/toy.rs", "core/src/backbone/mod.rs"),
    ("core/src/loss/toy.rs", "core/src/loss/mod.rs"),
    ("core/src/volume/format/toy.rs", "core/src/volume/format/mod.rs"),
];

/// Lines of code outside tests and outside the toys' own files that name a toy.
fn mentions(workspace: &Workspace) -> Vec<String> {
    let files = sources(workspace, &["rs"]).expect("a checkout");
    let program = |file: &str| file.starts_with("core/src/") || file.starts_with("app/src/");
    let own = |file: &str| file.ends_with("/toy.rs") || file.contains("/toy/") || file.ends_with("tests.rs");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| program(file) && !own(file)) {
        let text = fs::read_to_string(workspace.root.join(file)).expect("a source file");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(code.filter(|line| line.contains("toy")).map(|_| file.clone()));
    }
    found
}

#[test]
fn a_backbone_a_format_and_a_loss_are_one_file_and_one_line_each() {
    let workspace = Workspace::here();
    let lists: Vec<&str> = TOYS.iter().map(|(_, list)| *list).collect();
    assert_eq!(mentions(&workspace), lists);
}

#[test]
fn the_paths_in_the_guide_for_contributors_are_there() {
    let workspace = Workspace::here();
    let guide = fs::read_to_string(workspace.root.join("docs/contributing.md")).expect("the guide");
    let named: Vec<&str> = guide
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|path| path.contains('/'))
        .collect();
    for (toy, list) in TOYS {
        assert!(named.contains(&toy) && named.contains(&list), "{toy}, {list}");
    }
    for path in named.iter().filter(|path| !path.contains("NAME")) {
        assert!(workspace.root.join(path).exists(), "{path}");
    }
}
