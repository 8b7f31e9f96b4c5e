//! `--figure`: panels and bars of the results that are there.

use super::*;
use crate::render::size;
use crate::text;

#[test]
fn results_are_drawn_and_what_is_missing_is_said() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), EXPERIMENT);
    let figures = path(folder.path(), "figures");
    let told = succeed(&with(&arguments, &["--figure", &figures]));
    assert!(
        told.contains("panels.png: phantom_003 with seed 0 on two, axial slice "),
        "{told}"
    );
    let drawn = |name: &str| folder.path().join("figures").join(name);
    let bars = || {
        let svg = fs::read_to_string(drawn("dice.svg")).expect("a chart");
        (svg.matches("<rect x=").count(), svg)
    };
    let (count, svg) = bars();
    assert_eq!(count, 2, "{svg}");
    assert!(
        svg.contains(">UNETR + MedContext</text>") && svg.contains(">mean Dice, %</text>"),
        "{svg}"
    );
    // The scan alone, for the width of a panel.
    let [scan, alone] = ["phantom/imagesTr/phantom_003.nii.gz", "alone.png"].map(|name| path(folder.path(), name));
    succeed(&["render", "--image", &scan, "--out", &alone]);
    let panel = size(Path::new(&alone))[0] - 20;
    let wide = |panels: u32| 20 + panels * panel + (panels - 1) * 12;
    assert_eq!(size(&drawn("panels.png"))[0], wide(4));

    let again = || {
        let output = crate::core(&with(&arguments, &["--table", "--figure", &figures]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let cell = |seed: usize| folder.path().join(format!("out/unetr-medcontext/two/seed-{seed}"));
    fs::remove_file(cell(0).join("predicted/phantom_003.nii.gz")).expect("removed");
    let told = again();
    assert!(
        told.contains("panels.png: UNETR + MedContext has no panel: there is no segmentation of phantom_003"),
        "{told}"
    );
    assert_eq!((size(&drawn("panels.png"))[0], bars().0), (wide(3), 2));
    for seed in [0, 1] {
        fs::remove_file(cell(seed).join("result.json")).expect("removed");
    }
    let told = again();
    assert!(
        told.contains("UNETR + MedContext has no panel: no result yet with seed 0 on two"),
        "{told}"
    );
    assert!(
        told.contains("dice.svg: UNETR + MedContext trained on two has no bar: no result yet"),
        "{told}"
    );
    let (count, svg) = bars();
    assert_eq!(count, 1, "{svg}");
    assert!(svg.contains(">no result yet</text>"), "{svg}");
    fs::remove_dir_all(folder.path().join("out/unetr")).expect("removed");
    let old = drawn("panels.png");
    fs::remove_file(&old).expect("removed");
    assert!(again().contains("panels.png is not drawn: no row has a segmentation to show"));
    assert!(!old.exists() && bars().0 == 0);
}

#[test]
fn figures_belong_to_a_whole_experiment() {
    let folder = TempDir::new().expect("a folder");
    let arguments = prepare(folder.path(), EXPERIMENT);
    for option in [&["--dry-run"][..], &["--shard", "0/2"]] {
        let output = crate::core(&with(&arguments, &[&["--figure", "figures"], option].concat()));
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
}
