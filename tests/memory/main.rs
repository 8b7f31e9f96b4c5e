//! Memory for preparing a case, segmenting it and resampling logits back, counted by the allocator.

// A counting allocator forwards every call to the system's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use futures::executor::block_on;
use medcontext_core::backbone::{Backbone, Network, Size};
use medcontext_core::dataset::LabelSet;
use medcontext_core::infer::{Event, Inference, PredictConfig, Predictor};
use medcontext_core::transform::{
    Crop, MirrorAxes, Normalization, Prepared, Preprocessing, Resampling, Spacing, largest,
};
use medcontext_core::volume::{AxisOrder, Image};
use medcontext_core::weights::{Metadata, TrainingSummary};
use medcontext_tests::ramp;
use ndarray::Array4;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
        PEAK.fetch_max(now, Ordering::SeqCst);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak memory of `work` in bytes, beyond what was allocated before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = work();
    (result, PEAK.load(Ordering::SeqCst) - before)
}

/// Voxels of the case that is segmented.
const DIMS: [usize; 3] = [96, 96, 160];

// One test, so that nothing else allocates meanwhile.
#[test]
fn logits_never_exist_as_a_whole() {
    // The peak of several threads is not reproducible. SAFETY: the test harness reads no variable while its only test
    // runs.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    bringing_back();
    let (plain, uncertain) = (segmenting(false), segmenting(true));
    // A byte for each voxel, and one more plane of each class, with its bytes; a map of 16 or 32 bits would
    // be more than the spare tenth.
    let more = DIMS.iter().product::<usize>() + (4 * 14 + 1) * DIMS[0] * DIMS[1];
    let more = more + more / 10;
    assert!(uncertain < plain + more, "{uncertain} after {plain}, {more}");
}

fn bringing_back() {
    const SIDE: usize = 128;
    const CLASSES: usize = 14;
    let voxels = SIDE.pow(3);
    let volume = 4 * voxels;
    let image = ramp([SIDE; 3]);
    for rule in [Resampling::Monai, Resampling::NnUnet] {
        let recipe = Preprocessing {
            axes: AxisOrder::Xyz,
            normalization: Normalization::ZScore,
            spacing: Some(Spacing { mm: [1.5; 3], rule }),
            crop: Crop::None,
        };
        let (case, preparing) = peak(|| Prepared::new(&[&image], None, &recipe, [96; 3]));
        assert!(preparing < 3 * volume, "{rule:?}: {preparing} of {volume}");
        let [d, h, w] = case.size();
        let logits = Array4::<f32>::zeros((CLASSES, d, h, w));
        let (classes, back) = peak(|| case.native.classes(&logits, largest));
        assert_eq!(classes.len(), voxels);
        // A byte for each voxel, and a plane of each class; all logits would be 14 volumes.
        assert!(back < volume / 2, "{rule:?}: {back} of {volume}");
    }
}

/// Beyond what the network takes for one window, a case takes less than two volumes of f32 and the logits and weights
/// of as many planes as a window has, plus one kept plane. Returns how much it takes.
fn segmenting(uncertainty: bool) -> usize {
    const PATCH: [usize; 3] = [16; 3];
    let device = Device::flex();
    let network = Network::new(Backbone::Unetr, Size::Tiny);
    let labels = LabelSet::from_ids(1..14, &Default::default()).expect("labels");
    let metadata = Metadata {
        version: String::new(),
        channels: 1,
        patch: PATCH,
        preprocessing: Preprocessing::default(),
        training: TrainingSummary::default(),
        network: network.clone(),
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels,
    };
    let model = network.build(1, 14, PATCH, 0, &device);
    let predictor = Predictor::new(model, metadata, &device);
    let config = PredictConfig {
        inference: Inference {
            overlap: 0.0,
            ..Inference::default()
        },
        uncertainty,
        ..PredictConfig::default()
    };
    let peak_of = |image: &Image| {
        let segment = || {
            let mut run = predictor.start(image, config).expect("a run");
            while let Some(event) = block_on(run.next()).expect("it computes") {
                if let Event::Finished { segmentation, .. } = event {
                    return segmentation;
                }
            }
            panic!("it finishes");
        };
        peak(segment).1
    };
    let one_window = ramp(PATCH);
    // One-time setup is not counted.
    peak_of(&one_window);
    let alone = peak_of(&one_window);
    let volume = 4 * DIMS.iter().product::<usize>();
    // The last axis of the file is the network's depth.
    let slab = (14 + 1) * (PATCH[0] + 1) * 4 * DIMS[0] * DIMS[1];
    let taken = peak_of(&ramp(DIMS)) - alone;
    if !uncertainty {
        assert!(taken < 2 * volume + slab, "{taken} of {volume}, {slab}");
    }
    taken
}
