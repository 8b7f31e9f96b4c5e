//! Dice of the student on held-out cases, on their own grids.

use burn::tensor::Device;

use super::{HeldOut, LabelDice, TrainConfig};
use crate::Result;
use crate::backbone::Model;
use crate::infer::{self, PredictConfig, Predictor};
use crate::metric::dice;
use crate::weights::Metadata;

/// What validation found.
pub(super) struct Scores {
    /// Mean over labels of their means over cases.
    pub dice: f64,
    /// By label.
    pub labels: Vec<LabelDice>,
    /// Why cases were left out.
    pub left_out: Vec<String>,
}

/// Segments every case and compares it with its label map. One that cannot be read is left out, as long as
/// another can.
pub(super) async fn run(
    model: Model,
    metadata: Metadata,
    cases: &[HeldOut],
    config: &TrainConfig,
    device: &Device,
) -> Result<Scores> {
    let predictor = Predictor::new(model, metadata, device);
    let labels = predictor.metadata().labels.clone();
    let settings = PredictConfig {
        overlap: config.overlap,
        blend: config.blend,
        batch_size: config.batch_size,
        ..PredictConfig::default()
    };
    let mut found = vec![Vec::new(); labels.classes()];
    let mut left_out = Vec::new();
    for case in cases {
        let case = match case.read() {
            Ok(case) => case,
            Err(error) => {
                left_out.push(error);
                continue;
            }
        };
        let Some(truth) = &case.label else { continue };
        let mut run = predictor.start_channels(&case.images(), settings)?;
        while let Some(event) = run.next().await? {
            let infer::Event::Finished { segmentation, .. } = event else {
                continue;
            };
            let (predicted, truth) = (segmentation.labels.canonical(), truth.canonical());
            for (class, &id) in labels.ids().iter().enumerate().skip(1) {
                found[class].extend(dice(predicted.view(), truth.view(), id));
            }
        }
    }
    // Nothing to measure is no result.
    if left_out.len() == cases.len()
        && let Some(error) = left_out.pop()
    {
        return Err(error);
    }
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let by_label: Vec<LabelDice> = (1..labels.classes())
        .map(|class| LabelDice {
            id: labels.ids()[class],
            name: labels.names()[class].clone(),
            dice: mean(&found[class]),
        })
        .collect();
    let present: Vec<f64> = by_label.iter().filter_map(|label| label.dice).collect();
    Ok(Scores {
        dice: mean(&present).unwrap_or(0.0),
        labels: by_label,
        left_out: left_out.iter().map(ToString::to_string).collect(),
    })
}
