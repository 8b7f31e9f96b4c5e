//! Settings of inference that are given in place of those of the weights.

use super::{Blend, Inference};

/// What a caller chooses of [`Inference`]; the weights decide the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InferenceOverrides {
    /// See [`Inference::overlap`].
    pub overlap: Option<f64>,
    /// See [`Inference::blend`].
    pub blend: Option<Blend>,
    /// See [`Inference::mirror`].
    pub mirror: Option<bool>,
    /// See [`PostProcessing::largest_component`](super::PostProcessing::largest_component).
    pub largest_component: Option<bool>,
    /// See [`PostProcessing::fill_holes`](super::PostProcessing::fill_holes).
    pub fill_holes: Option<bool>,
    /// See [`PostProcessing::smallest_ml`](super::PostProcessing::smallest_ml).
    pub smallest_ml: Option<f64>,
}

impl InferenceOverrides {
    /// The settings in effect with weights that hold the given ones, if any.
    pub fn over(self, stored: Option<Inference>) -> Inference {
        let mut settings = stored.unwrap_or_default();
        let post_processing = &mut settings.post_processing;
        replace(&mut post_processing.largest_component, self.largest_component);
        replace(&mut post_processing.fill_holes, self.fill_holes);
        replace(&mut post_processing.smallest_ml, self.smallest_ml);
        replace(&mut settings.overlap, self.overlap);
        replace(&mut settings.blend, self.blend);
        replace(&mut settings.mirror, self.mirror);
        settings
    }
}

fn replace<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}

#[cfg(test)]
mod tests {
    use super::{Blend, Inference, InferenceOverrides};

    #[test]
    fn what_is_given_counts_and_the_weights_decide_the_rest() {
        let mut stored = Inference {
            overlap: 0.25,
            blend: Blend::Constant,
            mirror: true,
            ..Inference::default()
        };
        stored.post_processing.largest_component = true;
        stored.post_processing.smallest_ml = 2.0;
        let nothing = InferenceOverrides::default();
        assert_eq!(nothing.over(None), Inference::default());
        assert_eq!(nothing.over(Some(stored)), stored);
        let some = InferenceOverrides {
            mirror: Some(false),
            largest_component: Some(false),
            fill_holes: Some(true),
            ..nothing
        };
        let found = some.over(Some(stored));
        let expected = "overlap 0.25, constant blending, components of at least 2 mL, holes filled";
        assert_eq!(found.describe(), expected);
        let all = InferenceOverrides {
            overlap: Some(0.5),
            blend: Some(Blend::Gaussian),
            fill_holes: Some(false),
            smallest_ml: Some(0.0),
            ..some
        };
        assert_eq!(all.over(Some(stored)), Inference::default());
    }
}
