//! `core evaluate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::console::Console;
use super::files::{encoded, read, read_label, write};
use super::inputs::{refuse_doubles, refuse_inputs};
use super::listing::Listing;
use super::shard::Shard;
use super::{Failure, Outcome};
use crate::Error;
use crate::backbone::Backbone;
use crate::dataset::{DatasetJson, Match, match_predictions};
use crate::metric::{
    CaseScore, EmptyPolicy, Evaluation, EvaluationDocument, Hausdorff, Protocol, Region, Targets, Unit,
};
use crate::preset::Preset;
use crate::volume::Placement;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with predicted label maps of any tool.
    #[arg(long, required_unless_present = "merge")]
    prediction: Option<PathBuf>,
    /// Folder with true label maps, or a data set that holds them.
    #[arg(long, required_unless_present = "merge")]
    truth: Option<PathBuf>,
    /// Merge the JSON files of shards, instead of reading label maps.
    #[arg(
        long,
        value_name = "PART.json",
        num_args = 1..,
        conflicts_with_all = ["prediction", "truth", "labels", "ignore_label", "shard"]
    )]
    merge: Vec<PathBuf>,
    /// HD95 of the two directions together, as medpy, or the larger of the two, as MONAI: pooled or
    /// max.
    #[arg(long, default_value = "pooled")]
    hd95: Hausdorff,
    /// Surface Dice counts surfaces that lie at most this far apart, in mm.
    #[arg(long, value_name = "MM", default_value_t = Protocol::default().tolerance_mm)]
    tolerance: f64,
    /// What empty masks count as: zero (UNETR's script), one (nnFormer's), nan (nnU-Net), medpy or
    /// monai.
    #[arg(long, default_value = "nan")]
    empty: EmptyPolicy,
    /// Report these labels only, by id or name; by default all that occur.
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    labels: Vec<String>,
    /// Report what the paper does of a public data set: synapse, acdc, brats21 or brats17.
    #[arg(long, conflicts_with_all = ["labels", "regions"])]
    preset: Option<Preset>,
    /// Measure several labels as one in place of labels: NAME=ID+ID, such as whole=1+2+4.
    #[arg(long, value_name = "REGION", value_delimiter = ',', conflicts_with = "labels")]
    regions: Vec<Region>,
    /// Id of voxels of the true label maps that are not labeled, and not measured; by default the one that dataset.json
    /// or a label map names "ignore".
    #[arg(long, value_name = "ID")]
    ignore_label: Option<u16>,
    /// Part of the cases: I/N, or N where a cluster numbers the parts.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    #[command(flatten)]
    outputs: Outputs,
}

/// Where the result goes besides the screen.
#[derive(Args)]
struct Outputs {
    /// Unit of distances: mm or voxels; by default both.
    #[arg(long)]
    unit: Option<Unit>,
    /// Also write everything as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also write one line per case and label as CSV.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Also write the table as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Also write a document to print or to keep, in HTML.
    #[arg(long)]
    html: Option<PathBuf>,
    /// An earlier --json output for the same cases, shown beside the means in the HTML.
    #[arg(long, value_name = "EARLIER.json", requires = "html")]
    before: Option<PathBuf>,
}

impl Outputs {
    /// Refuses outputs that name the same file twice, or one of the files that are read.
    fn refuse<P: AsRef<Path>>(&self, read: impl IntoIterator<Item = P>) -> Outcome {
        let outputs = [&self.json, &self.csv, &self.markdown, &self.html];
        let outputs = || outputs.into_iter().flatten().map(PathBuf::as_path);
        refuse_doubles(outputs())?;
        refuse_inputs(outputs(), &self.before)?;
        refuse_inputs(outputs(), read)
    }
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let (Some(prediction), Some(truth)) = (&arguments.prediction, &arguments.truth) else {
        return merge(&arguments.merge, &arguments.outputs, console);
    };
    let protocol = protocol(&arguments)?;
    let json = dataset_json(truth)?;
    for problem in json.iter().flat_map(|json| &json.problems) {
        console.warn(format!("{}: {}", problem.path, problem.reason));
    }
    let (predictions, truths) = (Listing::of(prediction)?, Listing::of(truth)?);
    predictions.warn(console);
    truths.warn(console);
    let read = predictions.paths().chain(truths.paths());
    arguments.outputs.refuse(read)?;
    let lists = [(prediction.as_path(), &predictions), (truth, &truths)];
    let pairs = pairs(lists, json.as_ref(), console)?;
    let shard = Shard::choose(arguments.shard.as_deref())?;
    let pairs = shard.take(pairs);
    if !shard.is_whole() {
        console.say(format!("{shard}: {} cases", pairs.len()));
    }
    let ignored = arguments.ignore_label.or(json.as_ref().and_then(|json| json.ignore));
    let mut names = json.map_or_else(BTreeMap::new, |json| json.names);
    let mut targets = Targets {
        labels: choose_labels(&arguments.labels, &names)?,
        regions: arguments.regions,
    };
    if let Some(preset) = arguments.preset {
        take_preset(preset, &mut targets, &mut names)?;
    }
    let mut measurement = Measurement {
        predictions: &predictions,
        truths: &truths,
        targets,
        protocol,
        names,
        ignored,
    };
    let scores = measurement.cases(&pairs, console);
    let failed = pairs.len() - scores.len();
    let labels = measurement.targets.label_set(&scores, &measurement.names);
    let labels = labels.map_err(Error::from)?;
    report(&Evaluation::new(scores, &labels, protocol), &arguments.outputs, console)?;
    if failed > 0 {
        return Err(Failure::Partial {
            failed,
            total: pairs.len(),
        });
    }
    Ok(())
}

/// How cases are measured.
fn protocol(arguments: &Arguments) -> Result<Protocol, Error> {
    let protocol = Protocol {
        hd95: arguments.hd95,
        empty: arguments.empty,
        tolerance_mm: arguments.tolerance,
    };
    match protocol.problem() {
        Some(problem) => Err(Error::Config(problem)),
        None => Ok(protocol),
    }
}

/// Merges the shards of an evaluation and reports it.
fn merge(parts: &[PathBuf], outputs: &Outputs, console: &Console) -> Outcome {
    outputs.refuse(parts)?;
    let parts = parts.iter().map(|path| part(path));
    let parts = parts.collect::<Result<Vec<Evaluation>, Failure>>();
    let evaluation = Evaluation::merge(parts?).map_err(Error::from)?;
    report(&evaluation, outputs, console)
}

/// Selects what a preset's paper reports, if it has published settings, and adds the names of its labels.
fn take_preset(preset: Preset, targets: &mut Targets, names: &mut BTreeMap<u16, String>) -> Outcome {
    let published = preset.published(Backbone::Unetr, 1);
    if let Some(settings) = published.map_err(Error::from)? {
        *targets = settings.targets();
        let labels = settings.labels.iter();
        names.extend(labels.flat_map(|set| set.ids().iter().copied().zip(set.names().to_vec())));
    }
    Ok(())
}

/// The dataset.json in or beside a folder of label maps.
pub(super) fn dataset_json(truth: &Path) -> Result<Option<DatasetJson>, Error> {
    let places = [truth.join("dataset.json"), truth.join("../dataset.json")];
    let found = places.iter().find(|path| path.is_file());
    let parse = |path: &PathBuf| Ok(DatasetJson::parse("dataset.json", &read(path)?));
    found.map(parse).transpose()
}

/// Pairs predictions with true label maps, and names what is left over.
fn pairs(
    [(prediction, predictions), (truth, truths)]: [(&Path, &Listing); 2],
    json: Option<&DatasetJson>,
    console: &Console,
) -> Result<Vec<Match>, Failure> {
    let found = match_predictions(&predictions.names_below(), &truths.names_below(), json);
    if found.pairs.is_empty() {
        return Err(Failure::Message(format!(
            "no file in {} has the name of one in {}; name predictions like their true label maps",
            prediction.display(),
            truth.display()
        )));
    }
    for (paths, what) in [
        (found.predictions, "predictions without a true label map"),
        (found.truths, "true label maps without a prediction"),
    ] {
        if !paths.is_empty() {
            console.say(format!("{what}: {} ({})", paths.len(), paths.join(", ")));
        }
    }
    Ok(found.pairs)
}

/// Ids of the labels asked for, each given by id or name.
fn choose_labels(labels: &[String], names: &BTreeMap<u16, String>) -> Result<Vec<u16>, Failure> {
    let id = |label: &String| {
        let named = names.iter().find(|(_, name)| *name == label);
        let id = label.parse().ok().or(named.map(|(&id, _)| id));
        id.ok_or_else(|| {
            let known: Vec<String> = names.iter().map(|(id, name)| format!("{id} {name}")).collect();
            Failure::Message(format!(
                "there is no label {label:?} in dataset.json (it has: {}); give the label's id",
                known.join(", ")
            ))
        })
    };
    labels.iter().map(id).collect()
}

/// What is measured, and where the label maps are.
struct Measurement<'a> {
    predictions: &'a Listing,
    truths: &'a Listing,
    targets: Targets,
    protocol: Protocol,
    /// Names of labels by id, where known.
    names: BTreeMap<u16, String>,
    /// The id of voxels that are not labeled; else the true label map may name it.
    ignored: Option<u16>,
}

impl Measurement<'_> {
    /// Measures cases, and says why one cannot be measured.
    fn cases(&mut self, pairs: &[Match], console: &Console) -> Vec<CaseScore> {
        let mut scores = Vec::new();
        let mut progress = console.progress(pairs.len(), "case");
        let started = Instant::now();
        for (index, pair) in pairs.iter().enumerate() {
            match self.case(pair, console) {
                Ok(score) => scores.push(score),
                Err(failure) => console.warn(failure.to_string()),
            }
            let (done, elapsed) = (index + 1, started.elapsed().as_secs_f64());
            let remaining = elapsed / done as f64 * (pairs.len() - done) as f64;
            progress.at(done, remaining, "");
        }
        progress.clear();
        scores
    }

    /// Measures one case, and adds the label names from its true label map.
    fn case(&mut self, pair: &Match, console: &Console) -> Result<CaseScore, Failure> {
        let prediction = read_label(&self.predictions.path_below(&pair.prediction))?;
        let mut truth = read_label(&self.truths.path_below(&pair.truth))?;
        if let Some(id) = self.ignored {
            truth = truth.with_ignored(id);
        }
        for (what, map) in [("prediction", &prediction), ("true label map", &truth)] {
            for warning in map.warnings() {
                console.warn(format!("{}: {what}: {warning}", pair.case));
            }
        }
        for (id, name) in truth.names() {
            self.names.entry(id).or_insert(name);
        }
        let placement = truth.grid().placement_of(prediction.grid());
        if let Placement::VoxelByVoxel { distance } = placement {
            console.warn(format!(
                "{}: prediction and true label map lie {distance:.1} voxels apart by their headers; they are compared \
                 voxel by voxel",
                pair.case
            ));
        }
        let score = self.targets.score(&pair.case, &prediction, &truth, self.protocol);
        Ok(score.map_err(Error::from)?)
    }
}

/// One shard's result, as written by `--json`.
fn part(path: &Path) -> Result<Evaluation, Failure> {
    serde_json::from_slice(&read(path)?).map_err(|error| {
        Failure::Message(format!(
            "{}: not a part of an evaluation ({error}); give files that --json wrote",
            path.display()
        ))
    })
}

fn report(evaluation: &Evaluation, outputs: &Outputs, console: &Console) -> Outcome {
    for line in evaluation.to_lines(outputs.unit) {
        console.say(line);
    }
    if let Some(path) = &outputs.json {
        let json = encoded(path, serde_json::to_string_pretty(evaluation))?;
        write(path, json.as_bytes())?;
    }
    if let Some(path) = &outputs.csv {
        write(path, evaluation.to_csv(outputs.unit).as_bytes())?;
    }
    if let Some(path) = &outputs.markdown {
        write(path, evaluation.to_markdown(outputs.unit).as_bytes())?;
    }
    if let Some(path) = &outputs.html {
        let document = EvaluationDocument {
            title: "Evaluation".to_owned(),
            before: outputs.before.as_deref().map(part).transpose()?,
            provenance: provenance(evaluation),
            settings: None,
        };
        write(path, evaluation.to_html(&document).as_bytes())?;
    }
    Ok(())
}

/// How the program was called, which it takes to reproduce the numbers.
fn provenance(evaluation: &Evaluation) -> Vec<(String, String)> {
    let command: Vec<String> = std::env::args().collect();
    let facts = [
        ("Program", format!("MedContext {}", env!("CARGO_PKG_VERSION"))),
        ("Command", command.join(" ")),
        ("Cases", evaluation.cases.len().to_string()),
    ];
    facts.map(|(name, value)| (name.to_owned(), value)).into()
}
