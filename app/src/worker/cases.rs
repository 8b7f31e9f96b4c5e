//! From files to cases, and what the table shows of them. Headers say enough for that; the voxels are read in
//! `reading.rs`.

use std::collections::BTreeMap;

use medcontext_core::dataset::{CaseFiles, Changes, Frames, HEADER_BYTES, Leftover};
use medcontext_core::train::TrainConfig;
use medcontext_core::volume::{Format, Inspection, Limits};

use super::entry::{Entry, named};
use super::error::{Error, Result};
use super::reporter::yield_now;
use super::session::Session;
use crate::message::{CaseInfo, CasesReport, TrainingReport, Unused};
use crate::platform;
use crate::saved::names;

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
    for id in &removed {
        forget(session, id);
    }
    // What was known of a file with other contents is of no use any more.
    let replaced = |entry: &Entry| changed.contains(&entry.files);
    session.cases.borrow_mut().retain(|_, entry| !replaced(entry));
    for files in &changed {
        if let Err(error) = announce(session, files).await {
            drop_case(session, files, error).await;
        }
        yield_now().await;
    }
    suggest(session);
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

/// Forgets all cases, because their files come anew.
pub fn forget_all(session: &Session) {
    let known: Vec<String> = session.cases.borrow().keys().cloned().collect();
    for id in known {
        forget(session, &id);
    }
}

fn forget(session: &Session, id: &str) {
    session.cases.borrow_mut().remove(id);
    session.cache.borrow_mut().remove(id);
    session.reporter.send(CasesReport::Removed { case: id.to_owned() });
}

/// Forgets a case whose image cannot be used, and says why.
pub async fn drop_case(session: &Session, files: &CaseFiles, error: Error) {
    forget(session, &files.id);
    let paths = session.library_mut().drop_case(files);
    session.drop_volumes(paths).await;
    session.mention(Err(error));
}

/// Puts a case into the table, as its image's header describes it.
async fn announce(session: &Session, files: &CaseFiles) -> Result<()> {
    let header = header(session, files.image()).await?;
    let options = session.library().read_options(files);
    let expected = || Frames::expected(header.frames, options.channels);
    let decided = options.frames.or_else(expected);
    let frames = (header.frames > 1 && decided.is_none()).then_some(header.frames);
    let channels = match decided {
        Some(Frames::Channels) => header.frames,
        _ => files.channels.len(),
    };
    let info = CaseInfo {
        id: files.id.clone(),
        image: files.image().to_owned(),
        label: files.label.clone(),
        labeled: files.is_labeled(),
        dims: header.grid.dims,
        channels,
        spacing: header.spacing,
        orientation: header.orientation,
        frames,
        role: files.role(),
        read: false,
        labels: None,
        thumbnail: None,
        problems: Vec::new(),
        fix: None,
    };
    session.reporter.send(CasesReport::Case(info.clone()));
    let entry = Entry {
        files: files.clone(),
        info,
        size: header.grid.canonical_dims(),
        datatype: header.datatype,
        names: BTreeMap::new(),
    };
    session.cache.borrow_mut().remove(&files.id);
    let mut cases = session.cases.borrow_mut();
    cases.insert(files.id.clone(), entry);
    Ok(())
}

/// What a file's first bytes say about it.
async fn header(session: &Session, path: &str) -> Result<Inspection> {
    let start = platform::read_start(&session.file(path)?, HEADER_BYTES).await;
    let start = start.map_err(|reason| Error::unreadable(path, reason))?;
    let header = Format::of(path, &start).and_then(|format| format.inspect(&[&start]));
    let header = header.and_then(|header| Limits::default().check(header.decoded_bytes).map(|()| header));
    Ok(header.map_err(named(path))?)
}

/// Offers settings that suit the labeled cases.
fn suggest(session: &Session) {
    let cases = session.cases.borrow();
    let labeled = cases.values().filter(|entry| entry.files.is_labeled());
    let sizes: Vec<[usize; 3]> = labeled.map(|entry| entry.size).collect();
    if !sizes.is_empty() {
        let config = Box::new(TrainConfig::suggest(&sizes));
        session.reporter.send(TrainingReport::Suggested(config));
    }
}

/// Forgets a case and its files.
pub async fn remove(session: &Session, id: &str) {
    let paths = session.library_mut().remove(id);
    session.drop_volumes(paths).await;
    session.drop_stored(&names::segmentation(id)).await;
    session.drop_stored(&names::uncertainty(id)).await;
    forget(session, id);
    refresh(session).await;
}

/// Forgets the files that are in no case.
pub async fn discard(session: &Session) {
    let paths = session.library_mut().discard();
    session.drop_volumes(paths).await;
    refresh(session).await;
}
