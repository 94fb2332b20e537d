//! Hooks: which phases a resource takes part in, and when a finished hook is deleted.
//!
//! Argo CD compares the words exactly and drops what it does not know without a message: a resource whose only hook word is misspelt
//! (`PresSync`) is never created. Helm's hooks are mapped, but only where Argo CD's own annotation says nothing it knows.

use serde::Serialize;
use serde_json::Value;

use crate::object::{annotation, annotation_words};
use crate::words::{HELM_HOOK, HELM_HOOK_DELETE_POLICY, HOOK, HOOK_DELETE_POLICY};

/// The phases of a sync, in the order in which they run; `SyncFail` runs only when one of the others failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Phase {
    /// Before everything else.
    PreSync,
    /// The resources, and hooks that run among them.
    Sync,
    /// When all of Sync is healthy.
    PostSync,
    /// When the sync failed.
    SyncFail,
}

impl Phase {
    /// The word as Argo CD writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreSync => "PreSync",
            Self::Sync => "Sync",
            Self::PostSync => "PostSync",
            Self::SyncFail => "SyncFail",
        }
    }
}

/// A word of the hook annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Runs in a phase of each sync.
    Phase(Phase),
    /// Never applied (when it is the only word).
    Skip,
    /// Runs before the application's resources are deleted.
    PreDelete,
    /// Runs after the application's resources were deleted.
    PostDelete,
}

/// The words of `argocd.argoproj.io/hook`.
pub const HOOKS: [(&str, Hook); 7] = [
    ("PreSync", Hook::Phase(Phase::PreSync)),
    ("Sync", Hook::Phase(Phase::Sync)),
    ("PostSync", Hook::Phase(Phase::PostSync)),
    ("SyncFail", Hook::Phase(Phase::SyncFail)),
    ("Skip", Hook::Skip),
    ("PreDelete", Hook::PreDelete),
    ("PostDelete", Hook::PostDelete),
];

/// The words of `helm.sh/hook` that Argo CD maps to its own.
pub const HELM_HOOKS: [(&str, Hook); 6] = [
    ("pre-install", Hook::Phase(Phase::PreSync)),
    ("pre-upgrade", Hook::Phase(Phase::PreSync)),
    ("post-install", Hook::Phase(Phase::PostSync)),
    ("post-upgrade", Hook::Phase(Phase::PostSync)),
    ("pre-delete", Hook::PreDelete),
    ("post-delete", Hook::PostDelete),
];

/// Words of `helm.sh/hook` that Helm knows and Argo CD passes over: alone, they keep a resource from ever being applied by Argo CD.
/// `crd-install` is the exception: it does not make a hook.
pub const HELM_HOOKS_PASSED_OVER: [&str; 6] = [
    "crd-install",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
    "test-failure",
];

/// When a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletePolicy {
    /// The one that is there goes before a new one is created. The default.
    BeforeHookCreation,
    /// When the whole sync succeeded.
    HookSucceeded,
    /// When the sync failed.
    HookFailed,
    /// Never: it stays, and is applied again in each sync. Argo CD after 3.5; an older one passes over the word.
    Never,
}

/// The words of `argocd.argoproj.io/hook-delete-policy`.
pub const DELETE_POLICIES: [(&str, DeletePolicy); 4] = [
    ("BeforeHookCreation", DeletePolicy::BeforeHookCreation),
    ("HookSucceeded", DeletePolicy::HookSucceeded),
    ("HookFailed", DeletePolicy::HookFailed),
    ("Never", DeletePolicy::Never),
];

/// The words of `helm.sh/hook-delete-policy`.
pub const HELM_DELETE_POLICIES: [(&str, DeletePolicy); 3] = [
    ("before-hook-creation", DeletePolicy::BeforeHookCreation),
    ("hook-succeeded", DeletePolicy::HookSucceeded),
    ("hook-failed", DeletePolicy::HookFailed),
];

/// What a resource is in a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A resource like most: applied in Sync, kept, compared.
    Resource,
    /// A hook of these phases, one run in each; in phase order, never empty.
    Hook(Vec<Phase>),
    /// A hook that runs only when the application is deleted.
    AtDeletion(Vec<Hook>),
    /// `Skip`: never applied, on purpose.
    Skipped,
    /// A hook of no phase at all: never applied, and Argo CD says nothing. Mostly a misspelt word.
    Ignored,
}

/// What Argo CD makes of a resource's hook annotations (argo-cd gitops-engine/pkg/sync/hook, `sync_phase.go`, controller/hook.go).
pub fn role(object: &Value) -> Role {
    let own = annotation(object, HOOK);
    let helm = annotation(object, HELM_HOOK);
    let mut hooks = known(&HOOKS, object, HOOK);
    if hooks.is_empty() {
        hooks = known(&HELM_HOOKS, object, HELM_HOOK);
    }
    if hooks == [Hook::Skip] {
        return Role::Skipped;
    }
    if own.is_none() && helm.is_none_or(|words| words == "crd-install") {
        return Role::Resource;
    }
    let mut phases: Vec<Phase> = hooks
        .iter()
        .filter_map(|hook| match hook {
            Hook::Phase(phase) => Some(*phase),
            _ => None,
        })
        .collect();
    phases.sort_unstable();
    if !phases.is_empty() {
        return Role::Hook(phases);
    }
    hooks.retain(|hook| matches!(hook, Hook::PreDelete | Hook::PostDelete));
    if hooks.is_empty() {
        Role::Ignored
    } else {
        Role::AtDeletion(hooks)
    }
}

/// When a hook is deleted: both annotations together, and [`DeletePolicy::BeforeHookCreation`] where neither holds a known word.
pub fn delete_policies(object: &Value) -> Vec<DeletePolicy> {
    let mut policies = known(&DELETE_POLICIES, object, HOOK_DELETE_POLICY);
    policies.extend(known(
        &HELM_DELETE_POLICIES,
        object,
        HELM_HOOK_DELETE_POLICY,
    ));
    if policies.is_empty() {
        policies.push(DeletePolicy::BeforeHookCreation);
    }
    policies.sort_unstable();
    policies.dedup();
    policies
}

/// The meanings of an annotation's words, without repetitions and without those not in the table.
fn known<T: Copy + PartialEq>(table: &[(&str, T)], object: &Value, key: &str) -> Vec<T> {
    let mut meanings = Vec::new();
    for word in annotation_words(object, key) {
        if let Some((_, meaning)) = table.iter().find(|(known, _)| *known == word)
            && !meanings.contains(meaning)
        {
            meanings.push(*meaning);
        }
    }
    meanings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn annotated(pairs: &[(&str, &str)]) -> Value {
        let annotations: serde_json::Map<_, _> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        json!({"metadata": {"annotations": annotations}})
    }

    #[test]
    fn roles_follow_argo_cd() {
        let pre = || Role::Hook(vec![Phase::PreSync]);
        let post = || Role::Hook(vec![Phase::PostSync]);
        for (annotations, expected) in [
            (vec![], Role::Resource),
            (vec![(HOOK, "PreSync")], pre()),
            (
                vec![(HOOK, "PostSync, PreSync ,PreSync")],
                Role::Hook(vec![Phase::PreSync, Phase::PostSync]),
            ),
            (vec![(HOOK, "presync")], Role::Ignored),
            (vec![(HOOK, "")], Role::Ignored),
            (vec![(HOOK, "presync,PostSync")], post()),
            (vec![(HOOK, "Skip")], Role::Skipped),
            (vec![(HOOK, "Skip,PreSync")], pre()),
            (
                vec![(HOOK, "PostDelete")],
                Role::AtDeletion(vec![Hook::PostDelete]),
            ),
            (vec![(HOOK, "PostDelete,PostSync")], post()),
            (vec![(HELM_HOOK, "pre-install,pre-upgrade")], pre()),
            (vec![(HELM_HOOK, "post-install")], post()),
            (vec![(HELM_HOOK, "crd-install")], Role::Resource),
            (vec![(HELM_HOOK, "test")], Role::Ignored),
            (
                vec![(HELM_HOOK, "pre-delete")],
                Role::AtDeletion(vec![Hook::PreDelete]),
            ),
            (vec![(HOOK, "PostSync"), (HELM_HOOK, "pre-install")], post()),
            (vec![(HOOK, "oops"), (HELM_HOOK, "pre-install")], pre()),
        ] {
            assert_eq!(role(&annotated(&annotations)), expected, "{annotations:?}");
        }
    }

    #[test]
    fn delete_policies_are_united_and_have_a_default() {
        use DeletePolicy::{BeforeHookCreation, HookFailed, HookSucceeded};
        for (annotations, expected) in [
            (vec![], vec![BeforeHookCreation]),
            (
                vec![(HOOK_DELETE_POLICY, "hooksucceeded")],
                vec![BeforeHookCreation],
            ),
            (
                vec![
                    (HOOK_DELETE_POLICY, "HookSucceeded"),
                    (HELM_HOOK_DELETE_POLICY, "hook-failed"),
                ],
                vec![HookSucceeded, HookFailed],
            ),
            (
                vec![(HOOK_DELETE_POLICY, "Never")],
                vec![DeletePolicy::Never],
            ),
            (
                vec![
                    (HOOK_DELETE_POLICY, "HookSucceeded"),
                    (HELM_HOOK_DELETE_POLICY, "hook-succeeded"),
                ],
                vec![HookSucceeded],
            ),
        ] {
            assert_eq!(
                delete_policies(&annotated(&annotations)),
                expected,
                "{annotations:?}"
            );
        }
    }
}
