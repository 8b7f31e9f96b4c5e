//! The cost of adding a backbone, a format, a loss or a panel, as stated in docs/contributing.md and counted by tests.

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

/// The folder of the panels.
const PANELS: &str = "app/src/page/panels/";

/// Lines for a store that other panels read: an import, a field and its first value in `State`.
const STORE: usize = 3;

/// The line that hands over what the worker reports.
const REPORTS: usize = 1;

/// The line for a second view in another place.
const VIEW: usize = 1;

/// The line by which the page itself uses a panel: a task ends with its worker, and a session is kept all the time.
const USED: usize = 1;

/// What panels cost beyond the line that declares them and the one that shows them.
const BEYOND: [(&str, usize); 10] = [
    ("cases", STORE + REPORTS),
    ("plan", STORE + REPORTS + VIEW + USED),
    ("progress", STORE + REPORTS + USED),
    ("segment", STORE + REPORTS),
    ("session", STORE + REPORTS + USED),
    ("take_away", REPORTS),
    ("train", STORE + REPORTS),
    ("viewer", STORE + REPORTS),
    ("weights", STORE + REPORTS + 2 * VIEW),
    ("worker", STORE + REPORTS + VIEW + USED),
];

/// Whether a line of code belongs to what a panel costs: it declares the panel, shows it, holds its store or hands it
/// something. What another panel takes from it is that panel's own affair.
fn is_for(panel: &str, file: &str, line: &str) -> bool {
    let shows = line.contains(&format!("<panels::{panel}::"));
    match file.strip_prefix(PANELS) {
        Some("mod.rs") => line == format!("pub mod {panel};") || line.contains(&format!(" {panel}::")),
        Some(other) if other.starts_with(&format!("{panel}/")) || other == format!("{panel}.rs") => false,
        Some(_) => shows,
        None => shows || line.contains(&format!("panels::{panel}::")) || line.contains(&store(panel)),
    }
}

/// The type of what a panel knows.
fn store(panel: &str) -> String {
    let words = panel.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.chain(["Store".to_owned()]).collect()
}

#[test]
fn a_panel_is_one_folder_and_two_lines() {
    let workspace = Workspace::here();
    let mut lines = Vec::new();
    for file in sources(&workspace, &["rs"]).expect("a checkout") {
        let text = fs::read_to_string(workspace.root.join(&file)).expect("a source file");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if file.starts_with("app/src/page/") {
            lines.extend(code.map(|line| (file.clone(), line.to_owned())));
        }
    }
    let list = fs::read_to_string(workspace.root.join(PANELS).join("mod.rs")).expect("the list of panels");
    let panels = list
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    // The frame is the page's own.
    for panel in panels.filter(|panel| *panel != "frame") {
        let found: Vec<_> = lines.iter().filter(|(file, line)| is_for(panel, file, line)).collect();
        let beyond = BEYOND.iter().find(|(name, _)| *name == panel);
        assert_eq!(
            found.len(),
            2 + beyond.map_or(0, |(_, lines)| *lines),
            "{panel}: {found:#?}"
        );
    }
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
