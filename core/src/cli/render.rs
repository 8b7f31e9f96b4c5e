//! `core render`.

mod difference;
mod figure;
mod legend;
mod outline;
mod panel;
mod plane;
mod scene;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

pub(super) use self::plane::Plane;
pub(super) use self::scene::{Scene, View};
use self::window::Window;
use super::console::Console;
use super::evaluate::dataset_json;
use super::file_name::{readable, volume_stem};
use super::files::{read_frame, read_label, write};
use super::inputs::refuse_inputs;
use super::{Failure, Outcome};
use crate::volume::LabelImage;

#[derive(Args)]
pub(super) struct Arguments {
    /// The scan; of a file with several channels, the first is drawn.
    #[arg(long, value_name = "SCAN")]
    image: PathBuf,
    /// Its true label map.
    #[arg(long, value_name = "LABELS")]
    truth: Option<PathBuf>,
    /// Predicted label maps of any tool, a panel each.
    #[arg(long, value_name = "LABELS", num_args = 1..)]
    prediction: Vec<PathBuf>,
    /// Titles of the predictions' panels, in their order; by default the files' names.
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    name: Vec<String>,
    /// The slice, counted from 0 at the bottom, the back or the left; auto is the one in which predictions and truth
    /// differ in most voxels.
    #[arg(long, value_name = "auto|N", default_value = "auto", value_parser = slice)]
    slice: SliceChoice,
    /// The plane of the slice.
    #[arg(long, default_value = "axial")]
    plane: Plane,
    /// Intensities that are black and white [default: -160,240 for CT, else the 0.5th and 99.5th percentiles].
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true, value_parser = Window::parse)]
    window: Option<Window>,
    /// Id of voxels of the true label map that are not labeled; by default the one that dataset.json or the label map
    /// names "ignore".
    #[arg(long, value_name = "ID")]
    ignore_label: Option<u16>,
    /// The picture.
    #[arg(long, value_name = "PNG", default_value = "panels.png")]
    out: PathBuf,
}

/// A slice by its number, or the most telling one.
#[derive(Clone, Copy)]
struct SliceChoice(Option<usize>);

fn slice(text: &str) -> Result<SliceChoice, String> {
    let number = || text.parse().map(|slice| SliceChoice(Some(slice)));
    match text {
        "auto" => Ok(SliceChoice(None)),
        _ => number().map_err(|_| "a slice is a number from 0, or auto".to_owned()),
    }
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let Arguments { image, truth, .. } = &arguments;
    let titles = titles(&arguments)?;
    let read = [image].into_iter().chain(truth).chain(&arguments.prediction);
    refuse_out(&arguments.out, read)?;
    let (names, ignored) = facts(&arguments)?;
    let scan = read_frame(image, Some(0))?;
    warn(image, scan.warnings(), console);
    if scan.frames() > 1 {
        let count = scan.frames();
        console.warn(format!("{}: the first of {count} channels is drawn", image.display()));
    }
    let mut scene = Scene::new(image, &scan, names);
    drop(scan);
    if let Some(file) = truth {
        let mut map = labels(file, console)?;
        if let Some(id) = arguments.ignore_label.or(ignored) {
            map = map.with_ignored(id);
        }
        scene.set_truth(file, map)?;
    }
    for (file, title) in arguments.prediction.iter().zip(titles) {
        scene.add_prediction(title, file, labels(file, console)?)?;
    }
    let drawn = scene.draw(View {
        plane: arguments.plane,
        slice: arguments.slice.0,
        window: arguments.window,
    })?;
    write(&arguments.out, &drawn.png)?;
    console.say(format!("{}: {}", arguments.out.display(), drawn.words));
    Ok(())
}

/// Titles of the predictions' panels: those that were given, else names of files, and of folders where files have the
/// same name.
fn titles(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let (files, given) = (&arguments.prediction, &arguments.name);
    if !given.is_empty() {
        return match given.len() == files.len() {
            true => Ok(given.clone()),
            false => Err(Failure::Message(format!(
                "{} --name and {} --prediction; give every prediction a name, or none",
                given.len(),
                files.len()
            ))),
        };
    }
    let stem = |file: &PathBuf| volume_stem(file).unwrap_or_else(|| "prediction".to_owned());
    let title = |file: &PathBuf| match files.iter().filter(|other| stem(other) == stem(file)).count() {
        1 => stem(file),
        _ => folder_name(file).unwrap_or_else(|| stem(file)),
    };
    Ok(files.iter().map(title).collect())
}

/// The name of a file's folder.
fn folder_name(file: &Path) -> Option<String> {
    Some(readable(file.parent()?.file_name()?))
}

/// Refuses a picture that is no PNG file by its name, or would replace what is read.
fn refuse_out<'a>(out: &Path, read: impl Iterator<Item = &'a PathBuf>) -> Outcome {
    if !out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        return Err(Failure::Message(format!(
            "{} is not named as the PNG file that is written; give --out a name that ends in .png",
            out.display()
        )));
    }
    refuse_inputs([out], read)
}

/// Names of labels, and the id of voxels that are not labeled, by the dataset.json nearest to the label maps or the
/// scan.
fn facts(arguments: &Arguments) -> Result<(BTreeMap<u16, String>, Option<u16>), Failure> {
    let files = arguments
        .truth
        .iter()
        .chain([&arguments.image])
        .chain(&arguments.prediction);
    for folder in files.filter_map(|file| file.parent()) {
        if let Some(json) = dataset_json(folder)? {
            return Ok((json.names, json.ignore));
        }
    }
    Ok((BTreeMap::new(), None))
}

fn labels(file: &Path, console: &Console) -> Result<LabelImage, Failure> {
    let map = read_label(file)?;
    warn(file, map.warnings(), console);
    Ok(map)
}

fn warn(file: &Path, warnings: &[String], console: &Console) {
    for warning in warnings {
        console.warn(format!("{}: {warning}", file.display()));
    }
}
