//! The steps and their names.

/// A step of the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// Files and cases.
    #[default]
    Cases,
    /// The plan of a training run, and the run.
    Train,
    /// Segmentation with the current weights.
    Segment,
    /// Quality of the segmentations.
    Measure,
    /// Files to save.
    TakeAway,
}

impl Step {
    /// All of them, in the order of the work.
    pub const ALL: [Self; 5] = [Self::Cases, Self::Train, Self::Segment, Self::Measure, Self::TakeAway];

    /// What its tab says.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cases => "Cases",
            Self::Train => "Plan and train",
            Self::Segment => "Segment",
            Self::Measure => "Measure",
            Self::TakeAway => "Take away",
        }
    }

    /// The id of its panel, and the fragment of the page's address while it is visible.
    pub fn id(self) -> &'static str {
        match self {
            Self::Cases => "step-cases",
            Self::Train => "step-train",
            Self::Segment => "step-segment",
            Self::Measure => "step-measure",
            Self::TakeAway => "step-take-away",
        }
    }

    /// The id of its tab.
    pub fn tab(self) -> String {
        format!("{}-tab", self.id())
    }

    /// Its place, counted from 1.
    pub fn number(self) -> usize {
        1 + self as usize
    }

    /// The step after it, or the first after the last.
    pub fn after(self) -> Self {
        Self::ALL[self.number() % Self::ALL.len()]
    }

    /// The step before it, or the last before the first.
    pub fn before(self) -> Self {
        Self::ALL[(self as usize + Self::ALL.len() - 1) % Self::ALL.len()]
    }

    /// The step that comes next; `None` after the last.
    pub fn next(self) -> Option<Self> {
        Self::ALL.get(self.number()).copied()
    }

    /// The step whose panel has this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.id() == id)
    }
}
