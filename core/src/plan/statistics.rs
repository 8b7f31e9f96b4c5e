//! Statistics over the cases of a data set, as numpy has them.

use crate::metric;

/// A percentile (0 to 100), interpolated linearly; `None` of no values.
pub(super) fn percentile(mut values: Vec<f64>, percent: f64) -> Option<f64> {
    let any = !values.is_empty();
    any.then(|| metric::percentile(&mut values, percent))
}

/// The middle value, or the mean of the two in the middle; `None` of no values.
pub(super) fn median(values: Vec<f64>) -> Option<f64> {
    percentile(values, 50.0)
}

/// `statistic` of the values along each axis.
pub(super) fn per_axis(values: &[[f64; 3]], statistic: impl Fn(Vec<f64>) -> Option<f64>) -> Option<[f64; 3]> {
    let along = |axis: usize| statistic(values.iter().map(|value| value[axis]).collect());
    Some([along(0)?, along(1)?, along(2)?])
}

/// The first axis with the largest value.
pub(super) fn largest(values: [f64; 3]) -> usize {
    let mut found = 0;
    for axis in 1..3 {
        if values[axis] > values[found] {
            found = axis;
        }
    }
    found
}
