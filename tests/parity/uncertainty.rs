//! A case's uncertainty map against the entropy, in f64, of the same run's logits.
//!
//! Tolerance 1/510: the map is stored in steps of 1/255.

#[path = "uncertainty/ensemble.rs"]
mod ensemble;

use futures::executor::block_on;
use medcontext_core::backbone::{Backbone, Network, Size};
use medcontext_core::dataset::{LabelSet, Regions};
use medcontext_core::infer::{
    Blend, Event, Inference, PostProcessing, PredictConfig, Predictor, Segmentation, Uncertainty,
};
use medcontext_core::transform::{Crop, MirrorAxes, Preprocessing, Resampling, Spacing};
use medcontext_core::volume::{Affine, AxisOrder, Form, Grid, Image, LabelImage, Limits, VolumeError, Voxels};
use medcontext_core::weights::{Metadata, TrainingSummary};
use medcontext_tests::{assert_within, cpu};
use ndarray::{Array4, ArrayView1, Axis};

const ROUNDING: f64 = 0.5 / 255.0 + 1e-5;

/// More than one window, but not a multiple, along every axis.
const DIMS: [usize; 3] = [21, 26, 19];

const ON: PredictConfig = PredictConfig {
    inference: Inference {
        overlap: 0.5,
        blend: Blend::Gaussian,
        mirror: false,
        post_processing: PostProcessing {
            largest_component: false,
            fill_holes: false,
            smallest_ml: 0.0,
        },
    },
    batch_size: 2,
    keep_logits: true,
    uncertainty: true,
};

/// A small network with random weights.
fn predictor(labels: LabelSet, preprocessing: Preprocessing) -> Predictor {
    seeded(labels, preprocessing, 3)
}

/// One with other random weights for each seed.
fn seeded(labels: LabelSet, preprocessing: Preprocessing, seed: u64) -> Predictor {
    const PATCH: [usize; 3] = [16; 3];
    let network = Network::new(Backbone::Unetr, Size::Tiny);
    let device = cpu().device;
    let model = network.build(1, labels.outputs(), PATCH, seed, &device);
    let metadata = Metadata {
        version: String::new(),
        channels: 1,
        patch: PATCH,
        preprocessing,
        training: TrainingSummary::default(),
        network,
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels,
    };
    Predictor::new(model, metadata, &device)
}

fn labels() -> LabelSet {
    LabelSet::from_ids(1..4, &Default::default()).expect("labels")
}

fn axes(axes: AxisOrder) -> Preprocessing {
    Preprocessing {
        axes,
        ..Default::default()
    }
}

/// An ellipsoid with a texture in a frame of zeros `frame` voxels wide, by its place in canonical axes, so
/// that it is the same in any orientation.
fn image(affine: [[f64; 4]; 3], frame: usize) -> Image {
    sized(DIMS, affine, frame)
}

/// The same of any size.
fn sized(dims: [usize; 3], affine: [[f64; 4]; 3], frame: usize) -> Image {
    let (affine, form) = (Affine(affine), Form::Sform);
    let grid = Grid { dims, affine, form };
    let mut voxels = Vec::with_capacity(grid.len());
    for k in 0..dims[2] {
        for j in 0..dims[1] {
            for i in 0..dims[0] {
                let place = [i, j, k];
                let inside = (0..3).all(|a| (frame..dims[a] - frame).contains(&place[a]));
                let [x, y, z] = affine.apply(place.map(|index| index as f64));
                let wave = (x * 0.9).sin() + (y * 0.7).cos() + (z * 1.1).sin();
                let value = if inside { 400.0 + 300.0 * wave } else { 0.0 };
                voxels.push(value as i16);
            }
        }
    }
    Image::new(Voxels::I16(voxels), grid).expect("a volume")
}

fn straight() -> [[f64; 4]; 3] {
    [[1.0, 0.0, 0.0, -10.0], [0.0, 1.0, 0.0, -13.0], [0.0, 0.0, 1.5, 4.0]]
}

fn segment(predictor: &Predictor, image: &Image, config: PredictConfig) -> Segmentation {
    let mut run = predictor.start(image, config).expect("a run");
    while let Some(event) = block_on(run.next()).expect("it computes") {
        if let Event::Finished { segmentation, .. } = event {
            return *segmentation;
        }
    }
    panic!("it finishes");
}

fn uncertainty(segmentation: &Segmentation) -> &Uncertainty {
    segmentation.uncertainty.as_ref().expect("asked for")
}

/// −Σ p ln p over a softmax or sigmoids, divided by its maximum.
fn entropy(logits: ArrayView1<f32>, regions: bool) -> f64 {
    let terms = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    let logits = logits.iter().map(|&logit| f64::from(logit));
    if regions {
        let count = logits.len() as f64;
        let shares = logits.map(|logit| 1.0 / (1.0 + (-logit).exp()));
        return shares.map(|p| terms(p) + terms(1.0 - p)).sum::<f64>() / count / 2f64.ln();
    }
    let weights: Vec<f64> = logits.map(f64::exp).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| terms(w / sum)).sum::<f64>() / (weights.len() as f64).ln()
}

fn entropies(logits: &Array4<f32>, regions: bool) -> Vec<f32> {
    let voxels = logits.lanes(Axis(0)).into_iter();
    voxels.map(|voxel| entropy(voxel, regions) as f32).collect()
}

#[test]
fn windows_that_overlap_give_the_entropy_of_their_blended_logits() {
    let image = image(straight(), 0);
    let regions = LabelSet::from_ids([1, 2, 4], &Default::default())
        .and_then(|labels| labels.with_regions(Regions::brats21()))
        .expect("regions");
    for order in [AxisOrder::Zyx, AxisOrder::Xyz] {
        for (name, labels, mirror) in [
            ("softmax", labels(), false),
            ("softmax of mirror images", labels(), true),
            ("sigmoids", regions.clone(), false),
        ] {
            let sigmoids = labels.regions().is_some();
            let predictor = predictor(labels, axes(order));
            let mut config = ON;
            config.inference.mirror = mirror;
            let found = segment(&predictor, &image, config);
            let map = order.arrange(uncertainty(&found).map.canonical());
            let map: Vec<f32> = map.iter().copied().collect();
            let expected = entropies(found.logits.as_ref().expect("asked for"), sigmoids);
            let (low, high) = expected
                .iter()
                .fold((1f32, 0f32), |(low, high), &v| (low.min(v), high.max(v)));
            assert!(high - low > 0.05, "{name}: {low} to {high} tells nothing");
            assert_within(name, &map, &expected, ROUNDING);
        }
    }
}

#[test]
fn scores_are_those_of_the_map_and_labels() {
    let predictor = predictor(labels(), axes(AxisOrder::Zyx));
    let found = segment(&predictor, &image(straight(), 0), ON);
    let scored = uncertainty(&found);
    let (map, labels) = (scored.map.canonical(), found.labels.canonical());
    let counts = |(entropy, label): (&f32, &u16)| (*label > 0 || *entropy > 0.1).then_some(f64::from(*entropy));
    let (mut sum, mut count) = (0.0, 0);
    for (slice, (map, labels)) in map.outer_iter().zip(labels.outer_iter()).enumerate() {
        let voxels: Vec<f64> = map.iter().zip(&labels).filter_map(counts).collect();
        let expected: f64 = voxels.iter().sum();
        assert!((scored.slices[slice] - expected).abs() < 1e-3, "slice {slice}");
        (sum, count) = (sum + expected, count + voxels.len());
    }
    assert!((scored.mean - sum / f64::from(count as u32)).abs() < 1e-6);
    let spot = scored.most().expect("random weights are never certain");
    let largest = scored.slices.iter().copied().fold(0.0, f64::max);
    assert_eq!(scored.slices[spot.slice], largest);
    // This file's k runs upwards.
    assert_eq!(spot.voxel[2], spot.slice);
}

#[test]
fn it_is_nothing_unless_asked_for_and_changes_no_label() {
    let predictor = predictor(labels(), axes(AxisOrder::Zyx));
    let image = image(straight(), 0);
    let off = segment(&predictor, &image, PredictConfig::default());
    assert!(off.uncertainty.is_none());
    let on = segment(&predictor, &image, ON);
    assert_eq!(on.labels.labels(), off.labels.labels());
}

/// The same patient in two files: the place in millimeters and the scores are the same.
#[test]
fn the_most_uncertain_place_is_the_same_in_every_orientation() {
    let predictor = predictor(labels(), axes(AxisOrder::Zyx));
    let [x, y, z] = straight();
    let [i, j, k] = DIMS.map(|size| size as f64 - 1.0);
    let turned = [
        [-x[0], 0.0, 0.0, x[3] + i * x[0]],
        [0.0, -y[1], 0.0, y[3] + j * y[1]],
        [0.0, 0.0, -z[2], z[3] + k * z[2]],
    ];
    let found = [straight(), turned].map(|affine| {
        let image = image(affine, 0);
        let scored = segment(&predictor, &image, ON).uncertainty;
        let scored = scored.expect("asked for");
        assert_eq!(scored.map.grid(), image.grid());
        let spot = scored.most().expect("random weights are never certain");
        let millimeters = image.grid().affine.apply(spot.voxel.map(|index| index as f64));
        (scored.mean, scored.slices, spot.slice, millimeters)
    });
    assert_eq!(found[0], found[1]);
}

/// Resampled and cropped, the map comes back to the image's own grid, with 0 outside the network's input.
#[test]
fn the_map_lies_on_the_images_own_grid() {
    const FRAME: usize = 4;
    let image = image(straight(), FRAME);
    for rule in [Resampling::Monai, Resampling::NnUnet] {
        let recipe = Preprocessing {
            spacing: Some(Spacing { mm: [1.2; 3], rule }),
            crop: Crop::NonZero,
            ..axes(AxisOrder::Xyz)
        };
        let found = segment(&predictor(labels(), recipe), &image, ON);
        let map = &uncertainty(&found).map;
        assert_eq!(map.grid(), image.grid(), "{rule:?}");
        let values = map.canonical();
        for ((s, a, r), &value) in values.indexed_iter() {
            let place = [r, a, s];
            let inside = (0..3).all(|a| (FRAME..DIMS[a] - FRAME).contains(&place[a]));
            assert_eq!(value > 0.0, inside, "{rule:?} {place:?}: {value}");
        }
    }
}

#[test]
fn the_file_holds_intensities_from_0_to_1_in_the_images_place() {
    let image = image(straight(), 0);
    let found = segment(&predictor(labels(), axes(AxisOrder::Zyx)), &image, ON);
    let map = &uncertainty(&found).map;
    let again = Image::read(&map.to_nifti(), &Limits::default()).expect("readable");
    assert_eq!(again.grid(), image.grid());
    assert_eq!(again.voxels(), map.voxels());
    assert!(matches!(again.voxels(), Voxels::U8(_)));
    assert_eq!(again.scaling(), (f64::from(1.0f32 / 255.0), 0.0));
    assert_eq!(again.canonical(), map.canonical());
    // No tool must take it for labels.
    assert_eq!(again.header().bytes()[68..70], [0, 0]);
    let refused = LabelImage::from_image(again);
    assert!(matches!(refused, Err(VolumeError::NotLabels(_))));
}
