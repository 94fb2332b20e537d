//! A field that an Application does not have.

use tidegate_policy_sdk::prelude::*;

use crate::fields::{Meant, dotted, strays};
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "field-unknown",
    "A field of an Application does not exist, so it is dropped",
    include_str!("field_unknown.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    for stray in strays(subject) {
        let message = format!(
            "{} is not a field of an Application: it is dropped without a word",
            dotted(&stray.pointer)
        );
        let finding = Finding::new(&RULE, message).at(stray.pointer);
        findings.push(match stray.meant {
            Meant::Similar(field) => finding.suggest(format!(
                "Did you mean {}? Case counts",
                dotted(&field).replace(".*", "[]")
            )),
            // It may belong to a later Argo CD than the one the table of fields was made from.
            Meant::Unknown => finding.severity(Severity::Warning).suggest("Remove it"),
            Meant::Field(_) | Meant::Option(_) => continue,
        });
    }
}
