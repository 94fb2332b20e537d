//! See `drop_index.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{AlterAction, Dialect, Effect, ObjectKind, TableChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-index",
    "An index is dropped",
    include_str!("drop_index.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for found in &judged.reading.effects {
        let Effect::Drop {
            kind: ObjectKind::Index,
            name,
            concurrently: false,
            ..
        } = &found.effect
        else {
            continue;
        };
        if judged.created.made(ObjectKind::Index, name, dialect) || judged.created.rebuilds_any() {
            continue;
        }
        if dialect == Dialect::Postgres {
            findings.push(
                Some(judged.place(found)),
                format!(
                    "`DROP INDEX {name}` waits for every query on the table, and keeps all new \
                     ones out while it waits"
                ),
                &format!("write `DROP INDEX CONCURRENTLY {name};`, in a file without transaction"),
            );
        } else {
            findings.push(Some(judged.place(found)), slower(&name.to_string()), KEEP);
        }
    }
    if judged.is_online() {
        return;
    }
    for (position, table, action) in judged.alterations() {
        if let AlterAction::DropIndex { name } = action
            && !judged
                .created
                .made(ObjectKind::Index, &name.as_str().into(), dialect)
        {
            let suggestion = if dialect == Dialect::Mysql {
                format!(
                    "hide it first and see whether anybody misses it: `ALTER TABLE {table} ALTER \
                     INDEX {name} INVISIBLE;`; then drop it with ALGORITHM=INPLACE, LOCK=NONE"
                )
            } else {
                "make sure that no query uses it, and drop it with ALGORITHM=INPLACE, LOCK=NONE"
                    .to_owned()
            };
            findings.push(position, slower(name), &suggestion);
        }
    }
}

fn slower(name: &str) -> String {
    format!(
        "dropping index `{name}` makes every query that uses it read the whole table; if it is \
         unique, nothing keeps duplicates out any more"
    )
}

const KEEP: &str = "make sure that no query uses it, and keep it until the release after";

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let index = match changed.change {
            TableChange::IndexDropped { index } => index,
            TableChange::IndexRenamed { old, new } => {
                let name = |index: &tidegate_sqlplan::Index| index.name.clone().unwrap_or_default();
                let message = format!(
                    "index `{}` on `{}` is called `{}` now: it is dropped and built anew",
                    name(old),
                    changed.new.name,
                    name(new)
                );
                findings.push_as(
                    Severity::Warning,
                    Some(new.position),
                    message,
                    "keep its name, or rename it in a migration",
                );
                continue;
            }
            _ => continue,
        };
        // With one of its columns gone it goes too; that the column goes has been said.
        let columns_stay = changed.old.columns.iter().all(|column| {
            changed.new.column(&column.name).is_some()
                || !index
                    .columns
                    .iter()
                    .any(|indexed| indexed.contains(&column.name.to_lowercase()))
        });
        let starts = |columns: &[String]| columns.starts_with(&index.columns);
        let replaced = index.rest.is_empty()
            && !index.unique
            && (changed
                .new
                .indexes
                .iter()
                .any(|new| new.rest.is_empty() && starts(&new.columns))
                || changed.new.uniques.iter().any(|key| starts(&key.columns))
                || changed
                    .new
                    .primary_key
                    .iter()
                    .any(|key| starts(&key.columns))
                || (comparison.dialect.is_mysql_like()
                    && changed
                        .new
                        .foreign_keys
                        .iter()
                        .any(|key| starts(&key.columns))));
        if !columns_stay || replaced {
            continue;
        }
        let lost = if index.unique {
            "nothing keeps rows apart any more"
        } else {
            "queries that use it read the whole table"
        };
        let message = format!(
            "index `{}` on `{}` ({}) is not in the new schema: {lost} when this is applied",
            index.name.as_deref().unwrap_or("without name"),
            changed.new.name,
            index.columns.join(", ")
        );
        findings.push(Some(changed.new.position), message, "make sure that no query needs it; drop it in a migration of its own (PostgreSQL: CONCURRENTLY), and here a release later");
    }
}
