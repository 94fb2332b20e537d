//! See `change_primary_key.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Constraint, Dialect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "change-primary-key",
    "A table in use gets a primary key",
    include_str!("change_primary_key.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let adds = match action {
            AlterAction::AddConstraint {
                constraint: Constraint::PrimaryKey(_),
                using_index,
                ..
            } => !using_index,
            AlterAction::AddColumn(definition) => definition.primary_key.is_some(),
            _ => false,
        };
        if !adds {
            continue;
        }
        let instead = if judged.dialect() == Dialect::Postgres {
            format!(
                "write `CREATE UNIQUE INDEX CONCURRENTLY {0}_pkey ON {0} (..);` and then `ALTER \
                 TABLE {0} ADD PRIMARY KEY USING INDEX {0}_pkey;`, on columns that are NOT NULL",
                table.name
            )
        } else {
            "make a new table with the key and move the rows in batches".to_owned()
        };
        findings.felt(judged.settings.is_large(table)).push(
            position,
            format!(
                "a primary key on `{table}` fails if two rows agree or one holds NULL, and keeps \
                 everybody out while the rows are read or written again"
            ),
            &instead,
        );
    }
}
