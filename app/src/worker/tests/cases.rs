//! Files, what is decided about them, and how another session comes to know.

use medcontext_core::dataset::{Frames, Role, drawing_path};

use super::{Page, cases, pair_by_hand, phantoms, problems, two_cases, upload};
use crate::message::{CaseInfo, CasesReport, CasesRequest, Report, SessionReport, SessionRequest, WorkerRequest};
use crate::platform::run;
use crate::saved::Saved;

/// Voxels of each label, by its id.
fn label_voxels(info: &CaseInfo) -> Vec<(u16, usize)> {
    let labels = info.labels().into_iter().flatten();
    labels.map(|label| (label.id, label.voxels)).collect()
}

/// Files that are not used.
fn unused(reports: &[Report]) -> Vec<String> {
    let leftovers = reports.iter().rev().find_map(|report| match report {
        Report::Cases(CasesReport::Leftovers { files, .. }) => Some(files.clone()),
        _ => None,
    });
    let leftovers = leftovers.into_iter().flatten();
    leftovers.map(|unused| unused.path).collect()
}

#[test]
fn files_become_cases_and_are_read() {
    run(async {
        let (page, opened) = Page::open().await;
        assert!(problems(&opened).is_empty());
        let all = page.add(two_cases()).await;
        let ids: Vec<&str> = all.iter().map(|info| info.id()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(all[0].role, Role::Train);
        assert_eq!(all[1].role, Role::Predict);
        assert!(all.iter().all(|info| info.is_read() && info.header.channels == 1));
        assert!(all.iter().all(|info| info.is_read()));
        let found: Vec<u16> = label_voxels(&all[0]).iter().map(|label| label.0).collect();
        assert_eq!(found, [1, 2]);
    });
}

#[test]
fn cases_that_are_not_read_yet_are_left_out_when_reading_is_stopped() {
    run(async {
        let (page, _) = Page::open().await;
        // Asked for before all of them are read.
        page.send(CasesRequest::Add(two_cases()));
        let mut reports = page.ask(CasesRequest::StopReading).await;
        reports.extend(page.ask(WorkerRequest::Flush).await);
        let known = cases(&reports);
        assert!(known.len() < 2 && known.iter().all(CaseInfo::is_read), "{known:?}");
        let left = 2 - known.len();
        assert_eq!(
            problems(&reports),
            [format!(
                "reading was stopped before {left} of the cases, which are left out; drop their files again to use them"
            )]
        );
        let ended = |report: &Report| matches!(report, Report::Cases(CasesReport::Reading(None)));
        if !reports.iter().any(ended) {
            page.until(ended).await;
        }
        // They can be dropped again.
        let all = page.add(two_cases()).await;
        assert!(all.len() == 2 && all.iter().all(CaseInfo::is_read), "{all:?}");
    });
}

#[test]
fn a_label_map_chosen_by_hand_is_used_and_outlives_the_worker_and_the_tab() {
    run(async {
        let (first, _) = Page::open().await;
        first.add(two_cases()).await;
        let mut reports = first.ask(pair_by_hand()).await;
        assert!(unused(&reports).is_empty());
        reports.extend(first.read().await);
        let paired = cases(&reports);
        assert_eq!(paired[0].files.label.as_deref(), Some("other_seg.nii"));
        assert_eq!(paired[0].role, Role::Train);
        assert_eq!(label_voxels(&paired[0]).len(), 2);
        let saved = Saved {
            roles: [("a", Role::Train), ("b", Role::Train)]
                .map(|(case, role)| (case.to_owned(), role))
                .into(),
            ..Saved::default()
        };
        first.ask(SessionRequest::Remember(Box::new(saved.clone()))).await;

        // Another worker takes over.
        let (second, _) = Page::open().await;
        let library = first.library.borrow().clone();
        let mut reports = second.ask(WorkerRequest::Resume(Box::new(library))).await;
        reports.extend(second.read().await);
        let taken_over = cases(&reports);
        assert_eq!(taken_over.len(), 2);
        assert_eq!(taken_over[1], paired[0]);

        // Another tab finds everything in the storage.
        let (third, opened) = Page::open().await;
        let found = opened.iter().find_map(|report| match report {
            Report::Session(SessionReport::Found(saved)) => Some(saved),
            _ => None,
        });
        assert_eq!(found.map(|found| &**found), Some(&saved));
        let mut reports = third.ask(SessionRequest::Restore).await;
        reports.extend(third.read().await);
        assert!(problems(&reports).is_empty());
        assert_eq!(cases(&reports), taken_over);
    });
}

#[test]
fn a_drawing_replaces_the_label_map_until_another_is_chosen() {
    run(async {
        let (page, _) = Page::open().await;
        let before = page.add(two_cases()).await;
        let drawing = phantoms(1).remove(0).label;
        let request = CasesRequest::Label {
            case: "a".to_owned(),
            drawing: upload("", &drawing).file,
            names: [(1, "liver".to_owned())].into(),
        };
        let mut reports = page.ask(request).await;
        assert_eq!(problems(&reports), Vec::<&str>::new());
        reports.extend(page.read().await);
        let drawn = &cases(&reports)[0];
        assert_eq!(drawn.files.label, Some(drawing_path("a")));
        assert_eq!(label_voxels(drawn), label_voxels(&before[0]));

        let request = CasesRequest::Pair {
            case: "a".to_owned(),
            label: Some("a_seg.nii".to_owned()),
        };
        let mut reports = page.ask(request).await;
        reports.extend(page.read().await);
        assert_eq!(cases(&reports)[0], before[0]);
        assert!(page.library.borrow().file(&drawing_path("a")).is_none());
    });
}

/// The same volume twice, as a series over time.
fn series(volume: &[u8]) -> Vec<u8> {
    const VOXELS: usize = 352;
    let mut bytes = volume.to_vec();
    // dim[0] and dim[4] of a NIfTI-1 header.
    bytes[40..42].copy_from_slice(&4_i16.to_le_bytes());
    bytes[48..50].copy_from_slice(&2_i16.to_le_bytes());
    bytes.extend_from_slice(&volume[VOXELS..]);
    bytes
}

#[test]
fn frames_of_a_series_are_used_as_chosen() {
    run(async {
        let (page, _) = Page::open().await;
        let image = series(&phantoms(1)[0].image);
        let files = vec![upload("s.nii", &image), upload("t.nii", &image)];
        let reports = page.ask(CasesRequest::Add(files)).await;
        let undecided = cases(&reports);
        assert!(undecided.iter().all(|info| info.header.undecided_frames == Some(2)));

        let choose = |case: &str, frames| CasesRequest::UseFrames {
            case: case.to_owned(),
            frames,
        };
        let mut reports = page.ask(choose("s", Frames::One(1))).await;
        reports.extend(page.read().await);
        let decided = cases(&reports);
        assert_eq!(decided.len(), 1);
        assert_eq!(
            (decided[0].header.undecided_frames, decided[0].header.channels),
            (None, 1)
        );
        assert!(decided[0].is_read());

        let reports = page.ask(choose("t", Frames::Channels)).await;
        let decided = cases(&reports);
        assert_eq!(decided.len(), 1);
        assert_eq!(
            (decided[0].header.undecided_frames, decided[0].header.channels),
            (None, 2)
        );
    });
}

#[test]
fn what_cannot_be_used_is_named_and_what_is_removed_is_gone() {
    run(async {
        let (page, _) = Page::open().await;
        let mut files = two_cases();
        files.push(upload("broken.nii", b"no volume"));
        files.push(upload("readme.txt", b"text"));
        let reports = page.ask(CasesRequest::Add(files)).await;
        assert_eq!(problems(&reports).len(), 1);
        assert!(problems(&reports)[0].starts_with("broken.nii"));
        assert_eq!(cases(&reports).len(), 2);
        assert_eq!(unused(&reports), ["other_seg.nii", "readme.txt"]);

        let reports = page.ask(CasesRequest::Discard).await;
        assert!(unused(&reports).is_empty());
        let remove = CasesRequest::Remove { case: "a".to_owned() };
        page.ask(remove).await;
        let library = page.library.borrow();
        let left: Vec<&String> = library.files().map(|(path, _)| path).collect();
        assert_eq!(left, ["b.nii"]);
    });
}
