//! A hook on something that must stay.

use tidegate_model::hook::{DeletePolicy, Role, delete_policies, role};
use tidegate_model::object::{annotation, group, kind};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, APPLICATION, ARGO_GROUP, CUSTOM_RESOURCE_DEFINITION, HELM_HOOK, HOOK,
    NAMESPACE,
};
use tidegate_policy_sdk::prelude::*;

use crate::subject::{Subject, annotation_pointer};

pub(crate) const RULE: Rule = Rule::warning(
    "hook-on-lasting-kind",
    "An object that must stay is a hook, so each sync deletes it",
    include_str!("hook_on_lasting_kind.md"),
);

/// Deleting one of these deletes data or everything in it.
const LASTING: [(&str, &str); 5] = [
    (API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION),
    ("", NAMESPACE),
    ("", "PersistentVolumeClaim"),
    ("", "PersistentVolume"),
    (ARGO_GROUP, APPLICATION),
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let object = subject.object;
    if !matches!(role(object), Role::Hook(_)) {
        return;
    }
    let key = if annotation(object, HOOK).is_some() {
        HOOK
    } else {
        HELM_HOOK
    };
    let own = (group(object), kind(object));
    let consequence = if subject.is_atlas() {
        "it is not compared with Git, has no drift, and is deleted and made again by each sync, so that its history and status are lost"
    } else if LASTING.contains(&own) && deletes(object) {
        "each sync deletes it first, and everything that is in it or of it"
    } else {
        return;
    };
    findings.push(
        Finding::new(
            &RULE,
            format!("this {} is a hook: {consequence}", kind(object)),
        )
        .at(annotation_pointer(key))
        .suggest(
            "Remove the hook annotation and give it a wave: argocd.argoproj.io/sync-wave: \"-1\"",
        ),
    );
}

fn deletes(object: &Value) -> bool {
    let keeps = annotation(object, "helm.sh/resource-policy") == Some("keep");
    let policies = delete_policies(object);
    !keeps
        && (policies.contains(&DeletePolicy::BeforeHookCreation)
            || policies.contains(&DeletePolicy::HookSucceeded))
}
