//! Checks beyond the compiler's: spelling, file sizes, and the licenses, sources and known vulnerabilities of
//! dependencies.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::tools;
use crate::workspace::{Workspace, run, sources};

/// Checks the spelling of all files (`_typos.toml`).
pub fn spelling(workspace: &Workspace) -> Result<()> {
    tools::ensure_typos(workspace)?;
    run(workspace.command("typos").args(["--format", "brief"]))
}

/// Checks the dependencies (`deny.toml`). Vulnerabilities are only checked if their database can be reached, since it
/// is on another host.
pub fn dependencies(workspace: &Workspace) -> Result<()> {
    tools::ensure_cargo_deny(workspace)?;
    let deny = |checks: &[&str]| {
        let mut command = workspace.command("cargo-deny");
        // Not offline: crates of other systems may still have to be downloaded.
        command.args(["--locked", "check"]).args(checks);
        run(&mut command)
    };
    deny(&["licenses", "bans", "sources"])?;
    let fetched = run(workspace.command("cargo-deny").args(["fetch", "db"])).is_ok();
    if fetched {
        return deny(&["advisories"]);
    }
    println!("Known faults were not looked up: the advisory database cannot be fetched from here");
    Ok(())
}

/// The longest line of source in characters, comments and strings included; rustfmt wraps code alone.
const WIDTH: usize = 120;

/// The longest file of source in lines.
const LINES: usize = 400;

/// Checks that no line is too wide and no file too long.
pub fn sizes(workspace: &Workspace) -> Result<()> {
    let files = sources(workspace, &["rs", "js", "mjs", "css"])?;
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(workspace.root.join(file)).with_context(|| file.clone())?;
        let lines = text.lines().count();
        if lines > LINES {
            found.push(format!("{file} has {lines} lines, more than {LINES}"));
        }
        for (number, line) in text.lines().enumerate() {
            let width = line.chars().count();
            if width > WIDTH {
                found.push(format!(
                    "{file}:{} is {width} characters wide, more than {WIDTH}",
                    number + 1
                ));
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}
