//! See `changed_enum.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Change, ObjectKind};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "changed-enum",
    "A type or view loses a member",
    include_str!("changed_enum.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for change in comparison.changes {
        let Change::ObjectChanged { kind, old, object } = change else {
            continue;
        };
        let name = &object.name;
        let lost: Vec<&str> = old
            .members
            .iter()
            .filter(|member| !object.members.contains(member))
            .map(String::as_str)
            .collect();
        let is_enum = object.definition.contains("as enum(");
        let kept: Vec<&String> = object
            .members
            .iter()
            .filter(|member| old.members.contains(member))
            .collect();
        let message = match kind {
            ObjectKind::Type if is_enum && !lost.is_empty() => format!(
                "type `{name}` loses the value `{}`: rows that hold it are in the way, and PostgreSQL can only make the type anew and rewrite its tables",
                lost.join("`, `")
            ),
            ObjectKind::Type if is_enum && kept.into_iter().ne(&old.members) => format!(
                "the values of type `{name}` are in another order: rows compare and sort otherwise, and PostgreSQL can only make the type anew and rewrite its tables"
            ),
            ObjectKind::Type if is_enum => continue,
            ObjectKind::Type if !lost.is_empty() => format!(
                "type `{name}` loses the attribute `{}`, with the values in it",
                lost.join("`, `")
            ),
            ObjectKind::Type if object.members.is_empty() && old.members.is_empty() => {
                format!("type `{name}` is defined otherwise: values that are there may not fit")
            }
            ObjectKind::Domain
                if object
                    .members
                    .iter()
                    .any(|member| !old.members.contains(member)) =>
            {
                format!(
                    "domain `{name}` is defined otherwise: values that are there may not fit, and its tables are looked through while they are blocked"
                )
            }
            ObjectKind::View | ObjectKind::MaterializedView
                if !lost.is_empty() && !object.members.is_empty() =>
            {
                format!(
                    "{kind} `{name}` loses the column `{}`: what reads it breaks",
                    lost.join("`, `")
                )
            }
            _ => continue,
        };
        findings.push(Some(object.position), message, USE_INSTEAD);
    }
}

const USE_INSTEAD: &str = "add what is new and leave what was; take the old away by hand, a release later, when no row and no program uses it";
