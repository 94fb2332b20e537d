//! An annotation that was meant for Argo CD, under a key that it does not read.

use tidegate_model::words::{HOOK, HOOK_DELETE_POLICY, SYNC_OPTIONS, SYNC_WAVE};
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, quote};

pub(crate) const RULE: Rule = Rule::error(
    "annotation-misspelt",
    "The key of a wave, hook or sync option annotation is misspelt, so Argo CD does not read it",
    include_str!("annotation_misspelt.md"),
);

/// The keys that order a sync.
const KEYS: [&str; 4] = [SYNC_WAVE, HOOK, HOOK_DELETE_POLICY, SYNC_OPTIONS];

/// Argo CD's own prefix.
const PREFIX: &str = "argocd.argoproj.io";

/// Prefixes that people write for it. Others may be somebody else's words.
const PREFIXES: [&str; 8] = [
    PREFIX,
    "argo-cd.argoproj.io",
    "argocd.argoproj",
    "argocd.argoprj.io",
    "argocd.io",
    "argoproj.argocd.io",
    "argoproj.io",
    "argo.argoproj.io",
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let annotations = subject
        .at("/metadata/annotations")
        .and_then(Value::as_object);
    let keys = annotations
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str());
    let misspelt = keys.filter_map(|key| Some((key, meant(key)?)));
    findings.extend(misspelt.take(MOST).map(|(key, meant)| {
        let message = format!(
            "annotation {} is not one that Argo CD reads: it does nothing",
            quote(key)
        );
        Finding::new(&RULE, message)
            .at(annotation_pointer(key))
            .suggest(format!("Write {meant}"))
    }));
}

/// The key that was meant, if this is not one itself.
fn meant(key: &str) -> Option<&'static str> {
    let (prefix, name) = key.split_once('/').unwrap_or((PREFIX, key));
    let prefix = prefix.to_ascii_lowercase();
    if KEYS.contains(&key) || !PREFIXES.contains(&prefix.as_str()) {
        return None;
    }
    let names = || KEYS.iter().filter_map(|key| Some(key.split_once('/')?.1));
    let named = if key.contains('/') {
        nearest(name, names())?
    } else {
        names().find(|known| *known == name && *known != "hook")?
    };
    KEYS.into_iter()
        .find(|key| key.split_once('/').is_some_and(|(_, name)| name == named))
}
