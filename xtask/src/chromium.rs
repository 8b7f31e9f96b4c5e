//! Finding a Chromium for the browser tests, or installing one.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::tools;
use crate::workspace::{Workspace, answer, run};

/// Names of Chromium and Chrome on a PATH, and where they are without one.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Folders where distributions put Chromium's own files when the program on the PATH is a script.
const HOMES: [&str; 4] = [
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/usr/lib64/chromium-browser",
    "/opt/google/chrome",
];

/// A working Chromium: `$CHROME`, an installed one, or one installed now. Prints which.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    // Playwright, which drives the browser, also knows where its own is and how to fetch it.
    tools::ensure_npm_packages(workspace)?;
    if let Some(found) = find(workspace) {
        return Ok(found);
    }
    for (means, install) in MEANS {
        println!("No Chromium found: trying {means}");
        match install(workspace) {
            Ok(()) => {
                if let Some(found) = find(workspace) {
                    return Ok(found);
                }
                println!("{means} brought no Chromium that runs");
            }
            Err(error) => println!("{means} did not work: {error:#}"),
        }
    }
    bail!("the browser tests need Chromium or Chrome: install one, or name it in $CHROME")
}

type Install = fn(&Workspace) -> Result<()>;

/// Ways to install Chromium, in the order in which they are tried.
const MEANS: [(&str, Install); 3] = [
    ("apt-get", |workspace| apt_get(workspace, &[])),
    ("sudo apt-get", |workspace| {
        apt_get(workspace, &["sudo", "--non-interactive"])
    }),
    ("Playwright's download", |workspace| {
        run(workspace.command("node").args([PLAYWRIGHT, "install", "chromium"]))
    }),
];

const PLAYWRIGHT: &str = "node_modules/playwright-core/cli.js";

fn apt_get(workspace: &Workspace, prefix: &[&str]) -> Result<()> {
    let apt_get = |arguments: &[&str]| {
        let words = [prefix, &["apt-get", "-qq"], arguments].concat();
        run(workspace
            .command(words[0])
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt_get(&["update"])?;
    // libvulkan1 lets the native GPU tests use the software driver that Chromium brings.
    apt_get(&["install", "--yes", "--no-install-recommends", "chromium", "libvulkan1"])
}

fn find(workspace: &Workspace) -> Option<PathBuf> {
    let chosen = env::var("CHROME").ok();
    let playwright = answer(
        workspace
            .command("node")
            .args(["--print", "require('playwright-core').chromium.executablePath()"]),
    );
    let candidates = chosen
        .iter()
        .map(String::as_str)
        .chain(NAMES)
        .chain(playwright.as_deref());
    for program in candidates {
        if let Some(version) = answer(workspace.command(program).arg("--version")) {
            println!("Browser: {program} ({version})");
            return Some(locate(program));
        }
    }
    None
}

/// The full path of a program that is named by a path or found on the PATH.
fn locate(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| program.into())
}

/// The description of the software Vulkan driver (SwiftShader) that this Chromium brings.
pub fn vulkan_driver(chromium: &Path) -> Option<PathBuf> {
    let real = chromium.canonicalize().ok();
    let beside = real.as_deref().and_then(Path::parent);
    let folders = beside.into_iter().chain(HOMES.iter().map(Path::new));
    folders
        .map(|folder| folder.join("vk_swiftshader_icd.json"))
        .find(|file| file.is_file())
}
