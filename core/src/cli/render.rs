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

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

pub(super) use self::panel::gray_picture;
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
    let (names, ignored) = facts(&arguments, console)?;
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

/// Titles of the predictions' panels: those that were given, else those of their files.
fn titles(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let (files, given) = (&arguments.prediction, &arguments.name);
    match given.len() {
        0 => Ok(titles_of(files)),
        count if count == files.len() => Ok(given.clone()),
        count => Err(Failure::Message(format!(
            "{count} --name and {} --prediction; give every prediction a name, or none",
            files.len()
        ))),
    }
}

/// The names of files without their endings or, where some have the same, of the nearest folders that differ.
fn titles_of(files: &[PathBuf]) -> Vec<String> {
    let stems = files.iter().map(|file| volume_stem(file)).collect();
    let folders_above = |levels: usize| -> Option<Vec<String>> {
        let folders = files.iter().map(|file| file.ancestors().nth(levels)?.file_name());
        folders.map(|name| name.map(readable)).collect()
    };
    let differ = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == files.len();
    let folders = || (1..).map_while(folders_above).find(differ);
    let numbers = || (1..=files.len()).map(|number| format!("Prediction {number}")).collect();
    Option::filter(stems, differ).or_else(folders).unwrap_or_else(numbers)
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
fn facts(arguments: &Arguments, console: &Console) -> Result<(BTreeMap<u16, String>, Option<u16>), Failure> {
    let files = arguments
        .truth
        .iter()
        .chain([&arguments.image])
        .chain(&arguments.prediction);
    for folder in files.filter_map(|file| file.parent()) {
        if let Some(json) = dataset_json(folder)? {
            for problem in &json.problems {
                console.warn(format!("{}: {}", problem.path, problem.reason));
            }
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
