//! See `lost_default.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Dialect, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "lost-default",
    "A column has no value of its own any more",
    include_str!("lost_default.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement).comparison(comparison);

/// Whether a column without `DEFAULT` may be NULL is not in the statement, but may be known from those before; one that counts by itself never may.
fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let lost = match action {
            AlterAction::DropIdentity { column } => {
                format!("column `{column}` of `{table}` does not count by itself any more")
            }
            AlterAction::SetDefault {
                column,
                default: None,
            } if judged.created.is_required(table, column, judged.dialect()) => {
                format!("column `{column}` of `{table}` is NOT NULL and has no default any more")
            }
            _ => continue,
        };
        let message =
            format!("{lost}: programs that do not name it can insert no row from then on");
        findings.push(position, message, KEEP);
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let table = &changed.new.name;
        match changed.change {
            TableChange::DefaultChanged { old, new } => {
                let (Some(_), None) = (&old.default, &new.default) else {
                    continue;
                };
                // A number that comes by itself, or a computed value, is no less.
                if new.auto_increment || new.generated.is_some() {
                    continue;
                }
                if new.nullable {
                    let message = format!(
                        "column `{}` of `{table}` has no default any more: rows that do not name it hold NULL from then on",
                        new.name
                    );
                    findings.push(Some(new.position), message, KEEP);
                } else {
                    let message = format!(
                        "column `{}` of `{table}` is NOT NULL and has no default any more: programs that do not name it can insert no row from then on",
                        new.name
                    );
                    findings.push(Some(new.position), message, KEEP);
                }
            }
            TableChange::ColumnChanged { old, new }
                if old.auto_increment && !new.auto_increment =>
            {
                // SQLite gives no numbers by itself only where the column is no longer the row's own number.
                let by_itself = comparison.dialect == Dialect::Sqlite && new.default.is_some();
                if new.default.is_none() || by_itself {
                    let message = format!(
                        "column `{}` of `{table}` does not count by itself any more: programs that do not name it can insert no row from then on",
                        new.name
                    );
                    findings.push(Some(new.position), message, KEEP);
                }
            }
            _ => {}
        }
    }
}

const KEEP: &str = "keep it until every program names the column in its INSERTs";
