//! Passes in bfloat16.

use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use tempfile::TempDir;

use crate::{losses, path, phantom};

/// Steps of the first run, and how far a loss may be off: bfloat16 keeps 8 bits.
const STEPS: &str = "3";
const TOLERANCE: f64 = 0.02;

#[test]
fn every_network_learns_the_same_in_bfloat16_but_for_its_rounding() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let mixed = path(folder.path(), "mixed.toml");
    fs::write(&mixed, "mixed_precision = \"bf16\"").expect("settings");
    for (backbone, patch) in [
        ("unetr", "16,16,16"),
        ("swin-unetr", "32,32,32"),
        ("nnformer", "16,32,32"),
        ("nnformer-acdc", "6,32,32"),
        ("nnformer-tumor", "32,32,32"),
        ("pcrlv2", "16,16,16"),
    ] {
        let run = [
            "--backbone",
            backbone,
            "--patch",
            patch,
            "--iterations",
            STEPS,
        ];
        let single = path(folder.path(), &format!("{backbone}-single"));
        let half = path(folder.path(), &format!("{backbone}-half"));
        let single = losses(&data, &single, &run);
        let lower = losses(
            &data,
            &half,
            &[run.as_slice(), &["--config", &mixed]].concat(),
        );
        assert_eq!(single.len(), lower.len());
        for (step, (single, lower)) in single.iter().zip(&lower).enumerate() {
            let off = (single - lower).abs() / single;
            assert!(
                off < TOLERANCE,
                "{backbone}, step {step}: {single}, {lower}"
            );
        }
        assert_ne!(single, lower, "{backbone} computed in bfloat16");
        let weights = fs::read(Path::new(&half).join("last.safetensors")).expect("weights");
        let weights = SafeTensors::deserialize(&weights).expect("weights");
        let kept = weights
            .tensors()
            .iter()
            .all(|(_, view)| view.dtype() == Dtype::F32);
        assert!(kept, "{backbone}: parameters stay in f32");
    }
}
