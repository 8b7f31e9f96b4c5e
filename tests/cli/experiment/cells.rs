//! Single cells: settings of the included experiments, and interrupted cells.

use super::*;

/// Cases made here, and the state that a cell resumes from.
struct Phantoms {
    cases: Vec<PhantomCase>,
    state: Option<Vec<u8>>,
}

impl Source for Phantoms {
    type Error = Error;

    /// A list of a preset or of a file represents two cases of its name.
    fn list(&self, name: &str) -> Result<Vec<String>, Error> {
        Ok(["a", "b"].map(|case| format!("{name} {case}")).to_vec())
    }

    fn state(&self, _: &Cell) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.state.clone())
    }

    fn read(&self, case: &str) -> Result<Case, Error> {
        let found = self.cases.iter().find(|phantom| phantom.name == case).expect("a case");
        Ok(read(found))
    }

    fn label_names(&self) -> BTreeMap<u16, String> {
        BTreeMap::new()
    }
}

/// Every included experiment can be run by anyone who has the data.
#[test]
fn the_experiments_that_come_along_have_settings_that_work() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    let source = Phantoms {
        cases: Vec::new(),
        state: None,
    };
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let file = entry.expect("an entry").path();
        // Results lie beside them.
        if file.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&file).expect("readable");
        let experiment = Experiment::from_toml(&file.display().to_string(), &text);
        let experiment = experiment.expect("an experiment");
        let cells = experiment.cells(&source).expect("settings that work");
        assert_eq!(cells.len(), experiment.rows.len() * experiment.seeds.len());
        let folders: BTreeSet<String> = cells.iter().map(Cell::folder).collect();
        assert_eq!(
            folders.len(),
            cells.len(),
            "a folder for each cell of {}",
            file.display()
        );
        if experiment.preset == Some(Preset::Synapse) {
            let cell = &cells[0];
            // Table 5 has all organs, the others the eight of TransUNet.
            let reported: Vec<u16> = match file.ends_with("table5-synapse.toml") {
                true => (1..=13).collect(),
                false => vec![1, 2, 3, 4, 6, 7, 8, 11],
            };
            assert_eq!(cell.targets.labels, reported);
            assert_eq!(cell.learned.as_ref().expect("known labels").classes(), 14);
        }
        files += 1;
    }
    assert_eq!(files, 20);
}

/// Two cells of two steps on phantoms.
fn tiny() -> (Phantoms, Vec<Cell>) {
    let text = EXPERIMENT
        .replace("splits.json:one", "one")
        .replace("[lists]", "[lists]\none = [\"phantom_003\"]")
        .replace("batch_size = 1", "batch_size = 1\ncheckpoint_every = 1");
    let experiment = Experiment::from_toml("text", &text).expect("an experiment");
    let source = Phantoms {
        cases: medcontext_core::dataset::phantom(&PhantomConfig {
            cases: 3,
            seed: 0,
            voxels: (20, 28),
        }),
        state: None,
    };
    let cells = experiment.cells(&source).expect("cells").split_off(2);
    (source, cells)
}

/// What is being trained is saved, and nothing is measured or begun after that.
#[test]
fn a_runner_that_is_stopped_ends_with_a_checkpoint() {
    let (source, cells) = tiny();
    let mut runner = Runner::new(&source, cells, &Device::flex());
    let mut kinds = Vec::new();
    while let Some(event) = block_on(runner.next()).expect("cells that work") {
        kinds.push(match event {
            Event::Cell { .. } => {
                assert_eq!(runner.remaining_seconds(), None);
                "cell"
            }
            Event::Training(train::Event::Step { remaining_seconds, .. }) => {
                let left = runner.remaining_seconds().expect("a step to go by");
                assert!(left > remaining_seconds, "another cell follows");
                runner.stop();
                "step"
            }
            Event::Training(train::Event::Checkpoint { .. }) => "checkpoint",
            Event::Training(train::Event::Finished { stopped, iteration, .. }) => {
                assert!(stopped && iteration == 1);
                "finished"
            }
            Event::Training(_) => "training",
            Event::Case { .. } | Event::Finished(_) => "measured",
        });
    }
    assert_eq!(kinds, ["cell", "training", "step", "checkpoint", "finished"]);
}

/// A tiny run of two steps, uninterrupted, or stopped after the first and resumed.
#[test]
fn a_cell_that_was_cut_goes_on_where_it_was() {
    let (mut source, mut cells) = tiny();
    let cell = cells.swap_remove(0);
    let whole = run(&source, &cell, None);
    assert_eq!((whole.done, whole.evaluation.cases.len()), (None, 1));
    source.state = Some(run(&source, &cell, Some(1)).state);
    let rest = run(&source, &cell, None);
    assert_eq!(rest.done, Some(1));
    assert_eq!(rest.evaluation, whole.evaluation);
    assert!(rest.weights == whole.weights, "the same weights to the last bit");
}

/// The results of a cell's run.
struct Left {
    done: Option<usize>,
    state: Vec<u8>,
    weights: Vec<u8>,
    evaluation: Evaluation,
}

/// Runs a cell, to its end or to the checkpoint after some steps.
fn run(source: &Phantoms, cell: &Cell, until: Option<usize>) -> Left {
    let mut runner = Runner::new(source, vec![cell.clone()], &Device::flex());
    let mut left = Left {
        done: None,
        state: Vec::new(),
        weights: Vec::new(),
        evaluation: Evaluation::merge(Vec::new()).expect("nothing"),
    };
    while let Some(event) = block_on(runner.next()).expect("a cell that works") {
        match event {
            Event::Cell { done, .. } => left.done = done,
            Event::Finished(result) => left.evaluation = result.evaluation,
            Event::Training(train::Event::Checkpoint { iteration, weights, .. }) => {
                left.weights = weights;
                left.state.clear();
                let trainer = runner.trainer().expect("it trains");
                block_on(trainer.write_state(&mut left.state)).expect("written");
                if Some(iteration) == until {
                    return left;
                }
            }
            _ => {}
        }
    }
    left
}
