//! Training passes in bfloat16 and f16.

use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;

use crate::{loss, path, phantom, steps};

const STEPS: &str = "3";

#[test]
fn every_network_learns_the_same_in_bfloat16_but_for_its_rounding() {
    // It keeps 8 bits.
    every_network_learns_the_same("bf16", 0.02);
}

#[test]
fn every_network_learns_the_same_in_f16_but_for_its_rounding() {
    // It keeps 11 bits.
    every_network_learns_the_same("f16", 0.005);
}

/// `tolerance` is how far a loss may be off.
fn every_network_learns_the_same(precision: &str, tolerance: f64) {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let mixed = path(folder.path(), "mixed.toml");
    let settings = format!("mixed_precision = \"{precision}\"");
    fs::write(&mixed, settings).expect("settings");
    for (backbone, patch) in [
        ("unetr", "16,16,16"),
        ("swin-unetr", "32,32,32"),
        ("nnformer", "16,32,32"),
        ("nnformer-acdc", "6,32,32"),
        ("nnformer-tumor", "32,32,32"),
        ("pcrlv2", "16,16,16"),
    ] {
        let run = ["--backbone", backbone, "--patch", patch, "--iterations", STEPS];
        let single = path(folder.path(), &format!("{backbone}-single"));
        let half = path(folder.path(), &format!("{backbone}-half"));
        let single = steps(&data, &single, &run);
        let mixed = [run.as_slice(), &["--config", &mixed]].concat();
        let lower = steps(&data, &half, &mixed);
        assert_eq!(single.len(), lower.len());
        // A step whose gradients overflow is skipped, and the losses after it differ.
        let scale = |step: &serde_json::Value| step["loss_scale"].clone();
        let same = lower.iter().take_while(|step| scale(step) == scale(&lower[0]));
        for (step, (single, lower)) in single.iter().zip(same).enumerate() {
            let (single, lower) = (loss(single), loss(lower));
            let off = (single - lower).abs() / single;
            assert!(off < tolerance, "{backbone}, step {step}: {single}, {lower}");
        }
        assert_ne!(loss(&single[0]), loss(&lower[0]), "{backbone} computed in {precision}");
        let weights = fs::read(Path::new(&half).join("last.safetensors")).expect("weights");
        let weights = SafeTensors::deserialize(&weights).expect("weights");
        let kept = weights.tensors().iter().all(|(_, view)| view.dtype() == Dtype::F32);
        assert!(kept, "{backbone}: parameters stay in f32");
    }
}
