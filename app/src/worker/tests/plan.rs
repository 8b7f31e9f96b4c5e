//! Plans: from facts that are read once, and from measured steps.

use medcontext_core::plan::{Budget, Edits};
use medcontext_core::train::TrainConfig;

use super::{Page, pair_by_hand, problems, two_cases};
use crate::message::{CasesRequest, PlanReport, PlanRequest, PlanTask, Planned, Report, TaskReport};
use crate::platform::run;

fn task(minutes: f64) -> PlanTask {
    PlanTask {
        cases: ["a", "b"].map(str::to_owned).into(),
        minutes,
        speed: None,
    }
}

/// The next plan, or why there is none.
async fn planned(page: &Page) -> Result<Planned, String> {
    let reports = page.until(|report| matches!(report, Report::Plan(_))).await;
    match reports.last() {
        Some(Report::Plan(PlanReport::Planned(plan))) => Ok((**plan).clone()),
        Some(Report::Plan(PlanReport::Impossible(sentence))) => Err(sentence.clone()),
        other => panic!("no plan but {other:?}"),
    }
}

async fn labeled() -> Page {
    let (page, _) = Page::open().await;
    page.add(two_cases()).await;
    page.ask(pair_by_hand()).await;
    page.read().await;
    page
}

#[test]
fn a_plan_follows_the_minutes_and_the_labels() {
    run(async {
        let page = labeled().await;
        page.send(PlanRequest::Plan(task(30.0)));
        let half_hour = planned(&page).await.expect("a plan");
        assert!(!half_hour.measured);
        assert_eq!((half_hour.channels, half_hour.outputs), (1, 3));
        assert_eq!(half_hour.cases.len(), 2);
        let decided = |setting: &str| half_hour.decisions.iter().any(|one| one.setting == setting);
        assert!(decided("preprocessing.spacing") && decided("patch") && decided("iterations"));
        let budget = Budget::DEFAULT;
        let steps = budget.steps_of(budget.step_seconds(&half_hour.config, 1, 3));
        assert_eq!(half_hour.config.iterations, steps);

        page.send(PlanRequest::Plan(task(60.0)));
        let hour = planned(&page).await.expect("a plan");
        assert_eq!(hour.minutes, 60.0);
        let longer = hour.config.iterations as f64 / steps as f64;
        assert!((longer - 2.0).abs() < 0.01, "{longer} times as many steps");

        page.ask(CasesRequest::Pair {
            case: "b".to_owned(),
            label: None,
        })
        .await;
        page.read().await;
        page.send(PlanRequest::Plan(task(30.0)));
        let without = planned(&page).await.expect("a plan of the other");
        assert_eq!(without.outputs, 3);
        page.send(PlanRequest::Plan(PlanTask {
            cases: vec!["b".to_owned()],
            ..task(30.0)
        }));
        let sentence = planned(&page).await.expect_err("no labels");
        assert!(sentence.contains("label map"), "{sentence}");
    });
}

#[test]
fn measured_steps_fill_the_minutes() {
    run(async {
        let page = labeled().await;
        let edits = Edits {
            settings: ["patch".to_owned()].into(),
            chosen: TrainConfig {
                patch: [16; 3],
                ..TrainConfig::default()
            },
        };
        page.send(PlanRequest::Measure {
            task: task(2.0),
            edits: Box::new(edits.clone()),
        });
        let plan = planned(&page).await.expect("a plan");
        let ended = page.until(|report| matches!(report, Report::Task(_))).await;
        assert!(problems(&ended).is_empty());
        let Some(Report::Task(TaskReport::Ended { failure: None, .. })) = ended.last() else {
            panic!("{ended:?}");
        };
        assert!(plan.measured);
        assert_ne!(plan.speed, Budget::DEFAULT.speed);
        let config = edits.over(&plan.config, &plan.budget(), 1, 3).expect("settings");
        let seconds = plan.budget().step_seconds(&config, 1, 3) * config.iterations as f64;
        assert!((seconds / 120.0 - 1.0).abs() < 0.05, "{seconds} s");

        // The speed is known from here on.
        page.send(PlanRequest::Plan(task(30.0)));
        let again = planned(&page).await.expect("a plan");
        assert!(again.measured);
        assert_eq!(again.speed, plan.speed);
    });
}
