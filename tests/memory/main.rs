//! How much memory preparing a case and bringing logits back takes, counted by the allocator.

// Counting means handing every call on to the system's allocator.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use medcontext_core::transform::{
    Crop, Normalisation, Prepared, Preprocessing, Resampling, Spacing, largest,
};
use medcontext_core::volume::{Affine, AxisOrder, Form, Grid, Image, Voxels};
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

/// Bytes that `work` takes at its peak beyond what there was before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = work();
    (result, PEAK.load(Ordering::SeqCst) - before)
}

// One test, so that nothing else allocates meanwhile.
#[test]
fn logits_never_exist_on_the_images_grid() {
    const SIDE: usize = 128;
    const CLASSES: usize = 14;
    let voxels = SIDE.pow(3);
    let volume = 4 * voxels;
    let grid = Grid {
        dims: [SIDE; 3],
        affine: Affine([
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]),
        form: Form::Sform,
    };
    let image = Image::new(Voxels::I16(vec![7; voxels]), grid).expect("a volume");
    for rule in [Resampling::Monai, Resampling::NnUnet] {
        let recipe = Preprocessing {
            axes: AxisOrder::Xyz,
            normalisation: Normalisation::ZScore,
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
