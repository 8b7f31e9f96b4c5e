//! Taking files in.

use std::collections::BTreeMap;

use medcontext_core::dataset::{DatasetJson, PhantomConfig, phantom};
use medcontext_core::preset::{Preset, lay_out};
use medcontext_core::volume::gzip;

use super::error::Result;
use super::reporter::yield_now;
use super::session::Session;
use super::{cases, restore, weights};
use crate::message::{Handle, Upload};
use crate::platform::{self, Blob};
use crate::saved::{self, blob, bytes_of, names};

/// Large enough for several tokens of a network along every axis, so that MedContext has something to mask.
const SAMPLES: PhantomConfig = PhantomConfig {
    cases: 8,
    seed: 0,
    voxels: (36, 60),
};
/// Sample volumes that come with labels; the others are there to be segmented.
const LABELED_SAMPLES: usize = 5;

/// How files with weights end: this program's, and what PyTorch's users save.
const WEIGHTS: [&str; 6] = [".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".model"];

/// Takes files in and brings the cases up to date. A file that cannot be used is named, the others stay.
pub async fn add(session: &Session, uploads: Vec<Upload>) -> Result<()> {
    let mut documents = BTreeMap::new();
    for Upload { path, file } in uploads {
        let file = platform::as_blob(file.0);
        let name = path.rsplit('/').next().unwrap_or(&path).to_lowercase();
        if WEIGHTS.iter().any(|ending| name.ends_with(ending)) {
            session.mention(weights::import(session, &path, &file).await);
        } else if name.ends_with(".json") {
            documents.insert(path, file);
        } else if name.ends_with(".zip") {
            session.mention(restore::open_archive(session, &path, &file).await);
        } else {
            session.library_mut().add(&path, Handle(file));
        }
    }
    take_documents(session, documents).await?;
    cases::refresh(session).await;
    Ok(())
}

/// Takes the dataset.json among these files, in place of an earlier one.
async fn take_documents(session: &Session, documents: BTreeMap<String, Blob>) -> Result<()> {
    let newest = DatasetJson::find(documents.keys()).cloned();
    for (path, file) in documents {
        if Some(&path) != newest.as_ref() {
            session.library_mut().add(&path, Handle(file));
            continue;
        }
        let bytes = bytes_of(&path, &file).await?;
        // A file that no other program changes.
        let own = blob(&bytes)?;
        session.store(&names::volume(&path), &own.0).await;
        let unused = session.library_mut().add_dataset_json(&path, &bytes, own);
        session.stored.remove_volumes(unused).await;
    }
    Ok(())
}

/// Makes the synthetic sample volumes, some labeled and some not, and takes them in as if they had been dropped.
pub async fn add_samples(session: &Session) -> Result<()> {
    yield_now().await;
    let mut uploads = Vec::new();
    for (name, bytes) in lay_out(Preset::Decathlon, &phantom(&SAMPLES), LABELED_SAMPLES)? {
        let path = format!("sample/{name}");
        let bytes = if name.ends_with(".gz") { gzip(&bytes) } else { bytes };
        let file = platform::file(&bytes, &path).map_err(saved::Error::NoBlob)?;
        let file = Handle(file);
        uploads.push(Upload { path, file });
    }
    add(session, uploads).await
}
