//! Times training in the page beside the command line on the same kind of device.

use std::fmt::Write as _;

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

/// Builds the page and a command line that can use wgpu, measures both, and gives the table.
pub fn table(workspace: &Workspace) -> Result<String> {
    let chromium = chromium::ensure(workspace)?;
    page::build(workspace)?;
    run(workspace
        .cargo()
        .args(["build", "--release", "--package", "medcontext-core"])
        .args(["--features", "wgpu,threads"]))?;
    let mut command = workspace.command("node");
    command
        .arg("tests/bench/browser.mjs")
        .env("CHROME", &chromium)
        .env("MEDCONTEXT_CORE", workspace.target.join("release/core"));
    if let Some(driver) = chromium::vulkan_driver(&chromium) {
        // The newer and the older name of the same setting.
        command
            .env("VK_DRIVER_FILES", &driver)
            .env("VK_ICD_FILENAMES", &driver);
    }
    let mut lines: Vec<Line> = Vec::new();
    run_reading(&mut command, |line| {
        lines.extend(serde_json::from_str(line))
    })?;
    Ok(markdown(&lines))
}

fn markdown(lines: &[Line]) -> String {
    let mut text = String::from(
        "\n### Training steps in the page\n\n\
         With MedContext, batch 1, one thread; the first step from the click on, with the kernels that it compiles.\n\n\
         | | page: first, second, later steps | command line | ratio of later steps |\n|---|---|---|---|\n",
    );
    for Line {
        name,
        browser,
        native,
    } in lines
    {
        let later = |steps: &[f64]| median(steps.get(2..).unwrap_or_default()).unwrap_or(f64::NAN);
        let three = |steps: &[f64]| {
            let first = steps.iter().take(2).copied();
            let all: Vec<String> = first.chain([later(steps)]).map(duration).collect();
            all.join(", ")
        };
        let ratio = later(browser) / later(native);
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {ratio:.2} |",
            three(browser),
            three(native)
        );
    }
    text
}
