//! One shard of work that several processes share without communicating.

use super::Failure;

/// Part `index` (from 0) of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The part that `--shard` names (`I/N`, or `N` where a cluster numbers the parts), else the part
    /// that Slurm's job array gives this process, else everything.
    pub fn choose(option: Option<&str>) -> Result<Self, Failure> {
        Self::from(option, |name| std::env::var(name).ok()).map_err(Failure::Message)
    }

    fn from(option: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str| variable(name)?.parse::<usize>().ok();
        let slurm = || {
            let first = number("SLURM_ARRAY_TASK_MIN")?;
            let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
            let id = number("SLURM_ARRAY_TASK_ID")?.checked_sub(first)?;
            Some((id / step, number("SLURM_ARRAY_TASK_COUNT")?))
        };
        let kubernetes = || number("JOB_COMPLETION_INDEX");
        let (index, count) = match option.map(|text| text.split_once('/').unwrap_or(("", text))) {
            Some(("", count)) => {
                let numbered = slurm().map(|(index, _)| index).or_else(kubernetes);
                let index = numbered.ok_or(
                    "--shard has no part, and neither Slurm nor Kubernetes numbers this process; write --shard I/N",
                )?;
                (Some(index), count.parse().ok())
            }
            Some((index, count)) => (index.parse().ok(), count.parse().ok()),
            None => match (slurm(), kubernetes()) {
                (Some((index, count)), _) => (Some(index), Some(count)),
                (None, Some(_)) => {
                    return Err(
                        "Kubernetes numbers this process but does not say how many there are; add --shard N \
                        with the job's completions, or --shard 0/1 for everything"
                            .into(),
                    );
                }
                (None, None) => (Some(0), Some(1)),
            },
        };
        match (index, count) {
            (Some(index), Some(count)) if index < count => Ok(Self { index, count }),
            (Some(index), Some(count)) => Err(format!(
                "there is no part {index} of {count}: parts are numbered from 0 to {}",
                count.saturating_sub(1)
            )),
            _ => Err(format!(
                "{:?} is not a part: write --shard I/N, for example 0/4",
                option.unwrap_or_default()
            )),
        }
    }

    /// Every `count`-th item, from `index` on. The items must come in the same order everywhere.
    pub fn take<T>(self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.index).step_by(self.count).collect()
    }

    /// Whether this is everything.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "part {} of {}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    fn shard(option: Option<&str>, variables: &[(&str, &str)]) -> Result<(usize, usize), String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        };
        Shard::from(option, variable).map(|shard| (shard.index, shard.count))
    }

    #[test]
    fn parts_come_from_the_option_or_the_cluster() {
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
        ];
        let kubernetes = [("JOB_COMPLETION_INDEX", "1")];
        assert_eq!(shard(None, &[]), Ok((0, 1)));
        assert_eq!(shard(None, &slurm), Ok((2, 4)));
        assert_eq!(shard(Some("1/3"), &slurm), Ok((1, 3)));
        assert_eq!(shard(Some("2"), &kubernetes), Ok((1, 2)));
        let said = |option, variables| shard(option, variables).expect_err("no part");
        assert!(said(None, &kubernetes).contains("--shard N"));
        assert!(said(Some("3"), &[]).contains("--shard I/N"));
        assert!(said(Some("3/3"), &[]).contains("from 0 to 2"));
        assert!(said(Some("1/0"), &[]).contains("no part 1 of 0"));
        assert!(said(Some("a/3"), &[]).contains("is not a part"));
    }

    #[test]
    fn the_parts_are_the_whole() {
        let parts: Vec<Vec<usize>> = (0..3).map(|index| Shard { index, count: 3 }.take(0..8)).collect();
        assert_eq!(parts, [vec![0, 3, 6], vec![1, 4, 7], vec![2, 5]]);
    }
}
