//! See `table_option.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::TableChange;

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "table-option",
    "A table is stored otherwise",
    include_str!("table_option.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        if !matches!(changed.change, TableChange::OptionsChanged) {
            continue;
        }
        let (old, new) = (&changed.old.options, &changed.new.options);
        let missing = |from: &[String], among: &[String]| -> Vec<String> {
            from.iter()
                .filter(|option| !among.contains(option) && !option.starts_with("exclude"))
                .cloned()
                .collect()
        };
        let (gone, mut come) = (missing(old, new), missing(new, old));
        // A further partition takes rows that are to come; what spreads the rows otherwise has been said by that.
        come.retain(|option| {
            !option.starts_with("partition ") || option.starts_with("partition by")
        });
        if gone.is_empty() && come.is_empty() {
            continue;
        }
        let shown = |options: &[String]| {
            if options.is_empty() {
                "the default".to_owned()
            } else {
                format!("`{}`", options.join(", "))
            }
        };
        let message = format!(
            "table `{}` changes from {} to {}: {}",
            changed.new.name,
            shown(&gone),
            shown(&come),
            what(&gone, &come)
        );
        // A table that only becomes laxer loses nothing but the checks.
        let relaxed = come.is_empty()
            && gone
                .iter()
                .all(|option| option == "strict" || option == "without rowid");
        let protects = gone.is_empty() && come == ["row level security"];
        let severity = if relaxed || protects {
            Severity::Warning
        } else {
            RULE.severity
        };
        findings.push_as(
            severity,
            Some(changed.new.position),
            message,
            "make a new table, copy the rows in batches, and move the programs to it",
        );
    }
}

fn what(gone: &[String], come: &[String]) -> &'static str {
    let starts =
        |options: &[String], prefix: &str| options.iter().any(|option| option.starts_with(prefix));
    if starts(gone, "row level security") {
        "everybody who may read the table sees all of its rows from then on"
    } else if starts(come, "row level security") {
        "whoever no policy lets in sees none of its rows from then on"
    } else if starts(gone, "partition ") && !starts(gone, "partition by") {
        "the rows in that partition are lost"
    } else if starts(come, "unlogged") {
        "its rows are gone after a crash, and the whole table is written anew while it is blocked"
    } else if starts(come, "strict") {
        "values of other types make the change fail"
    } else if starts(gone, "partition") || starts(come, "partition") {
        "every row is moved, or none is and the table is dropped and made anew"
    } else if starts(gone, "system versioning") {
        "the history of its rows is lost"
    } else {
        "the whole table is written anew while it is blocked"
    }
}
