//! `core pretrain`.

mod picture;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures::executor::block_on;

use super::cache::Cache;
use super::cases::Reader;
use super::console::Console;
use super::files::{make_folder, read, write};
use super::folder::Folder;
use super::outcome::sides;
use super::train::{
    self, FILES, Facts, Given, Resumed, RunReport, configure, drive, open_devices, open_folder, others,
    refuse_replacing,
};
use super::{Failure, Outcome};
use crate::Error;
use crate::backbone::{Backbone, Size};
use crate::dataset::{CaseFiles, CaseFingerprint, LabelSet, Part, Split};
use crate::device::DeviceKind;
use crate::plan::{self, Memory};
use crate::pretrain::{Method, Pretraining};
use crate::train::{Start, TrainConfig, Trainer};

/// Patches of a batch where nothing else tells, and for methods that compare the places of a batch with each other.
const BATCH: usize = 2;
const COMPARED: usize = 8;

/// A patch, what the network sees of it, and what it restores.
const PICTURE: &str = "restored.png";

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with scans; their labels, if there are any, are not used.
    #[arg(long)]
    data: PathBuf,
    /// Folder for weights, log and summary.
    #[arg(long)]
    out: PathBuf,
    /// What the encoder learns: mae (restore hidden tokens from the visible ones), simmim (restore masked cubes),
    /// simclr (tell views of one place from those of others) or pcrlv2 (restore distorted patches, with similar
    /// features of two views); mae where neither this nor --config says.
    #[arg(long, value_name = "METHOD")]
    method: Option<Method>,
    /// Share of the tokens that is hidden; 0.75 for mae and 0.6 for simmim by default.
    #[arg(long, value_name = "SHARE")]
    mask_ratio: Option<f64>,
    /// Learn from one list of a JSON file of case names: FILE:LIST; by default from all scans but labeled ones that are
    /// held out for validation and test.
    #[arg(long, value_name = "FILE:LIST")]
    split: Option<String>,
    /// Network: unetr by default; simmim and simclr also take swin-unetr; pcrlv2 is for its own method.
    #[arg(long)]
    backbone: Option<Backbone>,
    /// Its size: tiny, small or paper.
    #[arg(long)]
    size: Option<Size>,
    /// Patch in voxels.
    #[arg(long, value_name = "D,H,W", value_parser = sides)]
    patch: Option<[usize; 3]>,
    /// Settings in TOML, those of `core train` and [pretraining]; options on the command line override them.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Minutes of pretraining to plan for, 30 where neither this nor --iterations is given.
    #[arg(long, value_name = "M")]
    budget_minutes: Option<f64>,
    /// Optimizer steps (iterations).
    #[arg(long)]
    iterations: Option<usize>,
    /// Patches per batch; 2 by default, and 8 for simclr and pcrlv2.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Batches per step, whose gradients are averaged (gradient accumulation); at least as many as devices.
    #[arg(long)]
    accumulation: Option<usize>,
    /// Learning rate after warmup.
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of every random choice.
    #[arg(long)]
    seed: Option<u64>,
    /// Where to compute, as for `core train`.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    device: Vec<DeviceKind>,
    /// Resume the run in --out from its last checkpoint, or start it if there is none.
    #[arg(long)]
    resume: bool,
    /// Cache folder for prepared cases, used by this and other runs instead of memory.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Refuse a case or a folder that cannot be read instead of leaving it out.
    #[arg(long)]
    strict: bool,
    /// Write into a folder that is not empty; resume a run although its settings changed.
    #[arg(long)]
    force: bool,
}

impl Arguments {
    /// The network that is asked for: the command line's, else that of the resumed run or the file, else the method's
    /// own.
    fn network(&self, resumed: bool) -> Result<Option<Backbone>, Failure> {
        if self.backbone.is_some() || resumed {
            return Ok(self.backbone);
        }
        let given = self.config.as_deref().map(Given::read).transpose()?.unwrap_or_default();
        if given.has("backbone") || given.has("network") {
            return Ok(None);
        }
        let of_file = given.text("pretraining", "method").and_then(|name| name.parse().ok());
        let method: Method = self.method.or(of_file).unwrap_or_default();
        Ok(Some(method.backbone()))
    }

    /// What `core train` would be told.
    fn of_training(&self, network: Option<Backbone>) -> train::Arguments {
        train::Arguments {
            data: self.data.clone(),
            out: self.out.clone(),
            split: self.split.clone(),
            config: self.config.clone(),
            backbone: network,
            size: self.size,
            patch: self.patch,
            medcontext: Some(train::Method::Off),
            single_stage: true,
            device: self.device.clone(),
            budget_minutes: self.budget_minutes,
            iterations: self.iterations,
            batch_size: self.batch_size,
            accumulation: self.accumulation,
            learning_rate: self.learning_rate,
            seed: self.seed,
            resume: self.resume,
            cache: self.cache.clone(),
            strict: self.strict,
            force: self.force,
            pretraining: true,
            ..train::Arguments::default()
        }
    }

    /// Settings of training as those of pretraining.
    fn pretraining(&self, config: TrainConfig, resumed: bool) -> TrainConfig {
        let settings = config.pretraining.unwrap_or_default();
        let method = self.method.unwrap_or(settings.method);
        let pretraining = Pretraining {
            method,
            mask_ratio: self.mask_ratio.or(settings.mask_ratio),
            ..settings
        };
        let mut config = TrainConfig {
            pretraining: Some(pretraining),
            inference: None,
            ..config
        };
        if resumed {
            return config.resolved();
        }
        if self.config.is_none() {
            config.augmentation = method.augmentation(config.augmentation);
        }
        if self.config.is_none() && self.batch_size.is_none() {
            config.batch_size = if method.has_pairs() { COMPARED } else { BATCH };
        }
        config.resolved()
    }
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let resumed = arguments.resume.then(|| Resumed::find(&arguments.out));
    let resumed = resumed.transpose()?.flatten();
    let of_training = arguments.of_training(arguments.network(resumed.is_some())?);
    let folder = open_folder(&of_training, console)?;
    let files: Vec<PathBuf> = FILES
        .iter()
        .chain([&PICTURE])
        .map(|name| arguments.out.join(name))
        .collect();
    refuse_replacing(&of_training, &folder, &files)?;
    let chosen = select(&arguments, &folder)?;
    let reader = Reader {
        folder: Arc::new(folder),
        cache: arguments.cache.as_deref().map(Cache::open).transpose()?,
        strict: arguments.strict,
        console,
    };
    let cases = reader.read_all(&chosen)?;
    cases.warn(console);
    let (devices, description) = open_devices(arguments.device.clone())?;
    // A plan follows from those that have labels.
    let labeled: Vec<CaseFingerprint> = cases.fingerprints.iter().filter(|case| case.labeled).cloned().collect();
    let facts = Facts {
        cases: if labeled.is_empty() {
            &cases.fingerprints
        } else {
            &labeled
        },
        names: &reader.folder.library.label_names(),
        // There is at least the default device.
        device: &devices[0],
        resumed: resumed.as_ref().map(|resumed| &resumed.state.config),
        start: None,
    };
    let (config, _) = configure(&of_training, &facts, console)?;
    let config = arguments.pretraining(config, resumed.is_some());
    let method = config
        .pretraining
        .map_or_else(Method::default, |settings| settings.method);
    if method == Method::Pcrlv2 && resumed.is_none() {
        // The small views of a batch have three eighths of its voxels.
        let whole = TrainConfig {
            batch_size: config.batch_size + 3 * config.batch_size / 8,
            ..config.clone()
        };
        let memory = Memory {
            cases: None,
            ..Memory::of(&devices[0].kind)
        };
        plan::check(&whole, &[], memory).map_err(|refused| Failure::Message(refused.to_string()))?;
    }
    if let Some(resumed) = resumed.as_ref().filter(|_| !arguments.force) {
        resumed.check(&arguments.out, &config)?;
    }
    let start = resumed
        .as_ref()
        .map_or(Start::Scratch, |resumed| Start::Resume(&resumed.bytes));
    let labels = LabelSet::background();
    let training = reader.training(cases, &labels, &config)?;
    let mut trainer = Trainer::on(config.clone(), training, Vec::new(), labels, start, &devices[0].device)?;
    trainer.share(&others(&devices))?;
    make_folder(&arguments.out, arguments.force || arguments.resume)?;
    write(&arguments.out.join("config.toml"), config.to_toml()?.as_bytes())?;
    console.say(format!("pretraining with {} on {description}", method.title()));
    let done = resumed.map(|resumed| resumed.state.steps_done());
    let mut report = RunReport::new(&arguments.out, console, config.iterations, description, done)?;
    block_on(drive(&mut trainer, &mut report, arguments.strict))?;
    if let Some(restoration) = block_on(trainer.restoration())? {
        let png = picture::png(&restoration, config.preprocessing.slice_axis())?;
        write(&arguments.out.join(PICTURE), &png)?;
    }
    console.say(format!(
        "train from it: core train --start-from {}",
        arguments.out.join("last.safetensors").display()
    ));
    Ok(())
}

/// The scans to learn from.
fn select(arguments: &Arguments, folder: &Folder) -> Result<Vec<CaseFiles>, Failure> {
    let cases = &folder.pairing.cases;
    let Some(choice) = &arguments.split else {
        let held_out = |case: &CaseFiles| {
            matches!(case.part, Some(Part::Validation)) || case.is_labeled() && matches!(case.part, Some(Part::Test))
        };
        return Ok(cases.iter().filter(|case| !held_out(case)).cloned().collect());
    };
    let Some((file, name)) = Split::choice(choice) else {
        return Err(Failure::Message(format!(
            "{choice:?} names no list: write FILE:LIST, for example splits.json:unlabeled"
        )));
    };
    let split = Split::from_json(file, &read(Path::new(file))?, name).map_err(Error::from)?;
    Ok(split.select(cases).map_err(Error::from)?)
}
