//! Reads the volumes of cases: each once, to see whether its files are whole and what is in them, and again
//! whenever they are needed and no longer in the cache.

use std::collections::BTreeMap;
use std::rc::Rc;

use medcontext_core::dataset::{Case, CaseFiles, Reading, Role, read_case};
use medcontext_core::infer::LabelVolume;
use medcontext_core::volume::{Image, LabelImage, Limits};
use web_time::Instant;

use super::cases::drop_case;
use super::error::{Error, Result, named};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::{CaseContents, CasesReport, ReadingProgress};
use crate::platform::{Blob, spawn_local};
use crate::saved::bytes_of;

/// The longer side of the picture in the table, in pixels: sharp on screens with two of them to a CSS pixel.
const THUMBNAIL: usize = 72;

impl Session {
    /// The files of a case.
    pub fn files_of(&self, id: &str) -> Result<CaseFiles> {
        let files = self.cases.borrow().get(id).map(|info| info.files.clone());
        files.ok_or_else(|| Error::NoCase(id.to_owned()))
    }

    /// A case with its volumes, from the cache or from its files. The page is told what is in them, once. A label
    /// map that cannot be used leaves the image in place, with the reason beside it.
    pub async fn read(&self, id: &str) -> Result<Rc<Reading>> {
        // One after another: whoever waits for the same case finds it in the cache, and two large ones are never
        // decoded at one time.
        let _turn = self.reads.lock().await;
        let files = self.files_of(id)?;
        let cached = self.cache.borrow_mut().get(&files);
        let reading = match cached {
            Some(reading) => reading,
            None => {
                let fetch = async |path: &str| Ok::<_, Error>(bytes_of(path, &self.file(path)?).await?);
                let options = self.library().read_options(&files);
                let reading = Rc::new(read_case(&files, &options, fetch).await?);
                self.cache.borrow_mut().insert(files.clone(), Rc::clone(&reading));
                reading
            }
        };
        self.describe(&files, &reading);
        Ok(reading)
    }

    /// A case with its volumes, which nothing else uses from here on.
    pub async fn take_case(&self, id: &str) -> Result<Case> {
        let reading = self.read(id).await?;
        self.cache.borrow_mut().remove(id);
        let reading = Rc::try_unwrap(reading);
        Ok(reading.map_or_else(|shared| shared.case.clone(), |reading| reading.case))
    }

    /// Reports what was read, unless it has been reported or the case consists of other files since.
    fn describe(&self, files: &CaseFiles, reading: &Reading) {
        let names = self.declared_names();
        let mut cases = self.cases.borrow_mut();
        let Some(info) = cases.get_mut(&files.id).filter(|info| info.files == *files) else {
            return;
        };
        if info.is_read() {
            return;
        }
        let labels = reading.case.label.as_ref();
        info.role = Role::of(labels.is_some(), files.part);
        info.contents = Some(CaseContents {
            labels: labels.map(|label| LabelVolume::all_of(label, &names)),
            ignored: labels.filter(|label| label.has_ignored()).and_then(LabelImage::ignored),
            names: labels.map_or_else(BTreeMap::new, LabelImage::names),
            thumbnail: reading.case.image.thumbnail(THUMBNAIL),
            problems: reading.sentences(),
            // A label map that is made of several files cannot be repaired as one.
            fix: reading.fix.filter(|_| files.label.is_some()),
        });
        self.reporter.send(CasesReport::Read(info.clone()));
    }
}

/// Reads all unread cases in the background.
pub fn check_new(session: &Rc<Session>) {
    if next_unread(session).is_none() || session.checking.replace(true) {
        return;
    }
    let session = Rc::clone(session);
    spawn_local(async move {
        let (start, mut read) = (Instant::now(), 0);
        while let Some((files, done, total)) = next_unread(&session) {
            let each = (read > 0).then(|| start.elapsed().as_secs_f64() / f64::from(read));
            session.reporter.send(CasesReport::Reading(Some(ReadingProgress {
                done,
                total,
                remaining_seconds: each.map(|seconds| seconds * (total - done) as f64),
            })));
            if let Err(error) = session.read(&files.id).await
                // The case may have been removed, or consist of other files since.
                && session.files_of(&files.id).is_ok_and(|now| now == files)
            {
                drop_case(&session, &files, error).await;
                session.tell_library();
            }
            read += 1;
            yield_now().await;
        }
        session.reporter.send(CasesReport::Reading(None));
        session.checking.set(false);
    });
}

/// The next case to read, those with labels first; with how many were read, of how many.
fn next_unread(session: &Session) -> Option<(CaseFiles, usize, usize)> {
    let cases = session.cases.borrow();
    let unread = || cases.values().filter(|info| info.is_unread());
    let labeled = unread().find(|info| info.files.is_labeled());
    let next = labeled.or_else(|| unread().next())?;
    let done = cases.values().filter(|info| info.is_read()).count();
    Some((next.files.clone(), done, done + unread().count()))
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
