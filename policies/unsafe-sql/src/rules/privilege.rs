//! See `privilege.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Effect, ObjectKind};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "privilege",
    "Rights or accounts are changed",
    include_str!("privilege.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::AlterTable {
                table,
                action: AlterAction::OwnerTo { owner },
            } => {
                findings.push(
                    position,
                    format!(
                        "`{table}` gets the owner `{owner}`, who may then do anything \
                 with it"
                    ),
                    "manage accounts and rights where the database is set up, not \
                 with its tables",
                );
            }
            Effect::Drop {
                kind: ObjectKind::Policy,
                name,
                ..
            } if !judged
                .created
                .made(ObjectKind::Policy, name, judged.dialect()) =>
            {
                findings.push(
                    position,
                    format!("dropping policy `{name}` shows rows to those who could not see them, or hides them"),
                    "change it with ALTER POLICY, or make the new one first",
                );
            }
            Effect::Privilege { what } => {
                findings.push(
                    position,
                    format!(
                        "`{what}` changes who may do what in the database; a migration \
                 runs with the rights of its owner and could give them away"
                    ),
                    "manage accounts and rights where the database is set up, not \
                 with its tables",
                );
            }
            _ => {}
        }
    }
}
