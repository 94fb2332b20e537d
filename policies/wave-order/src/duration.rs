//! Durations as Argo CD reads them: Go's notation, or bare seconds.

use std::time::Duration;

/// Units of Go's `time.ParseDuration`, with their length in seconds; longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Reads `5s`, `1m30s`, `1.5h` or `90`; none for what Argo CD refuses, and for what is negative or longer than can be.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let (unit, length) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        seconds += number.parse::<f64>().ok()? * length;
        rest = tail.strip_prefix(unit)?;
        if rest.is_empty() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_does() {
        for (text, expected) in [
            ("5s", Some(5_000)),
            ("3m", Some(180_000)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("500ms", Some(500)),
            ("90", Some(90_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("", None),
            ("5 s", None),
            ("5sec", None),
            ("1d", None),
            ("s", None),
            ("-5s", None),
            ("1m30", None),
            ("1..5s", None),
            ("9999999999999999999999h", None),
        ] {
            assert_eq!(
                parse(text).map(|duration| duration.as_millis()),
                expected,
                "{text:?}"
            );
        }
    }
}
