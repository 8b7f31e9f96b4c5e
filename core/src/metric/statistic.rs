//! Mean and spread.

use serde::{Deserialize, Serialize};

/// Mean and standard deviation of some values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// The mean.
    pub mean: f64,
    /// Standard deviation of a sample (n − 1); undefined for one value.
    pub sd: Option<f64>,
    /// Number of values.
    pub count: usize,
}

impl Statistic {
    /// Statistic of the defined values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Statistic> {
        let values: Vec<f64> = values.into_iter().flatten().collect();
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Statistic {
            mean,
            sd: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            count,
        })
    }

    /// `0.8123 ± 0.0412`, with `decimals` decimals; the mean alone if the deviation is undefined.
    pub fn text(&self, decimals: usize) -> String {
        match self.sd {
            Some(sd) => format!("{:.decimals$} ± {sd:.decimals$}", self.mean),
            None => format!("{:.decimals$}", self.mean),
        }
    }
}
