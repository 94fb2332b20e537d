//! See `changed_column.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{Column, Dialect, TableChange};

use super::Entry;
use crate::comparison::{Changed, Comparison};
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "changed-column",
    "A column's values are made or compared otherwise",
    include_str!("changed_column.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let TableChange::ColumnChanged { old, new } = changed.change else {
            continue;
        };
        if old.generated != new.generated {
            generated(&changed, old, new, findings);
        }
        if old.charset != new.charset {
            let shown = |column: &Column| {
                column
                    .charset
                    .clone()
                    .unwrap_or_else(|| "the default".to_owned())
            };
            let message = format!(
                "column `{}` of `{}` changes its character set from {} to {}: characters that the new one lacks are lost, and the table is copied while nobody can write",
                new.name,
                changed.new.name,
                shown(old),
                shown(new)
            );
            findings.push(Some(new.position), message, CHARSET);
        } else if old.collation != new.collation {
            let shown = |column: &Column| {
                column
                    .collation
                    .clone()
                    .unwrap_or_else(|| "the default".to_owned())
            };
            let message = format!(
                "column `{}` of `{}` changes its collation from {} to {}: values that were different may be the same now, which breaks unique keys, and indexes are built anew",
                new.name,
                changed.new.name,
                shown(old),
                shown(new)
            );
            findings.push(Some(new.position), message, CHARSET);
        } else if comparison.dialect == Dialect::Mysql && !old.auto_increment && new.auto_increment
        {
            let message = format!(
                "column `{}` of `{}` counts by itself from now on: the table is copied while nobody can write",
                new.name, changed.new.name
            );
            findings.push_as(Severity::Warning, Some(new.position), message, CHARSET);
        }
    }
}

fn generated(changed: &Changed<'_>, old: &Column, new: &Column, findings: &mut Findings) {
    let what = match (&old.generated, &new.generated) {
        (None, Some(_)) => "is computed from now on: the values that are there are lost",
        (Some(_), None) => {
            "is not computed any more: it is dropped and made anew, or keeps values that get old"
        }
        (Some(old), Some(new)) if old.ends_with(" virtual") && new.ends_with(" virtual") => {
            "is computed otherwise: programs read other values at once"
        }
        _ => {
            "is computed otherwise: its stored values are replaced, and the table is written anew while it is blocked"
        }
    };
    let message = format!("column `{}` of `{}` {what}", new.name, changed.new.name);
    findings.push(
        Some(new.position),
        message,
        "add a new column beside it, move the programs, and drop the old one a release later",
    );
}

const CHARSET: &str = "look for values that would be lost or become equal first; change one table at a time, in a quiet hour, with a tool that copies online (gh-ost, pt-online-schema-change)";
