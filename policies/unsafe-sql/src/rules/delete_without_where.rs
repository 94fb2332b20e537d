//! See `delete_without_where.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{Bound, Effect};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "delete-without-where",
    "DELETE of every row",
    include_str!("delete_without_where.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::Delete { table, bound } if !judged.created.holds(table, judged.dialect()) => {
                match bound {
                    Bound::Condition => {}
                    Bound::Missing => findings.push(
                        position,
                        format!("`DELETE` without WHERE loses every row of `{table}`"),
                        USE_INSTEAD,
                    ),
                    Bound::AlwaysTrue => findings.push(
                        position,
                        format!(
                            "the WHERE of this `DELETE` is true for every row of \
                 `{table}`, so it loses all of them"
                        ),
                        USE_INSTEAD,
                    ),
                }
            }
            _ => {}
        }
    }
}

const USE_INSTEAD: &str = "say which rows, with a WHERE on the table's own columns; for \
                 many rows, in batches";
