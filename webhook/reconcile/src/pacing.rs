//! How long to wait. Pure: the jitter comes out of the object's key and the attempt, so that a thousand objects that failed together come
//! again apart, and the same snapshot always gives the same decision.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_model::ObjectKey;

/// The waiting times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pacing {
    /// After the API server failed for the first time. Doubles with each further one.
    pub first_retry: Duration,
    /// After the object itself failed for the first time: its database cannot be reached, its plan is refused. Doubles as well; as long as the
    /// Atlas operator waits, so that its counts of failures are the same. What a failure hangs on (a Secret, the object) wakes the object before.
    pub first_failure: Duration,
    /// Never longer than this.
    pub longest_retry: Duration,
    /// Between two looks at an object that is as wanted: this is how a change made by hand, or in a Secret, is found.
    pub resync: Duration,
    /// The same for one whose files are on a branch of a repository, which nothing tells of: never longer than `resync`.
    pub follow: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_secs(1),
            first_failure: Duration::from_secs(5),
            longest_retry: Duration::from_mins(5),
            resync: Duration::from_mins(5),
            follow: Duration::from_mins(1),
        }
    }
}

impl Pacing {
    /// The wait after the API server failed so many times in a row (from 1): doubled each time up to the cap, less a jitter of up to a quarter.
    pub fn retry(&self, key: &ObjectKey, failed: u32) -> Duration {
        self.doubled(self.first_retry, key, failed)
    }

    /// The wait after an object failed so many times in a row (from 1).
    pub fn failure(&self, key: &ObjectKey, failed: u32) -> Duration {
        self.doubled(self.first_failure, key, failed)
    }

    fn doubled(&self, first: Duration, key: &ObjectKey, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(31);
        let full = first.saturating_mul(1 << doublings).min(self.longest_retry);
        less_jitter(full, key, failed)
    }

    /// The wait after a success.
    pub fn resync(&self, key: &ObjectKey) -> Duration {
        less_jitter(self.resync, key, 0)
    }

    /// The wait after a success of an object whose files are on a branch.
    pub fn follow(&self, key: &ObjectKey) -> Duration {
        less_jitter(self.follow.min(self.resync), key, 0)
    }
}

/// A wait that an object asks for itself, so that those that ask for the same come apart.
pub(crate) fn apart(key: &ObjectKey, wait: Duration) -> Duration {
    less_jitter(wait, key, 0)
}

fn less_jitter(full: Duration, key: &ObjectKey, attempt: u32) -> Duration {
    // FNV-1a: spread is all that is needed, not secrecy, and it must be the same in every release of every library.
    let bytes = [
        &key.group,
        &key.kind,
        key.namespace.as_ref().unwrap_or(&key.group),
        &key.name,
    ];
    let bytes = bytes
        .into_iter()
        .flat_map(|part| part.bytes().chain([0]))
        .chain(attempt.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let thousandths = u32::try_from((hash >> 32) % 250).unwrap_or_default();
    full.saturating_sub(full / 1000 * thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: "g".into(),
            kind: "K".into(),
            namespace: None,
            name: name.into(),
        }
    }

    #[test]
    fn retries_double_up_to_the_cap() {
        let pacing = Pacing::default();
        for (failed, full) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (9, 256),
            (10, 300),
            (40, 300),
            (u32::MAX, 300),
        ] {
            let wait = pacing.retry(&key("a"), failed);
            let full = Duration::from_secs(full);
            assert!(wait <= full && wait >= full * 3 / 4, "{failed}: {wait:?}");
            assert_eq!(wait, pacing.retry(&key("a"), failed));
        }
    }

    #[test]
    fn objects_that_failed_together_come_again_apart() {
        let waits: std::collections::BTreeSet<_> = (0..100)
            .map(|number| Pacing::default().retry(&key(&number.to_string()), 5))
            .collect();
        assert!(waits.len() > 60, "{}", waits.len());
    }
}
