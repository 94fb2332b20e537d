//! The wave of a resource, read as Argo CD reads it.

use serde_json::Value;

use crate::object::annotation;
use crate::words::{HELM_HOOK_WEIGHT, SYNC_WAVE};

/// A text that is no wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaveError {
    /// It is not a decimal integer: Argo CD falls back to the Helm hook weight, then to 0, and says nothing.
    #[error("it is not an integer")]
    NotAnInteger,
    /// It does not fit in 32 bits, where readers of the status keep it.
    #[error("it is outside -2147483648 to 2147483647")]
    OutOfRange,
}

/// The wave that Argo CD gives a resource: the wave annotation, else the Helm hook weight, else 0. What does not parse counts as missing
/// (argo-cd gitops-engine/pkg/sync/syncwaves/waves.go).
pub fn of(object: &Value) -> i64 {
    [SYNC_WAVE, HELM_HOOK_WEIGHT]
        .iter()
        .find_map(|key| annotation(object, key).and_then(parse_as_argo))
        .unwrap_or(0)
}

/// Whether a resource says its wave itself, by either annotation.
pub fn is_written(object: &Value) -> bool {
    [SYNC_WAVE, HELM_HOOK_WEIGHT]
        .iter()
        .any(|key| annotation(object, key).is_some())
}

/// Reads a wave, strictly: what Argo CD would silently replace is an error.
///
/// # Errors
/// See [`WaveError`].
pub fn parse(text: &str) -> Result<i32, WaveError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(WaveError::NotAnInteger);
    }
    text.parse().map_err(|_| WaveError::OutOfRange)
}

/// Go's `strconv.Atoi` on a 64-bit machine: an optional sign and decimal digits, no spaces; `str::parse` has the same grammar.
fn parse_as_argo(text: &str) -> Option<i64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waves_are_read_as_argo_cd_does() {
        for (wave, weight, expected) in [
            (Some("1"), None, 1),
            (Some("-5"), None, -5),
            (Some("+3"), None, 3),
            (Some("one"), None, 0),
            (Some(" 1"), None, 0),
            (Some("1.0"), None, 0),
            (Some(""), Some("4"), 4),
            (Some("one"), Some("7"), 7),
            (Some("2"), Some("7"), 2),
            (None, Some("-1"), -1),
            (None, Some("x"), 0),
            (Some("4294967296"), None, 4_294_967_296),
            (Some("99999999999999999999"), None, 0),
            (None, None, 0),
        ] {
            let mut object = json!({"metadata": {"annotations": {}}});
            for (key, value) in [(SYNC_WAVE, wave), (HELM_HOOK_WEIGHT, weight)] {
                if let Some(value) = value {
                    object["metadata"]["annotations"][key] = json!(value);
                }
            }
            assert_eq!(of(&object), expected, "wave {wave:?}, weight {weight:?}");
        }
    }

    #[test]
    fn the_strict_reading_names_what_is_wrong() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-2147483648", Ok(i32::MIN)),
            ("+7", Ok(7)),
            ("2147483648", Err(WaveError::OutOfRange)),
            ("99999999999999999999", Err(WaveError::OutOfRange)),
            ("", Err(WaveError::NotAnInteger)),
            ("-", Err(WaveError::NotAnInteger)),
            ("1 ", Err(WaveError::NotAnInteger)),
            ("1_000", Err(WaveError::NotAnInteger)),
            ("0x1", Err(WaveError::NotAnInteger)),
            ("\u{661}", Err(WaveError::NotAnInteger)),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
