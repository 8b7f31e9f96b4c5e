//! A cascade against its parts: the second stage segments what it would segment in a scan that was cut out by hand.

use std::path::Path;

use futures::executor::block_on;
use medcontext_core::dataset::{PhantomConfig, phantom};
use medcontext_core::device::{DeviceKind, open};
use medcontext_core::infer::{Event, PredictConfig, Predictor, Segmentation};
use medcontext_core::transform::Crop;
use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Limits, Voxels};
use medcontext_core::weights::{self, ImportOptions, Loaded, Precision};
use ndarray::{Array3, s};

const MARGIN_MM: u32 = 6;

/// The weights that come with the page.
fn trained() -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../public/models/abdomen.safetensors");
    let device = block_on(open(DeviceKind::Cpu)).expect("a CPU").device;
    weights::load(&std::fs::read(path).expect("weights"), &device).expect("a network")
}

/// The same network as both stages, the second with a crop around labels.
fn cascade() -> Vec<u8> {
    let Loaded { model, metadata, .. } = trained();
    let mut second = metadata.clone();
    second.preprocessing.crop = Crop::Labels { margin_mm: MARGIN_MM };
    second.coarse = Some(Box::new(metadata));
    block_on(weights::save_cascade(&model, Some(&model), &second, Precision::F32)).expect("saved")
}

fn scan() -> Image {
    let made = phantom(&PhantomConfig {
        cases: 1,
        seed: 3,
        voxels: (40, 48),
    });
    Image::read(&made[0].image, &Limits::default()).expect("an image")
}

fn predictor(bytes: &[u8]) -> Predictor {
    let device = block_on(open(DeviceKind::Cpu)).expect("a CPU").device;
    Predictor::load(bytes, &device).expect("weights")
}

fn segment(predictor: &Predictor, image: &Image) -> (Segmentation, Vec<Event>) {
    let mut run = predictor.start(image, PredictConfig::default()).expect("a run");
    let mut events = Vec::new();
    while let Some(event) = block_on(run.next()).expect("it computes") {
        match event {
            Event::Finished { segmentation, .. } => return (*segmentation, events),
            event => events.push(event),
        }
    }
    panic!("no result");
}

/// First voxel and size of a box, `[depth, height, width]`.
type Cut = ([usize; 3], [usize; 3]);

/// The box around all labels and the margin, voxel by voxel.
fn box_of(map: &LabelImage) -> Cut {
    let (dims, spacing) = (map.grid().canonical_dims(), map.grid().canonical_spacing());
    let mut ends = [(usize::MAX, 0); 3];
    for ((d, h, w), label) in map.canonical().indexed_iter() {
        if *label > 0 {
            for (end, index) in ends.iter_mut().zip([d, h, w]) {
                *end = (end.0.min(index), end.1.max(index));
            }
        }
    }
    let margin = spacing.map(|side| (f64::from(MARGIN_MM) / side).ceil() as usize);
    let start = [0, 1, 2].map(|axis| ends[axis].0.saturating_sub(margin[axis]));
    let end = [0, 1, 2].map(|axis| (ends[axis].1 + 1 + margin[axis]).min(dims[axis]));
    (start, [0, 1, 2].map(|axis| end[axis] - start[axis]))
}

/// The voxels of the box alone, in an image of their own.
fn cut(image: &Image, ([d, h, w], [nd, nh, nw]): Cut) -> Image {
    let part = image.canonical().slice_move(s![d..d + nd, h..h + nh, w..w + nw]);
    let [depth, height, width] = image.grid().canonical_spacing();
    let grid = Grid {
        dims: [nw, nh, nd],
        affine: Affine([[width, 0.0, 0.0, 0.0], [0.0, height, 0.0, 0.0], [0.0, 0.0, depth, 0.0]]),
        form: Form::Sform,
    };
    Image::new(Voxels::F32(part.iter().copied().collect()), grid).expect("a part of it")
}

#[test]
fn the_second_stage_segments_the_region_that_the_first_finds() {
    let (file, image) = (cascade(), scan());
    let whole = predictor(&file);
    assert!(whole.metadata().coarse.is_some());

    let Loaded { model, metadata, .. } = trained();
    let device = block_on(open(DeviceKind::Cpu)).expect("a CPU").device;
    let single = Predictor::new(model, metadata, &device);
    let (first, first_events) = segment(&single, &image);
    let region = box_of(&first.labels);
    assert!(
        region.1 != image.grid().canonical_dims(),
        "the region is all of the scan"
    );
    let (second, second_events) = segment(&single, &cut(&image, region));

    let (found, events) = segment(&whole, &image);
    assert_eq!(found.labels.grid(), image.grid());
    let ([d, h, w], [nd, nh, nw]) = region;
    let mut expected = Array3::zeros(found.labels.canonical().dim());
    let mut inside = expected.slice_mut(s![d..d + nd, h..h + nh, w..w + nw]);
    inside.assign(&second.labels.canonical());
    assert!(found.labels.canonical() == expected);
    let milliliters = |found: &Segmentation| -> f64 { found.volumes.iter().map(|label| label.milliliters).sum() };
    assert!((milliliters(&found) - milliliters(&second)).abs() < 1e-9 && milliliters(&found) > 0.0);

    // Progress runs through both stages, which start once.
    let starts = events.iter().filter(|event| matches!(event, Event::Started { .. }));
    assert_eq!(starts.count(), 1);
    let last = events.iter().rev().find_map(|event| match event {
        Event::Window { done, windows, .. } => Some((*done, *windows)),
        _ => None,
    });
    let windows = first_events.len() + second_events.len() - 2;
    assert_eq!(last, Some((windows, windows)));
}

/// A scan without anything to find: the first stage's empty result is the case's.
#[test]
fn a_case_in_which_the_first_stage_finds_nothing_is_empty() {
    let grid = Grid {
        dims: [32, 32, 32],
        ..scan().grid().clone()
    };
    let blank = Image::new(Voxels::F32(vec![0.0; 32 * 32 * 32]), grid).expect("an image");
    let (found, _) = segment(&predictor(&cascade()), &blank);
    assert!(found.labels.present().is_empty());
    assert!(found.volumes.iter().all(|label| label.voxels == 0));
}

#[test]
fn either_stage_can_be_taken_out_of_the_file() {
    let file = cascade();
    let device = block_on(open(DeviceKind::Cpu)).expect("a CPU").device;
    let whole = weights::import(&file, &ImportOptions::default(), &device).expect("the file");
    assert_eq!(
        (whole.others, whole.coarse.is_some()),
        (vec!["coarse".to_owned()], true)
    );
    assert!(whole.ignored.is_empty(), "{:?}", whole.ignored);
    let options = ImportOptions {
        part: Some("coarse".to_owned()),
        ..ImportOptions::default()
    };
    let first = weights::import(&file, &options, &device).expect("its first stage");
    assert_eq!(first.metadata, trained().metadata);
    let again = block_on(weights::save(&first.model, &first.metadata, Precision::F32)).expect("saved");
    let (image, first) = (scan(), predictor(&again));
    let Loaded { model, metadata, .. } = trained();
    let expected = segment(&Predictor::new(model, metadata, &device), &image).0;
    assert!(segment(&first, &image).0.labels.canonical() == expected.labels.canonical());
}
