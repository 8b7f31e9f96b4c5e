//! Tools for building and checking besides Rust: installed on first use, at pinned versions.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::workspace::{Workspace, answer, run};

const TARGET: &str = "wasm32-unknown-unknown";
const TRUNK: &str = "0.22.1";
const TYPOS: &str = "1.52.0";
const CARGO_DENY: &str = "0.20.2";

/// Makes sure that the WebAssembly target, Trunk, wasm-bindgen and the npm packages are there.
pub fn ensure_all(workspace: &Workspace) -> Result<()> {
    ensure_target(workspace)?;
    Tool {
        package: "trunk",
        program: "trunk",
        version: TRUNK,
        // Without its update check: no hidden network access.
        options: &["--no-default-features", "--features", "rustls"],
    }
    .ensure(workspace)?;
    Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version: &locked_version(&workspace.root.join("Cargo.lock"), "wasm-bindgen")?,
        options: &[],
    }
    .ensure(workspace)?;
    ensure_npm_packages(workspace)
}

/// Makes sure that typos is installed.
pub fn ensure_typos(workspace: &Workspace) -> Result<()> {
    Tool {
        package: "typos-cli",
        program: "typos",
        version: TYPOS,
        options: &[],
    }
    .ensure(workspace)
}

/// Makes sure that cargo-deny is installed.
pub fn ensure_cargo_deny(workspace: &Workspace) -> Result<()> {
    Tool {
        package: "cargo-deny",
        program: "cargo-deny",
        version: CARGO_DENY,
        options: &[],
    }
    .ensure(workspace)
}

/// rust-toolchain.toml names the target, so rustup has normally installed it already.
pub fn ensure_target(workspace: &Workspace) -> Result<()> {
    let mut rustc = workspace.command("rustc");
    let folder = answer(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    if folder.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(());
    }
    println!("Installing the Rust target {TARGET}");
    run(workspace.command("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("Rust's target {TARGET} is missing: install Rust through https://rustup.rs"))
}

/// A program from crates.io.
struct Tool<'a> {
    package: &'a str,
    program: &'a str,
    version: &'a str,
    options: &'a [&'a str],
}

impl Tool<'_> {
    /// Installs the program, unless this version of it can be run already.
    fn ensure(&self, workspace: &Workspace) -> Result<()> {
        let found = answer(workspace.command(self.program).arg("--version"));
        if found.is_some_and(|found| found.split_whitespace().any(|word| word == self.version)) {
            return Ok(());
        }
        println!("Installing {} {} (once, a few minutes)", self.package, self.version);
        self.install(workspace, &["--locked"]).or_else(|error| {
            println!("{error}: trying again without its authors' choice of dependencies");
            self.install(workspace, &[])
        })
    }

    fn install(&self, workspace: &Workspace, options: &[&str]) -> Result<()> {
        let build = workspace.tools.join("build");
        let mut command = workspace.cargo();
        command
            .args(["install", self.package, "--version", self.version])
            .args(["--bin", self.program, "--force"])
            .args(self.options)
            .args(options)
            .arg("--root")
            .arg(&workspace.tools)
            .arg("--target-dir")
            .arg(&build)
            // Optimizing for minutes is not worth it for a tool that runs for seconds.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256");
        run(&mut command)?;
        fs::remove_dir_all(&build).with_context(|| format!("{} cannot be removed", build.display()))
    }
}

/// The version of a package in a Cargo.lock.
fn locked_version(lock: &Path, package: &str) -> Result<String> {
    let text = fs::read_to_string(lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    find_version(&text, package)
        .map(str::to_string)
        .with_context(|| format!("{} holds no package {package}", lock.display()))
}

fn find_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// Installs the packages in package-lock.json, unless that has been done since it last changed.
pub fn ensure_npm_packages(workspace: &Workspace) -> Result<()> {
    let modified = |path: &str| {
        fs::metadata(workspace.root.join(path))
            .and_then(|data| data.modified())
            .ok()
    };
    // npm writes this file at the end of a complete installation.
    if modified("node_modules/.package-lock.json") >= modified("package-lock.json") {
        return Ok(());
    }
    println!("Installing the npm packages (the viewer and the browser tests' driver)");
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(workspace
        .command(npm)
        .args(["ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]))
    .context("npm is needed to fetch the viewer: install Node.js 20 or newer from https://nodejs.org")?;
    let viewer = workspace.root.join("node_modules/@niivue/niivue/dist/index.js");
    ensure!(
        viewer.is_file(),
        "npm installed its packages, but {} is missing",
        viewer.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::find_version;

    #[test]
    fn the_locked_version_is_that_of_the_very_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(find_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(find_version(lock, "bindgen"), None);
    }
}
