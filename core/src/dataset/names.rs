//! What a file's name and folders say about it.

use unicode_normalization::UnicodeNormalization;

use super::{Part, Source, is_passed_over};
use crate::volume::stem;

/// Image or label map, by folder or name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Label,
    /// An image, or an unmarked file.
    Image,
}

/// A parsed volume file name. `scope` and the keys are in lower case; all text but `path` is in Unicode's composed form
/// (NFC), because macOS stores the same name decomposed.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// As given.
    pub path: String,
    /// The path as returned by [`tidy`].
    pub tidy: String,
    /// Name for the case of this image: the file name without its ending, or the folder's name if the file is just
    /// called "ct" or "image".
    pub id: String,
    /// The file name without its ending, as written.
    pub stem: String,
    /// The folders it lies in, from the first one, as given.
    pub folder: String,
    /// Parent folders, without those that only say "images" or "labels".
    pub scope: String,
    pub kind: Kind,
    /// Whether the kind comes from a folder rather than the name.
    pub by_folder: bool,
    /// The part of the data set that its folders say it belongs to.
    pub part: Option<Part>,
    /// The stem.
    pub key: String,
    /// The stem without words such as "seg" (label map) or "img" and "ct" (image).
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

/// Parts of a data set, with their folder names.
const PARTS: [(Part, &[&str]); 3] = [
    (Part::Training, &["tr", "train", "training"]),
    (Part::Test, &["ts", "test", "testing"]),
    (Part::Validation, &["val", "valid", "validation"]),
];

/// Folders below a labels folder that do not distinguish cases: MONAI Label puts corrected and predicted labels there.
const STAGES: [&str; 2] = ["final", "original"];

impl Name {
    /// `None` for what is not a volume. The name of `root`, the common folder of all files, counts only if it is one of
    /// nnU-Net's names: a data set may be called anything.
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
        // A file called just "seg" or "ct" is named by its folder.
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

    /// Marks it as an image whatever its own name says, because it lies in a folder of images.
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

    /// Whether two files belong to different parts of the data set.
    pub(super) fn other_part(&self, other: &Name) -> bool {
        matches!((self.part, other.part), (Some(a), Some(b)) if a != b)
    }
}

/// What a folder's name tells.
struct Folder<'a> {
    name: &'a str,
    kind: Option<Kind>,
    part: Option<Part>,
}

/// The name of an image's case: the file's name, or the folder's if the file's name consists only of words for an
/// image. The folder that was asked for does not name a case.
fn case_name<'a>(stem: &'a str, as_image: Option<&str>, scope: &[&'a str], root: Option<&str>) -> &'a str {
    let below_root = scope.last().filter(|_| scope.len() > 1 || root != Some(scope[0]));
    match (as_image, below_root) {
        (Some(""), Some(folder)) => folder,
        _ => stem,
    }
}

/// What the names of folders tell. The name of `root` is ignored unless it is one of nnU-Net's.
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
        // "tr" and "ts" alone are ordinary names.
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

/// Whether a folder has a name that nnU-Net and the Decathlon use.
fn is_nnunet(folder: &str) -> bool {
    const NAMES: [&str; 6] = ["imagestr", "imagests", "imagesval", "labelstr", "labelsts", "labelsval"];
    NAMES.contains(&folder.to_lowercase().as_str())
}

/// Name endings of a BraTS case's contrasts, in the spellings of several years. They become channels in this order, as
/// in MONAI's list for BraTS 2021.
pub(super) const CONTRASTS: [&[&str]; 4] = [
    &["flair", "t2f"],
    &["t1ce", "t1gd", "t1c"],
    &["t1", "t1n"],
    &["t2", "t2w"],
];

impl Name {
    /// The part of a BraTS file's name before the contrast, and the contrast. A file's name may be just the contrast.
    pub(super) fn contrast(&self) -> Option<(&str, usize)> {
        let (base, word) = self.key.rsplit_once(SEPARATORS).unwrap_or(("", self.key.as_str()));
        let contrast = CONTRASTS.iter().position(|words| words.contains(&word))?;
        Some((base, contrast))
    }

    /// Turns it into the first channel of the case `base`.
    pub(super) fn become_case(&mut self, base: &str) {
        if base.is_empty() {
            // Files named only by their contrasts form a case that is named after their folder.
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

/// Whether a file, or a folder above it but below `root`, is skipped.
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
