//! Tables, columns and indexes that get other names, before anything else of them changes.
//!
//! MariaDB writes the new name into the checks, indexes and computed columns that read a column. `MySQL` refuses to rename a column that one of them reads
//! (errors 3959, 3837 and 3108), unless that goes and comes in the same statement. Checks and indexes do; a column that is computed would have to be
//! filled again, with all that stands on it, so that is left to whoever writes the schema, and said before anything runs.

use tidegate_sqlplan::Dialect;

use super::statement;
use super::tables::Work;
use super::text::{check, dropped_check, index, qualified, quote};
use crate::catalog::Table;
use crate::diff::{Change, TableChange};
use crate::plan::{Refusal, Statement};

impl Work<'_> {
    pub(super) fn renames(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for change in self.changes {
            match change {
                Change::TableRenamed { schema, from, to } => statements.push(statement(
                    format!(
                        "RENAME TABLE {} TO {}",
                        qualified(schema, from),
                        qualified(schema, to)
                    ),
                    false,
                    format!("rename table {from} to {to}"),
                )),
                Change::TableChanged {
                    schema,
                    table,
                    old,
                    changes,
                    ..
                } => {
                    let mut renames: Vec<String> = changes
                        .iter()
                        .filter_map(|change| match change {
                            TableChange::ColumnRenamed { from, to } => {
                                Some(format!("RENAME COLUMN {} TO {}", quote(from), quote(to)))
                            }
                            TableChange::IndexRenamed { from, to } => {
                                Some(format!("RENAME INDEX {} TO {}", quote(from), quote(to)))
                            }
                            _ => None,
                        })
                        .collect();
                    if self.dialect == Dialect::Mysql {
                        renames.extend(lifted(old, changes));
                    }
                    if !renames.is_empty() {
                        statements.push(statement(
                            format!(
                                "ALTER TABLE {} {}",
                                qualified(schema, table),
                                renames.join(", ")
                            ),
                            false,
                            format!("rename within table {table}"),
                        ));
                    }
                }
                _ => {}
            }
        }
        statements
    }
}

/// The columns that another one is computed from, where the server does not rename them.
pub(super) fn refused(dialect: Dialect, changes: &[Change<'_>]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if dialect != Dialect::Mysql {
        return refusals;
    }
    for change in changes {
        let Change::TableChanged {
            table,
            old,
            changes,
            ..
        } = change
        else {
            continue;
        };
        for change in changes {
            let TableChange::ColumnRenamed { from, to } = change else {
                continue;
            };
            let reader = old.columns.iter().find(|(_, column)| {
                let computed = column.generated.as_ref();
                computed.is_some_and(|it| it.expression.contains(&quote(to)))
            });
            refusals.extend(reader.map(|(reader, _)| Refusal {
                object: format!("column {table}.{from}"),
                reason: format!(
                    "MySQL does not rename it while the column {reader} is computed from it: leave {reader} out in one version of the schema, and add it again \
                     in the next"
                ),
            }));
        }
    }
    refusals
}

/// The checks and indexes that go and come with the names of the columns that they read. Those of `old` have the new names already.
fn lifted(old: &Table, changes: &[TableChange<'_>]) -> Vec<String> {
    let names: Vec<String> = changes
        .iter()
        .filter_map(|change| match change {
            TableChange::ColumnRenamed { to, .. } => Some(quote(to)),
            _ => None,
        })
        .collect();
    let reads = |expression: &str| names.iter().any(|name| expression.contains(name.as_str()));
    let checks = old.checks.iter().filter(|(_, it)| reads(&it.expression));
    let checks = checks.flat_map(|(name, it)| {
        let dropped = dropped_check(Dialect::Mysql, name, it);
        [
            format!("DROP {dropped}"),
            format!("ADD {}", check(name, it)),
        ]
    });
    let indexes = old.indexes.iter().filter(|(_, it)| {
        let mut expressions = it
            .parts
            .iter()
            .filter_map(|part| part.expression.as_deref());
        expressions.any(reads)
    });
    let indexes = indexes.flat_map(|(name, it)| {
        let added = index(Dialect::Mysql, name, it);
        [
            format!("DROP INDEX {}", quote(name)),
            format!("ADD {added}"),
        ]
    });
    checks.chain(indexes).collect()
}
