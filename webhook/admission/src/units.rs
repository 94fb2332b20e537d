//! Sizes and times as people write them in settings: `64MiB`, `100ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes that prints in binary units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / factor)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected a size like `64MiB`, got `{text}`");
        let text_trimmed = text.trim();
        let split = text_trimmed
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text_trimmed.len());
        let (number, unit) = text_trimmed.split_at(split);
        let number: u64 = number.parse().map_err(|_| expected())?;
        let unit = match unit.trim() {
            "" => "B",
            "Ki" => "KiB",
            "Mi" => "MiB",
            "Gi" => "GiB",
            other => other,
        };
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(expected)?;
        number.checked_mul(*factor).map(Self).ok_or_else(expected)
    }
}

/// A duration as people write it: a whole number and one of `us`, `ms`, `s`, `m`, `h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a duration like `100ms`, got `{text}`");
    let trimmed = text.trim();
    let split = trimmed
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(expected)?;
    let (number, unit) = trimmed.split_at(split);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let seconds = |factor: u64| {
        number
            .checked_mul(factor)
            .map(Duration::from_secs)
            .ok_or_else(expected)
    };
    match unit {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_printed() {
        for (text, bytes, shown) in [
            ("64MiB", 64 << 20, "64 MiB"),
            ("1 KiB", 1024, "1 KiB"),
            ("1500", 1500, "1500 B"),
            ("2Gi", 2 << 30, "2 GiB"),
            ("0B", 0, "0 B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(
                (size.0, size.to_string().as_str()),
                (bytes, shown),
                "{text}"
            );
        }
        for bad in ["", "MiB", "-1B", "1MB", "99999999999999GiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("100ms", 100),
            ("1s", 1000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("2000us", 2),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in ["", "5", "s", "1.5s", "-1s", "1 d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
