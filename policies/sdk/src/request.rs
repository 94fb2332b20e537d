//! What is to be judged.

use crate::bindings::tidegate::policy::types as wit;
use crate::{Object, ObjectKey, Operation, UserInfo};

/// What is to be judged: one object on its way into the cluster, or everything that is about to be done.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one request in a call; a box would only be in the author's way"
)]
pub enum Request {
    /// One object on its way into the cluster.
    Admission(Admission),
    /// The rendered truth, just before it is applied.
    Plan(Plan),
}

/// One object on its way into the cluster.
#[derive(Debug, Clone)]
pub struct Admission {
    /// What the API server is asked to do.
    pub operation: Operation,
    /// The object's place.
    pub key: ObjectKey,
    /// Who asks.
    pub user: UserInfo,
    /// Nothing will be stored. A policy answers as it would otherwise.
    pub dry_run: bool,
    /// The day of the review in UTC, as `2026-12-01`.
    pub day: String,
    /// The object; none for a delete.
    pub object: Option<Object>,
    /// What is stored now; none for a create.
    pub old_object: Option<Object>,
}

/// The rendered truth, just before it is applied: what a single object cannot show.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The Application, AtlasSchema or AtlasMigration that is being brought about.
    pub subject: Object,
    /// What is about to be done, in the order of doing.
    pub changes: Vec<Change>,
    /// `mysql`, `mariadb`, `postgres` or `sqlite` where `changes` holds statements.
    pub dialect: Option<String>,
    /// The day of the review in UTC, as `2026-12-01`.
    pub day: String,
}

/// One thing about to be done to the cluster or to a database.
#[derive(Debug, Clone)]
pub enum Change {
    /// An object about to be written.
    ApplyObject(Object),
    /// An object about to be deleted.
    DeleteObject(Object),
    /// A statement about to be run on the database of the subject.
    RunStatement(String),
}

/// For an admission without any object, as a CONNECT may be.
static NOTHING: Object = Object::unparsed(String::new());

impl Request {
    /// The object that this is about: the new one, the old one for a delete, the subject of a plan. JSON `null` where the API
    /// server sent none.
    pub fn object(&self) -> &Object {
        match self {
            Self::Admission(admission) => admission
                .object
                .as_ref()
                .or(admission.old_object.as_ref())
                .unwrap_or(&NOTHING),
            Self::Plan(plan) => &plan.subject,
        }
    }

    /// What is stored now, for an update and a delete.
    pub fn old_object(&self) -> Option<&Object> {
        match self {
            Self::Admission(admission) => admission.old_object.as_ref(),
            Self::Plan(_) => None,
        }
    }

    /// The day of the review in UTC, as `2026-12-01`. Days written so compare as texts do.
    pub fn day(&self) -> &str {
        match self {
            Self::Admission(admission) => &admission.day,
            Self::Plan(plan) => &plan.day,
        }
    }

    /// The request, and the settings' text that came with it.
    pub(crate) fn from_wit(request: wit::Request) -> (Self, String) {
        match request {
            wit::Request::Admission(admission) => (
                Self::Admission(Admission {
                    operation: admission.operation,
                    key: admission.key,
                    user: admission.user,
                    dry_run: admission.dry_run,
                    day: admission.day,
                    object: admission.object.map(Object::unparsed),
                    old_object: admission.old_object.map(Object::unparsed),
                }),
                admission.settings,
            ),
            wit::Request::Plan(plan) => (
                Self::Plan(Plan {
                    subject: Object::unparsed(plan.subject),
                    changes: plan.changes.into_iter().map(Change::from_wit).collect(),
                    dialect: plan.dialect,
                    day: plan.day,
                }),
                plan.settings,
            ),
        }
    }
}

impl Change {
    fn from_wit(change: wit::Change) -> Self {
        match change {
            wit::Change::ApplyObject(text) => Self::ApplyObject(Object::unparsed(text)),
            wit::Change::DeleteObject(text) => Self::DeleteObject(Object::unparsed(text)),
            wit::Change::RunStatement(text) => Self::RunStatement(text),
        }
    }
}
