//! An evaluation as a document to print or archive: self-contained HTML.

use super::table::text;
use super::{Evaluation, LabelScore, Means, Measure};

/// The content of the document besides the scores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EvaluationDocument {
    /// Title of the evaluation.
    pub title: String,
    /// An earlier evaluation of the same cases: other weights, an earlier training run.
    pub before: Option<Evaluation>,
    /// What it takes to reproduce the numbers, as name and value: version, seed, device, weights.
    pub provenance: Vec<(String, String)>,
    /// Settings of the training run, as TOML.
    pub settings: Option<String>,
}

/// What the tables show.
const SHOWN: [Measure; 6] = [
    Measure::Dice,
    Measure::Hd95Mm,
    Measure::SurfaceDice,
    Measure::Iou,
    Measure::Precision,
    Measure::Recall,
];

/// What is shown of an earlier evaluation.
const COMPARED: [Measure; 2] = [Measure::Dice, Measure::Hd95Mm];

/// Looks the same on screen, on paper and in an email.
const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;\
color:#1c2733;background:#fff}table{border-collapse:collapse;margin:1em 0}th,td{padding:.25em .8em;\
border-bottom:1px solid #d5dce2;text-align:right;font-variant-numeric:tabular-nums}th:first-child,\
td:first-child,dt,dd{text-align:left}thead th{border-bottom:2px solid #7c8a96}dl{display:grid;\
grid-template-columns:max-content 1fr;gap:.2em 1.5em}dt{color:#52616d}dd{margin:0;overflow-wrap:anywhere}\
pre{background:#f2f5f7;padding:1em;white-space:pre-wrap}small{color:#52616d}";

impl Evaluation {
    /// The document: means by label, next to the earlier ones if given; every case; provenance.
    pub fn to_html(&self, document: &EvaluationDocument) -> String {
        let title = escape(&document.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n<h1>{title}</h1>\n"
        );
        html += &self.means(document.before.as_ref());
        html += &format!("<p><small>{}</small></p>\n", escape(&self.measured()));
        html += &self.every_case();
        html += &facts(&document.provenance);
        if let Some(settings) = &document.settings {
            html += &format!("<h2>Settings</h2>\n<pre>{}</pre>\n", escape(settings));
        }
        html + "<p><small>For research only: not a medical device.</small></p>\n</html>\n"
    }

    fn means(&self, before: Option<&Evaluation>) -> String {
        let mut head = vec!["Label".to_owned()];
        head.extend(SHOWN.iter().map(|measure| measure.title(self.protocol)));
        let compared = COMPARED.iter().filter(|_| before.is_some());
        head.extend(compared.map(|measure| measure.title(self.protocol) + " before"));
        let mean = |measure: &Measure, means: &Means| text(measure.mean(means), measure.decimals());
        let row = |name: &str, means: &Means, old: Option<&Means>| {
            let mut row = vec![name.to_owned()];
            row.extend(SHOWN.iter().map(|measure| mean(measure, means)));
            if before.is_some() {
                row.extend(
                    COMPARED
                        .iter()
                        .map(|measure| old.map_or("-".to_owned(), |old| mean(measure, old))),
                );
            }
            row
        };
        let old = |label: u16| {
            let old = before?.labels.iter().find(|old| old.label == label)?;
            Some(&old.means)
        };
        let labels = self
            .labels
            .iter()
            .map(|label| row(&label.name, &label.means, old(label.label)));
        let mut rows: Vec<Vec<String>> = labels.collect();
        rows.push(row("mean", &self.mean, before.map(|before| &before.mean)));
        table(&head, &rows)
    }

    fn every_case(&self) -> String {
        let mut head = vec!["Case".to_owned(), "Label".to_owned()];
        head.extend(SHOWN.iter().map(|measure| measure.title(self.protocol)));
        head.extend(["mL predicted", "mL true"].map(str::to_owned));
        let rows = self.cases.iter().flat_map(|case| {
            let labels = case.labels.iter().zip(&self.labels);
            labels.map(|(score, label)| {
                let mut row = vec![case.case.clone(), label.name.clone()];
                row.extend(numbers(score));
                row
            })
        });
        let rows: Vec<Vec<String>> = rows.collect();
        format!("<h2>Cases</h2>\n{}", table(&head, &rows))
    }
}

fn numbers(score: &LabelScore) -> Vec<String> {
    let number =
        |value: Option<f64>, decimals: usize| value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"));
    let measures = SHOWN
        .iter()
        .map(|measure| number(measure.of(score), measure.decimals()));
    let volumes = [score.ml_predicted, score.ml_true].map(|ml| number(Some(ml), 3));
    measures.chain(volumes).collect()
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String], tag: &str| {
        let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let body: String = rows.iter().map(|row| line(row, "td")).collect();
    format!(
        "<table>\n<thead>{}</thead>\n<tbody>\n{body}</tbody>\n</table>\n",
        line(head, "th")
    )
}

fn facts(provenance: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
    let lines: String = provenance.iter().map(line).collect();
    format!("<h2>How to get these numbers again</h2>\n<dl>\n{lines}</dl>\n")
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
