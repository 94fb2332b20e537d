//! See `definer_rights.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::Effect;

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "definer-rights",
    "Something runs with rights that its caller does not have",
    include_str!("definer_rights.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        if let Effect::DefinerRights { what } = &found.effect {
            let suggestion = if judged.dialect().is_mysql_like() {
                "leave DEFINER out, and write SQL SECURITY INVOKER"
            } else {
                "leave it out; or write SET search_path = pg_catalog, pg_temp behind it, and name \
                 each table with its schema"
            };
            findings.push(
                Some(judged.place(found)),
                format!(
                    "`{what}` lets whoever may call it act with another's rights, and be tricked \
                     into more than was meant"
                ),
                suggestion,
            );
        }
    }
}
