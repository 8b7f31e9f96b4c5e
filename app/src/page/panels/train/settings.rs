//! Numbers of the form.

/// A count of at least one.
pub(super) fn whole(value: f64) -> usize {
    (value.round() as usize).max(1)
}
