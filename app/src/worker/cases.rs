//! Turns files into the cases of the table. Headers say enough for that; the voxels are read in
//! `reading.rs`.

use medcontext_core::dataset::{CaseFiles, CaseHeader, Changes, HEADER_BYTES, Leftover};

use super::error::{Error, Result, named};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::{CaseInfo, CasesReport, Unused};
use crate::platform;
use crate::saved::{self, names};

/// Pairs all files taken in so far. The page is told of the cases that are new or have changed, and of every file
/// that is not used.
pub async fn refresh(session: &Session) {
    let Changes {
        removed,
        changed,
        leftovers,
        structures,
    } = session.refresh_library();
    tell_leftovers(session, leftovers, structures);
    let slices = session.library().choices().labeled_slices;
    session.reporter.send(CasesReport::LabeledSlices(slices));
    for id in &removed {
        forget(session, id);
    }
    for files in &changed {
        // What is known of the previous files no longer holds.
        session.forget_volumes(&files.id);
    }
    for files in &changed {
        if let Err(error) = announce(session, files).await {
            drop_case(session, files, error).await;
        }
        yield_now().await;
    }
}

fn tell_leftovers(session: &Session, leftovers: Vec<Leftover>, structures: bool) {
    let library = session.library();
    let unused = leftovers.into_iter().map(|leftover| Unused {
        volume: library.file(&leftover.path).is_some(),
        path: leftover.path,
        reason: leftover.reason,
    });
    session.reporter.send(CasesReport::Leftovers {
        files: unused.collect(),
        structures,
    });
}

/// Removes all cases before another session takes their place.
pub fn forget_all(session: &Session) {
    let known: Vec<String> = session.cases.borrow().keys().cloned().collect();
    for id in known {
        forget(session, &id);
    }
}

fn forget(session: &Session, id: &str) {
    session.forget_volumes(id);
    session.reporter.send(CasesReport::Removed { case: id.to_owned() });
}

/// Forgets a case whose image cannot be used, and says why.
pub async fn drop_case(session: &Session, files: &CaseFiles, error: Error) {
    forget(session, &files.id);
    let paths = session.library_mut().drop_case(files);
    session.stored.remove_volumes(paths).await;
    session.mention(Err(error));
}

/// Puts a case into the table, as its image's header describes it.
async fn announce(session: &Session, files: &CaseFiles) -> Result<()> {
    let path = files.image();
    let start = platform::read_start(&session.file(path)?, HEADER_BYTES).await;
    let start = start.map_err(|reason| saved::Error::unreadable(path, reason))?;
    let options = session.library().read_options(files);
    let info = CaseInfo {
        files: files.clone(),
        header: CaseHeader::read(files, &options, &start).map_err(named(path))?,
        role: files.role(),
        contents: None,
    };
    session.reporter.send(CasesReport::Case(info.clone()));
    session.cases.borrow_mut().insert(files.id.clone(), info);
    Ok(())
}

/// Forgets a case and its files.
pub async fn remove(session: &Session, id: &str) {
    take_out(session, id).await;
    refresh(session).await;
}

/// Takes a case and its files out of the session and its storage.
async fn take_out(session: &Session, id: &str) {
    let paths = session.library_mut().remove(id);
    session.stored.remove_volumes(paths).await;
    session.stored.remove(&names::segmentation(id)).await;
    session.stored.remove(&names::uncertainty(id)).await;
    forget(session, id);
}

/// Leaves out the cases that have not been read yet, and says how many.
pub async fn stop_reading(session: &Session) -> Result<()> {
    let unread: Vec<String> = {
        let cases = session.cases.borrow();
        let unread = cases.iter().filter(|(_, info)| info.is_unread());
        unread.map(|(id, _)| id.clone()).collect()
    };
    for id in &unread {
        take_out(session, id).await;
    }
    refresh(session).await;
    match unread.len() {
        0 => Ok(()),
        count => Err(Error::LeftUnread(count)),
    }
}

/// Forgets the files that are in no case.
pub async fn discard(session: &Session) {
    let paths = session.library_mut().discard();
    session.stored.remove_volumes(paths).await;
    refresh(session).await;
}
