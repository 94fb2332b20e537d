//! Whether somebody else changed the database: the condition `Drifted`. Pure.
//!
//! A database has drifted when exactly this wish was brought about in it before, and there is something to do all the same. The condition is ours, beside
//! the operator's three, and is not there before the first apply.

use tidegate_model::atlas::Condition;
use tidegate_schemaplan::Plan;

use super::snapshot::{Seen, Snapshot, Status, Wish};
use crate::problem::list;
use crate::standing::condition;

const KIND: &str = "Drifted";

/// What is to be said about it.
pub(super) enum Found {
    /// The database is as wanted.
    InSync,
    /// It was not, and is again, by these statements.
    Repaired(Vec<String>),
    /// It is not; this would make it so.
    Drifted(Vec<String>),
    /// Nothing is known that was not known before.
    Unknown,
}

impl Found {
    /// That this plan is needed though nobody asked for a change.
    pub(super) fn drifted(plan: &Plan) -> Self {
        Self::Drifted(texts(plan))
    }
}

/// The statements of a plan.
pub(super) fn texts(plan: &Plan) -> Vec<String> {
    let statements = plan.statements.iter();
    statements.map(|statement| statement.sql.clone()).collect()
}

/// What the status calls this wish in this database.
pub(super) fn observed(wish: &Wish, seen: &Seen) -> String {
    format!("{}@{}", wish.hash, seen.place)
}

/// Whether this wish was brought about in this database before.
pub(super) fn was_applied(snapshot: &Snapshot, wish: &Wish, seen: &Seen) -> bool {
    let status = &snapshot.status;
    status.last_applied != 0 && status.observed_hash == observed(wish, seen)
}

/// Whether nothing was ever brought about in this database. A status that names no database was written by somebody else, for this one.
pub(super) fn is_first_run(status: &Status, seen: &Seen) -> bool {
    let place = status.observed_hash.split_once('@');
    status.last_applied == 0 || place.is_some_and(|(_, place)| place != seen.place)
}

/// Adds the condition to those that are about to be written.
pub(super) fn add(conditions: &mut Vec<Condition>, snapshot: &Snapshot, found: &Found, now: &str) {
    let (status, reason, message) = match found {
        Found::Unknown => {
            conditions.extend(condition(&snapshot.status.conditions, KIND).cloned());
            return;
        }
        Found::InSync => ("False", "InSync", String::new()),
        Found::Repaired(statements) => (
            "False",
            "Repaired",
            list(
                "somebody else had changed the database; repaired by",
                statements,
            ),
        ),
        Found::Drifted(statements) => (
            "True",
            "DriftDetected",
            list(
                "somebody else changed the database; this would bring it back",
                statements,
            ),
        ),
    };
    conditions.push(Condition::after(
        &snapshot.status.conditions,
        (KIND, status),
        (reason, &message),
        snapshot.generation,
        now,
    ));
}
