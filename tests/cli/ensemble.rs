//! `core predict` with several weights.

use std::fs;

use medcontext_core::volume::{Image, Limits};
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed, train};

#[test]
fn several_weights_segment_together_and_show_where_they_disagree() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let input = format!("{data}/imagesTr");
    let weights = ["0", "1"].map(|seed| {
        let run = path(folder.path(), &format!("run{seed}"));
        succeed(&[train(&data, &run), vec!["--seed", seed]].concat());
        format!("{run}/last.safetensors")
    });
    let [one, two] = weights.each_ref().map(String::as_str);

    // A single member: the same files to the last bit, and no map of disagreement.
    let (alone, ensemble) = (path(folder.path(), "alone"), path(folder.path(), "ensemble"));
    succeed(&[predict(one, &input, &alone), vec!["--uncertainty", "--logits"]].concat());
    let bytes = |out: &str, ending: &str| fs::read(format!("{out}/phantom_001{ending}")).expect("a file");
    assert!(!fs::exists(format!("{alone}/phantom_001_disagreement.nii.gz")).expect("a folder"));

    let together = [
        predict(one, &input, &ensemble),
        vec!["--weights", two, "--uncertainty", "--logits"],
    ]
    .concat();
    let told = succeed(&together);
    assert!(told.contains("ensemble of 2: "), "{told}");
    assert!(told.contains(", disagreement 0."), "{told}");
    assert!(bytes(&alone, ".logits.safetensors") != bytes(&ensemble, ".logits.safetensors"));
    let map = |ending: &str| {
        let image = Image::read(&bytes(&ensemble, ending), &Limits::default()).expect("a volume");
        image.canonical()
    };
    let (doubt, disagreement) = (map("_uncertainty.nii.gz"), map("_disagreement.nii.gz"));
    assert!(disagreement.iter().any(|share| *share > 0.0));
    // Blended over windows, the two differ by a little more than rounding.
    assert!(
        doubt
            .iter()
            .zip(&disagreement)
            .all(|(whole, part)| *part < whole + 0.05)
    );
    // Nothing of it is overwritten unasked, and other commands skip the map.
    assert!(crate::refuse_all(&together).contains("is there already"));
    let meshes = path(folder.path(), "meshes");
    let told = succeed(&["surface", "--labels", &ensemble, "--out", &meshes]);
    assert!(!told.contains("disagreement"), "{told}");
}

#[test]
fn weights_that_do_not_fit_are_named_in_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let one = crate::trained(folder.path());
    let run = path(folder.path(), "run");
    let arguments = train(&data, &run).into_iter().map(|argument| match argument {
        "16,16,16" => "16,16,32",
        other => other,
    });
    succeed(&arguments.collect::<Vec<_>>());
    let (two, out) = (format!("{run}/last.safetensors"), path(folder.path(), "out"));
    let together = [predict(&one, &data, &out), vec!["--weights", &two]].concat();
    let sentence = refuse(&together);
    assert!(sentence.contains(&one) && sentence.contains(&two), "{sentence}");
    assert!(
        sentence.contains("patches ([16, 16, 16] and [16, 16, 32])"),
        "{sentence}"
    );
    let sentence = refuse(&predict(&run, &data, &out));
    assert!(sentence.contains("a folder without folds.json"), "{sentence}");
}
