//! Paths of the workspace, and running commands in it.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The folders that the commands work in.
pub struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// Where Trunk and wasm-bindgen are installed, so that the user's own stay as they are.
    pub tools: PathBuf,
}

impl Workspace {
    /// The workspace that Cargo runs this program for, else the one that it was built from: checkouts that share a
    /// target folder share the program.
    pub fn here() -> Self {
        let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = xtask.parent().unwrap_or(&xtask).to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let target = root.join(target);
        let tools = target.join("tools");
        Self { root, target, tools }
    }

    /// A command that runs in the root and finds the installed tools first.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.path());
        command
    }

    /// The cargo that started this program.
    pub fn cargo(&self) -> Command {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        self.command(&cargo)
    }

    fn path(&self) -> std::ffi::OsString {
        let own = env::var_os("PATH").unwrap_or_default();
        let all = [self.tools.join("bin")].into_iter().chain(env::split_paths(&own));
        // Joining only fails if a folder contains the separator; then the user's own path must suffice.
        env::join_paths(all).unwrap_or(own)
    }
}

/// Makes a build use Clippy for this workspace's packages, and fail at a warning. The build result is the same as the
/// compiler's: a separate check would have to process every dependency again, which takes as long as compiling them.
pub fn linted(command: &mut Command) -> &mut Command {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .env("CARGO_BUILD_WARNINGS", "deny")
}

/// Runs a command, showing its output. Fails unless it succeeds.
pub fn run(command: &mut Command) -> Result<()> {
    let name = name(command);
    let status = command
        .status()
        .with_context(|| format!("`{name}` could not be started"))?;
    ensure!(status.success(), "`{name}` failed ({status})");
    Ok(())
}

/// Runs a command, showing its output and passing on each line of its standard output. Fails unless it succeeds.
pub fn run_reading(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    let name = name(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{name}` could not be started"))?;
    let stdout = child.stdout.take().context("the standard output was not piped")?;
    for text in BufReader::new(stdout).lines() {
        let text = text?;
        println!("{text}");
        line(&text);
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{name}` failed ({status})");
    Ok(())
}

/// A command's standard output, trimmed; `None` if it cannot be run or fails.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    output.status.success().then_some(text)
}

/// The folders that hold source files.
const SOURCES: [&str; 6] = ["app", "core", "patches", "public", "tests", "xtask"];

/// The project's source files with these endings, as paths from the root, in order.
pub fn sources(workspace: &Workspace, endings: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = SOURCES.iter().map(PathBuf::from).collect();
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(workspace.root.join(&folder)).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let ending = path.extension().and_then(|ending| ending.to_str());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if ending.is_some_and(|ending| endings.contains(&ending)) {
                found.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let arguments = command.get_args().take(3);
    let words: Vec<_> = std::iter::once(program)
        .chain(arguments)
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}
