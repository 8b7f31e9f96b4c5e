//! Names for output files: unique on any file system, and never too long for one.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use crate::digest::sha256;

/// Longest file name in bytes on ext4, XFS, APFS and NTFS; NTFS counts fewer for the same name.
pub const LONGEST: usize = 255;

/// Hexadecimal digits that keep shortened names distinct.
const DIGITS: usize = 8;

/// Hands out unique names: they differ by more than case, which Windows and macOS ignore, and by more than the encoding
/// of accents (NFC or NFD).
#[derive(Debug, Default)]
pub struct FileNames {
    taken: BTreeSet<String>,
}

impl FileNames {
    /// The name `stem` + `ending`, shortened if too long, with `_2`, `_3` and so on after the stem if taken. The same
    /// names in the same order give the same result.
    pub fn take(&mut self, stem: &str, ending: &str) -> String {
        let mut name = fitting(stem, ending);
        let mut number = 1;
        while !self.try_take(&name) {
            number += 1;
            name = fitting(stem, &format!("_{number}{ending}"));
        }
        name
    }

    /// Takes a name unchanged; false if it is already taken.
    pub fn try_take(&mut self, name: &str) -> bool {
        self.taken.insert(folded(name))
    }
}

/// Equal for all spellings of a name that some file system treats as the same.
pub fn folded(name: &str) -> String {
    let composed: String = name.nfc().collect();
    let folded = composed.to_uppercase().to_lowercase();
    folded.nfc().collect()
}

/// The name `stem` + `ending`. If it is too long for a file system, the stem is truncated and ends in a hash of the
/// whole stem. The ending is never cut.
pub fn fitting(stem: &str, ending: &str) -> String {
    if stem.len() + ending.len() <= LONGEST {
        return format!("{stem}{ending}");
    }
    let room = LONGEST.saturating_sub(ending.len() + DIGITS + 1);
    let cut = stem.floor_char_boundary(room);
    let digits = sha256(stem.as_bytes());
    format!("{}-{digits:.DIGITS$}{ending}", &stem[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_one_file() {
        let mut names = FileNames::default();
        let mut take = |stem| names.take(stem, ".nii.gz");
        assert_eq!(take("case"), "case.nii.gz");
        assert_eq!(take("CASE"), "CASE_2.nii.gz");
        assert_eq!(take("case_2"), "case_2_2.nii.gz");
        assert_eq!(take("Case"), "Case_3.nii.gz");
        assert_eq!(take("Jos\u{e9}"), "Jos\u{e9}.nii.gz");
        assert_eq!(take("Jose\u{301}"), "Jose\u{301}_2.nii.gz");
        assert_eq!(take("stra\u{df}e"), "stra\u{df}e.nii.gz");
        assert_eq!(take("STRASSE"), "STRASSE_2.nii.gz");
    }

    #[test]
    fn names_are_cut_to_what_a_file_system_takes() {
        let long = "\u{80ba}".repeat(100);
        let name = fitting(&long, "_uncertainty.nii.gz");
        assert!(name.len() <= LONGEST && name.len() > LONGEST - 3, "{name}");
        assert!(name.ends_with("_uncertainty.nii.gz"), "{name}");
        // One letter at the end tells two long names apart.
        let other = format!("{}\u{9ec4}", &long[..297]);
        assert_ne!(name, fitting(&other, "_uncertainty.nii.gz"));
        let fits = "x".repeat(LONGEST - 4);
        assert_eq!(fitting(&fits, ".nii"), format!("{fits}.nii"));

        let mut names = FileNames::default();
        let taken = [(); 3].map(|()| names.take(&long, ".nii.gz"));
        assert!(taken.iter().all(|name| name.len() <= LONGEST), "{taken:?}");
        assert_eq!(BTreeSet::from(taken).len(), 3);
    }
}
