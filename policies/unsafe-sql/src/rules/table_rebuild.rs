//! See `table_rebuild.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{AlterAction, Effect, ObjectChange};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "table-rebuild",
    "A table in use is written again or copied",
    include_str!("table_rebuild.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for (position, table, action) in judged.alterations() {
        match action {
            AlterAction::Rebuild { what } => findings.felt(judged.settings.is_large(table)).push(
                position,
                format!(
                    "`{}` writes all of `{table}` again, and others have to wait meanwhile",
                    what.to_uppercase()
                ),
                REBUILD,
            ),
            // In place, while others write: it takes time and room, and replicas wait for the end of it.
            AlterAction::AddColumn(definition) if judged.settings.has_old_mysql(judged.dialect()) => findings.push_as(
                Severity::Warning,
                position,
                format!("MySQL before 8 writes all of `{table}` again for the new column `{}`", definition.column.name),
                REBUILD,
            ),
            AlterAction::Algorithm { name } if name == "copy" => findings.felt(judged.settings.is_large(table)).push(
                position,
                format!("ALGORITHM=COPY copies all of `{table}`, and nobody can write meanwhile"),
                "leave it out, or ask for ALGORITHM=INPLACE, LOCK=NONE: the server then refuses \
                 what it cannot do so",
            ),
            AlterAction::LockLevel { name } if name == "shared" || name == "exclusive" => {
                findings.felt(judged.settings.is_large(table)).push(
                    position,
                    format!(
                        "LOCK={} keeps others out of `{table}` as long as the change takes",
                        name.to_uppercase()
                    ),
                    "leave it out, or ask for LOCK=NONE: the server then refuses what it cannot \
                     do so",
                );
            }
            _ => {}
        }
    }
    for found in &judged.reading.effects {
        if let Effect::AlterObject {
            kind,
            name,
            change: ObjectChange::Moved,
        } = &found.effect
        {
            findings.push(
                Some(judged.place(found)),
                format!("moving {kind} `{name}` writes all of it again, and others have to wait meanwhile"),
                REBUILD,
            );
        }
    }
}

const REBUILD: &str = "do it in a maintenance window, or with a tool that copies the table in the \
                       background (gh-ost, pt-online-schema-change, pg_repack)";
