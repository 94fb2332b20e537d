//! See `narrowed_type.md`.

use tidegate_policy_sdk::prelude::Rule;
use tidegate_sqlplan::{TableChange, TypeChange};

use super::Entry;
use crate::comparison::Comparison;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "narrowed-type",
    "A column can hold less than before",
    include_str!("narrowed_type.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).comparison(comparison);

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for changed in comparison.in_tables() {
        let TableChange::TypeChanged { old, new, change } = changed.change else {
            continue;
        };
        let what = match change {
            TypeChange::Narrowed => {
                "values that do not fit are cut, or make the change fail halfway"
            }
            TypeChange::Converted => "each value becomes another, or makes the change fail halfway",
            TypeChange::Same | TypeChange::Widened | TypeChange::Rewritten => continue,
        };
        let message = format!(
            "column `{}` of `{}` changes from {} to {}: {what}",
            new.name, changed.new.name, old.data_type, new.data_type
        );
        findings.push(
            Some(new.position),
            message,
            "add a column of the new type, fill it in batches, move the programs, and drop the old one a release later",
        );
    }
}
