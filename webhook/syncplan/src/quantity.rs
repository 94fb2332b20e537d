//! Kubernetes quantities, far enough to say whether two texts mean one amount.
//!
//! `1000m` and `1` are one amount of CPU, `1Gi` and `1024Mi` one of memory; the API server writes each back in its own way, and a difference in
//! spelling is no difference (apimachinery `pkg/api/resource/quantity.go`).

use serde_json::Value;

/// Digits kept to the right of the point: nano, the smallest suffix.
const NANO: u32 = 9;

/// An amount in billionths; none where the text is no quantity, or one too large to matter here.
pub(crate) fn nanos(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => parse(&number.to_string()),
        Value::String(text) => parse(text),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(end)?;
    let amount = decimal(digits)?;
    let (multiplier, divisor): (i128, i128) = match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => (exponent(suffix)?, 1),
    };
    let scaled = amount.checked_mul(multiplier)?;
    (scaled % divisor == 0).then_some(scaled / divisor)
}

/// `e3`, `E3`: a power of ten that is not negative.
fn exponent(suffix: &str) -> Option<i128> {
    let power: u32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    10_i128.checked_pow(power)
}

/// A decimal number in billionths.
fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = NANO.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let number = |part: &str| {
        if part.is_empty() {
            Some(0)
        } else {
            part.parse::<i128>().ok()
        }
    };
    let amount = number(whole)?
        .checked_mul(10_i128.pow(NANO))?
        .checked_add(number(fraction)?.checked_mul(10_i128.pow(missing))?)?;
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_amount_has_many_spellings() {
        for (one, other, same) in [
            (json!("1000m"), json!("1"), true),
            (json!(1), json!("1"), true),
            (json!(0.5), json!("500m"), true),
            (json!("1Gi"), json!("1024Mi"), true),
            (json!("1G"), json!("1000M"), true),
            (json!("1G"), json!("1Gi"), false),
            (json!("1e3"), json!("1k"), true),
            (json!("1E3"), json!("1000"), true),
            (json!("0.1"), json!("100m"), true),
            (json!("1.50"), json!("1500m"), true),
            (json!("-1"), json!("-1000m"), true),
            (json!("100m"), json!("101m"), false),
            (json!("1E"), json!("1000P"), true),
        ] {
            assert_eq!(nanos(&one) == nanos(&other), same, "{one} {other}");
            assert!(nanos(&one).is_some(), "{one}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in [
            "",
            "Gi",
            "1Q",
            "1 Gi",
            "1.2.3",
            "e",
            "1e99",
            "--1",
            "a1",
            "1.0000000001",
        ] {
            assert_eq!(nanos(&json!(text)), None, "{text:?}");
        }
        assert_eq!(nanos(&json!(null)), None);
    }
}
