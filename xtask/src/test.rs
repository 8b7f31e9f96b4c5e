//! Every check of the project, in phases that each report their time.

use std::cell::LazyCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;

use crate::chromium;
use crate::order;
use crate::page::Building;
use crate::policy;
use crate::workspace::{self, Workspace, linted, run_reading};

#[derive(clap::Args)]
pub struct TestArguments {
    /// Phases to run; all if none is given
    phases: Vec<Phase>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// rustfmt, without changing anything
    Format,
    /// Layers, file sizes, spelling, and the licenses and known vulnerabilities of dependencies
    Policy,
    /// Unit, integration and documentation tests, on the CPU and on native wgpu; built with Clippy and
    /// warnings as errors
    Rust,
    /// Documentation, with warnings as errors
    Docs,
    /// The finished page, as `cargo xtask build` leaves it, with Clippy and warnings as errors; it is built
    /// beside the phases before
    Page,
    /// The page in dist/ in Chromium, with WebGPU and without
    Browser,
}

/// The packages that run natively (of the page, the worker's session), with the one feature set that everything uses:
/// another would recompile burn.
const NATIVE: [&str; 10] = [
    "--package",
    "medcontext-core",
    "--package",
    "medcontext-app",
    "--package",
    "medcontext-tests",
    "--package",
    "xtask",
    "--features",
    "medcontext-core/wgpu,medcontext-core/threads,medcontext-tests/wgpu",
];

/// How many tests passed and failed.
#[derive(Clone, Copy, Default)]
struct Count {
    passed: usize,
    failed: usize,
}

/// The result of one phase.
struct PhaseResult {
    name: String,
    time: Duration,
    count: Count,
    passed: bool,
}

/// Runs the phases, all of them even if one fails, and ends with `N passed, N failed`.
pub fn run(workspace: &Workspace, arguments: &TestArguments) -> Result<()> {
    let chromium = LazyCell::new(|| chromium::ensure(workspace));
    let wanted = |phase| arguments.phases.is_empty() || arguments.phases.contains(&phase);
    let mut building = wanted(Phase::Page).then(|| Building::start(workspace));
    let mut results = Vec::new();
    for phase in Phase::value_variants() {
        if !wanted(*phase) {
            continue;
        }
        results.push(run_phase(*phase, |count| match phase {
            Phase::Format => check_format(workspace),
            Phase::Policy => check_policy(workspace),
            Phase::Rust => test_rust(workspace, chromium.as_deref().ok(), count),
            Phase::Page => match &mut building {
                Some(Ok(building)) => building.finish(),
                Some(Err(error)) => bail!("{error:#}"),
                None => Ok(()),
            },
            Phase::Docs => document(workspace),
            Phase::Browser => match &*chromium {
                Ok(chromium) => test_browser(workspace, chromium, count),
                Err(error) => bail!("{error:#}"),
            },
        }));
    }
    summarize(&results)
}

/// Checks the form of all files. `cargo fmt` finds files by the modules that name them, so it would leave out those
/// that a macro names: the backbones, formats and losses.
fn check_format(workspace: &Workspace) -> Result<()> {
    let files = workspace::sources(workspace, &["rs"])?;
    let mut command = workspace.command("rustfmt");
    command.args(["--check", "--edition", "2024"]).args(&files);
    workspace::run(&mut command)
}

fn check_policy(workspace: &Workspace) -> Result<()> {
    order::check(&workspace.root)?;
    policy::sizes(workspace)?;
    policy::spelling(workspace)?;
    policy::dependencies(workspace)
}

fn run_phase(phase: Phase, body: impl FnOnce(&mut Count) -> Result<()>) -> PhaseResult {
    let name = phase
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_string());
    println!("\n== {name}");
    let start = Instant::now();
    let mut count = Count::default();
    let result = body(&mut count);
    let time = start.elapsed();
    if let Err(error) = &result {
        println!("{error:#}");
    }
    let passed = result.is_ok();
    println!("== {name}: {} after {:.0} s", verdict(passed), time.as_secs_f64());
    PhaseResult {
        name,
        time,
        count,
        passed,
    }
}

fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

/// Prints a table and, as the last line, the tests' counts. A phase that fails without a failed
/// test, such as a warning, counts as one.
fn summarize(results: &[PhaseResult]) -> Result<()> {
    println!();
    let mut total = Count::default();
    for PhaseResult {
        name,
        time,
        count,
        passed,
    } in results
    {
        println!("{name:<8} {:>6.0} s  {}", time.as_secs_f64(), verdict(*passed));
        total.passed += count.passed;
        total.failed += if *passed { 0 } else { count.failed.max(1) };
    }
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Builds the library's documentation with default features, which avoids checking every GPU crate. The other packages
/// are programs; their documentation is for readers of the source.
fn document(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command
        .args(["doc", "--no-deps", "--package", "medcontext-core"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    workspace::run(&mut command)
}

fn test_rust(workspace: &Workspace, chromium: Option<&Path>, count: &mut Count) -> Result<()> {
    build_command_line(workspace)?;
    let mut command = workspace.cargo();
    linted(&mut command).arg("test").args(NATIVE).arg("--no-fail-fast");
    if let Some(driver) = chromium.and_then(chromium::vulkan_driver) {
        println!("Native wgpu runs on Chromium's software driver, {}", driver.display());
        // The newer and the older name of the same setting.
        command.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", &driver);
    }
    run_reading(&mut command, |line| count.add(cargo_counts(line)))
}

/// Builds `core`, which tests run.
fn build_command_line(workspace: &Workspace) -> Result<()> {
    workspace::run(linted(&mut workspace.cargo()).arg("build").args(NATIVE))
}

fn test_browser(workspace: &Workspace, chromium: &Path, count: &mut Count) -> Result<()> {
    let page = workspace.root.join("dist/index.html");
    ensure!(
        page.is_file(),
        "there is no page to test: run `cargo xtask build` first"
    );
    build_command_line(workspace)?;
    let mut command = workspace.command("node");
    command
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(browser_tests(&workspace.root.join("tests/browser"))?)
        .env("CHROME", chromium)
        .env("MEDCONTEXT_CORE", workspace.target.join("debug/core"))
        .env("MEDCONTEXT_SCREENSHOTS", workspace.target.join("screenshots"));
    run_reading(&mut command, |line| count.add(node_counts(line)))
}

/// The test files, named individually: the meaning of a folder for `node --test` depends on its version.
fn browser_tests(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = entries.iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    Ok(files)
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Reads a line such as `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn cargo_counts(line: &str) -> Count {
    let Some(result) = line.strip_prefix("test result: ") else {
        return Count::default();
    };
    let number_before = |word: &str| {
        let number = result
            .split(word)
            .next()
            .and_then(|start| start.split_whitespace().last());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Count {
        passed: number_before(" passed"),
        failed: number_before(" failed"),
    }
}

/// Reads a line such as `ℹ pass 3` or `ℹ fail 0`.
fn node_counts(line: &str) -> Count {
    let number_after = |words: &str| {
        line.strip_prefix(words)
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    };
    Count {
        passed: number_after("ℹ pass "),
        failed: number_after("ℹ fail "),
    }
}

#[cfg(test)]
mod tests {
    use super::{cargo_counts, node_counts};

    #[test]
    fn counts_are_read_from_the_result_lines_only() {
        let counts = cargo_counts("test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out");
        assert_eq!((counts.passed, counts.failed), (12, 3));
        let counts = cargo_counts("test a::b ... ok");
        assert_eq!((counts.passed, counts.failed), (0, 0));
        assert_eq!(node_counts("ℹ pass 41").passed, 41);
        assert_eq!(node_counts("ℹ fail 2").failed, 2);
        assert_eq!(node_counts("ℹ tests 43").passed, 0);
    }
}
