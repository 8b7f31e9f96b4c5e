//! Times training in the page and on the command line, on the same kind of device.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde::Deserialize;

use crate::bench::{duration, median};
use crate::workspace::{Workspace, run, run_reading};
use crate::{chromium, page};

/// Seconds of each step of one network, in the page and on the command line.
#[derive(Deserialize)]
struct Line {
    name: String,
    browser: Vec<f64>,
    native: Vec<f64>,
}

/// Seconds of each step of two patches, and of segmenting a case, of so many threads of the page.
#[derive(Deserialize)]
struct Threads {
    threads: usize,
    steps: Vec<f64>,
    segmenting: f64,
}

/// Seconds of one forward pass of the same network in one kind of browser, or why there is none.
#[derive(Deserialize)]
struct Forward {
    name: String,
    seconds: Option<f64>,
    failure: Option<String>,
}

#[derive(Deserialize)]
struct Forwards {
    onnx: Vec<Forward>,
}

/// The version of ONNX Runtime Web that the page is compared with.
const ONNX_RUNTIME: &str = "onnxruntime-web@1.30.0";

/// Builds the page and a command line that can use wgpu, measures both and ONNX Runtime Web, and returns the tables.
pub fn tables(workspace: &Workspace, python: &Path) -> Result<String> {
    let chromium = chromium::ensure(workspace)?;
    page::build(workspace)?;
    run(workspace
        .cargo()
        .args(["build", "--release", "--package", "medcontext-core"])
        .args(["--features", "wgpu,threads"]))?;
    let script = |name: &str| {
        let mut command = workspace.command("node");
        command
            .arg(format!("tests/bench/{name}"))
            .env("CHROME", &chromium)
            .env("MEDCONTEXT_CORE", workspace.target.join("release/core"));
        command
    };
    let mut steps = script("browser.mjs");
    if let Some(driver) = chromium::vulkan_driver(&chromium) {
        // The newer and the older name of the same setting.
        steps.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", &driver);
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut threads: Vec<Threads> = Vec::new();
    run_reading(&mut steps, |line| {
        lines.extend(serde_json::from_str(line));
        threads.extend(serde_json::from_str(line));
    })?;

    let folder = workspace.target.join("bench/onnx");
    run(workspace
        .command("npm")
        .args(["install", "--silent", "--no-save", "--prefix"])
        .arg(&folder)
        .arg(ONNX_RUNTIME))?;
    let network = folder.join("network");
    run(Command::new(python)
        .arg(workspace.root.join("tests/peers/export_onnx.py"))
        .arg(&network))?;
    let mut forwards: Vec<Forwards> = Vec::new();
    run_reading(
        script("onnx.mjs")
            .env("ONNX_RUNTIME", folder.join("node_modules/onnxruntime-web/dist"))
            .env("NETWORK", &network),
        |line| forwards.extend(serde_json::from_str(line)),
    )?;
    let forwards = forwards.iter().flat_map(|line| &line.onnx);
    Ok(steps_table(&lines) + &threads_table(&threads) + &forwards_table(forwards))
}

fn forwards_table<'a>(forwards: impl Iterator<Item = &'a Forward>) -> String {
    let mut text = String::from(
        "\n### Segmenting a patch in the page\n\n\
         UNETR `small`, 32×48×32, batch 1; the same weights, in the same browser.\n\n\
         | | a patch |\n|---|---|\n",
    );
    for Forward { name, seconds, failure } in forwards {
        let time = seconds.map(duration);
        let found = time.or_else(|| failure.clone()).unwrap_or_default();
        let _ = writeln!(text, "| {name} | {found} |");
    }
    text
}

fn threads_table(lines: &[Threads]) -> String {
    let mut text = String::from(
        "\n### Threads of the page without a GPU\n\n\
         UNETR `tiny`, 32³: a step of two patches with MedContext, and a case of some 124³ voxels.\n\n\
         | threads | a step | segmenting |\n|---|---|---|\n",
    );
    let step = |line: &Threads| median(line.steps.get(2..).unwrap_or_default()).unwrap_or(f64::NAN);
    for line in lines {
        let alone = lines.first().unwrap_or(line);
        let _ = writeln!(
            text,
            "| {} | {} ({:.2}) | {} ({:.2}) |",
            line.threads,
            duration(step(line)),
            step(line) / step(alone),
            duration(line.segmenting),
            line.segmenting / alone.segmenting
        );
    }
    text
}

fn steps_table(lines: &[Line]) -> String {
    let mut text = String::from(
        "\n### Training steps in the page\n\n\
         With MedContext, batch 1, one thread; the first step from the click on, with the kernels that it compiles.\n\n\
         | | page: first, second, later steps | command line | ratio of later steps |\n|---|---|---|---|\n",
    );
    for Line { name, browser, native } in lines {
        let later = |steps: &[f64]| median(steps.get(2..).unwrap_or_default()).unwrap_or(f64::NAN);
        let three = |steps: &[f64]| {
            let first = steps.iter().take(2).copied();
            let all: Vec<String> = first.chain([later(steps)]).map(duration).collect();
            all.join(", ")
        };
        let ratio = later(browser) / later(native);
        let _ = writeln!(text, "| {name} | {} | {} | {ratio:.2} |", three(browser), three(native));
    }
    text
}
