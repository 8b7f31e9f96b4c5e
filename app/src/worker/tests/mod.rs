//! A whole session, natively: requests go in, reports come out, on the CPU and with files in memory.

mod cases;
mod folds;
mod plan;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;

use medcontext_core::dataset::{PhantomCase, PhantomConfig, phantom};

use super::dispatch::Inbox;
use super::reporter::Reporter;
use crate::message::{
    CaseInfo, CasesReport, CasesRequest, Compute, DevicePreference, Handle, Report, Request, Upload, WorkerReport,
    WorkerRequest,
};
use crate::platform::{file, sleep};
use crate::saved::FileLibrary;

/// A test that waits for a report longer than so many turns waits in vain.
const TURNS: usize = 100_000;

/// The other end of a session.
struct Page {
    inbox: Inbox,
    reports: Rc<RefCell<Vec<Report>>>,
    library: RefCell<FileLibrary>,
}

impl Page {
    /// Opens a session on the CPU. The reports up to the one that it is ready are returned.
    async fn open() -> (Self, Vec<Report>) {
        let reports: Rc<RefCell<Vec<Report>>> = Rc::default();
        let sink = Rc::clone(&reports);
        let send = move |report| sink.borrow_mut().push(report);
        let page = Self {
            inbox: Inbox::open(Reporter::new(Rc::new(send))),
            reports,
            library: RefCell::default(),
        };
        let cpu = Compute {
            device: DevicePreference::Cpu,
            threads: None,
        };
        page.send(WorkerRequest::Open(cpu));
        let ready = |report: &Report| matches!(report, Report::Worker(WorkerReport::Ready(_)));
        let reports = page.until(ready).await;
        (page, reports)
    }

    /// Sends a request, which goes through an encoding as it does in a browser.
    fn send(&self, request: impl Into<Request>) {
        let text = serde_json::to_string(&request.into()).expect("a message is a plain value");
        let request = serde_json::from_str(&text).expect("both sides know it");
        self.inbox.receive(request);
    }

    /// The reports up to the first of which this is true.
    async fn until(&self, last: impl Fn(&Report) -> bool) -> Vec<Report> {
        for _ in 0..TURNS {
            let place = self.reports.borrow().iter().position(&last);
            if let Some(place) = place {
                let reports: Vec<Report> = self.reports.borrow_mut().drain(..=place).collect();
                for report in &reports {
                    if let Report::Worker(WorkerReport::Library(library)) = report {
                        *self.library.borrow_mut() = (**library).clone();
                    }
                }
                return reports;
            }
            sleep(0).await;
        }
        panic!("no such report came, but {:?}", self.reports.borrow());
    }

    /// The reports up to the one that this request is done.
    async fn ask(&self, request: impl Into<Request>) -> Vec<Report> {
        self.send(request);
        let done = |report: &Report| matches!(report, Report::Worker(WorkerReport::Handled));
        self.until(done).await
    }

    /// Adds files and waits until every case is read. The cases as they are known then.
    async fn add(&self, files: Vec<Upload>) -> Vec<CaseInfo> {
        let mut reports = self.ask(CasesRequest::Add(files)).await;
        reports.extend(self.read().await);
        cases(&reports)
    }

    /// The reports up to the one that every case is read.
    async fn read(&self) -> Vec<Report> {
        let all = Report::Cases(CasesReport::Reading(None));
        let all = format!("{all:?}");
        self.until(|report| format!("{report:?}") == all).await
    }
}

/// What the reports say last of each case, sorted by name.
fn cases(reports: &[Report]) -> Vec<CaseInfo> {
    let mut all = std::collections::BTreeMap::new();
    for report in reports {
        match report {
            Report::Cases(CasesReport::Case(info) | CasesReport::Read(info)) => {
                all.insert(info.id().to_owned(), info.clone());
            }
            Report::Cases(CasesReport::Removed { case }) => {
                all.remove(case);
            }
            _ => {}
        }
    }
    all.into_values().collect()
}

/// What went wrong.
fn problems(reports: &[Report]) -> Vec<&str> {
    let problems = reports.iter().filter_map(|report| match report {
        Report::Worker(WorkerReport::Problem(sentence)) => Some(sentence.as_str()),
        _ => None,
    });
    problems.collect()
}

/// A file as if it had been dropped.
fn upload(path: &str, bytes: &[u8]) -> Upload {
    Upload {
        path: path.to_owned(),
        file: Handle(file(bytes, path).expect("there is memory")),
    }
}

/// Synthetic cases, of 32 to 40 voxels along an axis.
fn phantoms(cases: usize) -> Vec<PhantomCase> {
    phantom(&PhantomConfig {
        cases,
        seed: 7,
        voxels: (32, 40),
    })
}

/// Two cases with label maps, of which the second one's fits no image by its name.
fn two_cases() -> Vec<Upload> {
    let all = phantoms(2);
    vec![
        upload("a.nii", &all[0].image),
        upload("a_seg.nii", &all[0].label),
        upload("b.nii", &all[1].image),
        upload("other_seg.nii", &all[1].label),
    ]
}

/// Gives the second case its label map.
fn pair_by_hand() -> CasesRequest {
    CasesRequest::Pair {
        case: "b".to_owned(),
        label: Some("other_seg.nii".to_owned()),
    }
}
