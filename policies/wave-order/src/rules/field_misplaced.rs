//! A field of an Application in the wrong place.

use tidegate_policy_sdk::prelude::*;

use crate::fields::{Meant, dotted, strays};
use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "field-misplaced",
    "A field of an Application is where Argo CD does not look for it",
    include_str!("field_misplaced.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    for stray in strays(subject) {
        let written = dotted(&stray.pointer);
        let (what, suggestion) = match stray.meant {
            Meant::Field(home) => {
                let home = dotted(&home).replace(".*", "[]");
                (
                    format!("{written} is not a field there: it is dropped without a word"),
                    format!("Move it to {home}"),
                )
            }
            Meant::Option(option) => (
                format!("{written} is not a field but a sync option: it is dropped without a word"),
                option.values.first().map_or_else(String::new, |value| {
                    format!(
                        "Write it as an entry of spec.syncPolicy.syncOptions, such as - {}={value}",
                        option.key
                    )
                }),
            ),
            Meant::Similar(_) | Meant::Unknown => continue,
        };
        findings.push(
            Finding::new(&RULE, what)
                .at(stray.pointer)
                .suggest(suggestion),
        );
    }
}
