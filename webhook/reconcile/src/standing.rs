//! Where an AtlasSchema or an AtlasMigration stands: the part of their statuses that both have, and what follows from it. Pure.
//!
//! Conditions, the failures in a row and the waiting between two looks are the same for both kinds, as they are in the Atlas operator.

use std::time::Duration;

use jiff::Timestamp;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{Condition, Progress, Reason, StatusUpdate};

use crate::pacing::Pacing;
use crate::problem::Problem;

/// Where the custom resource definition has a default of its own: as many failures as the operator retries.
pub(crate) const BACKOFF_LIMIT: u32 = 20;

/// An object and what its status says.
pub(crate) struct Standing<'a> {
    pub(crate) key: &'a ObjectKey,
    /// Of the spec.
    pub(crate) generation: i64,
    pub(crate) conditions: &'a [Condition],
    /// That the conditions speak of.
    pub(crate) observed_generation: i64,
    /// In a row.
    pub(crate) failed: u32,
    /// How many failures in a row are retried soon; 0 is without end.
    pub(crate) backoff_limit: u32,
}

impl Standing<'_> {
    /// Whether the status still speaks of something else: of nothing, of an older spec, or of success.
    pub(crate) fn begins_anew(&self) -> bool {
        self.conditions.is_empty() || !self.is_current() || is_true(self.conditions, "Ready")
    }

    /// Whether the status speaks of this spec.
    pub(crate) fn is_current(&self) -> bool {
        self.observed_generation == self.generation
    }

    /// What the status says after this progress. Failures of an older spec do not count against a new one.
    pub(crate) fn after(&self, progress: &Progress, now: Timestamp) -> StatusUpdate {
        let failed = if self.is_current() { self.failed } else { 0 };
        StatusUpdate::new(
            progress,
            self.conditions,
            failed,
            self.generation,
            &written(now),
        )
    }

    /// Waiting for a person, or having failed more often than `backoffLimit` allows, an object is looked at as rarely as one that is as wanted.
    /// (The operator never looks again.)
    pub(crate) fn wait(&self, reason: Reason, failed: u32, pacing: &Pacing) -> Duration {
        let gave_up = self.backoff_limit > 0 && failed > self.backoff_limit;
        if reason.is_pending() || gave_up {
            pacing.resync(self.key)
        } else {
            pacing.failure(self.key, failed)
        }
    }
}

/// What a problem makes of an object.
pub(crate) fn not_ready(problem: &Problem) -> Progress {
    Progress::NotReady {
        reason: problem.reason,
        message: problem.message.clone(),
    }
}

/// A condition by its type.
pub(crate) fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Whether a condition is True.
pub(crate) fn is_true(conditions: &[Condition], kind: &str) -> bool {
    condition(conditions, kind).is_some_and(|condition| condition.status == "True")
}

/// A time as statuses have it.
pub(crate) fn written(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
