//! Reads the volumes of cases: each once, to see whether its files are whole and what is in them, and again
//! whenever they are needed and are not at hand any more.

use std::collections::BTreeMap;
use std::rc::Rc;

use medcontext_core::dataset::{self, Case, CaseFiles, Role};
use medcontext_core::infer::LabelVolume;
use medcontext_core::volume::{Image, LabelImage, Limits};

use super::bytes::bytes_of;
use super::cases::drop_case;
use super::entry::{Entry, Reading, named};
use super::error::{Error, Result};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::CasesReport;
use crate::platform::{Blob, spawn_local};

/// The longer side of the picture in the table, in pixels: sharp on screens with two of them to a CSS pixel.
const THUMBNAIL: usize = 72;

impl Session {
    /// A case with its volumes, read if they are not at hand.
    pub async fn case(&self, id: &str) -> Result<Rc<Case>> {
        Ok(self.reading(id).await?.case)
    }

    /// A case with its volumes, which nothing else uses from here on.
    pub async fn take_case(&self, id: &str) -> Result<Case> {
        let case = self.case(id).await?;
        self.cache.borrow_mut().remove(id);
        Ok(Rc::try_unwrap(case).unwrap_or_else(|shared| shared.as_ref().clone()))
    }

    /// A case with its volumes. The page is told what is in them, unless it knows.
    pub async fn described_case(&self, id: &str) -> Result<Rc<Case>> {
        let files = self.cases.borrow().get(id).map(|entry| entry.files.clone());
        let reading = self.reading(id).await?;
        let names = self.declared_names();
        let mut cases = self.cases.borrow_mut();
        let entry = cases.get_mut(id).filter(|entry| !entry.info.read);
        // It may be made of other files by now.
        if let Some(entry) = entry.filter(|entry| Some(&entry.files) == files.as_ref()) {
            describe(entry, &reading, names);
            self.reporter.send(CasesReport::Read(entry.info.clone()));
        }
        Ok(reading.case)
    }

    async fn reading(&self, id: &str) -> Result<Reading> {
        // One after another: whoever waits for the same case finds it then, and large ones never meet.
        let _turn = self.reads.lock().await;
        let files = self.cases.borrow().get(id).map(|entry| entry.files.clone());
        let files = files.ok_or_else(|| Error::NoCase(id.to_owned()))?;
        if let Some(reading) = self.cache.borrow_mut().get(&files) {
            return Ok(reading);
        }
        let reading = read_case(self, &files).await?;
        if let Some(entry) = self.cases.borrow_mut().get_mut(id) {
            let names = reading.case.label.as_ref().map(LabelImage::names);
            entry.names = names.unwrap_or_default();
        }
        self.cache.borrow_mut().insert(files, reading.clone());
        Ok(reading)
    }
}

/// Reads every case that was not read yet, beside whatever else goes on.
pub fn check_new(session: &Rc<Session>) {
    if next_unread(session).is_none() || session.checking.replace(true) {
        return;
    }
    let session = Rc::clone(session);
    spawn_local(async move {
        while let Some((files, done, total)) = next_unread(&session) {
            session.reporter.send(CasesReport::Reading { done, total });
            check(&session, &files).await;
            yield_now().await;
        }
        session.reporter.send(CasesReport::Reading { done: 0, total: 0 });
        session.checking.set(false);
    });
}

/// The next case to read, those with labels first; with how many were read, of how many.
fn next_unread(session: &Session) -> Option<(CaseFiles, usize, usize)> {
    let cases = session.cases.borrow();
    let readable = || cases.values().filter(|entry| entry.info.frames.is_none());
    let unread = || readable().filter(|entry| !entry.info.read);
    let next = unread()
        .find(|entry| entry.files.is_labeled())
        .or_else(|| unread().next())?;
    let total = readable().count();
    Some((next.files.clone(), total - unread().count(), total))
}

/// Reads a case and tells what is in it.
async fn check(session: &Session, files: &CaseFiles) {
    let read = session.described_case(&files.id).await;
    // It may be gone by now, or be made of other files.
    let same = |session: &Session| {
        let cases = session.cases.borrow();
        cases.get(&files.id).is_some_and(|e| e.files == *files)
    };
    if let Err(error) = read
        && same(session)
    {
        drop_case(session, files, error).await;
        session.tell_library();
    }
}

/// Adds what is known from the voxels. A label is called as a dataset.json says, else as its own label map says.
fn describe(entry: &mut Entry, reading: &Reading, mut names: BTreeMap<u16, String>) {
    for (id, name) in &entry.names {
        names.entry(*id).or_insert_with(|| name.clone());
    }
    let (info, case) = (&mut entry.info, &reading.case);
    let labels = case.label.as_ref();
    info.read = true;
    info.labels = labels.map(|label| LabelVolume::all_of(label, &names));
    info.thumbnail = Some(case.image.thumbnail(THUMBNAIL));
    info.role = Role::of(labels.is_some(), entry.files.part);
    info.problems.clone_from(&reading.problems);
    info.fix = reading.fix;
}

/// Reads a case's files. A label map that cannot be used leaves the image in place, with the reason beside it.
async fn read_case(session: &Session, files: &CaseFiles) -> Result<Reading> {
    let fetch = async |path: &str| bytes_of(path, &session.file(path)?).await;
    let options = session.library().read_options(files);
    let read = dataset::read_case(files, &options, fetch).await?;
    Ok(Reading {
        problems: read.sentences(),
        // One made of several files cannot be repaired as one.
        fix: read.fix.filter(|_| files.label.is_some()),
        case: Rc::new(read.case),
    })
}

/// A volume of a file that holds one.
pub async fn read_image(name: &str, file: &Blob) -> Result<Image> {
    let bytes = bytes_of(name, file).await?;
    Ok(Image::read(&bytes, &Limits::default()).map_err(named(name))?)
}

/// The label map of a file that holds one.
pub async fn read_labels(name: &str, file: &Blob) -> Result<LabelImage> {
    let image = read_image(name, file).await?;
    Ok(LabelImage::from_image(image).map_err(named(name))?)
}
