//! What the reconciler asks: the rendered truth just before it is applied, where the order of all objects and the SQL that will run can be seen.

use std::sync::Arc;
use std::time::Duration;

use tidegate_admission::{Date, GroupVersionKind};

/// One thing about to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An object about to be written, as JSON text.
    Apply(String),
    /// An object about to be deleted, as JSON text.
    Delete(String),
    /// A statement about to be run.
    Statement(String),
}

/// A plan to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// The kind of the subject: policies that match it are asked, as for an update.
    pub kind: GroupVersionKind,
    /// The subject's namespace, for exemptions.
    pub namespace: Option<String>,
    /// The object that is being brought about, as JSON text.
    pub subject: Arc<str>,
    /// In the order of application.
    pub changes: Vec<Change>,
    /// `mysql`, `mariadb`, `postgres` or `sqlite` where there are statements.
    pub dialect: Option<String>,
    /// How long from now the answer is still of use.
    pub budget: Duration,
    /// The day in UTC.
    pub day: Date,
}
