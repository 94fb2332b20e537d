//! What an AtlasDriftCheck wants, and whether that can be followed. Pure.

use std::time::Duration;

use tidegate_model::atlas::AtlasDriftCheckSpec;
use tidegate_model::duration;

use super::snapshot::{Failure, Wish, Word};

/// Where nothing else is said: the operator's.
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// A check holds the lock of migrations: more often it would be in their way.
const SHORTEST_INTERVAL: Duration = Duration::from_mins(1);

/// Reads it.
pub(super) fn wish(spec: &AtlasDriftCheckSpec) -> Result<Wish, Failure> {
    let refuse = |message: String| Failure::permanent(Word::CheckFailed, &message);
    let read = |field: &str, text: Option<&str>| match text {
        None | Some("") => Ok(FIVE_MINUTES),
        Some(text) => duration::parse(text)
            .filter(|time| !time.is_zero())
            .ok_or_else(|| {
                refuse(format!(
                    "spec.{field} is {text:?}; write it as 90s, 5m or 1h"
                ))
            }),
    };
    let interval = read("interval", spec.interval.as_deref())?;
    if interval < SHORTEST_INTERVAL {
        return Err(refuse(format!(
            "spec.interval is {interval:?}; it is 1m or more, since a check holds the lock of migrations"
        )));
    }
    let fails = match spec.on_drift.as_deref() {
        None | Some("" | "Report") => false,
        Some("Fail") => true,
        Some(other) => {
            return Err(refuse(format!(
                "spec.onDrift is {other:?}; it can be Report or Fail"
            )));
        }
    };
    Ok(Wish {
        target: spec.target_ref.name.clone(),
        interval,
        timeout: read("timeout", spec.timeout.as_deref())?,
        is_suspended: spec.suspend,
        fails,
        exclude: spec.exclude.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_model::atlas::AtlasDriftCheck;

    use super::*;

    fn read(spec: &Value) -> Result<Wish, Failure> {
        let check = AtlasDriftCheck::from_object(&json!({"spec": spec})).expect("well formed");
        wish(&check.spec)
    }

    #[test]
    fn what_is_not_said_is_as_with_the_operator() {
        let plain = read(&json!({"targetRef": {"name": "app"}})).expect("nothing to refuse");
        let expected = Wish {
            target: "app".to_owned(),
            interval: Duration::from_mins(5),
            timeout: Duration::from_mins(5),
            is_suspended: false,
            fails: false,
            exclude: Vec::new(),
        };
        assert_eq!(plain, expected);
        let all = read(&json!({
            "targetRef": {"name": "app"}, "interval": "1h30m", "timeout": "20s", "suspend": true, "onDrift": "Fail", "exclude": ["a"],
        }));
        let expected = Wish {
            target: "app".to_owned(),
            interval: Duration::from_mins(90),
            timeout: Duration::from_secs(20),
            is_suspended: true,
            fails: true,
            exclude: vec!["a".to_owned()],
        };
        assert_eq!(all, Ok(expected));
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        for (spec, message) in [
            (
                json!({"interval": "59s"}),
                "spec.interval is 59s; it is 1m or more, since a check holds the lock of migrations",
            ),
            (
                json!({"interval": "often"}),
                "spec.interval is \"often\"; write it as 90s, 5m or 1h",
            ),
            (
                json!({"timeout": "0s"}),
                "spec.timeout is \"0s\"; write it as 90s, 5m or 1h",
            ),
            (
                json!({"onDrift": "FAIL"}),
                "spec.onDrift is \"FAIL\"; it can be Report or Fail",
            ),
        ] {
            let failure = Failure::permanent(Word::CheckFailed, message);
            assert_eq!(read(&spec), Err(failure));
        }
    }
}
