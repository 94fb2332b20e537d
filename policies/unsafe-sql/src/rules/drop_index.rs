//! See `drop_index.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{AlterAction, Dialect, Effect, ObjectKind};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-index",
    "An index is dropped",
    include_str!("drop_index.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

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
