//! See `not_null_without_default.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Change, Column, Effect, Name, Table, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "not-null-without-default",
    "NOT NULL where rows may have nothing",
    include_str!("not_null_without_default.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::AlterTable { table, action }
                if !judged.created.is_new(table, judged.dialect()) =>
            {
                match action {
                    AlterAction::AddColumn(definition) if needs_value(&definition.column) => {
                        let name = &definition.column.name;
                        findings.push(
                            position,
                            format!(
                                "column `{name}` is added to `{table}` as NOT NULL without a \
                 default: rows that are there have no value for it"
                            ),
                            ADD,
                        );
                    }
                    // What else it changes, another rule asks.
                    AlterAction::ModifyColumn { column, definition }
                        if !definition.column.nullable
                            && becomes_required(judged, table, column) =>
                    {
                        findings.push(
                            position,
                            format!(
                                "column `{column}` of `{table}` becomes NOT NULL: a row that \
                                 holds NULL makes it fail, or gets a made-up value"
                            ),
                            TIGHTEN,
                        );
                    }
                    AlterAction::SetNotNull { column }
                        if judged.settings.postgres.is_some_and(|major| major < 12)
                            || !judged
                                .created
                                .is_never_null(table, column, judged.dialect()) =>
                    {
                        findings.push(
                            position,
                            format!(
                                "column `{column}` of `{table}` becomes NOT NULL: a row that \
                 holds NULL makes it fail, and the table is blocked while all \
                 rows are looked at"
                            ),
                            TIGHTEN,
                        );
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for change in comparison.changes {
        let Change::TableChanged {
            old,
            new: table,
            change,
        } = change
        else {
            continue;
        };
        match change {
            TableChange::ColumnAdded { column } if needs_value(column) => {
                let message = format!(
                    "column `{}` is new in `{}`, NOT NULL and without a default: \
                 rows that are there have no value for it",
                    column.name, table.name
                );
                findings.push(Some(column.position), message, ADD);
            }
            // Only SQLite lets a primary key be NULL, by an old mistake that it keeps; nobody's rows are.
            TableChange::BecameRequired { column }
                if !(is_key(old, column) && is_key(table, column)) =>
            {
                let message = format!(
                    "column `{}` of `{}` becomes NOT NULL: rows that hold NULL \
                 make the change fail",
                    column.name, table.name
                );
                findings.push(Some(column.position), message, TIGHTEN);
            }
            _ => {}
        }
    }
}

/// Whether MySQL's MODIFY may take NULL away: it does where the column is known to allow it, and may where nothing is known.
fn becomes_required(judged: &Judged<'_>, table: &Name, column: &str) -> bool {
    judged
        .created
        .column(table, column, judged.dialect())
        .map_or_else(|| judged.is_online(), |old| old.nullable)
}

fn is_key(table: &Table, column: &Column) -> bool {
    let key = table.primary_key.as_ref();
    key.is_some_and(|key| key.columns.contains(&column.name.to_lowercase()))
}

fn needs_value(column: &Column) -> bool {
    !column.nullable
        && column.default.is_none()
        && column.generated.is_none()
        && !column.auto_increment
}

const ADD: &str = "give it a default, or add it as NULL, fill it, and make it \
                 NOT NULL in a later change";
const TIGHTEN: &str = "fill the rows that hold NULL first; in PostgreSQL add CHECK \
                 (column IS NOT NULL) NOT VALID, then VALIDATE it, then SET \
                 NOT NULL";
