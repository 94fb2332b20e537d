//! See `new_constraint.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{Dialect, TableChange};

use super::Entry;
use crate::comparison::{Changed, Comparison};
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "new-constraint",
    "A constraint on rows that are there",
    include_str!("new_constraint.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let table = &changed.new.name;
        match changed.change {
            TableChange::UniqueAdded { key } => {
                unique(comparison, &changed, &key.columns, "constraint", findings);
            }
            TableChange::IndexAdded { index } if index.unique => {
                unique(comparison, &changed, &index.columns, "index", findings);
            }
            TableChange::IndexAdded { index } if comparison.dialect == Dialect::Postgres => {
                let severity = match comparison.concurrently {
                    Some(true) => continue,
                    Some(false) => RULE.severity,
                    None => Severity::Warning,
                };
                let message = format!(
                    "index `{}` on `{table}` is new: unless `spec.policy.diff.concurrent_index.create` is true, nobody can write while it is built",
                    index.name.as_deref().unwrap_or("without name")
                );
                findings.push_as(
                    severity,
                    Some(index.position),
                    message,
                    "set `spec.policy.diff.concurrent_index.create: true`",
                );
            }
            TableChange::ForeignKeyAdded { key } => {
                let replaces = changed.old.foreign_keys.iter().find(|old| {
                    old.columns == key.columns
                        && old.table == key.table
                        && old.referred == key.referred
                });
                let columns = key.columns.join(", ");
                if let Some(old) = replaces {
                    action(&changed, old, key, findings);
                } else if comparison.dialect == Dialect::Sqlite && !changed.has_had(&key.columns) {
                    // An added column that refers must be NULL in every row; SQLite checks nothing.
                } else {
                    let message = format!(
                        "a foreign key from `{table}` ({columns}) to `{}` is new: a row that refers to nothing makes the change fail, and both tables are blocked while all rows are looked at",
                        key.table
                    );
                    findings.push(Some(changed.new.position), message, FOREIGN_KEY);
                }
            }
            TableChange::CheckAdded { check } => {
                // What SQLite adds with a column, it checks against one value only.
                let of_new_column = changed.new.columns.iter().any(|column| {
                    column.inline.check
                        && changed.old.column(&column.name).is_none()
                        && check
                            .expression
                            .to_lowercase()
                            .contains(&column.name.to_lowercase())
                });
                if comparison.dialect == Dialect::Sqlite && of_new_column {
                    continue;
                }
                let message = format!(
                    "a CHECK on `{table}` is new: a row that breaks it makes the change fail, and the table is blocked while all rows are looked at"
                );
                findings.push(Some(changed.new.position), message, CHECK);
            }
            TableChange::OptionsChanged => exclusion(&changed, findings),
            _ => {}
        }
    }
}

fn unique(
    comparison: &Comparison<'_>,
    changed: &Changed<'_>,
    columns: &[String],
    what: &str,
    findings: &mut Findings,
) {
    let table = &changed.new.name;
    let listed = columns.join(", ");
    if changed.has_empty(columns) && comparison.dialect != Dialect::Postgres {
        return;
    }
    // Fewer columns must differ now; the more they were, the less that says.
    let message = format!(
        "a unique {what} on `{table}` ({listed}) is new: two rows that agree in it make the change fail, and nobody can write while it is built"
    );
    findings.push(Some(changed.new.position), message, UNIQUE);
}

/// A foreign key that does something else now.
fn action(
    changed: &Changed<'_>,
    old: &tidegate_sqlplan::ForeignKey,
    new: &tidegate_sqlplan::ForeignKey,
    findings: &mut Findings,
) {
    let plain = |action: &Option<String>| action.clone().filter(|action| action != "restrict");
    if plain(&old.on_delete) == plain(&new.on_delete)
        && plain(&old.on_update) == plain(&new.on_update)
    {
        return;
    }
    let shown = |action: &Option<String>| {
        action
            .clone()
            .unwrap_or_else(|| "no action".to_owned())
            .to_uppercase()
    };
    let what = if plain(&old.on_delete) == plain(&new.on_delete) {
        format!(
            "ON UPDATE changes from {} to {}",
            shown(&old.on_update),
            shown(&new.on_update)
        )
    } else {
        format!(
            "ON DELETE changes from {} to {}",
            shown(&old.on_delete),
            shown(&new.on_delete)
        )
    };
    let lost = if new.on_delete.as_deref() == Some("cascade")
        && old.on_delete.as_deref() != Some("cascade")
    {
        ", so that deleting a row there deletes rows here, without a word"
    } else {
        ", and the key is dropped and made anew, with all rows looked at"
    };
    let message = format!(
        "the foreign key from `{}` ({}) to `{}` acts otherwise: {what}{lost}",
        changed.new.name,
        new.columns.join(", "),
        new.table
    );
    findings.push(Some(changed.new.position), message, FOREIGN_KEY);
}

fn exclusion(changed: &Changed<'_>, findings: &mut Findings) {
    for option in changed
        .new
        .options
        .iter()
        .filter(|option| option.starts_with("exclude"))
    {
        if !changed.old.options.contains(option) {
            let message = format!(
                "an EXCLUDE constraint on `{}` is new: rows that exclude each other make the change fail, and the table is blocked while all rows are looked at",
                changed.new.name
            );
            findings.push(Some(changed.new.position), message, "there is no way to add one without blocking: choose a quiet hour, and look for such rows first");
        }
    }
}

const UNIQUE: &str = "look for rows that agree first (GROUP BY .. HAVING count(*) > 1); in PostgreSQL build the index CONCURRENTLY in a migration of its own, then ADD CONSTRAINT .. USING INDEX";
const FOREIGN_KEY: &str = "look for rows that refer to nothing first; in PostgreSQL add it NOT VALID in a migration, and VALIDATE it in a later one";
const CHECK: &str = "look for rows that break it first; in PostgreSQL add it NOT VALID in a migration, and VALIDATE it in a later one";
