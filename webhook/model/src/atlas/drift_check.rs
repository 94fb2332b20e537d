//! AtlasDriftCheck: a repeated check of the database of an AtlasMigration, which changes nothing. Fields and defaults follow the Atlas operator 0.8.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, Metadata, NameRef};
use crate::object::{ViewError, view};

/// A check that is repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AtlasDriftCheck {
    /// Name and generation.
    pub metadata: Metadata,
    /// What is to be checked.
    pub spec: AtlasDriftCheckSpec,
    /// What was seen last.
    pub status: AtlasDriftCheckStatus,
}

impl AtlasDriftCheck {
    /// Reads the view.
    ///
    /// # Errors
    /// A field has another type than the definition gives it; the error quotes no value.
    pub fn from_object(object: &Value) -> Result<Self, ViewError> {
        view(object)
    }
}

/// `spec` of an AtlasDriftCheck.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AtlasDriftCheckSpec {
    /// The AtlasMigration, in the same namespace.
    pub target_ref: NameRef,
    /// How often, as Go writes a duration; `5m` where nothing is said, and never less than `1m`.
    pub interval: Option<String>,
    /// How long one check may take; `5m` where nothing is said.
    pub timeout: Option<String>,
    /// Whether nothing is checked for now.
    pub suspend: bool,
    /// `Report` (the default): the condition `Drifted` says it. `Fail`: the object is not ready then, either.
    pub on_drift: Option<String>,
    /// Glob patterns of what may differ; where there is none, those of the AtlasMigration's `spec.policy.drift`.
    pub exclude: Vec<String>,
}

/// `status` of an AtlasDriftCheck, as it is read and as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AtlasDriftCheckStatus {
    /// Generation that the conditions speak of; 0 here and -1 on an API server where there is none yet.
    pub observed_generation: i64,
    /// Ready, Reconciling, Stalled, Drifted.
    pub conditions: Vec<Condition>,
    /// The version whose files made what the database was compared with.
    pub version: Option<String>,
    /// Tells this drift from another; none where there is none.
    pub fingerprint: Option<String>,
    /// How it is known what the database should be: `local`, by running the files.
    pub mode: Option<String>,
    /// How many objects differ; none where nothing does.
    pub summary: Option<DriftSummary>,
    /// What differs, in words (Tidegate's own field).
    pub differences: Option<Vec<String>>,
    /// When the last check came to its end, RFC 3339.
    pub last_check_time: Option<String>,
}

/// How many objects differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftSummary {
    /// All of them.
    pub total: u32,
    /// Those that are there and should not be.
    pub extra: Option<u32>,
    /// Those that should be there and are not.
    pub missing: Option<u32>,
    /// Those that are others than they should be.
    pub modified: Option<u32>,
    /// By kind, such as `table`. None is one that a status had before and has no longer: so it is written.
    pub types: BTreeMap<String, Option<u32>>,
}
