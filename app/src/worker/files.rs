//! Taking files in, and handing bytes back to the browser as files.

use std::collections::BTreeMap;

use js_sys::{Array, Uint8Array};
use medcontext_core::dataset::{DatasetJson, PhantomConfig, phantom, phantom_dataset_json};
use medcontext_core::volume::gzip;
use medcontext_core::weights::{self, ImportOptions, Precision, WeightsError};
use serde::Serialize;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use super::error::{Error, Result};
use super::session::{Session, breathe};
use super::{cases, restore};
use crate::message::{Handle, Upload, WorkerReport};
use crate::saved::names;

/// Large enough for several tokens of a network along every axis, so that MedContext has something to mask.
const SAMPLES: PhantomConfig = PhantomConfig {
    cases: 8,
    seed: 0,
    voxels: (36, 60),
};
/// Sample volumes that come with labels; the others are there to be segmented.
const LABELLED_SAMPLES: usize = 5;

/// How files with weights end: this program's, and what PyTorch's users save.
const WEIGHTS: [&str; 5] = [".safetensors", ".pt", ".pth", ".bin", ".model"];

/// Takes files in and brings the cases up to date. A file that cannot be used is named, the others stay.
pub async fn add(session: &Session, uploads: Vec<Upload>) -> Result<()> {
    let mut documents = BTreeMap::new();
    for Upload { path, file } in uploads {
        let file = Blob::from(file.0);
        let name = path.rsplit('/').next().unwrap_or(&path).to_lowercase();
        if name.ends_with(".nii") || name.ends_with(".nii.gz") {
            let before = session
                .library_mut()
                .files
                .insert(path.clone(), Handle(file));
            if before.is_some() {
                cases::replaced(session, &path);
            }
            session.library_mut().unkept.push_back(path);
        } else if WEIGHTS.iter().any(|ending| name.ends_with(ending)) {
            session.mention(take_weights(session, &path, &file).await);
        } else if name.ends_with(".json") {
            documents.insert(path, file);
        } else if name.ends_with(".zip") {
            session.mention(restore::open_archive(session, &path, &file).await);
        } else if !name.starts_with('.') {
            session.library_mut().strangers.insert(path);
        }
    }
    take_documents(session, documents).await?;
    cases::refresh(session).await
}

/// Takes the dataset.json among these files, in place of an earlier one.
async fn take_documents(session: &Session, documents: BTreeMap<String, Blob>) -> Result<()> {
    let newest = DatasetJson::find(documents.keys()).cloned();
    for (path, file) in documents {
        if Some(&path) != newest.as_ref() {
            session.library_mut().strangers.insert(path);
            continue;
        }
        session.library_mut().strangers.remove(&path);
        let own = blob(&bytes_of(&path, &file).await?)?;
        let name = format!("{}{path}", names::CASES);
        session.keep(&name, &own.0).await;
        let before = session
            .library_mut()
            .dataset_json
            .replace((path.clone(), own));
        if let Some((before, _)) = before.filter(|(before, _)| *before != path) {
            session
                .drop_kept(&format!("{}{before}", names::CASES))
                .await;
            session.library_mut().strangers.insert(before);
        }
    }
    Ok(())
}

/// Takes a dropped weights file as the weights at hand. One from PyTorch is converted.
async fn take_weights(session: &Session, path: &str, file: &Blob) -> Result<()> {
    let bytes = bytes_of(path, file).await?;
    let unusable = |source: WeightsError| Error::Weights {
        file: path.to_owned(),
        source: source.into(),
    };
    // Loading them once shows whether the file holds the network that it says.
    let options = ImportOptions::default();
    let device = &session.device.device;
    let loaded = weights::import(&bytes, &options, device).map_err(unusable)?;
    if loaded.assumed.is_empty() && loaded.missing.is_empty() {
        return session.keep_weights(bytes, &loaded.metadata).await;
    }
    session.reporter.send(WorkerReport::Problem(format!(
        "{path}: converted from PyTorch; assumed: {}",
        loaded.assumed.join(", ")
    )));
    let converted = weights::save(&loaded.model, &loaded.metadata, Precision::F32).await;
    let converted = converted.map_err(unusable)?;
    session.keep_weights(converted, &loaded.metadata).await
}

/// Makes the synthetic sample volumes: some labelled, some not.
pub async fn add_samples(session: &Session) -> Result<()> {
    breathe().await;
    let cases = phantom(&SAMPLES);
    let (labelled, unlabelled) = cases.split_at(LABELLED_SAMPLES.min(cases.len()));
    let names = |cases: &[medcontext_core::dataset::PhantomCase]| {
        cases
            .iter()
            .map(|case| case.name.clone())
            .collect::<Vec<_>>()
    };
    let mut uploads = vec![upload(
        "sample/dataset.json",
        phantom_dataset_json(&names(labelled), &names(unlabelled)).as_bytes(),
    )?];
    for case in labelled {
        let name = &case.name;
        uploads.push(upload(
            &format!("sample/imagesTr/{name}.nii.gz"),
            &gzip(&case.image),
        )?);
        uploads.push(upload(
            &format!("sample/labelsTr/{name}.nii.gz"),
            &gzip(&case.label),
        )?);
    }
    for case in unlabelled {
        let name = &case.name;
        uploads.push(upload(
            &format!("sample/imagesTs/{name}.nii.gz"),
            &gzip(&case.image),
        )?);
    }
    add(session, uploads).await
}

/// A file as if it had been dropped.
fn upload(path: &str, bytes: &[u8]) -> Result<Upload> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let file = File::new_with_u8_array_sequence(&parts, path).map_err(|e| Error::no_blob(&e))?;
    Ok(Upload {
        path: path.to_owned(),
        file: Handle(file),
    })
}

/// A file's bytes.
pub async fn bytes_of(path: &str, file: &Blob) -> Result<Vec<u8>> {
    let buffer = JsFuture::from(file.array_buffer())
        .await
        .map_err(|reason| Error::unreadable(path, &reason))?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// A value as a JSON file of that name.
pub fn json_file(name: &str, value: &impl Serialize) -> Result<Blob> {
    let text = serde_json::to_vec(value).map_err(|reason| Error::Json {
        file: name.to_owned(),
        reason: reason.to_string(),
    })?;
    Ok(blob(&text)?.0)
}

/// Bytes as a file that the page can show or save.
pub fn blob(bytes: &[u8]) -> Result<Handle<Blob>> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    Blob::new_with_u8_array_sequence(&parts)
        .map(Handle)
        .map_err(|reason| Error::no_blob(&reason))
}
