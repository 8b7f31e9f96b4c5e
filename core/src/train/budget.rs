//! The cost of a run, and cheaper settings.

use super::{NetworkChoice, TrainConfig};
use crate::backbone::{Size, StepFootprint};

impl TrainConfig {
    /// Estimated memory of a training step in bytes; see
    /// [`Network::training_bytes`](crate::backbone::Network::training_bytes).
    pub fn training_bytes(&self) -> u64 {
        let parameters = self.network.parameters();
        let kept = self.kept();
        self.resolved_network()
            .training_bytes(parameters, self.patch, self.batch_size, kept)
    }

    /// Bytes of the largest tensor of a step; see
    /// [`Network::largest_tensor_bytes`](crate::backbone::Network::largest_tensor_bytes).
    pub fn largest_tensor_bytes(&self) -> u64 {
        self.resolved_network()
            .largest_tensor_bytes(self.patch, self.batch_size)
    }

    /// What a step holds in memory at once.
    pub fn kept(&self) -> StepFootprint {
        let both = self.medcontext.has_masked_view() && !self.sequential_views;
        StepFootprint {
            // Parameters, gradients and AdamW's two moments.
            copies: 4 + usize::from(self.medcontext.has_teacher()),
            views: if both { 2 } else { 1 },
        }
    }

    /// The next cheaper settings: fewer patches per step, then a smaller network, then a smaller patch, which hurts the
    /// result most. `None` if nothing is left to save.
    pub fn smaller(&self) -> Option<Self> {
        let mut less = self.clone();
        let next_size = match self.network {
            NetworkChoice::Named { size, .. } => smaller_size(size),
            NetworkChoice::Custom { .. } => None,
        };
        if self.batch_size > 1 {
            less.batch_size /= 2;
        } else if let Some(size) = next_size {
            less.network = self.network.with_size(size);
            less.fit_patch();
        } else {
            less.patch = self.smaller_patch()?;
        }
        Some(less)
    }

    /// A patch whose longest reducible side is one step shorter.
    pub(crate) fn smaller_patch(&self) -> Option<[usize; 3]> {
        let rule = self.resolved_network().patch_rule();
        rule.next_shorter(self.patch, self.patch.map(|side| side as f64))
    }
}

fn smaller_size(size: Size) -> Option<Size> {
    match size {
        Size::Paper => Some(Size::Small),
        Size::Small => Some(Size::Tiny),
        Size::Tiny => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{NetworkChoice, TrainConfig};
    use crate::backbone::{Backbone, Size};
    use crate::medcontext::MedContext;

    /// One view and no teacher take less memory, and sequential views take one at a time.
    #[test]
    fn without_medcontext_a_step_keeps_less() {
        let on = TrainConfig::default();
        let in_turn = TrainConfig {
            sequential_views: true,
            ..on.clone()
        };
        let off = TrainConfig {
            medcontext: MedContext::off(),
            ..on.clone()
        };
        let kept = [&on, &in_turn, &off].map(TrainConfig::kept);
        assert_eq!(kept.map(|kept| (kept.copies, kept.views)), [(5, 2), (5, 1), (4, 1)]);
        assert!(off.training_bytes() < in_turn.training_bytes());
        assert!(in_turn.training_bytes() < on.training_bytes());
    }

    #[test]
    fn the_largest_tensor_is_that_of_the_widest_level_or_of_the_scores() {
        let largest = |backbone, size, patch, batch_size| {
            let config = TrainConfig {
                network: NetworkChoice::named(backbone, size),
                patch,
                batch_size,
                ..TrainConfig::default()
            };
            config.largest_tensor_bytes()
        };
        // Twice 16 channels of two patches.
        let patch = [32, 48, 32];
        let unetr = largest(Backbone::Unetr, Size::Small, patch, 2);
        assert_eq!(unetr, 4 * 2 * 32 * 32 * 48 * 32);
        // 48³ tokens need 7³ windows of 7³ tokens; each of three heads has scores for all pairs.
        let swin = largest(Backbone::SwinUnetr, Size::Paper, [96; 3], 1);
        assert_eq!(swin, 4 * 3 * 343 * 343 * 343);
    }

    #[test]
    fn every_step_down_costs_less_and_ends_with_the_smallest_patch() {
        for backbone in Backbone::ALL {
            let mut config = TrainConfig {
                network: NetworkChoice::named(backbone, Size::Paper),
                batch_size: 4,
                patch: [96, 128, 160],
                ..TrainConfig::default()
            };
            config.fit_patch();
            let mut steps = 0;
            while let Some(less) = config.smaller() {
                let network = less.resolved_network();
                less.check(&network).expect("settings that work");
                assert!(
                    less.training_bytes() < config.training_bytes(),
                    "{backbone}: {:?} to {:?}",
                    (config.network.size(), config.patch),
                    (less.network.size(), less.patch),
                );
                config = less;
                steps += 1;
            }
            assert_eq!((config.batch_size, config.network.size()), (1, Size::Tiny));
            let rule = config.resolved_network().patch_rule();
            assert_eq!(config.patch, rule.smallest, "{backbone}");
            // Two for the batch, two for the size, and at least one side.
            assert!(steps > 4, "{backbone}: {steps}");
        }
    }
}
