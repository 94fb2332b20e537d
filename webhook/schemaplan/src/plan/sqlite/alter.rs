//! What `ALTER TABLE .. ADD COLUMN` and `DROP COLUMN` can do.

use tidegate_sqlplan::{SqliteColumn, SqliteConstraintKind, SqliteTable};

use super::{quoted, said};
use crate::catalog::{Check, ForeignKey, Table};
use crate::diff::TableChange;
use crate::plan::Statement;
use crate::renames::has_word;

/// The statements, but for renames and indexes, which are planned elsewhere; none when the table has to be rebuilt.
pub(super) fn in_place(
    table: &str,
    old: &Table,
    written: &SqliteTable,
    changes: &[TableChange<'_>],
) -> Option<Vec<Statement>> {
    let added: Vec<&SqliteColumn> = changes
        .iter()
        .filter_map(|change| match change {
            TableChange::ColumnAdded { name, .. } => {
                written.columns.iter().find(|it| it.name == *name)
            }
            _ => None,
        })
        .collect();
    let mut statements = Vec::new();
    for change in changes {
        match change {
            TableChange::ColumnRenamed { .. } => {}
            TableChange::ColumnAdded { name, .. } => {
                let column = added.iter().find(|it| it.name == *name)?;
                can_be_added(column).then_some(())?;
                statements.push(Statement {
                    sql: format!("ALTER TABLE {} ADD COLUMN {}", quoted(table), column.source),
                    ..said(format!("add column {table}.{name}"))
                });
            }
            TableChange::ColumnDropped { name, .. } => {
                can_be_dropped(name, old, changes).then_some(())?;
                statements.push(Statement {
                    sql: format!("ALTER TABLE {} DROP COLUMN {}", quoted(table), quoted(name)),
                    destructive: true,
                    ..said(format!("drop column {table}.{name}"))
                });
            }
            TableChange::IndexAdded { new, .. } => (!new.constraint).then_some(())?,
            TableChange::IndexDropped { old, .. } => (!old.constraint).then_some(())?,
            TableChange::IndexChanged { old, new, .. } => {
                (!old.constraint && !new.constraint).then_some(())?;
            }
            // What a new column's own definition says comes with it.
            TableChange::CheckAdded { new, .. } => says_check(&added, new).then_some(())?,
            TableChange::ForeignKeyAdded { new, .. } => says_key(&added, new).then_some(())?,
            _ => return None,
        }
    }
    Some(statements)
}

/// SQLite's own restrictions; those that only count where there are rows are counted always, for a plan does not look at rows.
fn can_be_added(column: &SqliteColumn) -> bool {
    let is_constant =
        |text: &str| !text.starts_with('(') && !text.to_ascii_lowercase().starts_with("current_");
    let is_null = |text: &str| text.eq_ignore_ascii_case("null");
    let has_value = column.default.as_deref().is_some_and(|it| !is_null(it));
    let has_key = column.constraints.iter().any(|constraint| {
        matches!(
            constraint.kind,
            SqliteConstraintKind::PrimaryKey(_) | SqliteConstraintKind::Unique(_)
        )
    });
    let refers = column
        .constraints
        .iter()
        .any(|it| matches!(it.kind, SqliteConstraintKind::ForeignKey(_)));
    let is_stored = column.generated.as_ref().is_some_and(|(_, stored)| *stored);
    !has_key
        && !is_stored
        && column.attributes.is_empty()
        && column.default.as_deref().is_none_or(is_constant)
        && (!column.not_null || has_value || column.generated.is_some())
        && !(refers && has_value)
}

/// Nothing that stays may use it.
fn can_be_dropped(name: &str, old: &Table, changes: &[TableChange<'_>]) -> bool {
    let is_key = old
        .primary_key
        .iter()
        .flat_map(|key| &key.parts)
        .any(|part| part.column.as_deref() == Some(name));
    let refers = old
        .foreign_keys
        .values()
        .any(|key| key.columns.iter().any(|column| column == name));
    let checked = old
        .checks
        .values()
        .any(|check| has_word(&check.expression, name));
    let computed = old.columns.iter().any(|(other, column)| {
        let generated = column.generated.as_ref();
        other != name && generated.is_some_and(|it| has_word(&it.expression, name))
    });
    let indexed = old.indexes.iter().any(|(index_name, index)| {
        let goes = changes.iter().any(|change| match change {
            TableChange::IndexDropped { name, .. } | TableChange::IndexChanged { name, .. } => {
                name == index_name
            }
            _ => false,
        });
        let uses = index.parts.iter().any(|part| {
            let expression = part.expression.as_deref();
            part.column.as_deref() == Some(name) || expression.is_some_and(|it| has_word(it, name))
        }) || index.options.values().any(|it| has_word(it, name));
        uses && (index.constraint || !goes)
    });
    !is_key && !refers && !checked && !computed && !indexed
}

fn says_check(added: &[&SqliteColumn], check: &Check) -> bool {
    let mut constraints = added.iter().flat_map(|column| &column.constraints);
    constraints.any(|constraint| {
        matches!(&constraint.kind, SqliteConstraintKind::Check(expression) if *expression == check.expression)
    })
}

fn says_key(added: &[&SqliteColumn], key: &ForeignKey) -> bool {
    added.iter().any(|column| {
        key.columns == [column.name.clone()]
            && column
                .constraints
                .iter()
                .any(|it| matches!(it.kind, SqliteConstraintKind::ForeignKey(_)))
    })
}
