//! See `add_foreign_key.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Constraint, Dialect, ForeignKey};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "add-foreign-key",
    "A foreign key is added to a table in use",
    include_str!("add_foreign_key.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let (key, inline) = match action {
            AlterAction::AddConstraint {
                constraint: Constraint::ForeignKey(key),
                not_valid: false,
                ..
            } => (key, false),
            AlterAction::AddColumn(definition) => match &definition.foreign_key {
                Some(key) => (key, true),
                None => continue,
            },
            _ => continue,
        };
        let (message, suggestion) = match judged.dialect() {
            Dialect::Postgres => (
                format!(
                    "a foreign key from `{table}` to `{}` keeps every write out of both tables \
                     while all rows are checked",
                    key.table
                ),
                in_two_steps(&table.to_string(), key),
            ),
            // SQLite looks at no row; MySQL does nothing at all with REFERENCES behind a column.
            Dialect::Sqlite => continue,
            Dialect::Mysql if inline => continue,
            Dialect::Mysql | Dialect::Mariadb => (
                format!(
                    "a foreign key from `{table}` to `{}` copies the whole table, and nobody can \
                     write meanwhile",
                    key.table
                ),
                "add it in a maintenance window, or with gh-ost or pt-online-schema-change"
                    .to_owned(),
            ),
        };
        findings
            .felt(judged.settings.is_large(table))
            .push(position, message, &suggestion);
    }
}

fn in_two_steps(table: &str, key: &ForeignKey) -> String {
    let columns = key.columns.join(", ");
    let name = key
        .name
        .clone()
        .unwrap_or_else(|| format!("{}_fkey", key.columns.join("_")));
    let referred = if key.referred.is_empty() {
        String::new()
    } else {
        format!(" ({})", key.referred.join(", "))
    };
    format!(
        "write `ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES \
         {}{referred} NOT VALID;` and, in a later file, `ALTER TABLE {table} VALIDATE CONSTRAINT \
         {name};`",
        key.table
    )
}
