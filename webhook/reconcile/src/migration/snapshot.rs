//! Everything that a decision about one AtlasMigration needs, and what a decision can be.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_migrations::Back;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasMigrationStatus, Condition};
use tidegate_sqlplan::Dialect;

use crate::problem::Problem;
use crate::standing::{Standing, is_true};

/// One look at an object, its folder and its database. It holds no address and no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which object.
    pub key: ObjectKey,
    /// `metadata.generation`: grows with each change of the spec.
    pub generation: i64,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The hash of the plan that somebody approved: the annotation `gate.tidegate.dev/approve`.
    pub approved: Option<String>,
    /// What was written last.
    pub status: Status,
    /// What is wanted beside the files, or why that could not be had.
    pub wish: Result<Wish, Problem>,
    /// What the database has and what is pending, or why that cannot be said.
    pub seen: Result<Seen, Problem>,
}

/// What is wanted beside the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// How many failures in a row are retried soon; 0 is without end.
    pub backoff_limit: u32,
    /// `protectedFlows.migrateDown.allow`.
    pub may_go_down: bool,
    /// Whether the folder may be another one with nobody saying so: a branch of a repository.
    pub follows: bool,
    /// Whether it is looked for what somebody changed beside the files before anything runs: `policy.drift`.
    pub drift: Option<DriftCheck>,
}

/// The check for changes beside the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftCheck {
    /// Whether what is pending runs all the same.
    pub goes_on: bool,
    /// Glob patterns of what may differ.
    pub exclude: Vec<String>,
}

/// A database and a folder, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Hexadecimal SHA-256 of which database it is and of the folder's `atlas.sum`. (The operator's also covers the url, and so the password.)
    pub hash: String,
    /// The database's SQL.
    pub dialect: Dialect,
    /// The last version that the database has as a whole; empty where it has none.
    pub last: String,
    /// The last version that the database has, where the folder ends before it.
    pub beyond: Option<String>,
    /// The way back to where the folder ends, where it may be gone.
    pub down: Option<WayBack>,
    /// The file whose version is written as a baseline first.
    pub baseline: Option<String>,
    /// Whether rows of files that somebody edited, and says that they may be so, are to name them as they are now.
    pub settles: bool,
    /// What somebody changed beside the files, in words, where it was looked for.
    pub drifted: Vec<String>,
    /// What is to be run, in order.
    pub pending: Vec<PendingFile>,
}

/// A file that is to be run, or gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFile {
    /// Its name.
    pub name: String,
    /// All of it.
    pub text: String,
    /// Those of its statements that are left.
    pub statements: Vec<String>,
}

/// A way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// How far.
    pub back: Back,
    /// The versions that are given up, the last first.
    pub undone: Vec<String>,
    /// What would run.
    pub statements: Vec<String>,
    /// What tells this plan from others.
    pub hash: String,
}

/// `status` of an AtlasMigration, as it is read and as it is written (the custom resource definition mixes the spellings).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Ready, Reconciling, Stalled.
    pub conditions: Vec<Condition>,
    /// The generation that the conditions speak of.
    pub observed_generation: i64,
    /// The last version that the database has as a whole.
    pub last_applied_version: String,
    /// [`Seen::hash`] of what was applied last; empty before the first time.
    #[serde(rename = "observed_hash")]
    pub observed_hash: String,
    /// When it was applied, in seconds since 1970; 0 before the first time.
    pub last_applied: i64,
    /// Failures in a row.
    pub failed: u32,
}

impl Snapshot {
    /// The database's SQL, where there was one to see.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.seen.as_ref().ok().map(|seen| seen.dialect)
    }

    /// The part of it that an AtlasSchema has too.
    pub(crate) fn standing(&self) -> Standing<'_> {
        Standing {
            key: &self.key,
            generation: self.generation,
            conditions: &self.status.conditions,
            observed_generation: self.status.observed_generation,
            failed: self.status.failed,
            backoff_limit: self.wish.as_ref().map_or(0, |wish| wish.backoff_limit),
        }
    }
}

impl Status {
    /// Whether Ready is True.
    pub fn is_ready(&self) -> bool {
        is_true(&self.conditions, "Ready")
    }
}

impl From<AtlasMigrationStatus> for Status {
    fn from(read: AtlasMigrationStatus) -> Self {
        Self {
            conditions: read.conditions,
            observed_generation: read.observed_generation,
            last_applied_version: read.last_applied_version,
            observed_hash: read.observed_hash,
            last_applied: read.last_applied,
            failed: read.failed,
        }
    }
}

/// One thing to do. Steps are done in order; the first one that fails ends the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Write this status.
    WriteStatus(Status),
    /// Ask the gate about the texts of these files.
    Judge {
        /// In the order in which they will run.
        texts: Vec<String>,
        /// Somebody approved exactly these: what the gate says against them is noted, and they run.
        is_approved: bool,
    },
    /// Go back by the plan that was seen, if it still is that plan.
    GoDown,
    /// Run what is pending, if it still is what was seen.
    Migrate,
    /// Look again after this time.
    Requeue(Duration),
}
