//! See `unbounded_copy.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{Effect, Name};

use super::Entry;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "unbounded-copy",
    "Rows are copied without a bound",
    include_str!("unbounded_copy.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).statement(statement);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    let dialect = judged.dialect();
    for found in &judged.reading.effects {
        let Effect::CopyRows {
            from,
            into,
            bounded,
            replaces,
            makes,
        } = &found.effect
        else {
            continue;
        };
        // Rows that are copied inside the text's own tables, or by SQLite's dance, are meant to go as a whole.
        let own = judged.created.is_new(from, dialect)
            || !makes && judged.created.is_new(into, dialect)
            || judged.created.rebuilds(into, dialect);
        if own || is_catalog(from) {
            continue;
        }
        if *replaces {
            findings.push(
                Some(judged.place(found)),
                format!(
                    "rows of `{into}` whose key is also in `{from}` are deleted and written anew, \
                     whatever else they held"
                ),
                "write INSERT .. ON CONFLICT DO UPDATE (MySQL: ON DUPLICATE KEY UPDATE) and name \
                 the columns that are to change",
            );
        } else if !bounded {
            // Long where the table is large, and nothing is lost.
            let severity = if judged.settings.is_said_to_be_large(from) {
                Severity::Error
            } else {
                Severity::Warning
            };
            findings.push_as(
                severity,
                Some(judged.place(found)),
                format!(
                    "every row of `{from}` is copied into `{into}` in one transaction, however many \
                     there are"
                ),
                "copy in batches: WHERE with a range of keys, or LIMIT",
            );
        }
    }
}

/// The server's own tables are small.
fn is_catalog(table: &Name) -> bool {
    let qualifier = table.qualifier.as_deref().unwrap_or_default();
    ["pg_catalog", "information_schema"].contains(&qualifier) || table.name.starts_with("pg_")
}
