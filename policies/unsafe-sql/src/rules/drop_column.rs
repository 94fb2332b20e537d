//! See `drop_column.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{AlterAction, Effect, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-column",
    "A column is dropped",
    include_str!("drop_column.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::AlterTable {
                table,
                action: AlterAction::DropColumn { column },
            } if !judged.created.holds(table, judged.dialect())
                && !judged.created.added_column(table, column, judged.dialect()) =>
            {
                findings.push(
                    position,
                    format!(
                        "`DROP COLUMN {column}` loses the column's values in \
                 `{table}`, and breaks programs that still name it"
                    ),
                    USE_INSTEAD,
                );
            }
            Effect::AlterTable {
                table,
                action: AlterAction::DestroyPartition { what },
            } if !judged.created.holds(table, judged.dialect()) => {
                findings.push(
                    position,
                    format!("`{what}` loses rows of `{table}`"),
                    "detach the partition and keep it until nobody misses it",
                );
            }
            _ => {}
        }
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let TableChange::ColumnDropped { column } = changed.change else {
            continue;
        };
        let (name, table) = (&column.name, &changed.new.name);
        let position = Some(changed.new.position);
        let is_computed = column
            .generated
            .as_deref()
            .is_some_and(|text| text.ends_with(" virtual"));
        if is_computed {
            let message = format!(
                "column `{name}` of `{table}` is not in the new schema: programs that read it fail (it is VIRTUAL, so no value is lost)"
            );
            findings.push_as(Severity::Warning, position, message, USE_INSTEAD);
            continue;
        }
        let guess = match changed.column_after(column) {
            Some(new) => format!(
                "; the new column `{}` looks like it, but a renamed column is a dropped and a new, empty one here",
                new.name
            ),
            None => String::new(),
        };
        let message = format!(
            "column `{name}` of `{table}` is not in the new schema: its values are lost when this is applied{guess}"
        );
        findings.push(position, message, USE_INSTEAD);
    }
}

const USE_INSTEAD: &str = "leave the column in the schema, stop using it in the program, \
                 and drop it a release later, with a backup";
