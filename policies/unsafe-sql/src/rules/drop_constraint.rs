//! See `drop_constraint.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
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
        let (created, dialect) = (judged.created, judged.dialect());
        let (name, is_check) = match action {
            AlterAction::DropConstraint { name } => {
                let is_check = name
                    .as_ref()
                    .is_some_and(|name| created.is_check(table, name, dialect));
                (name.as_ref(), is_check)
            }
            AlterAction::DropCheck { name } => (Some(name), true),
            _ => continue,
        };
        if name.is_some_and(|name| created.added_constraint(table, name, dialect)) {
            continue;
        }
        let what = name.map_or_else(
            || "the primary key".to_owned(),
            |name| format!("constraint `{name}`"),
        );
        findings.push_as(
            severity(is_check),
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
        let is_check = matches!(changed.change, TableChange::CheckDropped { .. });
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
        findings.push_as(
            severity(is_check),
            Some(changed.new.position),
            message,
            "put what replaces it in place first; drop it a release later",
        );
    }
}

/// What a CHECK kept out is looked at row by row, and can be looked for later; who twins or orphans belong to, nobody can say any more.
fn severity(is_check: bool) -> Severity {
    if is_check {
        Severity::Warning
    } else {
        RULE.severity
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
