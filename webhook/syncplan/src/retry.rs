//! When a failed sync is tried again, and in which words it says so.
//!
//! `spec.syncPolicy.retry`, as documented: the first wait is `duration`, each further one `factor` times as long, none longer than `maxDuration`. Argo CD
//! 3.5 prints that time and then waits one factor longer (measured: 10, 20, 40 s where it says 5, 10, 20); here the printed time is the time.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tidegate_model::duration;
use tidegate_model::object::{at, text};

use crate::operation::{OperationPhase, State};

/// The longest wait that can be asked for: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// How often, and after what waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries after the first; negative is without end.
    pub limit: i64,
    /// The first wait.
    pub duration: Duration,
    /// How much longer each further wait is.
    pub factor: f64,
    /// No wait is longer.
    pub longest: Duration,
}

impl Default for Retry {
    /// None; the waits that apply where only a limit is given.
    fn default() -> Self {
        Self {
            limit: 0,
            duration: Duration::from_secs(5),
            factor: 2.0,
            longest: Duration::from_mins(3),
        }
    }
}

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {pointer}: {text:?} is no duration such as 5s, 2m or 1h30m")]
pub struct DurationError {
    /// Where it stands.
    pub pointer: &'static str,
    /// What stands there.
    pub text: String,
}

impl Retry {
    /// Reads `spec.syncPolicy.retry` of an Application; none where it has none.
    ///
    /// # Errors
    /// A duration that cannot be read.
    pub fn of(application: &Value) -> Result<Option<Self>, DurationError> {
        let Some(retry) =
            at(application, "/spec/syncPolicy/retry").filter(|retry| !retry.is_null())
        else {
            return Ok(None);
        };
        let mut read = Self {
            limit: retry.get("limit").and_then(Value::as_i64).unwrap_or(0),
            ..Self::default()
        };
        let duration = |pointer: &'static str| match text(application, pointer) {
            None | Some("") => Ok(None),
            Some(text) => duration::parse(text)
                .map(Some)
                .ok_or_else(|| DurationError {
                    pointer,
                    text: text.to_owned(),
                }),
        };
        if let Some(first) = duration("/spec/syncPolicy/retry/backoff/duration")? {
            read.duration = first;
        }
        if let Some(longest) = duration("/spec/syncPolicy/retry/backoff/maxDuration")? {
            read.longest = longest;
        }
        let factor = at(retry, "/backoff/factor").and_then(Value::as_f64);
        read.factor = factor
            .filter(|factor| *factor >= 1.0)
            .unwrap_or(read.factor);
        Ok(Some(read))
    }

    /// What Argo CD gives an automated sync whose Application says nothing: five tries.
    pub fn of_automated() -> Self {
        Self {
            limit: 5,
            ..Self::default()
        }
    }

    /// The wait before the try after `retries` of them.
    pub fn wait(&self, retries: u32) -> Duration {
        let seconds = self.duration.as_secs_f64() * self.factor.powf(f64::from(retries));
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(LONGEST)
            .min(self.longest)
            .min(LONGEST)
    }

    /// What follows when an operation has ended: a try at a time, or the end with its last words.
    pub fn after(&self, state: State, retries: u32, now: Timestamp) -> Next {
        let has_failed = matches!(state.phase, OperationPhase::Failed | OperationPhase::Error);
        if !has_failed {
            return Next::Over(state);
        }
        let may = self.limit < 0 || i64::from(retries) < self.limit;
        let time = now.checked_add(self.wait(retries)).ok();
        match time.filter(|_| may) {
            Some(time) => Next::Again {
                state: State::new(
                    OperationPhase::Running,
                    format!(
                        "{}. Retrying attempt #{} at {}.",
                        state.message,
                        retries.saturating_add(1),
                        kitchen(time)
                    ),
                ),
                retries: retries.saturating_add(1),
                at: time,
            },
            None if retries > 0 => Next::Over(State {
                message: format!("{} (retried {retries} times).", state.message),
                ..state
            }),
            None => Next::Over(state),
        }
    }
}

/// What follows an operation that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Over(State),
    /// Another try.
    Again {
        /// Running again, and why.
        state: State,
        /// How many tries that will have been.
        retries: u32,
        /// Not before.
        at: Timestamp,
    },
}

/// A time as `3:04PM`, in UTC.
fn kitchen(time: Timestamp) -> String {
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let hour = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let half = if time.hour() < 12 { "AM" } else { "PM" };
    format!("{hour}:{:02}{half}", time.minute())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waits_grow_to_the_longest() {
        let check = |retry: Value, expected: [u64; 5]| {
            let application = json!({"spec": {"syncPolicy": {"retry": retry}}});
            let retry = Retry::of(&application).unwrap().unwrap();
            let waits: Vec<u64> = (0..5).map(|n| retry.wait(n).as_secs()).collect();
            assert_eq!(waits, expected);
        };
        check(json!({"limit": 5}), [5, 10, 20, 40, 80]);
        check(
            json!({"limit": 5, "backoff": {"duration": "1s", "factor": 3}}),
            [1, 3, 9, 27, 81],
        );
        check(
            json!({"backoff": {"duration": "10s", "maxDuration": "30s"}}),
            [10, 20, 30, 30, 30],
        );
        check(
            json!({"backoff": {"duration": "1m", "factor": 2}}),
            [60, 120, 180, 180, 180],
        );
        check(
            json!({"backoff": {"duration": "7", "factor": 1}}),
            [7, 7, 7, 7, 7],
        );
        check(
            json!({"backoff": {"duration": "7", "factor": 0}}),
            [7, 14, 28, 56, 112],
        );
        assert_eq!(Retry::of(&json!({})), Ok(None));
        assert!(Retry::default().wait(u32::MAX) <= LONGEST);
        let wrong = json!({"spec": {"syncPolicy": {"retry": {"backoff": {"duration": "soon"}}}}});
        assert_eq!(
            Retry::of(&wrong).unwrap_err().to_string(),
            "failed to read /spec/syncPolicy/retry/backoff/duration: \"soon\" is no duration such as 5s, 2m or 1h30m"
        );
    }

    #[track_caller]
    fn check(phase: OperationPhase, limit: i64, retries: u32, expected: (OperationPhase, &str)) {
        let now = "2026-01-01T15:04:00Z".parse().unwrap();
        let retry = Retry {
            limit,
            ..Retry::default()
        };
        let state = match retry.after(State::new(phase, "it failed"), retries, now) {
            Next::Over(state) => state,
            Next::Again {
                state,
                retries: next,
                at,
            } => {
                assert_eq!(next, retries + 1);
                assert_eq!(at, now.checked_add(retry.wait(retries)).unwrap());
                state
            }
        };
        assert_eq!((state.phase, state.message.as_str()), expected);
    }

    #[test]
    fn a_failed_sync_is_tried_again_until_the_limit() {
        use OperationPhase::{Error, Failed, Running, Succeeded};
        check(Failed, 0, 0, (Failed, "it failed"));
        check(
            Failed,
            2,
            0,
            (Running, "it failed. Retrying attempt #1 at 3:04PM."),
        );
        check(
            Error,
            2,
            1,
            (Running, "it failed. Retrying attempt #2 at 3:04PM."),
        );
        check(Failed, 2, 2, (Failed, "it failed (retried 2 times)."));
        check(
            Failed,
            -1,
            99,
            (Running, "it failed. Retrying attempt #100 at 3:07PM."),
        );
        check(Succeeded, 2, 1, (Succeeded, "it failed"));
    }

    #[test]
    fn times_are_shown_as_people_say_them() {
        for (time, expected) in [
            ("2026-01-01T00:00:00Z", "12:00AM"),
            ("2026-01-01T12:05:00Z", "12:05PM"),
            ("2026-01-01T09:59:59Z", "9:59AM"),
            ("2026-01-01T23:01:00Z", "11:01PM"),
        ] {
            assert_eq!(kitchen(time.parse().unwrap()), expected);
        }
    }
}
