//! The question asked just before a plan is carried out, and its answer.
//!
//! The door implements [`Gate`] with the same policies that judged the object at admission. What they could not see then they see now: the
//! statements that will really run, the objects that will really be written. Nothing has run when the question is asked, and a "no", or no answer, means that nothing will.

use serde::{Deserialize, Serialize};

/// Judges plans.
pub trait Gate: Send + Sync + 'static {
    /// Says whether the plan may be carried out. It should answer within the time of [`crate::ReconcileSettings::gate_timeout`]; a late
    /// answer counts as [`GateVerdict::Unavailable`].
    fn judge(&self, plan: &PlanReview) -> impl Future<Output = GateVerdict> + Send;
}

/// A plan as the policies see it (`plan` in the WIT contract).
#[derive(Clone, PartialEq, Eq)]
pub struct PlanReview {
    /// The object that is being brought about, as JSON text: all of it but `metadata.managedFields`. It may hold a password, as it did at
    /// admission.
    pub subject: String,
    /// The database's SQL, such as `sqlite`; none where there are no statements.
    pub dialect: Option<String>,
    /// What will be done, in order.
    pub changes: Vec<PlanChange>,
}

/// One thing about to be done. Objects may hold passwords, so none of them is shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum PlanChange {
    /// A statement about to be run.
    Statement(String),
    /// An object about to be written.
    Apply {
        /// As JSON text.
        object: String,
        /// What is there now, as JSON text; none where it is made.
        live: Option<String>,
        /// Whether what is there says it already, so that nothing will be written. It is part of the order all the same.
        unchanged: bool,
    },
    /// An object about to be deleted, as JSON text.
    Delete(String),
}

impl std::fmt::Debug for PlanChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Statement(sql) => f.debug_tuple("Statement").field(sql).finish(),
            Self::Apply { .. } => f.write_str("Apply"),
            Self::Delete(_) => f.write_str("Delete"),
        }
    }
}

impl std::fmt::Debug for PlanReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanReview")
            .field("dialect", &self.dialect)
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// What the policies said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateVerdict {
    /// It may be carried out.
    Allowed {
        /// What people should know all the same.
        warnings: Vec<GateFinding>,
    },
    /// It may not.
    Denied {
        /// Why, at least one.
        findings: Vec<GateFinding>,
    },
    /// They could not be asked, or did not answer in time. Counts as a "no" that is asked again soon.
    Unavailable {
        /// Why, without values of the object.
        message: String,
    },
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFinding {
    /// Whose.
    pub policy: String,
    /// The rule's id.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// Which change of the plan, counted from 0.
    pub change: Option<usize>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for GateFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}: {}", self.policy, self.rule, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({suggestion})"),
            None => Ok(()),
        }
    }
}
