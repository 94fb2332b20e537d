//! Everything that a decision about one AtlasSchema needs, and what a decision can be.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_database::{Counted, Fingerprint, PlannedFrom, TransactionMode};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasSchemaStatus, Condition};
use tidegate_schemaplan::{Catalog, Engine, Settings, Statement};

use tidegate_sqlplan::Dialect;

use crate::problem::Problem;
use crate::settings::Drift;
use crate::standing::{Standing, is_true};

/// One look at an object and its database. It holds no address and no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which object.
    pub key: ObjectKey,
    /// `metadata.generation`: grows with each change of the spec.
    pub generation: i64,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// What was written last.
    pub status: Status,
    /// The hash of the plan that somebody approved: the annotation `gate.tidegate.dev/approve`.
    pub approved: Option<String>,
    /// What is done about a database that somebody else changed.
    pub drift: Drift,
    /// What is wanted, or why that could not be had.
    pub wish: Result<Wish, Problem>,
    /// What is in the database and what should be, or why that could not be looked at.
    pub seen: Result<Seen, Problem>,
}

/// What is wanted of the way to the wanted schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What tells this wish from others: base64 of the SHA-256 of the schema's statements and of what narrows it; empty while there is no database to say
    /// how they are read. (Atlas hashes its own print of the schema, by an algorithm that is not public.)
    pub hash: String,
    /// How a plan is made.
    pub settings: Settings,
    /// The schemas that are managed; none named: all that the address is about.
    pub schemas: Vec<String>,
    /// What is one transaction.
    pub transaction: TransactionMode,
    /// Whether plans that lose data run unasked, once the first one has run: `policy.lint.destructive.error: false`.
    pub may_lose: bool,
    /// Which plans have to be approved beside those that lose data.
    pub review: Review,
    /// How many failures in a row are retried soon; 0 is without end.
    pub backoff_limit: u32,
}

/// Which plans a person has to approve: `policy.lint.review`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Review {
    /// None for the sake of a review.
    #[default]
    None,
    /// `WARNING`: those that the policies warn about.
    Warned,
    /// `ALWAYS`: every one.
    All,
}

/// A database, and what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// A few digits that tell this database from others.
    pub place: String,
    /// Which server it is.
    pub engine: Engine,
    /// What it holds and what it should hold; none where that was compared, and nothing is to be done.
    pub sides: Option<Sides>,
}

/// Both sides, by the same inspector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// What the database holds.
    pub current: Arc<Catalog>,
    /// What tells that from anything else, where the engine can.
    pub fingerprint: Option<Fingerprint>,
    /// What it should hold.
    pub desired: Arc<Catalog>,
    /// What the way there drops, counted.
    pub losses: Vec<Counted>,
}

impl Sides {
    /// What has to be there still when a plan of these two runs.
    pub fn planned_from(&self) -> PlannedFrom {
        PlannedFrom {
            catalog: Arc::clone(&self.current),
            fingerprint: self.fingerprint,
        }
    }
}

/// `status` of an AtlasSchema, as it is read and as it is written (the custom resource definition mixes the spellings).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Ready, Reconciling, Stalled; and Drifted, once the schema was applied.
    pub conditions: Vec<Condition>,
    /// The generation that the conditions speak of.
    #[serde(rename = "observedGeneration")]
    pub observed_generation: i64,
    /// What was applied last, and where: [`Wish::hash`], `@`, [`Seen::place`]; empty before the first time.
    pub observed_hash: String,
    /// When it was applied, in seconds since 1970; 0 before the first time.
    pub last_applied: i64,
    /// Failures in a row.
    pub failed: u32,
}

impl Snapshot {
    /// The database's SQL, where there was one to see.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.seen.as_ref().ok().map(|seen| seen.engine.dialect)
    }

    /// The part of it that an AtlasMigration has too.
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

impl From<AtlasSchemaStatus> for Status {
    fn from(read: AtlasSchemaStatus) -> Self {
        Self {
            conditions: read.conditions,
            observed_generation: read.observed_generation,
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
    /// Ask the gate about these statements.
    Judge {
        /// In the order in which they will run.
        statements: Vec<String>,
        /// Somebody approved exactly these: what the gate says against them is noted, and they run.
        is_approved: bool,
        /// Where the gate warns about them they wait for an approval.
        warnings_wait: bool,
    },
    /// Run these statements, if the database still is as inspected.
    Apply {
        /// In order.
        statements: Vec<Statement>,
        /// What is one transaction.
        transaction: TransactionMode,
    },
    /// Look again after this time.
    Requeue(Duration),
}
