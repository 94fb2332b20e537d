//! Durations as Argo CD reads them: Go's notation, or bare seconds.

use std::time::Duration;

/// Units of Go's `time.ParseDuration`, with their length in nanoseconds; longer names first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads `5s`, `1m30s`, `1.5h` or `90`; none for what Argo CD refuses, and for what is negative or longer than 584 years.
pub fn parse(text: &str) -> Option<Duration> {
    if let Some(seconds) = digits(text) {
        return Some(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut nanoseconds: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let (unit, length) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        nanoseconds = nanoseconds.checked_add(times(number, *length)?)?;
        rest = tail.strip_prefix(unit)?;
    }
    (!text.is_empty()).then(|| Duration::from_nanos(nanoseconds))
}

/// A decimal fraction of a unit, rounded down to nanoseconds.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut sum = if whole.is_empty() {
        0
    } else {
        digits(whole)?.checked_mul(unit)?
    };
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        sum = sum.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(sum)
}

/// An integer without a sign.
fn digits(text: &str) -> Option<u64> {
    text.chars()
        .all(|c| c.is_ascii_digit())
        .then(|| text.parse().ok())?
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
            ("2.25s", Some(2_250)),
            (".5m", Some(30_000)),
            ("1.s", Some(1_000)),
            (".s", None),
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
