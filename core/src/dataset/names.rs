//! What a file's name and folder say about it.

/// What a file is, by its name or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Label,
    /// An image, or a file that nothing marks.
    Image,
}

/// A NIfTI file's name, taken apart. `scope` and the keys are in lower case.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// As given.
    pub path: String,
    /// What a case of this image is called: the file name without `.nii` or `.nii.gz`, or the
    /// folder of a file that is called only "ct" or "image".
    pub id: String,
    /// Folders above, without those that only say "images" or "labels".
    pub scope: String,
    pub kind: Kind,
    /// What files of one case have in common: a label map's stem without "seg" and the like, an
    /// image's whole stem.
    pub key: String,
    /// An image's stem without "img", "ct" and the like.
    pub short_key: String,
    /// Paths of the second channel and those after it, once they are found.
    pub other_channels: Vec<String>,
    /// Whether it lies in nnU-Net's `imagesTr`, `imagesTs` or `imagesVal`.
    pub in_nnunet_folder: bool,
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
pub(super) const IMAGE_WORDS: [&str; 14] = [
    "images", "image", "volume", "scans", "scan", "flair", "img", "t1w", "t2w", "mri", "ct", "mr",
    "t1", "t2",
];
const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

impl Name {
    /// `None` for what is not a NIfTI volume: other endings, and the `._` companions that macOS
    /// leaves in archives.
    pub(super) fn parse(path: &str) -> Option<Name> {
        let tidy = tidy(path);
        let (folders, file) = tidy.rsplit_once('/').unwrap_or(("", &tidy));
        if file.starts_with("._") || folders.split('/').any(|folder| folder == "__MACOSX") {
            return None;
        }
        let stem = stem(file)?;
        let speaking = |folder: &&str| {
            let bare = bare(folder);
            !folder.is_empty() && !says(&bare, &LABEL_WORDS) && !says(&bare, &IMAGE_WORDS)
        };
        let folders: Vec<&str> = folders.split('/').collect();
        let parent = folders
            .last()
            .map(|folder| bare(folder))
            .unwrap_or_default();
        let scope: Vec<&str> = folders.into_iter().filter(speaking).collect();

        let whole = stem.to_lowercase();
        // A file called only "seg" or "ct" is named by its folder.
        let named = |rest: &str| match (rest, scope.last()) {
            ("", Some(folder)) => folder.to_lowercase(),
            ("", None) => whole.clone(),
            _ => rest.to_owned(),
        };
        let label = strip_word(&whole, &LABEL_WORDS);
        let image = strip_word(&whole, &IMAGE_WORDS);
        let (kind, key, short_key) = match (label, image) {
            (Some(rest), _) => (Kind::Label, named(rest), named(rest)),
            _ if says(&parent, &LABEL_WORDS) => (Kind::Label, whole.clone(), whole.clone()),
            (None, rest) => (Kind::Image, whole.clone(), named(rest.unwrap_or(&whole))),
        };
        let id = match (image, scope.last()) {
            (Some(""), Some(folder)) => folder,
            _ => stem,
        };
        Some(Name {
            path: path.to_owned(),
            id: id.to_owned(),
            scope: scope.join("/").to_lowercase(),
            kind,
            key,
            short_key,
            other_channels: Vec::new(),
            in_nnunet_folder: ["imagestr", "imagests", "imagesval"].contains(&parent.as_str()),
        })
    }

    /// nnU-Net's channel number: `CASE_0000` is channel 0 of `CASE`.
    pub(super) fn channel(&self) -> Option<(&str, u16)> {
        let (base, digits) = self.key.rsplit_once('_')?;
        let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some((base, digits.parse().ok().filter(|_| four)?))
    }
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
        let (base, word) = self
            .key
            .rsplit_once(SEPARATORS)
            .unwrap_or(("", self.key.as_str()));
        let contrast = CONTRASTS.iter().position(|words| words.contains(&word))?;
        Some((base, contrast))
    }

    /// Makes it the first channel of the case `base`.
    pub(super) fn become_case(&mut self, base: &str) {
        if base.is_empty() {
            // Named by its folder already.
            self.key.clone_from(&self.short_key);
            return;
        }
        // What follows the base is a separator and ASCII, in the id as in the key.
        let ending = self.key.len() - base.len();
        self.id.truncate(self.id.len().saturating_sub(ending));
        self.key = base.to_owned();
        self.short_key = base.to_owned();
    }
}

/// A path with `/` between folders and without a leading `./`.
pub(super) fn tidy(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.trim_start_matches("./")
        .trim_start_matches('/')
        .to_owned()
}

/// A file name without `.nii` or `.nii.gz`, whatever its case; `None` for other endings.
pub fn stem(file: &str) -> Option<&str> {
    let lower = file.to_ascii_lowercase();
    let ending = [".nii.gz", ".nii"]
        .into_iter()
        .find(|ending| lower.ends_with(ending))?;
    file.get(..file.len() - ending.len())
        .filter(|stem| !stem.is_empty())
}

/// A folder's name in lower case, without separators and digits.
fn bare(folder: &str) -> String {
    folder
        .chars()
        .filter(|letter| letter.is_alphabetic())
        .collect::<String>()
        .to_lowercase()
}

/// Whether a bare folder name is one of the words, perhaps with the part of the data set it holds.
fn says(bare: &str, words: &[&str]) -> bool {
    let parts = [
        "",
        "tr",
        "ts",
        "train",
        "training",
        "test",
        "testing",
        "val",
        "validation",
    ];
    words.iter().any(|word| {
        bare.strip_prefix(word)
            .is_some_and(|part| parts.contains(&part))
    })
}

/// A stem without one of the words at its end (`case_seg`) or start (`label0001`, `seg_case`);
/// `None` when there is none.
pub(super) fn strip_word<'a>(stem: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        if stem == *word {
            return Some("");
        }
        let before = stem
            .strip_suffix(word)
            .filter(|rest| rest.ends_with(SEPARATORS));
        let after = stem.strip_prefix(word).filter(|rest| {
            rest.starts_with(SEPARATORS) || rest.starts_with(|first: char| first.is_ascii_digit())
        });
        before.or(after).map(|rest| rest.trim_matches(SEPARATORS))
    })
}
