//! A format with one file and one line in the list is paired, inspected, read and turned into a case.

use futures::executor::block_on;

use super::*;
use crate::dataset::pair;
use crate::volume::{FORMATS, inspect};

const SIZES: [usize; 3] = [2, 3, 4];

/// A file of the toy format.
fn toy(value: impl Fn(usize) -> f32) -> Vec<u8> {
    let [i, j, k] = SIZES;
    let mut bytes = format!("TOY {i} {j} {k}\n").into_bytes();
    bytes.extend((0..i * j * k).flat_map(|index| value(index).to_le_bytes()));
    bytes
}

fn read(files: &CaseFiles) -> Result<Reading, Error> {
    let options = ReadOptions::default();
    block_on(read_case(files, &options, async |path: &str| {
        Ok::<_, Error>(match path.contains("seg") {
            true => toy(|index| (index % 2) as f32),
            false => toy(|index| index as f32),
        })
    }))
}

#[test]
fn a_format_of_one_file_becomes_a_case() {
    let facts = inspect(&toy(|_| 0.0)).expect("a header");
    assert_eq!((facts.grid.dims, facts.frames), (SIZES, 1));

    let paths = ["d/a.TOY", "d/a_seg.toy", "d/b.dcm"].map(str::to_owned);
    let pairing = pair(&paths, None);
    let [files] = &pairing.cases[..] else {
        panic!("one case, not {:?}", pairing.cases);
    };
    assert_eq!((files.id.as_str(), files.image()), ("a", "d/a.TOY"));
    assert_eq!(files.label.as_deref(), Some("d/a_seg.toy"));
    assert_eq!(pairing.leftovers.len(), 1);

    let case = read(files).and_then(Reading::whole).expect("a case");
    assert_eq!(case.image.canonical().shape(), [4, 3, 2]);
    assert_eq!(case.image.canonical()[[3, 2, 1]], 23.0);
    assert_eq!(case.label.expect("labels").present(), [1]);
    // Results are written as NIfTI, on the same grid.
    let written = inspect(&case.image.to_nifti()).expect("NIfTI");
    assert_eq!(&written.grid, case.image.grid());
}

#[test]
fn a_volume_of_several_files_is_refused_by_a_format_of_one() {
    let source = Source {
        files: ["a.toy", "b.toy"].map(str::to_owned).to_vec(),
        frame: None,
    };
    let files = CaseFiles {
        id: "a".to_owned(),
        channels: vec![source],
        ..CaseFiles::default()
    };
    let refused = read(&files).expect_err("two files").to_string();
    assert!(refused.contains("a toy volume is one file"), "{refused}");
    let refused = read(&CaseFiles::default()).expect_err("no file").to_string();
    assert!(refused.contains("has no image"), "{refused}");
}

#[test]
fn messages_name_what_the_list_holds() {
    assert!(FORMATS.len() > 1);
    let refused = Image::read(b"hello", &Limits::default()).expect_err("no volume");
    assert_eq!(
        refused.to_string(),
        "this is not a NIfTI or toy file; choose a volume saved as .nii, .nii.gz or .toy"
    );
}
