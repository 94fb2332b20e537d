//! A hook that runs again under the same name.

use tidegate_model::hook::{Role, role};
use tidegate_model::object::{annotation, annotation_words, kind, name};
use tidegate_model::words::{HELM_HOOK_DELETE_POLICY, HOOK, HOOK_DELETE_POLICY};
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer};

pub(crate) const RULE: Rule = Rule::warning(
    "hook-without-delete-policy",
    "A hook has a fixed name and does not say when it is deleted",
    include_str!("hook_without_delete_policy.md"),
);

/// Kinds that run once and cannot be changed afterwards.
const RUNS_ONCE: [&str; 3] = ["Job", "Pod", "Workflow"];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let is_hook = matches!(role(object), Role::Hook(_) | Role::AtDeletion(_));
    // Helm's own default is the same, and charts rely on it.
    if !is_hook || annotation(object, HOOK).is_none() {
        return;
    }
    let says = [HOOK_DELETE_POLICY, HELM_HOOK_DELETE_POLICY]
        .iter()
        .any(|key| !annotation_words(object, key).is_empty());
    if says || name(object).is_empty() || !RUNS_ONCE.contains(&kind(object)) {
        return;
    }
    findings.push(
        Finding::new(
            &RULE,
            format!(
                "this {} is a hook with a fixed name and no delete policy: the one of the last sync stays, failed or not, until the next sync deletes it and its logs",
                kind(object)
            ),
        )
        .at(annotation_pointer(HOOK))
        .suggest(format!("Write {HOOK_DELETE_POLICY}: HookSucceeded, or BeforeHookCreation if keeping it until the next sync is meant")),
    );
}
