//! Import and export of weights: every backbone, PyTorch's files, and malicious files.

use std::fs;
use std::path::Path;
use std::process::Command;

use medcontext_tests::{announce, core_binary};
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed, text};

fn train(data: &str, out: &str, backbone: &str, more: &[&str]) {
    let fixed = [
        "train",
        "--data",
        data,
        "--out",
        out,
        "--backbone",
        backbone,
        "--size",
        "tiny",
        "--iterations",
        "2",
        "--batch-size",
        "1",
    ];
    succeed(&[&fixed, more].concat());
}

#[test]
fn every_backbone_trains_predicts_and_goes_to_pytorchs_names_and_back() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let input = path(folder.path(), "phantom/imagesTs");
    for backbone in [
        "unetr",
        "swin-unetr",
        "nnformer",
        "nnformer-acdc",
        "nnformer-tumor",
        "pcrlv2",
    ] {
        let run = path(folder.path(), backbone);
        train(&data, &run, backbone, &[]);
        let weights = format!("{run}/last.safetensors");
        let predicted = format!("{run}/predicted");
        let told = succeed(&predict(&weights, &input, &predicted));
        assert!(told.contains("mL"), "{backbone}: {told}");

        let (theirs, ours, again) = (
            format!("{run}/theirs.safetensors"),
            format!("{run}/ours.safetensors"),
            format!("{run}/again.safetensors"),
        );
        succeed(&["convert", &weights, &theirs, "--to", "monai"]);
        if backbone.starts_with("nnformer") {
            // The small sizes' position index is not the released one, so names do not tell everything.
            continue;
        }
        let patch = if backbone == "unetr" { "16,16,16" } else { "32,32,32" };
        let told = ["--heads", "6", "--merging", "monai-1.5", "--patch", patch];
        succeed(&[&["convert", &theirs, &ours][..], &told].concat());
        succeed(&["convert", &ours, &again, "--to", "monai"]);
        let bytes = |file: &str| fs::read(file).expect("a file");
        assert_eq!(bytes(&theirs), bytes(&again), "{backbone}");
    }
}

#[test]
fn half_precision_and_another_number_of_classes_and_channels() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    train(&data, &run, "pcrlv2", &[]);
    let weights = format!("{run}/last.safetensors");
    let size = |file: &str| fs::metadata(file).expect("a file").len();

    let half = format!("{run}/half.safetensors");
    succeed(&["convert", &weights, &half, "--precision", "f16"]);
    assert!(size(&half) < size(&weights) * 11 / 20);
    let out = path(folder.path(), "half");
    let patch = ["--patch", "16,16,16", "--start", &half];
    train(&data, &out, "pcrlv2", &patch[2..]);

    let two = format!("{run}/two.safetensors");
    let told = succeed(&["convert", &weights, &two, "--classes", "2"]);
    assert!(told.contains("out_tr.final_conv.weight"), "{told}");
    let next = path(folder.path(), "next");
    let start = [
        "train",
        "--data",
        &data,
        "--out",
        &next,
        "--backbone",
        "pcrlv2",
        "--size",
        "tiny",
        "--iterations",
        "1",
        "--start",
        &two,
    ];
    assert!(refuse(&start).contains("with 2 classes"));
    succeed(&[&start[..], &["--new-head"]].concat());

    let four = format!("{run}/four.safetensors");
    succeed(&["convert", &weights, &four, "--channels", "4"]);
    let back = format!("{run}/back.safetensors");
    succeed(&["convert", &four, &back, "--channels", "1"]);
    let input = path(folder.path(), "phantom/imagesTs");
    let out = path(folder.path(), "four");
    let told = refuse(&predict(&four, &input, &out));
    assert!(told.contains("--channels 1"), "{told}");
}

#[test]
fn hostile_and_damaged_weights_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let out = path(folder.path(), "out.safetensors");
    let fixture = |name: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
        fs::read(file).expect("a fixture")
    };
    let huge = [&(1u64 << 60).to_le_bytes()[..], b"{}"].concat();
    let checkpoint = fixture("checkpoint.pt");
    for (name, bytes, part) in [
        ("huge.safetensors", huge, "cannot be read as safetensors"),
        ("empty.pt", Vec::new(), "cannot be read"),
        (
            "cut.pt",
            checkpoint[..checkpoint.len() / 2].to_vec(),
            "cannot be read as a PyTorch checkpoint",
        ),
        ("other.pt", checkpoint.clone(), "none of the networks known here"),
        (
            "hostile.pt",
            fixture("checkpoint_hostile.pt"),
            "asks to run posix.system",
        ),
    ] {
        let file = path(folder.path(), name);
        fs::write(&file, bytes).expect("written");
        let sentence = refuse(&["convert", &file, &out]);
        assert!(sentence.contains(part), "{name}: {sentence}");
        assert!(!Path::new(&out).exists(), "nothing is left behind");
    }
}

#[test]
fn patches_that_do_not_fit_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    for (backbone, patch, part) in [
        ("unetr", "20,16,16", "multiple of [16, 16, 16]"),
        ("swin-unetr", "48,48,48", "multiple of [32, 32, 32]"),
        ("nnformer-acdc", "8,32,32", "start from [6, 32, 32]"),
    ] {
        let arguments = [
            "train",
            "--data",
            &data,
            "--out",
            &out,
            "--backbone",
            backbone,
            "--patch",
            patch,
        ];
        let sentence = refuse(&arguments);
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn monai_loads_what_it_saved_and_we_converted() {
    let folder = TempDir::new().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/monai_round_trip.py");
    let python = std::env::var("MEDCONTEXT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .arg(script)
        .args([core_binary().as_path(), folder.path()])
        .output();
    match output {
        Err(error) => announce(&format!("skipped: {python}: {error}")),
        Ok(output) if output.status.code() == Some(77) => {
            announce(text(&output.stdout).trim());
        }
        Ok(output) => {
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(output.status.success(), "{said}");
            announce(said.trim());
        }
    }
}
