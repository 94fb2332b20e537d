//! From what a database holds to what it should hold, in statements.
//!
//! Narrow on purpose: new tables, new columns, new indexes, in SQLite. Everything else is refused by name, with the reason: a plan that does
//! half is worse than none. What runs is what was written; nothing is re-printed but the `ALTER TABLE .. ADD COLUMN` around a definition.

use std::fmt;

use crate::dialect::Dialect;
use crate::diff::{Change, TableChange, diff};
use crate::model::{Column, Schema, Table};

/// What to run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In order.
    pub statements: Vec<PlannedStatement>,
}

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    /// Without delimiter.
    pub sql: String,
    /// Whether rows can be lost by it.
    pub destructive: bool,
}

/// A difference that is not brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is about, for example `column users.email`.
    pub object: String,
    /// Why not, in a sentence without full stop.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.object, self.reason)
    }
}

/// The statements from `current` to `desired`. Empty when they mean the same; every refusal when there is any.
pub fn plan(current: &Schema, desired: &Schema, dialect: Dialect) -> Result<Plan, Vec<Refusal>> {
    let changes = diff(current, desired, dialect);
    if changes.is_empty() {
        return Ok(Plan::default());
    }
    if dialect != Dialect::Sqlite {
        let reason = format!("changes are planned for sqlite only yet, and this is {dialect}");
        return Err(vec![Refusal {
            object: "database".to_owned(),
            reason,
        }]);
    }
    let mut planner = Planner {
        dialect,
        statements: Vec::new(),
        refusals: Vec::new(),
    };
    for change in &changes {
        planner.change(change);
    }
    if planner.refusals.is_empty() {
        Ok(Plan {
            statements: planner.statements,
        })
    } else {
        Err(planner.refusals)
    }
}

struct Planner {
    dialect: Dialect,
    statements: Vec<PlannedStatement>,
    refusals: Vec<Refusal>,
}

impl Planner {
    fn change(&mut self, change: &Change) {
        match change {
            Change::TableAdded { table } => self.create_table(table),
            Change::TableChanged { old, new, change } => self.table(old, new, change),
            Change::TableDropped { table } => {
                self.refuse(format!("table {}", table.name), "dropping a table loses its rows; drop it by hand, then bring it back here if it was wrong");
            }
            Change::ObjectDropped { kind, object } => self.refuse(
                format!("{kind} {}", object.name),
                "is not dropped by a plan",
            ),
            Change::ObjectAdded { kind, object } | Change::ObjectChanged { kind, object, .. } => {
                self.refuse(
                    format!("{kind} {}", object.name),
                    "is not planned yet; only tables, columns and indexes are",
                );
            }
        }
    }

    fn create_table(&mut self, table: &Table) {
        for sql in &table.statements {
            self.run(sql.clone());
        }
        for index in &table.indexes {
            if let Some(sql) = &index.statement {
                self.run(sql.clone());
            }
        }
    }

    fn table(&mut self, old: &Table, new: &Table, change: &TableChange) {
        let column_name = |column: &Column| format!("column {}.{}", new.name, column.name);
        let table_name = format!("table {}", new.name);
        let is_new = |columns: &[String]| matches!(columns, [only] if !old.columns.iter().any(|column| self.dialect.column_key(&column.name) == *only));
        match change {
            TableChange::ColumnAdded { column } => match cannot_be_added(column) {
                Some(reason) => self.refuse(column_name(column), reason),
                None => self.run(format!(
                    "ALTER TABLE {} ADD COLUMN {}",
                    quoted(new),
                    column.source
                )),
            },
            TableChange::IndexAdded { index } => match (&index.statement, &index.name) {
                (Some(sql), Some(name))
                    if !old.indexes.iter().any(|old| {
                        old.name
                            .as_deref()
                            .is_some_and(|old| old.eq_ignore_ascii_case(name))
                    }) =>
                {
                    self.run(sql.clone());
                }
                (_, name) => self.refuse(
                    format!("index {}", name.as_deref().unwrap_or("without name")),
                    "is defined otherwise; drop it by hand first",
                ),
            },
            // A constraint in the definition of a column that is added comes with it.
            TableChange::ForeignKeyAdded { key }
                if is_new(&key.columns)
                    && inline(new, &key.columns, |column| column.inline.references) => {}
            TableChange::CheckAdded { check }
                if new.columns.iter().any(|column| {
                    column.inline.check
                        && old.column(&column.name).is_none()
                        && column.source_holds(&check.expression)
                }) => {}
            TableChange::ColumnDropped { column } => {
                self.refuse(column_name(column), "dropping a column loses its values");
            }
            TableChange::TypeChanged { old, new, .. } => {
                let reason = format!(
                    "its type changes from {} to {}, which SQLite can only do by rebuilding the table",
                    old.data_type, new.data_type
                );
                self.refuse(column_name(new), &reason);
            }
            TableChange::BecameRequired { column } | TableChange::BecameNullable { column } => {
                self.refuse(column_name(column), "NULL becomes allowed or forbidden, which SQLite can only do by rebuilding the table");
            }
            TableChange::DefaultChanged { new, .. } => self.refuse(
                column_name(new),
                "its default changes, which SQLite can only do by rebuilding the table",
            ),
            TableChange::ColumnChanged { new, .. } => self.refuse(
                column_name(new),
                "its definition changes, which SQLite can only do by rebuilding the table",
            ),
            TableChange::IndexDropped { index } => {
                self.refuse(
                    format!("index {}", index.name.as_deref().unwrap_or("without name")),
                    "is not dropped by a plan; drop it by hand",
                );
            }
            TableChange::IndexRenamed { old, new } => self.refuse(
                format!("index {}", old.name.as_deref().unwrap_or_default()),
                &format!(
                    "is called {} now; rename it by hand",
                    new.name.as_deref().unwrap_or_default()
                ),
            ),
            TableChange::PrimaryKeyChanged { .. } => self.refuse(
                table_name,
                "its primary key changes, which SQLite can only do by rebuilding the table",
            ),
            TableChange::UniqueDropped { .. } | TableChange::UniqueAdded { .. } => {
                self.refuse(table_name, "a UNIQUE constraint changes, which SQLite can only do by rebuilding the table; a unique index can be added");
            }
            TableChange::ForeignKeyDropped { .. } | TableChange::ForeignKeyAdded { .. } => {
                self.refuse(
                    table_name,
                    "a foreign key changes, which SQLite can only do by rebuilding the table",
                );
            }
            TableChange::CheckDropped { .. } | TableChange::CheckAdded { .. } => {
                self.refuse(
                    table_name,
                    "a CHECK changes, which SQLite can only do by rebuilding the table",
                );
            }
            TableChange::OptionsChanged => self.refuse(
                table_name,
                "its options change, which SQLite can only do by rebuilding the table",
            ),
        }
    }

    fn run(&mut self, sql: String) {
        self.statements.push(PlannedStatement {
            sql,
            destructive: false,
        });
    }

    fn refuse(&mut self, object: String, reason: &str) {
        self.refusals.push(Refusal {
            object,
            reason: reason.to_owned(),
        });
    }
}

fn inline(table: &Table, columns: &[String], holds: impl Fn(&Column) -> bool) -> bool {
    columns
        .iter()
        .all(|name| table.column(name).is_some_and(&holds))
}

/// <https://www.sqlite.org/lang_altertable.html>, "ALTER TABLE ADD COLUMN". SQLite checks some of these only where the table has rows; refused
/// always, so that a plan does not depend on data.
fn cannot_be_added(column: &Column) -> Option<&'static str> {
    let default = column.default.as_deref();
    if column.inline.primary_key {
        Some("a column of the primary key cannot be added to a table")
    } else if column.inline.unique {
        Some("a UNIQUE column cannot be added to a table; add the column, then a unique index")
    } else if column
        .generated
        .as_deref()
        .is_some_and(|generated| generated.ends_with(" stored"))
    {
        Some("a stored generated column cannot be added to a table; make it VIRTUAL")
    } else if !column.nullable && default.is_none() && column.generated.is_none() {
        Some("a NOT NULL column needs a default, because rows that are there have no value for it")
    } else if default
        .is_some_and(|default| default.starts_with("current_") || default.contains('('))
    {
        Some("the default of an added column must be a constant")
    } else if column.inline.references && default.is_some() {
        Some("an added column that refers to another table must have no default")
    } else {
        None
    }
}

impl Column {
    /// Whether the CHECK with this canonical expression stands in the column's own definition.
    fn source_holds(&self, expression: &str) -> bool {
        let squeeze = |text: &str| {
            text.chars()
                .filter(|next| !next.is_whitespace() && !matches!(next, '"' | '`' | '[' | ']'))
                .collect::<String>()
                .to_lowercase()
        };
        squeeze(&self.source).contains(&squeeze(expression))
    }
}

/// The table's name, quoted.
fn quoted(table: &Table) -> String {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    match &table.name.qualifier {
        Some(qualifier) => format!("{}.{}", quote(qualifier), quote(&table.name.name)),
        None => quote(&table.name.name),
    }
}

#[cfg(test)]
mod tests;
