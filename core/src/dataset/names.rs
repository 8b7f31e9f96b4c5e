//! What a file's name and folders say about it.

use unicode_normalization::UnicodeNormalization;

use super::{Part, Source, is_passed_over};
use crate::volume::stem;

/// What a file is, by its folder or name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Label,
    /// An image, or a file that nothing marks.
    Image,
}

/// A volume file's name, taken apart. `scope` and the keys are in lower case; all text but `path` is in Unicode's
/// composed form (NFC), because the same name is stored decomposed where it was typed on a Mac.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// As given.
    pub path: String,
    /// The path as [`tidy`] gives it.
    pub tidy: String,
    /// What a case of this image is called: the file name without its ending, or the
    /// folder of a file that is called only "ct" or "image".
    pub id: String,
    /// The file name without its ending, as written.
    pub stem: String,
    /// The folders it lies in, from the first one, as given.
    pub folder: String,
    /// Folders above, without those that only say "images" or "labels".
    pub scope: String,
    pub kind: Kind,
    /// Whether a folder, and not the name, says what it is.
    pub by_folder: bool,
    /// The part of the data set that its folders say it belongs to.
    pub part: Option<Part>,
    /// The stem.
    pub key: String,
    /// The stem without "seg" and the like (a label map) or without "img", "ct" and the like (an image).
    pub short_key: String,
    /// Paths of the second channel and those after it, once they are found.
    pub other_channels: Vec<String>,
    /// Whether channel numbers were found in its name.
    pub numbered: bool,
    /// Whether it lies in nnU-Net's `imagesTr`, `imagesTs` or `imagesVal`.
    pub in_nnunet_folder: bool,
    /// Whether the nearest folder that says something says "images".
    pub in_image_folder: bool,
}

pub(super) const LABEL_WORDS: [&str; 12] = [
    "segmentations",
    "segmentation",
    "groundtruth",
    "labelmap",
    "labels",
    "label",
    "masks",
    "mask",
    "truth",
    "dseg",
    "seg",
    "gt",
];
pub(super) const IMAGE_WORDS: [&str; 15] = [
    "imaging", "images", "image", "volume", "scans", "scan", "flair", "img", "t1w", "t2w", "mri", "ct", "mr", "t1",
    "t2",
];
const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// Parts of a data set, as folders are called by them.
const PARTS: [(Part, &[&str]); 3] = [
    (Part::Training, &["tr", "train", "training"]),
    (Part::Test, &["ts", "test", "testing"]),
    (Part::Validation, &["val", "valid", "validation"]),
];

/// Folders below one of labels that do not tell cases apart: MONAI Label keeps what was corrected and what was
/// predicted there.
const STAGES: [&str; 2] = ["final", "original"];

impl Name {
    /// `None` for what is not a volume. What the folder `root` is called, which all files lie in, says only
    /// something where it is one of nnU-Net's names: a data set may be called anything.
    pub(super) fn parse(path: &str, root: Option<&str>) -> Option<Name> {
        let tidy = tidy(path);
        let (folder, file) = tidy.rsplit_once('/').unwrap_or(("", &tidy));
        let stem = stem(file)?;
        let all: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
        let folders = folders(&all, root);
        let says = folders.iter().rev().find_map(|folder| folder.kind);
        let part = folders.iter().rev().find_map(|folder| folder.part);
        let below_labels = says == Some(Kind::Label);
        let scope: Vec<&str> = folders
            .iter()
            .filter(|folder| folder.kind.is_none() && !(below_labels && folder.is_stage()))
            .map(|folder| folder.name)
            .collect();

        let whole = stem.to_lowercase();
        // A file called only "seg" or "ct" is named by its folder.
        let named = |rest: &str| match (rest, scope.last()) {
            ("", Some(folder)) => folder.to_lowercase(),
            ("", None) => whole.clone(),
            _ => rest.to_owned(),
        };
        let as_label = strip_word(&whole, &LABEL_WORDS);
        let as_image = strip_word(&whole, &IMAGE_WORDS);
        let in_nnunet_folder = all.last().is_some_and(|parent| is_nnunet(parent));
        let by_folder = below_labels || in_nnunet_folder;
        let kind = match (says, as_label) {
            (Some(kind), _) if by_folder => kind,
            (_, Some(_)) => Kind::Label,
            (_, None) => Kind::Image,
        };
        let rest = match kind {
            Kind::Label => as_label,
            Kind::Image => as_image,
        };
        Some(Name {
            path: path.to_owned(),
            id: case_name(stem, as_image, &scope, root).to_owned(),
            stem: stem.to_owned(),
            folder: folder.to_owned(),
            scope: scope.join("/").to_lowercase(),
            kind,
            by_folder,
            part,
            short_key: named(rest.unwrap_or(&whole)),
            other_channels: Vec::new(),
            numbered: false,
            in_image_folder: says == Some(Kind::Image),
            tidy: tidy.clone(),
            in_nnunet_folder: kind == Kind::Image && in_nnunet_folder,
            key: whole,
        })
    }

    /// Its channels, once they are found.
    pub(super) fn channels(&self) -> Vec<Source> {
        let paths = std::iter::once(&self.path).chain(&self.other_channels);
        paths.map(Source::file).collect()
    }

    /// Makes it an image whatever its own name says, because its folder is one of images.
    pub(super) fn become_image(&mut self) {
        self.kind = Kind::Image;
        self.by_folder = true;
        self.short_key.clone_from(&self.key);
    }

    /// nnU-Net's channel number: `CASE_0000` is channel 0 of `CASE`.
    pub(super) fn channel(&self) -> Option<(&str, u16)> {
        let (base, digits) = self.key.rsplit_once('_')?;
        let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some((base, digits.parse().ok().filter(|_| four)?))
    }

    /// Whether the parts of the data set that two files are said to belong to contradict each other.
    pub(super) fn other_part(&self, other: &Name) -> bool {
        matches!((self.part, other.part), (Some(a), Some(b)) if a != b)
    }
}

/// What a folder's name says.
struct Folder<'a> {
    name: &'a str,
    kind: Option<Kind>,
    part: Option<Part>,
}

/// What the case of an image is called: as its file, or as its folder where the file's name has nothing but words
/// for an image. The folder that was asked for does not name a case.
fn case_name<'a>(stem: &'a str, as_image: Option<&str>, scope: &[&'a str], root: Option<&str>) -> &'a str {
    let below_root = scope.last().filter(|_| scope.len() > 1 || root != Some(scope[0]));
    match (as_image, below_root) {
        (Some(""), Some(folder)) => folder,
        _ => stem,
    }
}

/// What the names of folders say. That of `root` is silent, unless it is one of nnU-Net's.
fn folders<'a>(names: &[&'a str], root: Option<&str>) -> Vec<Folder<'a>> {
    let is_root = |index: usize| index == 0 && root == Some(names[0]);
    (0..names.len())
        .map(|index| match is_root(index) && !is_nnunet(names[index]) {
            true => Folder::silent(names[index]),
            false => Folder::of(names[index]),
        })
        .collect()
}

impl<'a> Folder<'a> {
    fn silent(name: &'a str) -> Self {
        Self {
            name,
            kind: None,
            part: None,
        }
    }

    fn of(name: &'a str) -> Self {
        let bare = bare(name);
        let part_of = |rest: &str| {
            let found = PARTS.into_iter().find(|(_, words)| words.contains(&rest));
            found.map(|(part, _)| part)
        };
        let kinds = [(Kind::Label, &LABEL_WORDS[..]), (Kind::Image, &IMAGE_WORDS)];
        for (kind, words) in kinds {
            for rest in words.iter().filter_map(|word| bare.strip_prefix(word)) {
                let part = part_of(rest);
                if rest.is_empty() || part.is_some() {
                    let kind = Some(kind);
                    return Self { name, kind, part };
                }
            }
        }
        // "tr" and "ts" alone are names like any other.
        let part = Some(bare.as_str()).filter(|word| word.len() > 2);
        Self {
            name,
            kind: None,
            part: part.and_then(part_of),
        }
    }

    fn is_stage(&self) -> bool {
        STAGES.contains(&self.name.to_lowercase().as_str())
    }
}

/// Whether a folder is called as nnU-Net and the Decathlon call theirs.
fn is_nnunet(folder: &str) -> bool {
    const NAMES: [&str; 6] = ["imagestr", "imagests", "imagesval", "labelstr", "labelsts", "labelsval"];
    NAMES.contains(&folder.to_lowercase().as_str())
}

/// How the contrasts of a BraTS case end, each in the spellings of several years. They become channels
/// in this order, that of MONAI's list for BraTS 2021.
pub(super) const CONTRASTS: [&[&str]; 4] = [
    &["flair", "t2f"],
    &["t1ce", "t1gd", "t1c"],
    &["t1", "t1n"],
    &["t2", "t2w"],
];

impl Name {
    /// What a BraTS file's name has before its contrast, and which contrast it is. A file may be called
    /// by its contrast alone.
    pub(super) fn contrast(&self) -> Option<(&str, usize)> {
        let (base, word) = self.key.rsplit_once(SEPARATORS).unwrap_or(("", self.key.as_str()));
        let contrast = CONTRASTS.iter().position(|words| words.contains(&word))?;
        Some((base, contrast))
    }

    /// Makes it the first channel of the case `base`.
    pub(super) fn become_case(&mut self, base: &str) {
        if base.is_empty() {
            // Several files that are called by their contrasts alone are a case of their folder's name.
            self.key.clone_from(&self.short_key);
            let folder = self.folder.rsplit('/').next();
            if let Some(folder) = folder.filter(|folder| !folder.is_empty()) {
                self.id = folder.to_owned();
            }
            return;
        }
        // What follows the base is a separator and ASCII, in the id as in the key.
        let ending = self.key.len() - base.len();
        self.id = self.stem.clone();
        self.id.truncate(self.id.len().saturating_sub(ending));
        self.stem.clone_from(&self.id);
        self.key = base.to_owned();
        self.short_key = base.to_owned();
    }
}

/// A path with `/` between folders and without a leading `./`, composed (NFC).
pub(super) fn tidy(path: &str) -> String {
    let path: String = path.nfc().collect::<String>().replace('\\', "/");
    path.trim_start_matches("./").trim_start_matches('/').to_owned()
}

/// Whether a file, or a folder that it lies in below `root`, is passed over.
pub(super) fn is_hidden(path: &str, root: Option<&str>) -> bool {
    let tidy = tidy(path);
    let below = root.and_then(|root| tidy.strip_prefix(root)?.strip_prefix('/'));
    let names = below.unwrap_or(&tidy).split('/');
    let mut names = names.filter(|name| ![".", ".."].contains(name));
    names.any(is_passed_over)
}

/// A folder's name in lower case, without separators and digits.
fn bare(folder: &str) -> String {
    folder
        .chars()
        .filter(|letter| letter.is_alphabetic())
        .collect::<String>()
        .to_lowercase()
}

/// A stem without one of the words at its end (`case_seg`) or start (`label0001`, `seg_case`);
/// `None` when there is none.
pub(super) fn strip_word<'a>(stem: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        if stem == *word {
            return Some("");
        }
        let before = stem.strip_suffix(word).filter(|rest| rest.ends_with(SEPARATORS));
        let after = stem
            .strip_prefix(word)
            .filter(|rest| rest.starts_with(SEPARATORS) || rest.starts_with(|first: char| first.is_ascii_digit()));
        before.or(after).map(|rest| rest.trim_matches(SEPARATORS))
    })
}
