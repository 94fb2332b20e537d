//! See `add_check.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{AlterAction, Constraint, Dialect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "add-check",
    "A check or exclusion is added to a table in use",
    include_str!("add_check.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    if dialect == Dialect::Sqlite {
        return;
    }
    for (position, table, action) in judged.alterations() {
        let name = match action {
            AlterAction::AddConstraint {
                constraint: Constraint::Check(check),
                not_valid: false,
                ..
            } => check.name.as_deref(),
            AlterAction::AddColumn(definition) if !definition.checks.is_empty() => {
                Some(definition.column.name.as_str())
            }
            AlterAction::AddConstraint {
                constraint: Constraint::Other(text),
                ..
            } if text.contains("exclude") => {
                findings.felt(judged.settings.is_large(table)).push(
                    position,
                    format!(
                        "an exclusion constraint on `{table}` keeps everybody out of it while \
                         its index is built and all rows are checked"
                    ),
                    "there is no online way: make a new table with the constraint and move the \
                     rows in batches, or take a maintenance window",
                );
                continue;
            }
            _ => continue,
        };
        // MySQL: a check that is not enforced looks at no row. (Of one that comes with a column only the text says it.)
        let of_column = matches!(action, AlterAction::AddColumn(_));
        if of_column
            && judged
                .statement
                .sql()
                .to_ascii_lowercase()
                .contains("not enforced")
        {
            continue;
        }
        let name = name.unwrap_or("without name");
        if judged.settings.has_old_mysql(dialect) {
            findings.push_as(
                Severity::Warning,
                position,
                format!("check `{name}` is read and forgotten: MySQL before 8.0.16 has no checks"),
                "refuse wrong rows in a trigger, or in the program",
            );
        } else if dialect == Dialect::Postgres {
            findings.felt(judged.settings.is_large(table)).push(
                position,
                format!("check `{name}` keeps everybody out of `{table}` while all rows are read"),
                &format!(
                    "add NOT VALID behind it, and write in a later file `ALTER TABLE {table} \
                     VALIDATE CONSTRAINT {name};`"
                ),
            );
        } else {
            findings.felt(judged.settings.is_large(table)).push(
                position,
                format!("check `{name}` copies all of `{table}`, and nobody can write meanwhile"),
                "add it as NOT ENFORCED (MySQL), or in a maintenance window",
            );
        }
    }
}
