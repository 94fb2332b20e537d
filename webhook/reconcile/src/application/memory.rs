//! What is worth remembering of an Application between two looks, and not worth writing into its status. Losing it costs a little time.

use std::time::Duration;

use jiff::Timestamp;
use tidegate_syncplan::operation::Progress;

use super::operation::Running;

/// The first wait for something that the cluster does by itself, and how waits grow.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MOST_DOUBLINGS: u32 = 10;

/// Of one Application.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// Of the operation that began then, at this try: its progress, with what the status has no field for.
    progress: Option<(Timestamp, u32, Progress)>,
    /// Looks in a row that found nothing new.
    waits: u32,
}

impl Memory {
    /// The progress of an operation, if it is the one that is remembered and the status tells nothing else. Whether it was.
    pub(super) fn restore(&self, running: &mut Running) -> bool {
        if let Some((started_at, retries, progress)) = &self.progress
            && *started_at == running.started_at
            && *retries == running.retries
            && (running.progress.results.is_empty() || progress.results == running.progress.results)
        {
            running.progress = progress.clone();
            return true;
        }
        false
    }

    pub(super) fn keep(&mut self, running: &Running) {
        self.progress = Some((
            running.started_at,
            running.retries,
            running.progress.clone(),
        ));
    }

    /// The operation is over. The next one may begin in the same second, and is another one all the same.
    pub(super) fn forget(&mut self) {
        self.progress = None;
    }

    /// Something happened: the next wait is short again.
    pub(super) const fn moved(&mut self) {
        self.waits = 0;
    }

    /// The next wait: ever longer while nothing happens, up to `longest`.
    pub(super) fn wait(&mut self, longest: Duration) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(1 << self.waits.min(MOST_DOUBLINGS));
        self.waits = self.waits.saturating_add(1);
        wait.min(longest)
    }

    /// How many looks in a row found nothing new.
    pub(super) const fn waits(&self) -> u32 {
        self.waits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Times have whole seconds: a rollback and the sync right after it began at the same one, and the sync took the rollback's results for its own.
    #[test]
    fn what_is_over_is_not_taken_for_what_begins_in_the_same_second() {
        let mut ended = Running::new(json!({"sync": {"revision": "a"}}), Timestamp::UNIX_EPOCH);
        ended.progress.dry_run_passed = true;
        let mut memory = Memory::default();
        memory.keep(&ended);
        let mut same = Running::new(ended.request.clone(), Timestamp::UNIX_EPOCH);
        memory.restore(&mut same);
        assert!(same.progress.dry_run_passed, "it goes on");
        memory.forget();
        let mut next = Running::new(ended.request.clone(), Timestamp::UNIX_EPOCH);
        memory.restore(&mut next);
        assert!(!next.progress.dry_run_passed, "it begins anew");
    }
}
