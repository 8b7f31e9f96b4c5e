//! From files to cases: pairing by name, reading, and what the table and the viewer get to see.

use std::collections::BTreeMap;
use std::rc::Rc;

use medcontext_core::dataset::{Case, CaseFiles, DatasetError, pair};
use medcontext_core::infer::LabelVolume;
use medcontext_core::train::TrainConfig;
use medcontext_core::volume::{Image, LabelImage, Limits, SAME_GRID_VOXELS, VolumeError};

use web_sys::Blob;

use super::error::{Error, Result};
use super::files::{blob, bytes_of};
use super::label;
use super::restore::segmentation;
use super::session::{Session, breathe};
use crate::message::{CaseInfo, Fix, Report};
use crate::saved::names;

/// A case that was read.
pub struct Entry {
    /// Its files.
    pub files: CaseFiles,
    /// Its volumes.
    pub case: Rc<Case>,
}

/// Pairs all files taken in so far and reads the cases that are new or have other files than before.
pub async fn refresh(session: &Session) -> Result<()> {
    let paths: Vec<String> = session.files.borrow().keys().cloned().collect();
    let json = session.dataset_json.borrow().clone();
    let paths: Vec<String> = paths
        .into_iter()
        .filter(|path| !label::is_drawn(path))
        .collect();
    let pairing = pair(&paths, json.as_ref().map(|(_, text)| text.as_str()));
    for leftover in pairing.leftovers {
        session.mention_once(format!("{}: {}", leftover.path, leftover.reason));
    }
    forget_missing(session, &pairing.cases);
    let fresh: Vec<CaseFiles> = pairing
        .cases
        .into_iter()
        .map(|files| label::prefer_drawn(session, files))
        .filter(|files| {
            session
                .cases
                .borrow()
                .get(&files.id)
                .is_none_or(|e| e.files != *files)
        })
        .collect();
    let total = fresh.len();
    for (done, files) in fresh.into_iter().enumerate() {
        session.reporter.send(Report::Reading { done, total });
        session.mention(take_case(session, files).await);
        breathe().await;
    }
    session
        .reporter
        .send(Report::Reading { done: total, total });
    suggest(session);
    Ok(())
}

/// Forgets the cases that are no longer made of the files at hand.
fn forget_missing(session: &Session, found: &[CaseFiles]) {
    let known: Vec<String> = session.cases.borrow().keys().cloned().collect();
    for id in known {
        if !found.iter().any(|files| files.id == id) {
            session.cases.borrow_mut().remove(&id);
            session.reporter.send(Report::CaseRemoved { case: id });
        }
    }
}

/// Reads a case and shows it in the table. A label map that cannot be used leaves the image in place, with
/// the reason beside it; an image that cannot be used is let go.
async fn take_case(session: &Session, files: CaseFiles) -> Result<()> {
    let mut images = Vec::new();
    for path in std::iter::once(&files.image).chain(&files.other_channels) {
        match read(session, path).await {
            Ok(image) => images.push(image),
            Err(error) => {
                forget_file(session, path).await;
                return Err(error);
            }
        }
    }
    let others = images.split_off(1);
    let image = images.remove(0);
    let mut problems = Vec::new();
    let label = match &files.label {
        Some(path) => read_labels(session, path).await,
        None => Ok(None),
    };
    let mut fix = None;
    let label = label.unwrap_or_else(|error| {
        fix = fix_for(&error);
        problems.push(error.to_string());
        None
    });
    let case = match Case::new(&files.id, image.clone(), label) {
        Ok(case) => case,
        Err(error) => {
            let error = error.into();
            fix = fix_for(&error);
            problems.push(error.to_string());
            Case::new(&files.id, image, None)?
        }
    };
    let elsewhere =
        |label: &LabelImage| case.image.grid().corner_distance(label.grid()) >= SAME_GRID_VOXELS;
    if case.label.as_ref().is_some_and(elsewhere) {
        fix = Some(Fix::Resample);
    }
    let case = case.with_channels(others)?;
    problems.extend(case.warnings().iter().cloned());
    session
        .reporter
        .send(Report::Case(describe(session, &case, problems, fix)));
    let entry = Entry {
        case: Rc::new(case),
        files,
    };
    session
        .cases
        .borrow_mut()
        .insert(entry.files.id.clone(), entry);
    Ok(())
}

/// What would make labels fit.
fn fix_for(error: &Error) -> Option<Fix> {
    use medcontext_core::Error::{Dataset, Volume};
    let Error::Core(error) = error else {
        return None;
    };
    match error {
        Dataset(DatasetError::LabelShape { .. }) => Some(Fix::Resample),
        Volume {
            source: VolumeError::NotLabels(_),
            ..
        } => Some(Fix::Round),
        _ => None,
    }
}

/// Reads a volume file.
pub async fn read(session: &Session, path: &str) -> Result<Image> {
    let file = session.files.borrow().get(path).cloned();
    let file = file.ok_or_else(|| Error::NoCase(path.to_owned()))?;
    let bytes = bytes_of(path, &file).await?;
    Ok(Image::read(&bytes, &Limits::default()).map_err(named(path))?)
}

/// Reads a label map.
async fn read_labels(session: &Session, path: &str) -> Result<Option<LabelImage>> {
    let image = read(session, path).await?;
    Ok(Some(LabelImage::from_image(image).map_err(named(path))?))
}

/// Puts the file's name before what is wrong with it.
fn named(path: &str) -> impl FnOnce(VolumeError) -> medcontext_core::Error {
    let file = path.to_owned();
    move |source| medcontext_core::Error::Volume { file, source }
}

/// A case as the table shows it.
fn describe(session: &Session, case: &Case, problems: Vec<String>, fix: Option<Fix>) -> CaseInfo {
    let grid = case.image.grid();
    let names = session.label_names();
    CaseInfo {
        id: case.id.clone(),
        dims: grid.dims,
        spacing: grid.spacing(),
        orientation: grid.orientation(),
        labels: case.label.as_ref().map(|label| volumes(label, &names)),
        role: case.role(),
        problems,
        fix,
    }
}

/// Size of every label in a label map.
fn volumes(label: &LabelImage, names: &BTreeMap<u16, String>) -> Vec<LabelVolume> {
    let own = label.names();
    let voxel_ml = label.grid().voxel_ml();
    let size = |(id, millilitres): (u16, f64)| LabelVolume {
        id,
        name: names
            .get(&id)
            .or_else(|| own.get(&id))
            .cloned()
            .unwrap_or_else(|| format!("label {id}")),
        voxels: (millilitres / voxel_ml).round() as usize,
        millilitres,
    };
    label.volumes_ml().into_iter().map(size).collect()
}

/// Offers settings that suit the labelled cases.
fn suggest(session: &Session) {
    let labelled: Vec<Case> = session
        .cases
        .borrow()
        .values()
        .filter(|entry| entry.case.label.is_some())
        .map(|entry| entry.case.as_ref().clone())
        .collect();
    if !labelled.is_empty() {
        let config = TrainConfig::suggest(&labelled);
        session.reporter.send(Report::Suggested(Box::new(config)));
    }
}

/// Forgets a case and its files.
pub async fn remove(session: &Session, id: &str) -> Result<()> {
    let entry = session.cases.borrow_mut().remove(id);
    if let Some(Entry { files, .. }) = entry {
        let channels = std::iter::once(files.image).chain(files.other_channels);
        for path in channels.chain(files.label) {
            forget_file(session, &path).await;
        }
        session.drawn.borrow_mut().remove(id);
        session.drop_kept(&segmentation(id)).await;
    }
    session.reporter.send(Report::CaseRemoved {
        case: id.to_owned(),
    });
    refresh(session).await
}

/// Forgets one file, also where it is kept.
async fn forget_file(session: &Session, path: &str) {
    session.files.borrow_mut().remove(path);
    session.drop_kept(&format!("{}{path}", names::CASES)).await;
}

/// Sends a case's volumes for display, as this program reads them.
pub fn view(session: &Session, id: &str) -> Result<()> {
    let case = session.case(id)?;
    let truth = case
        .label
        .as_ref()
        .map(|label| blob(&for_viewer(label.to_nifti())));
    session.reporter.send(Report::View {
        case: id.to_owned(),
        image: blob(&for_viewer(case.image.to_nifti()))?,
        truth: truth.transpose()?,
    });
    Ok(())
}

/// Sends where a segmentation differs from a case's own labels.
pub async fn compare(session: &Session, id: &str, segmentation: &Blob) -> Result<()> {
    let case = session.case(id)?;
    let Some(truth) = &case.label else {
        return Ok(());
    };
    let bytes = bytes_of(id, segmentation).await?;
    let difference = Image::read(&bytes, &Limits::default())
        .and_then(LabelImage::from_image)
        .and_then(|found| found.difference(truth))
        .map_err(named(id))?;
    session.reporter.send(Report::Difference {
        case: id.to_owned(),
        file: blob(&for_viewer(difference.to_nifti()))?,
    });
    Ok(())
}

/// Leaves one answer to where the voxels are. The standard, and this program, go by the sform where there
/// is one; the viewer goes by the qform where its code is larger (NiiVue 0.69).
fn for_viewer(mut nifti: Vec<u8>) -> Vec<u8> {
    const QFORM_CODE: std::ops::Range<usize> = 252..254;
    const SFORM_CODE: std::ops::Range<usize> = 254..256;
    if nifti.get(SFORM_CODE).is_some_and(|code| code != [0, 0]) {
        nifti[QFORM_CODE].fill(0);
    }
    nifti
}
