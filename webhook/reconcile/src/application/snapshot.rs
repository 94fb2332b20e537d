//! Everything that a decision about one Application needs, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::{GroupKind, ObjectKey};

use crate::render::Rendered;

/// One look at an Application, its source and the cluster. It holds no credential of a repository; the objects may hold what Git holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which Application.
    pub key: ObjectKey,
    /// The object as it was read, without `managedFields`.
    pub application: Value,
    /// The control plane's namespace.
    pub control_namespace: String,
    /// Its AppProject, once it is known to permit the Application's source and destination.
    pub project: Result<Value, Problem>,
    /// `data` of `argocd-cm`.
    pub settings: BTreeMap<String, String>,
    /// What is desired: of the operation under way, else of the newest revision. Each manifest once, with its namespace.
    pub rendered: Result<Rendered, Problem>,
    /// What is there.
    pub live: Result<Live, Problem>,
    /// What a person should know of the manifests: two with one key.
    pub warnings: Vec<Problem>,
}

impl Snapshot {
    /// The Application as policies see it: what was wished for, not what became of it.
    pub(super) fn subject(&self) -> String {
        let mut subject = self.application.clone();
        if let Some(fields) = subject.as_object_mut() {
            fields.remove("status");
        }
        subject.to_string()
    }
}

/// The live objects that matter: those with a desired key, those of the status, and those that carry the Application's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Them.
    pub objects: Vec<Value>,
    /// Desired kinds that the API server does not know.
    pub unknown_kinds: BTreeSet<GroupKind>,
}

/// Why something could not be had or may not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// As which condition it is shown.
    pub condition: Condition,
    /// What a person has to know or do.
    pub message: String,
}

impl Problem {
    /// This condition, this message.
    pub fn new(condition: Condition, message: impl Into<String>) -> Self {
        Self {
            condition,
            message: message.into(),
        }
    }
}

/// The types of an Application's conditions (`status.conditions[].type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Condition {
    /// The spec cannot be followed.
    InvalidSpecError,
    /// Desired and live could not be compared.
    ComparisonError,
    /// A sync on its own was not begun, or failed.
    SyncError,
    /// The Application could not be deleted.
    DeletionError,
    /// Another Application has an object that this one desires.
    SharedResourceWarning,
    /// Two manifests with one key.
    RepeatedResourceWarning,
    /// A manifest of a kind that the settings exclude.
    ExcludedResourceWarning,
    /// Objects in the namespace that no Application has.
    OrphanedResourceWarning,
    /// The status has outgrown the API server.
    UnknownError,
}

impl Condition {
    /// Argo CD's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpecError => "InvalidSpecError",
            Self::ComparisonError => "ComparisonError",
            Self::SyncError => "SyncError",
            Self::DeletionError => "DeletionError",
            Self::SharedResourceWarning => "SharedResourceWarning",
            Self::RepeatedResourceWarning => "RepeatedResourceWarning",
            Self::ExcludedResourceWarning => "ExcludedResourceWarning",
            Self::OrphanedResourceWarning => "OrphanedResourceWarning",
            Self::UnknownError => "UnknownError",
        }
    }
}
