//! From the wanted text and the present database to statements, or to a refusal that says what and why. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tidegate_database::Inspection;
use tidegate_sqlplan::{Change, Dialect, TableChange, diff, parse_schema};

use super::snapshot::{Cause, Problem};

/// How many problems a condition shows.
const SHOWN: usize = 20;

/// What is to be run.
pub(super) struct Planned {
    /// In order; empty when the database is as wanted.
    pub(super) statements: Vec<String>,
    /// base64 of the SHA-256 of the wanted text. (Atlas hashes its own print of the schema, by an algorithm that is not public.)
    pub(super) hash: String,
}

/// Plans additive changes, and refuses everything else as a whole. `first_run` chooses the operator's word for a destructive one.
pub(super) fn plan(
    wanted: &str,
    present: &Inspection,
    first_run: bool,
) -> Result<Planned, Problem> {
    let desired = parse_schema(wanted, Dialect::Sqlite).map_err(|problems| {
        Problem::new(
            Cause::ReadSchema,
            list(
                "spec.schema cannot be read as a schema of SQLite (line:column)",
                &problems,
            ),
        )
    })?;
    let current = present
        .schema()
        .map_err(|error| Problem::new(Cause::SchemaInspect, error.to_string()))?;
    let plan = tidegate_sqlplan::plan(&current, &desired, Dialect::Sqlite).map_err(|refusals| {
        let cause = match diff(&current, &desired, Dialect::Sqlite)
            .iter()
            .any(destroys)
        {
            true if first_run => Cause::FirstRunDestructive,
            true => Cause::LintPolicyError,
            false => Cause::SchemaPlan,
        };
        Problem::new(
            cause,
            list(
                "the database cannot be brought to spec.schema safely, and nothing was changed",
                &refusals,
            ),
        )
    })?;
    let hash = STANDARD.encode(Sha256::digest(wanted.as_bytes()));
    Ok(Planned {
        statements: plan
            .statements
            .into_iter()
            .map(|statement| statement.sql)
            .collect(),
        hash,
    })
}

/// Whether rows or values would be lost.
fn destroys(change: &Change) -> bool {
    matches!(
        change,
        Change::TableDropped { .. }
            | Change::TableChanged {
                change: TableChange::ColumnDropped { .. },
                ..
            }
    )
}

/// A sentence and what it is about, one a line.
pub(super) fn list<T: ToString>(title: &str, items: &[T]) -> String {
    let mut message = format!("{title}:");
    for item in items.iter().take(SHOWN) {
        message.push_str("\n- ");
        message.push_str(&item.to_string());
    }
    if items.len() > SHOWN {
        message.push_str("\n- and more");
    }
    message
}
