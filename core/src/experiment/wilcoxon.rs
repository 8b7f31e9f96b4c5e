//! Wilcoxon's signed-rank test for paired values.

use serde::{Deserialize, Serialize};

/// Up to this many differences, the distribution is enumerated.
const EXACT_UP_TO: usize = 25;

/// Result of the test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedRank {
    /// Differences that are not zero.
    pub count: usize,
    /// Sum of the ranks of the positive differences.
    pub positive: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Whether `p` is exact.
    pub exact: bool,
}

/// Wilcoxon's test (Biometrics Bulletin 1, 1945) of whether paired differences lie symmetrically
/// around zero. Zeros are left out, and equal sizes share their mean rank. The p-value is exact for up
/// to 25 differences of different sizes, else the normal approximation with the correction for ties
/// and for continuity, as R's `wilcox.test`; `None` when every difference is zero.
pub fn wilcoxon(differences: &[f64]) -> Option<SignedRank> {
    let mut differences: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let count = differences.len();
    if count == 0 {
        return None;
    }
    let (mut positive, mut ties) = (0.0, 0.0);
    let mut below = 0;
    for equal in differences.chunk_by(|a, b| a.abs() == b.abs()) {
        let size = equal.len();
        let rank = below as f64 + (size as f64 + 1.0) / 2.0;
        positive += rank * equal.iter().filter(|d| **d > 0.0).count() as f64;
        ties += (size as f64).powi(3) - size as f64;
        below += size;
    }
    let exact = count <= EXACT_UP_TO && ties == 0.0;
    let p = if exact {
        exact_p(count, positive as usize)
    } else {
        normal_p(count as f64, positive, ties)
    };
    Some(SignedRank {
        count,
        positive,
        p,
        exact,
    })
}

/// Two-sided p of a rank sum of `count` differences, from the number of sets of ranks with each sum.
fn exact_p(count: usize, positive: usize) -> f64 {
    let most = count * (count + 1) / 2;
    let mut sets = vec![0.0; most + 1];
    sets[0] = 1.0;
    for rank in 1..=count {
        for sum in (rank..=most).rev() {
            sets[sum] += sets[sum - rank];
        }
    }
    // The distribution is symmetric: the other tail is as heavy.
    let tail: f64 = sets[..=positive.min(most - positive)].iter().sum();
    (2.0 * tail / 2f64.powi(count as i32)).min(1.0)
}

/// Two-sided p of the normal approximation; `ties` is Σ(t³ − t) over groups of equal sizes.
fn normal_p(count: f64, positive: f64, ties: f64) -> f64 {
    let mean = count * (count + 1.0) / 4.0;
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let distance = ((positive - mean).abs() - 0.5).max(0.0);
    libm::erfc(distance / (2.0 * variance).sqrt())
}

#[cfg(test)]
mod tests {
    use super::wilcoxon;

    fn check(differences: &[f64], positive: f64, p: f64, exact: bool) {
        let found = wilcoxon(differences).expect("not all zero");
        assert_eq!((found.positive, found.exact), (positive, exact));
        assert!((found.p / p - 1.0).abs() < 1e-12, "{}, not {p}", found.p);
    }

    /// Hollander and Wolfe (1973), page 29: depression before and after a tranquilizer, V = 40,
    /// one-sided p = 0.01953, as in the documentation of R's `wilcox.test`.
    #[test]
    // 3.14 is a measurement, and not meant to be π.
    #[allow(clippy::approx_constant)]
    fn a_published_example() {
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(b, a)| b - a).collect();
        check(&differences, 40.0, 0.0390625, true);
    }

    /// By hand: of the 2³ signs of ranks 1 to 3, those with a sum of at most 2 are {}, {1} and {2};
    /// of 2⁵, one has the sum 0.
    #[test]
    fn examples_by_hand() {
        check(&[1.0, -2.0, 3.0], 4.0, 0.75, true);
        check(&[1.0, 2.0, 3.0, 4.0, 5.0], 15.0, 0.0625, true);
        assert_eq!(wilcoxon(&[0.0, 0.0]), None);
        assert_eq!(wilcoxon(&[]), None);
    }

    /// Against SciPy 1.17.1, `scipy.stats.wilcoxon(d, method="exact")` for 25 differences, else
    /// `method="approx", correction=True, zero_method="wilcox"`.
    #[test]
    fn examples_of_scipy() {
        let spread = |n: i32| -> Vec<f64> {
            let value = |i: i32| f64::from((i * 37) % 101 - 43) / 10.0 + f64::from(i) * 0.001;
            (0..n).map(value).collect()
        };
        check(&spread(25), 195.0, 0.39571136236190796, true);
        check(&spread(26), 203.0, 0.492873681089704, false);
        let tied = [3.0, -1.0, 2.0, 2.0, 0.0, -2.0, 4.0, 5.0, 1.0, 1.0, 0.0, -3.0, 6.0, 2.0];
        check(&tied, 62.0, 0.07584553569953567, false);
        let many: Vec<f64> = (0..60).map(|i| f64::from(i % 7) - 1.0).collect();
        check(&many, 1240.5, 5.0721205323186146e-8, false);
    }
}
