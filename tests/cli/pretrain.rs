//! An encoder learns from scans without labels, and a network from the encoder.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use medcontext_tests::core_binary;
use tempfile::TempDir;

use crate::{path, phantom, refuse, succeed};

const SMALL: [&str; 8] = [
    "--size",
    "tiny",
    "--patch",
    "32,32,32",
    "--learning-rate",
    "0.001",
    "--seed",
    "3",
];

fn arguments<'a>(data: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["pretrain", "--data", data, "--out", out];
    arguments.extend(SMALL);
    arguments.extend(more);
    arguments
}

fn tensors(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).expect("weights");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    tensors.names().into_iter().map(str::to_owned).collect()
}

/// The values of a tensor, as they are stored.
fn stored(file: &Path, name: &str) -> Vec<u8> {
    let bytes = fs::read(file).expect("weights");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    tensors.tensor(name).expect(name).data().to_vec()
}

#[test]
fn a_network_trains_from_an_encoder_of_every_method() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    for (method, backbone, anchor) in [
        ("mae", "unetr", "vit.patch_embedding.position_embeddings"),
        ("simmim", "unetr", "vit.patch_embedding.position_embeddings"),
        ("simmim", "swin-unetr", "swinViT.patch_embed.proj.weight"),
        ("simclr", "swin-unetr", "swinViT.patch_embed.proj.weight"),
        ("pcrlv2", "pcrlv2", "down_tr64.ops.0.conv1.weight"),
    ] {
        let out = path(folder.path(), &format!("{method}-{backbone}"));
        let pairs = ["simclr", "pcrlv2"].contains(&method);
        let batch = if pairs { "6" } else { "1" };
        let more = [
            "--method",
            method,
            "--backbone",
            backbone,
            "--batch-size",
            batch,
            "--iterations",
            "2",
        ];
        let said = succeed(&arguments(&data, &out, &more));
        assert!(said.contains("pretraining with"), "{said}");
        let encoder = Path::new(&out).join("last.safetensors");
        let names = tensors(&encoder);
        assert!(names.iter().any(|name| name == anchor), "{names:?}");
        assert!(
            !names.iter().any(|name| ["decoder", "head", "up_tr", "out_tr"]
                .iter()
                .any(|prefix| name.starts_with(prefix))),
            "{names:?}"
        );

        assert_eq!(Path::new(&out).join("restored.png").exists(), !pairs);

        let decoder = if method == "pcrlv2" { "out_tr" } else { "decoder" };
        let run = path(folder.path(), &format!("{method}-{backbone}-run"));
        let start = encoder.display().to_string();
        let train = |iterations: &str, run: &str| {
            succeed(&[
                "train",
                "--data",
                &data,
                "--out",
                run,
                "--start-from",
                &start,
                "--iterations",
                iterations,
                "--learning-rate",
                "1e-12",
            ])
        };
        let said = train("1", &run);
        assert!(
            said.contains(&format!(
                "new, since the weights to start from have none that fit: {decoder}"
            )),
            "{said}"
        );
        let trained = Path::new(&run).join("last.safetensors");
        // At so small a rate a parameter stays what it was, but for decay and rounding.
        let close = |name: &str| {
            let [old, new] = [stored(&encoder, name), stored(&trained, name)].map(|bytes| {
                let values = bytes.as_chunks::<4>().0.iter();
                values.map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
            });
            old.iter().zip(&new).all(|(old, new)| (old - new).abs() < 1e-6)
        };
        assert!(names.iter().all(|name| close(name)), "{method} {backbone}");
        assert!(tensors(&trained).iter().any(|name| name.starts_with(decoder)));

        let scan = Path::new(&data).join("imagesTr");
        let error = refuse(&[
            "predict",
            "--weights",
            &start,
            "--input",
            &scan.display().to_string(),
            "--output",
            &path(folder.path(), "none"),
        ]);
        assert!(error.contains("does not segment"), "{error}");
    }
}

/// The loss of an untrained MAE is that of guessing the mean, about 1; it falls within a few steps.
#[test]
fn what_is_hidden_is_restored_better_after_some_steps() {
    let losses = losses(&["--method", "mae"], 60);
    let (first, last) = (mean(&losses[..5]), mean(&losses[50..]));
    assert!(last < 0.9 * first, "{first} {last}");
}

#[test]
fn what_is_distorted_is_restored_better_after_some_steps() {
    let losses = losses(&["--method", "pcrlv2", "--batch-size", "6"], 20);
    let (first, last) = (mean(&losses[..4]), mean(&losses[16..]));
    assert!(last < 0.9 * first, "{first} {last}");
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// The loss of every step of a run.
fn losses(more: &[&str], iterations: usize) -> Vec<f64> {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let (out, steps) = (path(folder.path(), "run"), iterations.to_string());
    succeed(&arguments(&data, &out, &[more, &["--iterations", &steps]].concat()));
    let log = fs::read_to_string(Path::new(&out).join("log.jsonl")).expect("a log");
    let losses: Vec<f64> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|event| event["event"] == "step")
        .map(|event| event["losses"]["total"].as_f64().expect("a number"))
        .collect();
    assert_eq!(losses.len(), iterations);
    losses
}

#[test]
fn a_killed_run_ends_with_the_same_weights() {
    killed("batch_size = 1", "30", [700, 1100, 500, 900]);
}

/// Which of its layers have a gradient differs from step to step. The file names the method, and the network's numbers.
#[test]
fn a_killed_run_of_pcrlv2_ends_with_the_same_weights() {
    let settings = "batch_size = 6\npretraining.method = \"pcrlv2\"\n[network]\nkind = \"pcrlv2\"\nwidth = 8\n\
                    norm = \"batch\"";
    killed(settings, "8", [900, 1500, 1500, 1500]);
}

/// A run that is killed after so many milliseconds and resumed, each time.
fn killed(settings: &str, iterations: &str, milliseconds: [u64; 4]) {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let config = path(folder.path(), "settings.toml");
    fs::write(&config, format!("checkpoint_every = 2\n{settings}\n")).expect("settings");
    let more = ["--iterations", iterations, "--config", &config, "--resume"];
    let (whole, cut) = (path(folder.path(), "whole"), path(folder.path(), "cut"));
    succeed(&arguments(&data, &whole, &more));
    let mut kills = 0;
    for milliseconds in milliseconds {
        let mut child = Command::new(core_binary())
            .args(arguments(&data, &cut, &more))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("core starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        kills += usize::from(child.try_wait().expect("its state").is_none());
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
    }
    assert!(kills > 0, "the run ended before it could be killed");
    succeed(&arguments(&data, &cut, &more));
    for name in ["last.safetensors", "state.safetensors"] {
        let file = |run: &str| fs::read(Path::new(run).join(name)).expect(name);
        assert!(file(&whole) == file(&cut), "{name}: bit for bit");
    }
}

#[test]
fn what_cannot_be_pretrained_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "none");
    for (more, expected) in [
        (&["--backbone", "nnformer"][..], "has no encoder that can be pretrained"),
        (&["--backbone", "pcrlv2"], "choose the method pcrlv2"),
        (
            &["--method", "pcrlv2", "--backbone", "unetr"],
            "not the network that PCRLv2 is for",
        ),
        (&["--backbone", "swin-unetr"], "cannot leave tokens out"),
        (&["--mask-ratio", "1"], "mask_ratio is 1"),
        (
            &["--method", "simclr", "--batch-size", "3"],
            "choose an even number, at least 4",
        ),
        (&["--method", "pcrlv2", "--batch-size", "4"], "3 places or more"),
    ] {
        let more = [more, &["--iterations", "1"]].concat();
        let error = refuse(&arguments(&data, &out, &more));
        assert!(error.contains(expected), "{error}");
    }
    assert!(!Path::new(&out).exists());
}
