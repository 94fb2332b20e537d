//! See `drop_constraint.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-constraint",
    "A constraint is dropped",
    include_str!("drop_constraint.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        let AlterAction::DropConstraint { name } = action else {
            continue;
        };
        let made_here = name.as_ref().is_some_and(|name| {
            judged
                .created
                .added_constraint(table, name, judged.dialect())
        });
        if made_here {
            continue;
        }
        let what = name.as_ref().map_or_else(
            || "the primary key".to_owned(),
            |name| format!("constraint `{name}`"),
        );
        findings.push(
            position,
            format!(
                "dropping {what} of `{table}` lets rows in that it kept out, and they stay when \
                 it comes back"
            ),
            "add what takes its place first, and drop it a release later",
        );
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let has = |name: &String| changed.new.column(name).is_some();
        let what = match changed.change {
            // With its columns gone the key goes too; that the columns go has been said.
            TableChange::UniqueDropped { key } if key.columns.iter().all(has) => {
                format!(
                    "the unique constraint on ({}), which kept rows apart",
                    key.columns.join(", ")
                )
            }
            TableChange::ForeignKeyDropped { key }
                if key.columns.iter().all(has)
                    && comparison.new.tables.contains_key(&key.table)
                    && !changed
                        .new
                        .foreign_keys
                        .iter()
                        .any(|new| new.columns == key.columns && new.table == key.table) =>
            {
                format!(
                    "the foreign key from ({}) to `{}`, which kept references true",
                    key.columns.join(", "),
                    key.table
                )
            }
            TableChange::CheckDropped { check }
                if changed.new.checks.len() < changed.old.checks.len()
                    && mentions_kept(&changed, &check.expression) =>
            {
                "a CHECK, which kept wrong values out".to_owned()
            }
            TableChange::OptionsChanged => {
                let count = |table: &tidegate_sqlplan::Table| {
                    table
                        .options
                        .iter()
                        .filter(|option| option.starts_with("exclude"))
                        .count()
                };
                if count(changed.new) >= count(changed.old) {
                    continue;
                }
                "an EXCLUDE constraint, which kept rows apart".to_owned()
            }
            _ => continue,
        };
        let message = format!(
            "`{}` loses {what}: from then on nothing does",
            changed.new.name
        );
        findings.push(
            Some(changed.new.position),
            message,
            "put what replaces it in place first; drop it a release later",
        );
    }
}

/// Whether the expression is about columns that stay.
fn mentions_kept(changed: &crate::comparison::Changed<'_>, expression: &str) -> bool {
    let words: Vec<&str> = expression
        .split(|next: char| !next.is_alphanumeric() && next != '_')
        .collect();
    let mentioned = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    !changed
        .old
        .columns
        .iter()
        .any(|column| mentioned(&column.name) && changed.new.column(&column.name).is_none())
}
