//! Times this project and PyTorch on this machine, alternating, and writes the tables of BENCHMARKS.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::bench_browser;
use crate::bench_gpu;
use crate::bench_plot::{self, Point};
use crate::workspace::{Workspace, answer, run, run_reading};

#[derive(clap::Args)]
pub struct BenchArguments {
    /// What to measure, by the start of its name; everything if nothing is given
    names: Vec<String>,
    /// How often ours and PyTorch's take turns
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Threads of each; all cores if not given
    #[arg(long)]
    threads: Option<usize>,
    /// Time the page too, in Chromium, beside the command line
    #[arg(long)]
    browser: bool,
    /// Time a GPU's operations instead, beside burn's general ones and TensorFlow.js, and count a step's launches
    #[arg(long, conflicts_with_all = ["browser", "record", "names"])]
    gpu: bool,
    /// Put the tables into BENCHMARKS.md
    #[arg(long)]
    record: bool,
}

/// A table: its title, and the name prefixes of its rows. Each runs in a separate process, so that its peak memory is
/// its own.
const TABLES: [(&str, &[&str]); 4] = [
    (
        "Operations",
        &[
            "conv3d",
            "up",
            "linear",
            "attention",
            "gelu",
            "layer norm",
            "instance norm",
            "sum and leaky relu",
            "concatenation",
            "DiceCE",
        ],
    ),
    ("Blocks", &["residual block", "transformer block", "window attention"]),
    (
        "Training steps and segmentation",
        &[
            "UNETR small 32×48×32 ×2 step",
            "UNETR small 32×48×32 ×2 MedContext step",
            "UNETR small segment",
            "UNETR paper 96³ forward",
            "UNETR paper 96³ step",
            "SwinUNETR paper 96³ forward",
            "SwinUNETR paper 96³ step",
            "nnFormer",
            "PCRLv2",
        ],
    ),
    (
        "Cost as the work grows",
        &[
            "growth UNETR small 32³ ×1",
            "growth UNETR small 32³ ×2",
            "growth UNETR small 32³ ×4",
            "growth UNETR small 64³",
            "growth UNETR small 96³",
            "growth UNETR small 128³",
            "growth SwinUNETR small 64³ ×1",
            "growth SwinUNETR small 64³ ×2",
            "growth SwinUNETR small 64³ ×4",
            "growth SwinUNETR small 96³",
            "growth SwinUNETR small 128³",
        ],
    ),
];

/// Around the tables in BENCHMARKS.md.
const MARKS: [&str; 2] = ["<!-- tables -->", "<!-- end of tables -->"];

/// The plot of how cost grows.
const PLOT: &str = "docs/growth.svg";

/// One side's result of one measurement.
#[derive(Deserialize)]
struct Line {
    name: String,
    seconds: Vec<f64>,
    peak_gb: Option<f64>,
}

/// The medians of the rounds of one measurement, by side.
#[derive(Default, Serialize)]
struct Row {
    ours: Side,
    pytorch: Side,
}

#[derive(Default, Serialize)]
struct Side {
    seconds: Vec<f64>,
    peak_gb: Vec<f64>,
}

/// Everything that was measured, in order.
type Rows = Vec<(String, Row)>;

pub fn bench(workspace: &Workspace, arguments: &BenchArguments) -> Result<()> {
    if arguments.gpu {
        println!("{}", bench_gpu::tables(workspace)?);
        return Ok(());
    }
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?.get(),
    };
    let python = ensure_peers(workspace)?;
    run(ours(workspace, threads).arg("--no-run"))?;
    let mut tables = Vec::new();
    for (title, names) in TABLES {
        let mut rows = Rows::new();
        for name in names {
            let asked = |wanted: &String| name.starts_with(wanted) || wanted.starts_with(name);
            if !arguments.names.is_empty() && !arguments.names.iter().any(asked) {
                continue;
            }
            for _ in 0..arguments.rounds {
                let mut command = ours(workspace, threads);
                collect(command.arg("--").arg(name), &mut rows, |row| &mut row.ours)?;
                let mut command = Command::new(&python);
                command
                    .arg(workspace.root.join("tests/peers/bench.py"))
                    .arg(name)
                    .env("NUM_THREADS", threads.to_string());
                collect(&mut command, &mut rows, |row| &mut row.pytorch)?;
            }
        }
        if !rows.is_empty() {
            tables.push((title, rows));
        }
    }
    let mut text = markdown(&tables, threads, arguments.rounds);
    if arguments.browser {
        text += &bench_browser::tables(workspace, &python)?;
    }
    println!("\n{text}");
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join("results.json");
    let all: BTreeMap<_, _> = tables
        .iter()
        .flat_map(|(_, rows)| rows.iter().map(|(name, row)| (name, row)))
        .collect();
    fs::write(&file, serde_json::to_string_pretty(&all)?)?;
    println!("The figures are in {}", file.display());
    if arguments.record {
        let points: Vec<Point> = tables.iter().flat_map(|(_, rows)| points(rows)).collect();
        if !points.is_empty() {
            fs::write(workspace.root.join(PLOT), bench_plot::svg(&points))?;
        }
        record(&workspace.root.join("BENCHMARKS.md"), &text)?;
    }
    Ok(())
}

/// The cargo command that runs this project's measurements.
fn ours(workspace: &Workspace, threads: usize) -> Command {
    let mut command = workspace.cargo();
    command
        .args(["bench", "--quiet", "--package", "medcontext-tests"])
        .args(["--bench", "bench"])
        .env("RAYON_NUM_THREADS", threads.to_string());
    command
}

/// Runs one side and keeps the median of each of its measurements.
fn collect(command: &mut Command, rows: &mut Rows, side: impl Fn(&mut Row) -> &mut Side) -> Result<()> {
    let mut lines = Vec::new();
    run_reading(command, |line| {
        lines.extend(serde_json::from_str::<Line>(line));
    })?;
    for line in lines {
        let index = rows.iter().position(|(name, _)| *name == line.name);
        let index = index.unwrap_or_else(|| {
            rows.push((line.name.clone(), Row::default()));
            rows.len() - 1
        });
        let side = side(&mut rows[index].1);
        side.seconds.extend(median(&line.seconds));
        side.peak_gb.extend(line.peak_gb);
    }
    Ok(())
}

/// A Python with PyTorch and MONAI, in the target folder.
fn ensure_peers(workspace: &Workspace) -> Result<PathBuf> {
    let given = std::env::var_os("MEDCONTEXT_PEERS_PYTHON").map(PathBuf::from);
    let folder = workspace.target.join("peers");
    let python = given.unwrap_or_else(|| folder.join("bin/python"));
    if answer(Command::new(&python).args(["-c", "import torch, monai, onnx"])).is_some() {
        return Ok(python);
    }
    println!(
        "Installing PyTorch and MONAI into {} (once, some 3 GB)",
        folder.display()
    );
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("Python 3 with its module venv is needed to run PyTorch")?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(workspace.root.join("tests/peers/requirements.txt")))?;
    Ok(python)
}

pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let low = sorted.get(middle.saturating_sub(1 - sorted.len() % 2))?;
    Some((low + sorted.get(middle)?) / 2.0)
}

fn markdown(tables: &[(&str, Rows)], threads: usize, rounds: usize) -> String {
    let mut text = format!(
        "{}, {threads} threads each, f32, {rounds} rounds in turn; medians, and the range of the rounds' ratios.\n",
        processor()
    );
    for (title, rows) in tables {
        let _ = write!(
            text,
            "\n### {title}\n\n| | ours | PyTorch | ratio | | memory: ours | PyTorch | ratio \
             |\n|---|---|---|---|---|---|---|---|\n"
        );
        for (name, row) in rows {
            let _ = writeln!(text, "{}", markdown_row(name, row));
        }
    }
    text
}

fn markdown_row(name: &str, row: &Row) -> String {
    let time = |side: &Side| median(&side.seconds).map(duration).unwrap_or_default();
    let memory = |side: &Side| {
        let peak = median(&side.peak_gb);
        peak.map(|gb| format!("{gb:.2} GB")).unwrap_or_default()
    };
    let ratio = |of: fn(&Side) -> &Vec<f64>| {
        let (ours, theirs) = (median(of(&row.ours)), median(of(&row.pytorch)));
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
    };
    let rounds = row.ours.seconds.iter().zip(&row.pytorch.seconds);
    let mut ratios: Vec<f64> = rounds.map(|(ours, theirs)| ours / theirs).collect();
    ratios.sort_by(f64::total_cmp);
    let range = match ratios[..] {
        [least, .., most] => format!("{least:.2}–{most:.2}"),
        _ => String::new(),
    };
    format!(
        "| {name} | {} | {} | {} | {range} | {} | {} | {} |",
        time(&row.ours),
        time(&row.pytorch),
        ratio(|side| &side.seconds),
        memory(&row.ours),
        memory(&row.pytorch),
        ratio(|side| &side.peak_gb),
    )
}

pub fn duration(seconds: f64) -> String {
    if seconds < 0.1 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}

/// The measurements of growth, `growth NETWORK SIZE SIDE³ ×BATCH step`, both sides.
fn points(rows: &Rows) -> impl Iterator<Item = Point> {
    let point = |name: &str, side: &Side, of: &str| {
        let words: Vec<&str> = name.split(' ').collect();
        let ["growth", network, _, cube, batch, _] = words[..] else {
            return None;
        };
        let side_voxels: f64 = cube.strip_suffix('³')?.parse().ok()?;
        let batch: f64 = batch.strip_prefix('×')?.parse().ok()?;
        Some(Point {
            curve: format!("{network}, {of}"),
            voxels: side_voxels.powi(3) * batch,
            seconds: median(&side.seconds)?,
            gb: median(&side.peak_gb)?,
        })
    };
    rows.iter().flat_map(move |(name, row)| {
        let ours = point(name, &row.ours, "ours");
        ours.into_iter().chain(point(name, &row.pytorch, "PyTorch"))
    })
}

/// The processor's name, where the system says it.
fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = information.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// Puts the tables between their marks.
fn record(file: &Path, tables: &str) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let [begin, end] = MARKS;
    let Some((before, rest)) = text.split_once(begin) else {
        bail!("{} has no line {begin}", file.display());
    };
    let after = rest.split_once(end).map(|(_, after)| after);
    ensure!(after.is_some(), "{} has no line {end}", file.display());
    let after = after.unwrap_or_default();
    fs::write(file, format!("{before}{begin}\n{tables}{end}{after}"))?;
    Ok(())
}
