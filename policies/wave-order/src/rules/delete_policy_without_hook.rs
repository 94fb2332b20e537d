//! A delete policy on something that is no hook.

use tidegate_model::object::annotation;
use tidegate_model::words::{HELM_HOOK, HOOK, HOOK_DELETE_POLICY};
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer};

pub(crate) const RULE: Rule = Rule::warning(
    "delete-policy-without-hook",
    "A hook delete policy is on an object that is no hook",
    include_str!("delete_policy_without_hook.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let has = |key| annotation(subject.object, key).is_some();
    if has(HOOK_DELETE_POLICY) && !has(HOOK) && !has(HELM_HOOK) {
        findings.push(
            Finding::new(
                &RULE,
                format!("{HOOK_DELETE_POLICY} does nothing, because this object is no hook: it is applied in Sync and stays"),
            )
            .at(annotation_pointer(HOOK_DELETE_POLICY))
            .suggest(format!("Add {HOOK}: PreSync or another phase, or remove the delete policy")),
        );
    }
}
