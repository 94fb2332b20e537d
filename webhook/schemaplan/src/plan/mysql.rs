//! MySQL and MariaDB.
//!
//! Nothing here is transactional, so the order is one in which a plan that stops half-way leaves a schema that works as far as it goes, and
//! planning again goes on from there: what is in the way goes first (triggers and foreign keys that change), then tables are made and
//! changed, those that are referred to before those that refer, then what is no longer wanted goes, then views, routines and triggers come.
//!
//! Of two tables that refer to each other one gets its foreign key at the end. The order of existing columns is not planned: moving one copies
//! the table and changes nothing that a query by name sees.

mod alter;
mod narrow;
mod objects;
mod order;
mod tables;
mod text;

use self::objects::Objects;
use self::tables::Work;
use crate::catalog::Catalog;
use crate::diff::Change;
use crate::plan::{Plan, Refusal, Statement};
use crate::settings::{RenameHint, Settings};

/// A table by the name of its schema and its own.
type Name<'a> = (&'a str, &'a str);

/// See [`crate::plan()`].
pub(super) fn plan(
    current: &Catalog,
    desired: &Catalog,
    changes: &[Change<'_>],
    _settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let dialect = desired.engine.dialect;
    let mut work = Work::new(dialect, changes);
    work.lift_foreign_keys(current, desired);
    let objects = Objects::new(dialect, changes, current, desired)?;

    let mut statements = work.renames();
    statements.extend(objects.in_the_way());
    statements.extend(work.foreign_keys_dropped());
    statements.extend(work.schemas());
    statements.extend(objects.sequences());
    statements.extend(work.tables());
    statements.extend(work.tables_dropped());
    statements.extend(objects.made());
    statements.extend(work.schemas_dropped());
    Ok(Plan {
        statements,
        not_managed: objects::not_managed(current, desired),
    })
}

/// Renames of columns whose names differ in upper and lower case only: to these servers they are one name, and must not be dropped and added.
pub(super) fn respelled(current: &Catalog, desired: &Catalog) -> Vec<RenameHint> {
    let mut hints = Vec::new();
    for (schema, content) in &current.schemas {
        let dot = if schema.is_empty() { "" } else { "." };
        for (name, table) in &content.tables {
            let wanted = desired
                .schemas
                .get(schema)
                .and_then(|content| content.tables.get(name));
            let Some(wanted) = wanted else {
                continue;
            };
            for column in table.columns.keys() {
                if wanted.columns.contains_key(column) {
                    continue;
                }
                let mut names = wanted.columns.keys();
                let other = names.find(|other| other.to_lowercase() == column.to_lowercase());
                hints.extend(other.map(|other| RenameHint {
                    from: format!("{schema}{dot}{name}.{column}"),
                    to: other.clone(),
                }));
            }
        }
    }
    hints
}

fn statement(sql: String, destructive: bool, purpose: String) -> Statement {
    Statement {
        sql,
        destructive,
        alone: false,
        purpose,
    }
}
