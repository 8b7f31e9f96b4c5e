//! Planning, beside reading what is planned for.

use std::collections::{BTreeMap, BTreeSet};

use medcontext_core::dataset::{
    Case, CaseFacts, CaseFingerprint, ChannelFacts, LabelFacts, LabelSet, PhantomConfig, phantom,
};
use medcontext_core::plan::{Budget, TrainingPlan};
use medcontext_core::volume::{Bounds, Image, LabelImage, Limits};

use crate::measure::Bench;

/// Measures both.
pub fn run(bench: &mut Bench) {
    let names = ["plan 1,000 cases", "read a case of 96³"];
    if !names.iter().any(|name| bench.wants(name)) {
        return;
    }
    let scans: Vec<CaseFingerprint> = (0..1000).map(scan).collect();
    let labels = LabelSet::from_fingerprints(&scans, &BTreeMap::new()).expect("labels");
    bench.time(names[0], || {
        TrainingPlan::new(&scans, &labels, &Budget::DEFAULT).expect("a plan");
    });
    let made = phantom(&PhantomConfig {
        cases: 1,
        seed: 0,
        voxels: (96, 96),
    });
    let read = || {
        let image = |bytes: &[u8]| Image::read(bytes, &Limits::default()).expect("a volume");
        let label = LabelImage::from_image(image(&made[0].label)).expect("labels");
        let case = Case::new("a", image(&made[0].image), Some(label)).expect("a case");
        CaseFingerprint::of(&case)
    };
    bench.time(names[1], || {
        read();
    });
}

/// A CT scan of a trunk with thirteen organs, which has not been read.
fn scan(index: usize) -> CaseFingerprint {
    let size = [100 + index % 200, 512, 512];
    let whole = Bounds { start: [0; 3], size };
    let ids = 1..=13u16;
    let organ = |id: u16| LabelFacts {
        voxels: 10_000 * u64::from(id),
        components: 1,
        largest_component: 10_000 * u64::from(id),
        typical_component: Some(10_000 * u64::from(id)),
        bounds: whole,
        center: None,
        centroid: [f64::from(id) * 10.0, index as f64 / 100.0, 0.0],
    };
    CaseFingerprint {
        id: format!("case {index}"),
        channels: 1,
        channel_names: Vec::new(),
        size,
        spacing: [1.0 + (index % 5) as f64, 0.8, 0.8],
        labeled: true,
        labels: ids.clone().collect::<BTreeSet<u16>>(),
        ignored: None,
        names: BTreeMap::new(),
        labeled_hu: Some((-1000..1500).map(|hu| (hu as f32, 100)).collect()),
        warnings: Vec::new(),
        facts: Some(CaseFacts {
            channels: vec![ChannelFacts {
                min: -1024.0,
                max: 3000.0,
                labeled: None,
            }],
            labels: ids.map(|id| (id, organ(id))).collect(),
            labeled_share: 0.05,
            nonzero: whole,
            nonzero_share: 1.0,
        }),
    }
}
