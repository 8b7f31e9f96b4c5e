//! One phantom as ten volumes with other axes, forms, handedness and number types: the same voxel has the same position
//! in mm, and labels return to their place. Against nibabel 5.4.2 (see `fixtures/reoriented.py`).

use std::io::Read;

use flate2::read::GzDecoder;
use futures::executor::block_on;
use medcontext_core::backbone::{Backbone, Network, Size};
use medcontext_core::dataset::LabelSet;
use medcontext_core::infer::{Event, PredictConfig, Predictor};
use medcontext_core::transform::{MirrorAxes, Preprocessing};
use medcontext_core::volume::{Affine, AxisOrder, Datatype, Grid, Image, LabelImage, Limits};
use medcontext_core::weights::{Metadata, TrainingSummary};
use medcontext_tests::{cpu, reference};
use ndarray::Array3;
use serde_json::Value;

use crate::place::{index_at, place_in_file, values};

/// Bytes before the first voxel of a file without extensions.
const HEADER: usize = 352;
/// The phantom's values of label n start at n times this.
const STEP: f32 = 4000.0;
/// Headers hold 32-bit floats: positions of some ten millimeters have this precision.
const MM: f64 = 1e-4;
const AXES: [AxisOrder; 2] = [AxisOrder::Zyx, AxisOrder::Xyz];

/// One of the ten volumes, and what nibabel reads from it.
struct Volume {
    name: String,
    expected: Value,
    image: Image,
    truth: LabelImage,
}

/// A voxel with a unique value.
struct Landmark {
    /// Index in nibabel's closest canonical image, along R, A and S.
    ras: [usize; 3],
    /// Index in the file.
    ijk: [usize; 3],
    mm: [f64; 3],
    value: f64,
    label: u16,
}

impl Volume {
    fn all() -> Vec<Volume> {
        let expected = reference("reoriented/expected");
        let volumes = expected.as_array().expect("a list").iter();
        let volumes: Vec<Volume> = volumes.map(Volume::open).collect();
        assert_eq!(volumes.len(), 10);
        volumes
    }

    fn open(expected: &Value) -> Volume {
        let name = expected["name"].as_str().expect("a name").to_owned();
        let read = |name: &str| Image::read(&file(name), &Limits::default()).expect(name);
        Volume {
            image: read(&name),
            truth: LabelImage::from_image(read(&format!("{name}_seg"))).expect("labels"),
            expected: expected.clone(),
            name,
        }
    }

    /// Whether the patient has the same position as in the first volume.
    fn same_place(&self) -> bool {
        self.expected["same_place"] == true
    }

    fn landmarks(&self) -> Vec<Landmark> {
        let landmarks = self.expected["landmarks"].as_array().expect("a list");
        let index = |value: &Value| three(value).map(|index| index as usize);
        let landmark = |value: &Value| Landmark {
            ras: index(&value["ras"]),
            ijk: index(&value["ijk"]),
            mm: three(&value["mm"]),
            value: value["value"].as_f64().expect("a value"),
            label: value["label"].as_u64().expect("a label") as u16,
        };
        landmarks.iter().map(landmark).collect()
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("a list").iter();
    values.map(|value| value.as_f64().expect("a number")).collect()
}

fn three(value: &Value) -> [f64; 3] {
    numbers(value).try_into().expect("three numbers")
}

fn file(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/reoriented");
    std::fs::read(format!("{folder}/{name}.nii.gz")).expect(name)
}

fn determinant(Affine([a, b, c]): Affine) -> f64 {
    let minor = |i: usize, j: usize| b[i] * c[j] - b[j] * c[i];
    a[0] * minor(1, 2) - a[1] * minor(0, 2) + a[2] * minor(0, 1)
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let close = |(found, expected): (&f64, &f64)| (found - expected).abs() < tolerance;
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{what}: {found:?}, not {expected:?}"
    );
}

#[test]
fn what_a_viewer_gets_has_one_statement_of_where_it_is() {
    for volume in Volume::all() {
        let Volume { name, image, truth, .. } = &volume;
        let files = [image.to_display().expect("a file"), truth.to_display()];
        for (file, grid) in files.iter().zip([image.grid(), truth.grid()]) {
            let code = |offset: usize| i16::from_le_bytes([file[offset], file[offset + 1]]);
            assert_eq!((code(252), code(254)), (0, 1), "{name}: codes of qform and sform");
            let read = Image::read(file, &Limits::default()).expect(name);
            let affine = |grid: &Grid| grid.affine.0.concat();
            assert_close(&affine(read.grid()), &affine(grid), 1e-5, name);
        }
        let shown = Image::read(&files[0], &Limits::default()).expect(name);
        assert_eq!(shown.canonical(), image.canonical(), "{name}");
        // Wide integers lose their last voxel in NiiVue 0.69.
        let kind = shown.voxels().datatype();
        assert!(
            kind.bytes() < 4 || matches!(kind, Datatype::F32 | Datatype::F64),
            "{name}: {kind:?}"
        );
    }
}

#[test]
fn headers_are_read_as_nibabel_reads_them() {
    let mut right_handed = 0;
    for Volume {
        name, expected, image, ..
    } in Volume::all()
    {
        let grid = image.grid();
        assert_eq!(grid.dims, three(&expected["dims"]).map(|side| side as usize), "{name}");
        assert_eq!(grid.orientation(), expected["axcodes"], "{name}");
        assert_close(grid.affine.0.as_flattened(), &numbers(&expected["affine"]), 1e-5, &name);
        assert_close(&grid.spacing(), &numbers(&expected["spacing"]), 1e-6, &name);
        let handed = determinant(grid.affine) > 0.0;
        assert_eq!(handed, expected["right_handed"], "{name}");
        right_handed += usize::from(handed);
        let warned = image.warnings().join("; ");
        if name == "asr-forms-disagree" {
            assert!(
                warned.starts_with("sform and qform place the volume differently"),
                "{warned}"
            );
        } else {
            assert_eq!(warned, "", "{name}");
        }
    }
    assert_eq!(right_handed, 5);
}

#[test]
fn the_same_voxel_is_at_the_same_millimeters() {
    let volumes = Volume::all();
    let first = volumes[0].landmarks();
    for volume in &volumes {
        let name = &volume.name;
        let affine = volume.image.grid().affine;
        let (values, canonical) = (values(&volume.image), volume.image.canonical());
        for (landmark, first) in volume.landmarks().iter().zip(&first) {
            if volume.same_place() {
                assert_close(&landmark.mm, &first.mm, MM, name);
            }
            let place = affine.apply(landmark.ijk.map(|index| index as f64));
            assert_close(&place, &landmark.mm, MM, name);
            let ijk = index_at(&volume.image, landmark.mm, MM);
            assert_eq!(ijk, landmark.ijk, "{name}");
            let place = place_in_file(&volume.image, ijk);
            assert_eq!(values[place], landmark.value, "{name}");
            assert_eq!(volume.truth.labels()[place], landmark.label, "{name}");
            let [r, a, s] = landmark.ras;
            assert_eq!(f64::from(canonical[[s, a, r]]), landmark.value, "{name}");
        }
    }
}

/// Values in the first file's own order, which is canonical: axes S, A and R.
fn canonical<T>(values: Vec<T>) -> Array3<T> {
    Array3::from_shape_vec([18, 15, 12], values).expect("the phantom's size")
}

#[test]
fn the_canonical_array_is_always_the_same() {
    let volumes = Volume::all();
    let expected = canonical(values(&volumes[0].image));
    for Volume { name, image, .. } in &volumes {
        assert_eq!(image.canonical().mapv(f64::from), expected, "{name}");
    }
}

#[test]
fn labels_written_back_are_the_truth() {
    let volumes = Volume::all();
    let set = LabelSet::from_ids(1..4, &Default::default()).expect("labels");
    let truth = canonical(volumes[0].truth.labels().to_vec());
    for Volume { name, image, .. } in &volumes {
        for axes in AXES {
            // A perfect network, in its own axis order; then the predictor's remaining steps.
            let classes = axes.arrange(image.canonical());
            let classes = axes.arrange(classes.mapv(|value| (value / STEP) as u8));
            let labels = set.decode(classes.view());
            assert_eq!(labels, truth, "{name}");
            let map = LabelImage::on_grid(labels, image.header().clone(), image.grid().clone());
            let written = map.expect("the image's own shape").to_nifti();

            let mut expected = Vec::new();
            let packed = file(&format!("{name}_seg"));
            let mut packed = GzDecoder::new(&packed[..]);
            packed.read_to_end(&mut expected).expect("gzip");
            let bytes = written[HEADER..].iter().zip(&expected[HEADER..]);
            let differing = bytes.filter(|(found, expected)| found != expected).count();
            assert_eq!((written.len(), differing), (expected.len(), 0), "{name}");
            let again = Image::read(&written, &Limits::default()).expect("readable");
            assert_eq!(again.grid(), image.grid(), "{name}");
        }
    }
}

/// A small network with random weights for the phantom's labels.
fn predictor(axes: AxisOrder) -> Predictor {
    const PATCH: [usize; 3] = [16; 3];
    let network = Network::new(Backbone::Unetr, Size::Tiny);
    let device = cpu().device;
    let metadata = Metadata {
        version: String::new(),
        channels: 1,
        patch: PATCH,
        preprocessing: Preprocessing {
            axes,
            ..Default::default()
        },
        training: TrainingSummary::default(),
        network: network.clone(),
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels: LabelSet::from_ids(1..4, &Default::default()).expect("labels"),
    };
    Predictor::new(network.build(1, 4, PATCH, 7, &device), metadata, &device)
}

fn segment(predictor: &Predictor, image: &Image) -> LabelImage {
    let mut run = predictor.start(image, PredictConfig::default()).expect("a run");
    while let Some(event) = block_on(run.next()).expect("it computes") {
        if let Event::Finished { segmentation, .. } = event {
            return segmentation.labels;
        }
    }
    panic!("it finishes");
}

#[test]
fn a_network_finds_the_same_in_every_orientation() {
    let volumes = Volume::all();
    for axes in AXES {
        let predictor = predictor(axes);
        let first = segment(&predictor, &volumes[0].image);
        assert!(first.present().len() > 1, "{:?}", first.volumes_ml());
        for volume in &volumes[1..] {
            let found = segment(&predictor, &volume.image);
            assert_eq!(found.grid(), volume.image.grid(), "{}", volume.name);
            assert_eq!(found.canonical(), first.canonical(), "{}", volume.name);
            // By millimeters alone, whatever the axes are.
            if volume.same_place() {
                let there = found.onto(&volumes[0].image).expect("an affine");
                assert_eq!(there.canonical(), first.canonical(), "{}", volume.name);
            }
        }
    }
}
