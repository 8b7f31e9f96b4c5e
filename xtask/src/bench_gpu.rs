//! Times operations on a GPU: this project's kernels, burn's general form of the same, and TensorFlow.js on WebGPU; and
//! counts what a training step asks of the driver. Without a card all of them run on Chromium's software driver.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bench::{duration, median};
use crate::chromium;
use crate::workspace::{Workspace, run, run_reading};

/// What cargo builds for it: the profile and the features of the tests, whose dependencies are compiled already.
const BUILD: [&str; 6] = [
    "--profile",
    "dev",
    "--package",
    "medcontext-tests",
    "--features",
    "wgpu",
];

/// Floating-point operations, and numbers that have to be read and written at least, of an operation.
struct Work {
    flops: f64,
    numbers: f64,
}

/// The operations of tests/bench/gpu.rs: name, and work forward. Both gradients take twice as many operations more, and
/// read and write all again.
fn operations() -> Vec<(String, Work)> {
    let convolution = |(channels, side): (usize, usize)| {
        let (voxels, weights) = (side.pow(3) * channels, 27 * channels * channels);
        let work = Work {
            flops: 2.0 * (voxels * 27 * channels) as f64,
            numbers: (2 * voxels + weights) as f64,
        };
        (format!("conv {channels}→{channels} {side}³"), work)
    };
    let mut all: Vec<_> = [(16, 32), (32, 16), (64, 8), (128, 12)].map(convolution).into();
    let [rows, terms, columns] = [216, 768, 3072];
    let work = Work {
        flops: 2.0 * (rows * terms * columns) as f64,
        numbers: (rows * terms + terms * columns + rows * columns) as f64,
    };
    all.push((format!("linear {rows}×{terms}→{columns}"), work));
    all
}

/// One measurement.
#[derive(Deserialize)]
struct Line {
    name: String,
    seconds: Vec<f64>,
}

/// Median seconds by name.
type Times = BTreeMap<String, f64>;

/// Measures and returns the tables.
pub fn tables(workspace: &Workspace) -> Result<String> {
    let chromium = chromium::ensure(workspace)?;
    let driver = chromium::vulkan_driver(&chromium);
    let on_driver = |command: &mut Command| {
        if let Some(driver) = &driver {
            // The newer and the older name of the same setting.
            command.env("VK_DRIVER_FILES", driver).env("VK_ICD_FILENAMES", driver);
        }
    };
    let mut bench = workspace.cargo();
    bench
        .arg("bench")
        .args(BUILD)
        .args(["--bench", "bench", "--", "--device=wgpu"]);
    on_driver(&mut bench);
    let ours = times(&mut bench)?;
    let theirs = times(&mut tfjs(workspace, &chromium)?)?;
    let step = step(workspace, on_driver)?;
    Ok(operations_table(&ours, &theirs) + &step)
}

fn times(command: &mut Command) -> Result<Times> {
    let mut times = Times::new();
    run_reading(command, |line| {
        let line: Option<Line> = serde_json::from_str(line).ok();
        times.extend(line.and_then(|line| Some((line.name, median(&line.seconds)?))));
    })?;
    Ok(times)
}

/// TensorFlow.js, installed and bundled in the target folder.
fn tfjs(workspace: &Workspace, chromium: &Path) -> Result<Command> {
    let folder = workspace.target.join("bench/tfjs");
    fs::create_dir_all(&folder)?;
    for name in ["package.json", "operations.js", "run.mjs"] {
        let from = workspace.root.join("tests/peers/tfjs").join(name);
        fs::copy(&from, folder.join(name)).with_context(|| format!("{} was not copied", from.display()))?;
    }
    let playwright = workspace.root.join("node_modules/playwright-core");
    let npm = |arguments: &[&str]| run(workspace.command("npm").current_dir(&folder).args(arguments));
    npm(&["install", "--silent", "--no-save", "--no-audit"])?;
    npm(&[
        "install",
        "--silent",
        "--no-save",
        "--no-audit",
        &playwright.to_string_lossy(),
    ])?;
    npm(&["run", "--silent", "bundle"])?;
    let mut command = workspace.command("node");
    command.current_dir(&folder).arg("run.mjs").env("CHROME", chromium);
    Ok(command)
}

fn operations_table(ours: &Times, theirs: &Times) -> String {
    let rate = |name: &str, work: f64| ours.get(name).map(|seconds| work / seconds);
    let products = rate("rate product 512³", 2.0 * 512f64.powi(3)).unwrap_or(f64::NAN);
    let copies = rate("rate copy 64 MiB", 2.0 * 4.0 * f64::from(1 << 24)).unwrap_or(f64::NAN);
    let mut text = format!(
        "\n### Operations on a GPU\n\nMedians; a run ends when a number of its result was read. The least by count is \
         what {:.1} GFLOP/s, which a product of 512³ reaches, and {:.1} GB/s, which a copy reaches, would take.\n\n\
         | | ours | burn's general form | TensorFlow.js | ours / TensorFlow.js | least by count |\n\
         |---|---|---|---|---|---|\n",
        products / 1e9,
        copies / 1e9
    );
    for (name, Work { flops, numbers }) in operations() {
        for (part, times) in [("forward", 1.0), ("both", 3.0)] {
            let name = format!("{name} {part}");
            let (mine, general) = (ours.get(&name), ours.get(&format!("general {name}")));
            let other = theirs.get(&name);
            let ratio = mine.zip(other).map(|(mine, other)| format!("{:.2}", mine / other));
            let least = times * (flops / products).max(4.0 * numbers / copies);
            let told = |seconds: Option<&f64>| seconds.map_or("–".to_owned(), |seconds| duration(*seconds));
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} | {} | {} |",
                told(mine),
                told(general),
                told(other),
                ratio.unwrap_or_else(|| "–".to_owned()),
                duration(least)
            );
        }
    }
    text
}

/// The steps of two runs, whose difference leaves out what happens once.
const STEPS: [usize; 2] = [2, 4];

/// What a step of UNETR tiny with MedContext asks of the driver.
fn step(workspace: &Workspace, on_driver: impl Fn(&mut Command)) -> Result<String> {
    run(workspace
        .cargo()
        .arg("build")
        .args(BUILD)
        .args(["--package", "medcontext-core"]))?;
    let folder = workspace.target.join("bench/step");
    fs::create_dir_all(&folder)?;
    let core = workspace.target.join("debug/core");
    let data = folder.join("phantom");
    run(Command::new(&core)
        .args([
            "phantom",
            "--quiet",
            "--force",
            "--cases",
            "2",
            "--unlabeled",
            "0",
            "--out",
        ])
        .arg(&data))?;
    let mut launches = Vec::new();
    let (mut pipelines, mut seconds) = (0, Vec::new());
    for steps in STEPS {
        let log = Log::new(&folder)?;
        let out = folder.join("run");
        let mut train = Command::new(&core);
        train
            .current_dir(&folder)
            .args([
                "train",
                "--quiet",
                "--force",
                "--device",
                "wgpu",
                "--backbone",
                "unetr",
                "--size",
                "tiny",
            ])
            .args(["--patch", "16,16,32", "--batch-size", "1", "--medcontext", "paper"])
            .args(["--iterations", &steps.to_string(), "--data"])
            .arg(&data)
            .arg("--out")
            .arg(&out);
        on_driver(&mut train);
        run(&mut train)?;
        launches.push(log.lines(&log.launches)?);
        pipelines = log.lines(&log.compiled)?;
        seconds = step_seconds(&out)?;
    }
    let [few, many] = [launches[0], launches[1]].map(|count| count as f64);
    let per_step = (many - few) / (STEPS[1] - STEPS[0]) as f64;
    let told = |seconds: Option<f64>| seconds.map_or("–".to_owned(), duration);
    Ok(format!(
        "\n### A training step on a GPU, counted\n\nUNETR `tiny`, 16×16×32, batch 1, with MedContext.\n\n\
         | | |\n|---|---|\n| launches of kernels a step | {per_step:.0} |\n| compiled pipelines | {pipelines} |\n\
         | first step | {} |\n| later step | {} |\n",
        told(seconds.first().copied()),
        told(median(seconds.get(1..).unwrap_or_default())),
    ))
}

/// CubeCL's log of launches and of compiled kernels.
struct Log {
    launches: PathBuf,
    compiled: PathBuf,
}

impl Log {
    /// Asks for it in a folder, by a file that CubeCL reads there.
    fn new(folder: &Path) -> Result<Self> {
        let log = Self {
            launches: folder.join("launches.log"),
            compiled: folder.join("compiled.log"),
        };
        for file in [&log.launches, &log.compiled] {
            fs::write(file, "")?;
        }
        let text = format!(
            "[profiling]\nlogger = {{ level = \"minimal\", file = {:?} }}\n\
             [compilation]\nlogger = {{ level = \"basic\", file = {:?} }}\n",
            log.launches, log.compiled
        );
        fs::write(folder.join("cubecl.toml"), text)?;
        Ok(log)
    }

    fn lines(&self, file: &Path) -> Result<usize> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let marks = ["Executing ", "Compiling "];
        Ok(text
            .lines()
            .filter(|line| marks.iter().any(|mark| line.contains(mark)))
            .count())
    }
}

/// Seconds of the steps of a run.
fn step_seconds(run: &Path) -> Result<Vec<f64>> {
    #[derive(Deserialize)]
    struct Event {
        event: String,
        seconds: Option<f64>,
    }
    let text = fs::read_to_string(run.join("log.jsonl"))?;
    let events = text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
    Ok(events
        .filter(|event| event.event == "step")
        .filter_map(|event| event.seconds)
        .collect())
}
