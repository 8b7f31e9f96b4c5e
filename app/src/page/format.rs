//! Numbers as text.

use medcontext_core::duration;
use medcontext_core::medcontext::MomentumSchedule;
use medcontext_core::train::TrainConfig;

/// A short duration in seconds: "0.23 s", "4.1 s", "1 min 05 s".
pub fn duration_fine(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s => duration::in_words(s),
    }
}

/// Three numbers with a sign between them: "35 × 51 × 35", with narrow spaces.
pub fn product<T: ToString>(numbers: &[T]) -> String {
    let numbers: Vec<String> = numbers.iter().map(T::to_string).collect();
    numbers.join("\u{2009}×\u{2009}")
}

/// Millimeters to three digits or so: "1.5 × 1.5 × 3", "0.78 × 0.78 × 10.4".
pub fn spacing(mm: [f64; 3]) -> String {
    product(&mm.map(|length| {
        let digits = if length < 10.0 { 100.0 } else { 10.0 };
        (length * digits).round() / digits
    }))
}

/// "one thread", "4 threads".
pub fn threads(count: usize) -> String {
    match count {
        1 => "one thread".to_owned(),
        count => format!("{count} threads"),
    }
}

/// Ascending ids, runs of three and more shortened: "1, 2", "1–13, 20".
pub fn ids(ids: &[u16]) -> String {
    let mut parts = Vec::new();
    for run in ids.chunk_by(|before, after| before + 1 == *after) {
        match run {
            [first, _, .., last] => parts.push(format!("{first}–{last}")),
            _ => parts.extend(run.iter().map(u16::to_string)),
        }
    }
    parts.join(", ")
}

/// A volume: "12.3 mL", "0.042 mL".
pub fn milliliters(volume: f64) -> String {
    match volume {
        v if v >= 100.0 => format!("{v:.0} mL"),
        v if v >= 1.0 => format!("{v:.1} mL"),
        v => format!("{v:.3} mL"),
    }
}

/// A Dice coefficient, or a dash where there is none.
pub fn dice(dice: Option<f64>) -> String {
    dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}"))
}

/// Speed of steps, as a rate or a duration, whichever reads better.
pub fn rate(seconds_per_step: f64) -> String {
    if seconds_per_step <= 0.0 {
        String::new()
    } else if seconds_per_step < 1.0 {
        format!("{:.1} it/s", 1.0 / seconds_per_step)
    } else {
        format!("{seconds_per_step:.1} s/it")
    }
}

/// "1 case", "3 cases".
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The size of a network: "2.3 million parameters, a 9 MB file; fast".
pub fn cost(config: &TrainConfig) -> String {
    let parameters = config.network.parameters();
    format!(
        "{} million parameters, a {} MB file; {}.",
        millions(parameters),
        (4 * parameters).div_ceil(1_000_000),
        config.network.backbone().pace()
    )
}

/// The teacher's momentum over a run: "Teacher's momentum: 0.9540 to 1"; `None` without a teacher.
pub fn momentum(config: &TrainConfig) -> Option<String> {
    let medcontext = &config.medcontext;
    let number = |momentum: f64| (momentum * 1e4).round() / 1e4;
    let first = number(medcontext.start_momentum(config.iterations));
    let last = number(medcontext.momentum_end);
    let moving = match medcontext.schedule {
        MomentumSchedule::Cosine => format!("{first}, rising to {last}"),
        _ => format!("{first}"),
    };
    medcontext
        .has_teacher()
        .then(|| format!("The teacher's momentum: {moving}."))
}

fn millions(number: usize) -> String {
    let millions = number as f64 / 1e6;
    if millions < 10.0 {
        format!("{millions:.1}")
    } else {
        format!("{millions:.0}")
    }
}
