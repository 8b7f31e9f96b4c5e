//! Invalid input gets one plain sentence.

use super::*;

#[test]
fn files_that_cannot_be_used_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, bytes: &[u8]| -> String {
        fs::write(folder.path().join(name), bytes).expect("written");
        path(folder.path(), name)
    };
    let mut nifti2 = nifti([3, 4, 4, 4, 1], 2, 8, &[0; 64]);
    nifti2[..4].copy_from_slice(&540i32.to_le_bytes());
    let gz = medcontext_core::volume::gzip(&nifti([3, 8, 8, 8, 1], 4, 16, &[7; 1024]));
    for (file, part) in [
        (
            write(
                "text.nii",
                b"not a volume, but long enough to hold a header".repeat(9).as_slice(),
            ),
            "not a NIfTI",
        ),
        (write("cut.nii.gz", &gz[..gz.len() / 2]), "cut.nii.gz"),
        (
            write("dims.nii", &nifti([3, -4, 4, 4, 1], 2, 8, &[0; 64])),
            "header is damaged",
        ),
        (write("two.nii", &nifti2), "NIfTI-2"),
        (write("flat.nii", &nifti([2, 8, 8, 1, 1], 2, 8, &[0; 64])), "2D"),
        (write("time.nii", &nifti([4, 4, 4, 4, 3], 2, 8, &[0; 192])), "4D"),
        (
            write("short.nii", &nifti([3, 8, 8, 8, 1], 2, 8, &[0; 64])),
            "ends before",
        ),
        (
            write("large.nii", &nifti([3, 30000, 30000, 2000, 1], 2, 8, &[])),
            "memory",
        ),
        (write("not.safetensors", b"nothing"), "safetensors"),
        (path(folder.path(), "missing.nii"), "cannot be read"),
    ] {
        let sentence = refuse(&["info", &file]);
        assert!(sentence.contains(part), "{file}: {sentence}");
    }
}

#[test]
fn cases_that_cannot_be_used_get_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let out = path(folder.path(), "run");
    let image = nifti([3, 16, 16, 16, 1], 4, 16, &[1; 8192]);
    let floats = |v: f32| (0..4096).flat_map(|_| v.to_le_bytes()).collect::<Vec<u8>>();
    let half = nifti([3, 16, 16, 16, 1], 16, 32, &floats(0.5));
    let empty = nifti([3, 16, 16, 16, 1], 2, 8, &[0; 4096]);
    let other = nifti([3, 16, 16, 8, 1], 2, 8, &[1; 2048]);
    for (name, label, part) in [
        ("none", None, "no case has a label"),
        ("float", Some(&half), "not a whole number"),
        ("shape", Some(&other), "does not lie on the image"),
    ] {
        let data = folder.path().join(name);
        fs::create_dir(&data).expect("made");
        fs::write(data.join("case.nii"), &image).expect("written");
        if let Some(label) = label {
            fs::write(data.join("case_seg.nii"), label).expect("written");
        }
        let data = data.display().to_string();
        let sentence = refuse(&train(&data, &out));
        assert!(sentence.contains(part), "{name}: {sentence}");
        assert!(!Path::new(&out).exists(), "nothing is left behind");
    }
    // Before, it reports that the case is read as one without structures.
    let data = folder.path().join("background");
    fs::create_dir(&data).expect("made");
    fs::write(data.join("case.nii"), &image).expect("written");
    fs::write(data.join("case_seg.nii"), &empty).expect("written");
    let output = core(&train(&data.display().to_string(), &out));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error: every label map holds only background (0)"),
        "{said}"
    );
}

#[test]
fn voxels_that_are_not_numbers_are_counted_and_read_as_zero() {
    let folder = TempDir::new().expect("a folder");
    let mut values: Vec<f32> = (0..4096).map(|v| v as f32).collect();
    values[5] = f32::NAN;
    values[9] = f32::INFINITY;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = folder.path().join("nan.nii");
    fs::write(&file, nifti([3, 16, 16, 16, 1], 16, 32, &bytes)).expect("written");
    let told = succeed(&["info", &file.display().to_string()]);
    assert!(told.contains("2 voxels are NaN or infinite"), "{told}");
    assert!(told.contains("values 0 to 4095"), "{told}");
}

#[test]
fn a_device_that_is_not_there_gets_one_sentence() {
    let told = succeed(&["info"]);
    assert!(told.contains("cpu      CPU, "), "{told}");
    let line = told.lines().find(|line| line.starts_with("cuda:0"));
    let line = line.expect("a line for CUDA");
    let Some((_, why)) = line.split_once("not available: ") else {
        medcontext_tests::announce("skipped: this machine has an NVIDIA GPU");
        return;
    };
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let out = path(folder.path(), "run");
    let sentence = refuse(&[train(&data, &out), vec!["--device", "cuda"]].concat());
    assert_eq!(
        sentence.trim_end(),
        format!("error: the device cuda:0 cannot be used: {why}")
    );
    assert!(why.contains("or use the cpu"), "{why}");
    assert!(!Path::new(&out).exists(), "nothing is left behind");
}

#[test]
fn a_folder_that_cannot_be_written_gets_one_sentence() {
    // The system's always-full device simulates a full disk.
    let full = PathBuf::from("/dev/full");
    if !full.exists() {
        medcontext_tests::announce("skipped: this system has no /dev/full");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let data = phantom(folder.path());
    let run = folder.path().join("run");
    fs::create_dir(&run).expect("made");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&full, run.join("log.jsonl")).expect("linked");
    let run = run.display().to_string();
    let sentence = refuse(&[train(&data, &run), vec!["--force", "--quiet"]].concat());
    assert!(
        sentence.contains("No space left") && sentence.contains("free some space"),
        "{sentence}"
    );
}
