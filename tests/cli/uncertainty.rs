//! `core predict --uncertainty`.

use std::fs;

use medcontext_core::volume::{Image, Limits};
use tempfile::TempDir;

use crate::{path, phantom, predict, refuse, succeed, train};

/// The ranked cases and their scores, in order of output.
fn ranking(told: &str) -> Vec<(String, f64)> {
    let lines = told.lines().skip_while(|line| !line.starts_with("uncertainty,"));
    let score = |line: &str| {
        let (case, rest) = line.split_once(": ")?;
        Some((case.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    lines.skip(1).filter_map(score).collect()
}

#[test]
fn uncertainty_is_written_beside_the_labels_and_ranks_the_cases() {
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = path(folder.path(), "run");
    succeed(&train(&data, &run));
    let (weights, input, out) = (
        format!("{run}/last.safetensors"),
        format!("{data}/imagesTr"),
        path(folder.path(), "out"),
    );
    let told = succeed(&[predict(&weights, &input, &out), vec!["--uncertainty"]].concat());
    let ranked = ranking(&told);
    let mut cases: Vec<&str> = ranked.iter().map(|(case, _)| case.as_str()).collect();
    cases.sort_unstable();
    assert_eq!(cases, ["phantom_001", "phantom_002", "phantom_003"], "{told}");
    assert!(ranked.is_sorted_by(|a, b| a.1 >= b.1), "{told}");
    assert!(told.contains(" from the feet, at voxel "), "{told}");

    for case in cases {
        let read = |file: String| {
            let bytes = fs::read(file).expect("a file");
            Image::read(&bytes, &Limits::default()).expect("a volume")
        };
        let image = read(format!("{input}/{case}.nii.gz"));
        let map = read(format!("{out}/{case}_uncertainty.nii.gz"));
        assert_eq!(map.grid(), image.grid());
        let values = map.canonical();
        let most = values.iter().copied().fold(0.0, f32::max);
        assert!(most > 0.1 && most <= 1.0, "{case}: {most}");
        fs::remove_file(format!("{out}/{case}.nii.gz")).expect("there");
    }
    let one = format!("{input}/phantom_001.nii.gz");
    let again = [predict(&weights, &one, &out), vec!["--uncertainty"]].concat();
    assert!(refuse(&again).contains("_uncertainty.nii.gz is there already"));

    // Other commands skip the maps.
    succeed(&[predict(&weights, &input, &out), vec!["--force"]].concat());
    let truth = format!("{data}/labelsTr");
    let table = succeed(&["evaluate", "--prediction", &out, "--truth", &truth]);
    assert!(table.contains("liver"), "{table}");
}
