//! Desired against live: which object answers which, what is out of sync, and what nobody wants any more.
//!
//! Follows `CompareAppState` of `controller/state.go` and `Reconcile` of `gitops-engine/pkg/sync/reconcile.go`. Hooks are not compared: they come
//! and go with a sync. Neither are objects that only carry a copied mark ([`Tracking::is_self_referenced`]).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::hook::{Role, role};
use tidegate_model::object::{annotation_words, at, group, kind, name, namespace as namespace_of};
use tidegate_model::words::{COMPARE_OPTIONS, NAMESPACE, SYNC_OPTIONS};

use crate::differences::{Comparing, differences};
use crate::ignore::Rules;
use crate::normalize::stored;
use crate::tracking::Tracking;

/// Whether live is what is desired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum SyncStatus {
    /// It is.
    Synced,
    /// It is not.
    OutOfSync,
}

/// What a comparison is made with.
#[derive(Debug, Clone, Default)]
pub struct Settings<'a> {
    /// `spec.destination.namespace`: where namespaced manifests live that name no namespace.
    pub namespace: Option<&'a str>,
    /// Whose objects are meant. Without it every live object that is given is taken to be the Application's.
    pub tracking: Option<&'a Tracking>,
    /// `spec.ignoreDifferences`.
    pub ignore: Option<&'a Rules>,
    /// How two objects are compared.
    pub comparing: Comparing<'a>,
    /// `CreateNamespace=true`: the destination's namespace is made by the sync, and not superfluous for having no manifest.
    pub creates_namespace: bool,
}

/// A manifest and the live object of the same key; one of them is there.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// The key, with the destination's namespace where the manifest left it out.
    pub key: ObjectKey,
    /// What is desired.
    pub target: Option<&'a Value>,
    /// What is there.
    pub live: Option<&'a Value>,
    /// Where they differ, as JSON pointers; empty unless both are there.
    pub differences: Vec<String>,
    /// Whether they differ only where differences are ignored. A sync writes such fields all the same, unless it respects them.
    pub differs_where_ignored: bool,
    /// Whether live is as desired; none for hooks and for what takes no part.
    pub status: Option<SyncStatus>,
    /// Whether nobody wants the live object any more.
    pub requires_pruning: bool,
    /// Whether it is a hook.
    pub hook: bool,
}

impl Pair<'_> {
    /// Whether there is nothing to write: both are there and say the same.
    pub fn is_unchanged(&self) -> bool {
        self.target.is_some() && self.live.is_some() && self.differences.is_empty()
    }

    /// The manifest, else the live object.
    pub fn object(&self) -> Option<&Value> {
        self.target.or(self.live)
    }
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Comparison<'a> {
    /// Everything that is desired or there, sorted by key. Desired hooks are here only where they are live, as in Argo CD's status.
    pub pairs: Vec<Pair<'a>>,
    /// Of all of it.
    pub status: SyncStatus,
    /// Live objects that belong to another Application and that this one desires too.
    pub shared: Vec<ObjectKey>,
}

/// Compares what is desired with what is there.
///
/// `live` may hold objects of others: without a manifest, only what [`Settings::tracking`] claims counts, and nothing that has an owner.
pub fn compare<'a>(
    targets: &'a [Value],
    live: &'a [Value],
    settings: &Settings<'a>,
) -> Comparison<'a> {
    let keys = keys(targets, live, settings.namespace);
    let mut there: BTreeMap<ObjectKey, &Value> = live
        .iter()
        .map(|object| (ObjectKey::of(object), object))
        .collect();
    let mut shared = Vec::new();
    let mut pairs = BTreeMap::new();
    for (target, key) in targets.iter().zip(keys) {
        if matches!(
            role(target),
            Role::Hook(_) | Role::AtDeletion(_) | Role::Ignored
        ) || name(target).is_empty()
        {
            continue;
        }
        let live = there.remove(&key);
        if let (Some(live), Some(tracking)) = (live, settings.tracking)
            && crate::tracking::TrackingId::of(live).is_some()
            && !tracking.owns(live)
        {
            shared.push(key.clone());
        }
        // The last manifest of a key wins; it may find the live object with the one before it.
        let live = live.or_else(|| pairs.get(&key).and_then(|pair: &Pair| pair.live));
        pairs.insert(key.clone(), pair(key, Some(target), live, settings));
    }
    for (key, live) in there {
        let is_ours = settings.tracking.is_none_or(|tracking| tracking.owns(live));
        let is_created = settings.creates_namespace
            && key.group.is_empty()
            && key.kind == NAMESPACE
            && Some(key.name.as_str()) == settings.namespace;
        if is_ours && !is_created && !has_owner(live) {
            pairs.insert(key.clone(), pair(key, None, Some(live), settings));
        }
    }
    let pairs: Vec<Pair> = pairs.into_values().collect();
    let is_out = |pair: &Pair| {
        pair.status == Some(SyncStatus::OutOfSync)
            && !(pair.requires_pruning && pair.live.is_some_and(is_extraneous))
    };
    let status = if pairs.iter().any(is_out) {
        SyncStatus::OutOfSync
    } else {
        SyncStatus::Synced
    };
    Comparison {
        pairs,
        status,
        shared,
    }
}

/// The key of each manifest as it will be in the cluster. A kind that is live without a namespace lives in none.
pub(crate) fn keys(targets: &[Value], live: &[Value], namespace: Option<&str>) -> Vec<ObjectKey> {
    let mut keys = tidegate_waves::keys(targets.iter(), namespace);
    for (key, target) in keys.iter_mut().zip(targets) {
        // A name that is left open is nobody's key.
        name(target).clone_into(&mut key.name);
    }
    let unscoped: BTreeSet<(&str, &str)> = live
        .iter()
        .filter(|live| namespace_of(live).is_none())
        .map(|live| (group(live), kind(live)))
        .collect();
    for key in &mut keys {
        if unscoped.contains(&(key.group.as_str(), key.kind.as_str())) {
            key.namespace = None;
        }
    }
    keys
}

fn pair<'a>(
    key: ObjectKey,
    target: Option<&'a Value>,
    live: Option<&'a Value>,
    settings: &Settings,
) -> Pair<'a> {
    let is_hook = |object: &Value| matches!(role(object), Role::Hook(_) | Role::AtDeletion(_));
    // No target here is a hook. What was one and is wanted as a resource now is a resource that differs (Argo CD would say nothing of it until the next sync).
    let hook = target.is_none() && live.is_some_and(is_hook);
    let own = match (live, settings.tracking) {
        (Some(live), Some(tracking)) => tracking.is_self_referenced(live),
        (Some(live), None) => Tracking::by_annotation("").is_self_referenced(live),
        (None, _) => true,
    };
    let (differences, differs_where_ignored) = match (target, live) {
        (Some(target), Some(live)) => differences_of(target, live, settings),
        _ => (Vec::new(), false),
    };
    let takes_no_part = |object: &Value| matches!(role(object), Role::Skipped | Role::Ignored);
    let status = if hook
        || !own
        || target.is_some_and(takes_no_part)
        || live.is_some_and(|live| role(live) == Role::Ignored)
    {
        None
    } else if target.is_some() && live.is_some() && differences.is_empty() {
        Some(SyncStatus::Synced)
    } else {
        Some(SyncStatus::OutOfSync)
    };
    Pair {
        key,
        target,
        live,
        differences,
        differs_where_ignored,
        status,
        requires_pruning: target.is_none() && live.is_some() && own,
        hook,
    }
}

/// Where they differ, and whether there is more where differences are ignored.
fn differences_of(target: &Value, live: &Value, settings: &Settings) -> (Vec<String>, bool) {
    let mut target = Cow::Borrowed(target);
    if let Some(tracking) = settings.tracking {
        tracking.mark(target.to_mut(), settings.namespace);
    }
    let Some(rules) = settings.ignore.filter(|rules| rules.are_about(live)) else {
        return (differences(&target, live, settings.comparing), false);
    };
    // As it will be kept: pointers are of what is live, such as the `data` of a Secret written as `stringData`.
    let (mut seen, mut live_seen) = (stored(&target), live.clone());
    rules.apply(&mut seen, &mut live_seen);
    let found = differences(&seen, &live_seen, settings.comparing);
    let ignored = found.is_empty() && !differences(&target, live, settings.comparing).is_empty();
    (found, ignored)
}

/// Whether somebody else made it: its owner keeps it, and the garbage collector takes it away.
fn has_owner(live: &Value) -> bool {
    at(live, "/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|owners| !owners.is_empty())
}

/// `IgnoreExtraneous`: being superfluous does not make the Application out of sync.
fn is_extraneous(live: &Value) -> bool {
    annotation_words(live, COMPARE_OPTIONS).contains(&"IgnoreExtraneous")
}

/// Whether `Prune=false` keeps the object for ever: asked by people who read a plan.
pub fn is_kept(live: &Value) -> bool {
    annotation_words(live, SYNC_OPTIONS).contains(&"Prune=false")
}

#[cfg(test)]
mod tests;
