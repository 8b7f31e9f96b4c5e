//! Durations as text, for the command line and the page.

/// Seconds in words, as precise as one wants them: `8 s`, `3 min 05 s`, `2 h 10 min`. What is below zero or no number
/// is `0 s`.
pub fn in_words(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn seconds_minutes_and_hours() {
        for (seconds, text) in [
            (-1.0, "0 s"),
            (f64::NAN, "0 s"),
            (0.4, "0 s"),
            (41.0, "41 s"),
            (59.6, "1 min 00 s"),
            (185.0, "3 min 05 s"),
            (3599.4, "59 min 59 s"),
            (7800.0, "2 h 10 min"),
            (90_000.0, "25 h 00 min"),
        ] {
            assert_eq!(in_words(seconds), text, "{seconds}");
        }
    }
}
