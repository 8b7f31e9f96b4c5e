//! Pairs predictions with true label maps, by file names alone.

use super::names::{IMAGE_WORDS, LABEL_WORDS, Name, is_hidden, strip_word, tidy};
use super::{DatasetJson, pair};
use crate::volume::stem;

/// What tools add to the name of a prediction (`_trans` is MONAI's).
const PREDICTION_WORDS: [&str; 7] = [
    "predictions",
    "prediction",
    "predicted",
    "pred",
    "output",
    "result",
    "trans",
];

/// A prediction and the true label map that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Name of the case, after the truth's files.
    pub case: String,
    /// Path of the prediction, as given.
    pub prediction: String,
    /// Path of the true label map, as given.
    pub truth: String,
}

/// Matched predictions and true label maps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Sorted by case.
    pub pairs: Vec<Match>,
    /// Paths of predictions that fit no single true label map.
    pub predictions: Vec<String>,
    /// Paths of true label maps that no prediction fits.
    pub truths: Vec<String>,
}

/// Pairs predictions with true label maps. The truths are a folder of label maps with any names, or a whole data set,
/// whose images are skipped (see [`pair`]). Names may differ by what tools add to them: `case_pred`, `case_seg`,
/// `case/case_trans`, `case_0000` and `img0001` with `label0001`, whatever the letters' case.
pub fn match_predictions(predictions: &[String], truths: &[String], dataset_json: Option<&DatasetJson>) -> Matching {
    let mut found = Matching::default();
    let mut truths: Vec<Key> = true_maps(truths, dataset_json);
    let shown = predictions.iter().filter(|path| !is_hidden(path, None));
    let mut predictions: Vec<Key> = shown.filter_map(|path| Key::of(path, None)).collect();
    let levels: [fn(&Key, &Key) -> bool; 4] = [
        |a, b| a.stem == b.stem && a.scope == b.scope,
        |a, b| a.core == b.core && a.scope == b.scope,
        |a, b| a.core == b.core,
        |a, b| a.core.strip_suffix("_0000") == Some(b.core.as_str()),
    ];
    for fits in levels {
        predictions.retain(|prediction| {
            let candidates: Vec<usize> = (0..truths.len())
                .filter(|&index| fits(prediction, &truths[index]))
                .collect();
            let [index] = candidates[..] else {
                return true;
            };
            let truth = truths.swap_remove(index);
            found.pairs.push(Match {
                case: truth.case,
                prediction: prediction.path.clone(),
                truth: truth.path,
            });
            false
        });
    }
    let paths = |keys: Vec<Key>| keys.into_iter().map(|key| key.path).collect();
    (found.predictions, found.truths) = (paths(predictions), paths(truths));
    found.predictions.sort();
    found.truths.sort();
    make_cases_unique(&mut found.pairs);
    found.pairs.sort_by(|a, b| a.case.cmp(&b.case));
    found
}

/// The label maps of a data set if it has pairs of image and label, else every volume.
fn true_maps(paths: &[String], dataset_json: Option<&DatasetJson>) -> Vec<Key> {
    let cases = pair(paths, dataset_json).cases.into_iter();
    let labels: Vec<Key> = cases.filter_map(|case| Key::of(&case.label?, Some(case.id))).collect();
    if labels.is_empty() {
        let shown = paths.iter().filter(|path| !is_hidden(path, None));
        return shown.filter_map(|path| Key::of(path, None)).collect();
    }
    labels
}

/// Cases of the same name in different folders are named by the whole path of their true label map.
fn make_cases_unique(pairs: &mut [Match]) {
    let names: Vec<String> = pairs.iter().map(|pair| pair.case.clone()).collect();
    for pair in pairs {
        if names.iter().filter(|name| **name == pair.case).count() > 1 {
            let path = tidy(&pair.truth);
            pair.case = stem(&path).unwrap_or(&path).replace('/', "_");
        }
    }
}

/// What a file's name says about its case, in lower case.
struct Key {
    path: String,
    /// Name of the case, as written.
    case: String,
    /// Folders above that are not just "labels".
    scope: String,
    stem: String,
    /// The stem without words such as "seg"; the folder's name where nothing is left.
    core: String,
}

impl Key {
    fn of(path: &str, case: Option<String>) -> Option<Key> {
        let name = Name::parse(path, None)?;
        let tidy = tidy(path);
        let file = tidy.rsplit('/').next()?;
        let written = stem(file)?;
        let stem = written.to_lowercase();
        let words = [&LABEL_WORDS[..], &IMAGE_WORDS[..], &PREDICTION_WORDS[..]].concat();
        let mut core = stem.as_str();
        while let Some(rest) = strip_word(core, &words) {
            core = rest;
        }
        // A file called only "seg" is named by its folder.
        let mut folders = tidy.rsplit('/').skip(1);
        let last = name.scope.rsplit('/').next().unwrap_or_default();
        let folder = folders.find(|folder| !last.is_empty() && folder.to_lowercase() == last);
        let (core, named) = match (core, folder) {
            ("", Some(folder)) => (folder.to_lowercase(), folder),
            ("", None) => (stem.clone(), written),
            _ => (core.to_owned(), written),
        };
        Some(Key {
            case: case.unwrap_or_else(|| named.to_owned()),
            core,
            path: path.to_owned(),
            scope: name.scope,
            stem,
        })
    }
}
