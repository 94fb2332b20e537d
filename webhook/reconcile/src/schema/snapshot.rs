//! Everything that a decision about one AtlasSchema needs, and what a decision can be.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidegate_database::Inspection;
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{AtlasSchemaStatus, Condition, Reason};

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
    /// The wanted schema as SQL, or why it could not be had.
    pub wanted: Result<String, Problem>,
    /// What is in the database, or why it could not be looked at.
    pub present: Result<Inspection, Problem>,
}

/// `status` of an AtlasSchema, as it is read and as it is written (the custom resource definition mixes the spellings).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Ready, Reconciling, Stalled.
    pub conditions: Vec<Condition>,
    /// The generation that the conditions speak of.
    #[serde(rename = "observedGeneration")]
    pub observed_generation: i64,
    /// Hash of the wanted schema that was applied last; empty before the first time.
    pub observed_hash: String,
    /// When it was applied, in seconds since 1970; 0 before the first time.
    pub last_applied: i64,
    /// Failures in a row.
    pub failed: u32,
}

impl Status {
    /// Whether Ready is True.
    pub fn is_ready(&self) -> bool {
        self.conditions
            .iter()
            .any(|condition| condition.kind == "Ready" && condition.status == "True")
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

/// Why something could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// At which step.
    pub cause: Cause,
    /// What a person has to know or do. Never a credential.
    pub message: String,
}

impl Problem {
    /// At this step, with this message.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
        }
    }
}

/// The step at which something failed. Each becomes one of the Atlas operator's reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Reading the object, or the Secret or `ConfigMap` that it names.
    ReadSchema,
    /// Reaching the database.
    Login,
    /// Reading what is in the database.
    SchemaInspect,
    /// Making a plan.
    SchemaPlan,
    /// The plan would destroy something, or the gate says no.
    LintPolicyError,
    /// The very first plan for this object would destroy something.
    FirstRunDestructive,
    /// Running the plan.
    ApplyingSchema,
}

impl Cause {
    /// The operator's word.
    pub const fn reason(self) -> Reason {
        match self {
            Self::ReadSchema => Reason::ReadSchema,
            Self::Login => Reason::Login,
            Self::SchemaInspect => Reason::SchemaInspect,
            Self::SchemaPlan => Reason::SchemaPlan,
            Self::LintPolicyError => Reason::LintPolicyError,
            Self::FirstRunDestructive => Reason::FirstRunDestructive,
            Self::ApplyingSchema => Reason::ApplyingSchema,
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
    },
    /// Run these statements in one transaction, if the database still is as inspected.
    Apply {
        /// In order.
        statements: Vec<String>,
        /// What the status will call this wanted schema.
        hash: String,
    },
    /// Look again after this time.
    Requeue(Duration),
}
