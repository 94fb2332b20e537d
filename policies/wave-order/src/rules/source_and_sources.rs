//! One source and several: the several win.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "source-and-sources",
    "An Application gives both source and sources",
    include_str!("source_and_sources.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() {
        return;
    }
    let is_given = |pointer| subject.at(pointer).is_some_and(is_filled);
    if is_given("/spec/source") && is_given("/spec/sources") {
        findings.push(
            Finding::new(
                &RULE,
                "this Application gives both spec.source and spec.sources: Argo CD ignores spec.source without a word",
            )
            .at("/spec/source")
            .suggest("Move spec.source into the list spec.sources, or remove one of the two"),
        );
    }
}

/// Neither null nor an empty map or list.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    }
}
