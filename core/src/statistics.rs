//! Percentiles, as numpy has them: interpolated linearly between the two nearest values.

/// A percentile (0 to 100) of values in rising order; `None` of no values.
pub(crate) fn percentile_of_sorted<T: Copy + Into<f64>>(values: &[T], percent: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = (percent / 100.0).clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let [low, high] = [below, above].map(|index| values[index].into());
    Some(low + (high - low) * (position - below as f64))
}

/// A percentile (0 to 100) of values in any order, which sorts them; `None` of no values.
pub(crate) fn percentile(values: &mut [f64], percent: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    percentile_of_sorted(values, percent)
}

/// The middle value, or the mean of the two in the middle; `None` of no values.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    percentile(&mut values, 50.0)
}

/// `statistic` of the values along each axis.
pub(crate) fn per_axis(values: &[[f64; 3]], statistic: impl Fn(Vec<f64>) -> Option<f64>) -> Option<[f64; 3]> {
    let along = |axis: usize| statistic(values.iter().map(|value| value[axis]).collect());
    Some([along(0)?, along(1)?, along(2)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile([1, 2, 4, 8], [0, 50, 95, 100])
        for (percent, expected) in [(0.0, 1.0), (50.0, 3.0), (95.0, 7.4), (100.0, 8.0)] {
            let found = percentile(&mut [8.0, 1.0, 4.0, 2.0], percent).expect("values");
            assert!((found - expected).abs() < 1e-12, "{percent}: {found}");
            let sorted = percentile_of_sorted(&[1.0f32, 2.0, 4.0, 8.0], percent);
            assert_eq!(sorted, Some(found));
        }
        assert_eq!(percentile(&mut [3.0], 95.0), Some(3.0));
        assert_eq!(percentile(&mut [], 95.0), None);
        assert_eq!(median(vec![5.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(
            per_axis(&[[1.0, 2.0, 3.0], [3.0, 4.0, 9.0]], median),
            Some([2.0, 3.0, 6.0])
        );
        assert_eq!(per_axis(&[], median), None);
    }
}
