//! Everything that a decision about one AtlasDriftCheck needs, and what a decision can be.

use std::time::Duration;

use tidegate_database::Drift;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::AtlasDriftCheckStatus;

use crate::events::Told;
use crate::problem::masked;

/// One look at an object, at the AtlasMigration that it names, and at its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which object.
    pub key: ObjectKey,
    /// `metadata.generation`: grows with each change of the spec.
    pub generation: i64,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// What was written last.
    pub status: AtlasDriftCheckStatus,
    /// What is wanted, or why that cannot be followed.
    pub wish: Result<Wish, Failure>,
    /// What was found; none where nothing was looked at.
    pub seen: Option<Seen>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Name of the AtlasMigration.
    pub target: String,
    /// Between two checks.
    pub interval: Duration,
    /// For one check.
    pub timeout: Duration,
    /// Whether nothing is to be checked for now.
    pub is_suspended: bool,
    /// Whether an object whose database has drifted is not ready.
    pub fails: bool,
    /// Glob patterns of what may differ; empty for those of the AtlasMigration.
    pub exclude: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The database, compared with what its files make.
    Checked(Drift),
    /// The AtlasMigration is being brought about.
    Migrating,
    /// Somebody else holds the lock.
    Locked,
    /// It could not be compared.
    Failed(Failure),
}

/// Why a check could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The operator's word for it.
    pub word: Word,
    /// What a person has to know or do. Never a credential.
    pub message: String,
    /// Whether it stays so until somebody does something.
    pub is_permanent: bool,
}

/// The operator's words for reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A check came to its end.
    Checked,
    /// It found nothing.
    NoDrift,
    /// It found something.
    DriftDetected,
    /// It came to no end.
    CheckFailed,
    /// There is no such AtlasMigration.
    TargetNotFound,
    /// The AtlasMigration is being brought about.
    TargetNotReady,
    /// No migration ever ran on the database.
    NoMigrationHistory,
    /// Nothing is checked for now.
    Suspended,
}

impl Word {
    /// As it is written into a condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checked => "Checked",
            Self::NoDrift => "NoDrift",
            Self::DriftDetected => "DriftDetected",
            Self::CheckFailed => "CheckFailed",
            Self::TargetNotFound => "TargetNotFound",
            Self::TargetNotReady => "TargetNotReady",
            Self::NoMigrationHistory => "NoMigrationHistory",
            Self::Suspended => "Suspended",
        }
    }
}

impl Failure {
    /// One that stays until somebody does something.
    pub(crate) fn permanent(word: Word, message: &str) -> Self {
        Self {
            word,
            message: masked(message),
            is_permanent: true,
        }
    }

    /// One that may go by itself.
    pub(crate) fn passing(message: &str) -> Self {
        Self {
            word: Word::CheckFailed,
            message: masked(message),
            is_permanent: false,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write this status.
    WriteStatus(Box<AtlasDriftCheckStatus>),
    /// Write this event.
    Tell(Told),
    /// Look again after this time.
    Requeue(Duration),
}
