//! An annotation of Argo CD that is written where Argo CD does not read it.

use tidegate_model::object::{annotation, group, kind};
use tidegate_model::words::{HOOK, HOOK_DELETE_POLICY, SYNC_OPTIONS, SYNC_WAVE};
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::error(
    "annotation-misplaced",
    "A wave, hook or sync option is on a label or on a pod template, where Argo CD does not read it",
    include_str!("annotation_misplaced.md"),
);

/// What is read from the annotations of the object itself, and from nowhere else.
const KEYS: [&str; 4] = [SYNC_WAVE, HOOK, HOOK_DELETE_POLICY, SYNC_OPTIONS];

/// Places that look like the object's own annotations.
const ELSEWHERE: [(&str, &str); 4] = [
    ("/metadata/labels", "a label"),
    (
        "/spec/template/metadata/annotations",
        "an annotation of the pod template",
    ),
    (
        "/spec/jobTemplate/metadata/annotations",
        "an annotation of the job template",
    ),
    (
        "/spec/jobTemplate/spec/template/metadata/annotations",
        "an annotation of the pod template",
    ),
];

/// Groups whose kinds make pods or jobs from a template. Other kinds may make objects that are read.
const WORKLOADS: [&str; 2] = ["apps", "batch"];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    for (place, what) in ELSEWHERE {
        let is_label = place == "/metadata/labels";
        if !is_label && !WORKLOADS.contains(&group(subject.object)) {
            continue;
        }
        for key in KEYS {
            let is_there = subject.at(place).and_then(|map| map.get(key)).is_some();
            if !is_there || annotation(subject.object, key).is_some() {
                continue;
            }
            let message = format!(
                "{key} is {what} of this {}: Argo CD reads it only from metadata.annotations of the object itself",
                kind(subject.object)
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(pointer::join(place, key))
                    .suggest(format!("Move it to metadata.annotations: {key}")),
            );
        }
    }
}
