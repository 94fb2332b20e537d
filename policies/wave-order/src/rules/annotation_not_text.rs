//! An annotation that is not a text takes all other annotations with it.

use tidegate_policy_sdk::prelude::*;

use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, type_of};

pub(crate) const RULE: Rule = Rule::error(
    "annotation-not-text",
    "An annotation is not a text, so none of the object's annotations counts",
    include_str!("annotation_not_text.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(annotations) = subject
        .at("/metadata/annotations")
        .and_then(Value::as_object)
    else {
        return;
    };
    for (key, value) in annotations
        .iter()
        .filter(|(_, value)| !value.is_string())
        .take(MOST)
    {
        let written = match value {
            Value::Number(number) => format!("{key}: \"{number}\""),
            Value::Bool(flag) => format!("{key}: \"{flag}\""),
            _ => format!("{key}: \"...\""),
        };
        let message = format!(
            "annotation {key} is {}, not a text: the API server refuses the object, and Argo CD reads none of its annotations",
            type_of(value)
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(annotation_pointer(key))
                .suggest(format!("Put it in quotes: {written}")),
        );
    }
}
