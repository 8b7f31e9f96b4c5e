//! Patches of cases without labels, which come between those of labeled ones.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::SampledCase;

/// Combined (XOR) with the seed of a sampler, so that unlabeled patches do not change labeled ones.
const STREAMS: u64 = 0x0B5E_12FE;

/// Cases without labels, and which draws are theirs.
#[derive(Debug, Default)]
pub(super) struct Unlabeled {
    cases: Vec<SampledCase>,
    /// Share of all draws.
    share: f64,
    /// The first draw that may be unlabeled.
    first: usize,
    /// Where the even sequence of unlabeled draws begins, from 0 to below 1.
    offset: f64,
    seed: u64,
}

impl Unlabeled {
    /// A `share` of the draws from `first` on is of these cases, none if there are no cases.
    pub fn new(cases: Vec<SampledCase>, share: f64, first: usize, seed: u64) -> Self {
        let seed = seed ^ STREAMS;
        Self {
            share: if cases.is_empty() { 0.0 } else { share.clamp(0.0, 1.0) },
            cases,
            first,
            offset: ChaCha8Rng::seed_from_u64(seed).random_range(0.0..1.0),
            seed,
        }
    }

    /// How many draws before this one are unlabeled, and whether this one is: they are spread evenly, so that every
    /// batch has about its share.
    pub fn before(&self, draw: usize) -> (usize, bool) {
        let until = |draw: usize| (draw.saturating_sub(self.first) as f64 * self.share + self.offset) as usize;
        let before = until(draw);
        (before, until(draw + 1) > before)
    }

    /// The case of an unlabeled draw, counted by itself, and its random numbers. Each round over the cases is shuffled.
    pub fn case(&self, number: usize) -> (&SampledCase, ChaCha8Rng) {
        let rng = |stream: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(stream as u64 + 1);
            rng
        };
        let count = self.cases.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut rng(2 * (number / count)));
        (&self.cases[order[number % count]], rng(2 * number + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::Unlabeled;

    fn of(share: f64, offset: f64) -> Unlabeled {
        Unlabeled {
            share,
            offset,
            ..Unlabeled::default()
        }
    }

    #[test]
    fn draws_are_counted_apart() {
        for (share, offset) in [(0.0, 0.7), (0.5, 0.2), (0.3, 0.9), (0.9, 0.0)] {
            let draws = of(share, offset);
            let mut seen = 0;
            for draw in 0..1000 {
                let (before, unlabeled) = draws.before(draw);
                assert_eq!(before, seen, "{share} {draw}");
                seen += usize::from(unlabeled);
            }
            assert!((seen as f64 - 1000.0 * share).abs() <= 1.0, "{share}: {seen}");
        }
    }

    #[test]
    fn without_cases_no_draw_is_unlabeled() {
        let draws = Unlabeled::new(Vec::new(), 0.5, 0, 1);
        assert!((0..100).all(|draw| draws.before(draw) == (0, false)));
    }

    #[test]
    fn unlabeled_draws_begin_where_they_may() {
        let late = Unlabeled {
            first: 10,
            ..of(0.5, 0.3)
        };
        let early = of(0.5, 0.3);
        assert!((0..10).all(|draw| late.before(draw) == (0, false)));
        assert!((0..10).all(|draw| late.before(draw + 10) == early.before(draw)));
    }
}
