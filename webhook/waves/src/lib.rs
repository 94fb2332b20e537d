//! From a set of manifests to the order in which Argo CD would sync them.
//!
//! People write waves and hooks to say "the database, then its tables, then the application"; what Argo CD makes of it is decided by
//! five things that hardly anybody has in mind together: the phase of a hook, the wave, a fixed order of kinds, the name, and
//! the bubbling up of namespaces and custom resource definitions. This crate is those five things as one pure function, so that
//! a folder on a laptop, the gate before an apply and the reconciler that applies all speak of the same order.
//!
//! It follows `gitops-engine/pkg/sync/sync_tasks.go` of Argo CD 3.5. Where that leaves the order open (its sort is not stable, and kinds
//! outside its table all rank the same), group, kind and namespace decide here, so that the same set always gives the same
//! order.
//!
//! It does not judge: a wave that makes no sense is ordered like any other. Nor does it plan: what is already there, what changed and what
//! must be pruned is `syncplan`'s work.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tidegate_model::hook::{Hook, Phase, Role, role};
use tidegate_model::object::{group, kind, name, text};
use tidegate_model::{ObjectKey, wave};

mod atlas;
mod dependencies;
mod hosts;
mod index;
mod kinds;
mod links;
mod pods;
mod prune;
mod references;
mod repair;

pub use kinds::{is_cluster_scoped, kind_rank};
pub use links::{Link, Links, Need, Rivals, is_atlas, links, runs_pods};
pub use prune::{Pruned, prune_waves};
pub use repair::{Repair, repair};

/// One rendered object.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// The object itself. A `List` must have been taken apart before.
    pub object: &'a Value,
    /// Where it came from, for people: a file and a line, a chart's template. Never decides anything.
    pub origin: &'a str,
}

/// One step of a sync: a resource, or one run of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderedResource {
    /// The phase it runs in.
    pub phase: Phase,
    /// The wave within the phase, after bubbling up.
    pub wave: i64,
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; none for a cluster-scoped object, and where neither manifest nor destination names one.
    pub namespace: Option<String>,
    /// Name; the prefix where the API server makes one up (`generateName`).
    pub name: String,
    /// Whether it is a hook rather than a resource that stays.
    #[serde(skip)]
    pub hook: bool,
    /// Its place in the input.
    #[serde(skip)]
    pub index: usize,
}

/// Why a manifest takes no part in a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// A hook that runs only when the application is deleted.
    AtDeletion(Vec<Hook>),
    /// `argocd.argoproj.io/hook: Skip`, on purpose.
    Skipped,
    /// A hook of no known phase. Argo CD never applies it and does not say so.
    Ignored,
    /// A later manifest has the same group, kind, namespace and name. The last one wins.
    Repeated {
        /// The later one's place in the input.
        by: usize,
    },
    /// It has no kind.
    NotAnObject,
}

/// A manifest that takes no part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Its place in the input.
    pub index: usize,
    /// The object.
    pub key: ObjectKey,
    /// Why.
    pub why: Absence,
}

/// What a sync of a set of manifests does, in order, and what it leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrangement {
    /// The steps in order. Those of `SyncFail` come last and run only if something failed.
    pub order: Vec<OrderedResource>,
    /// What takes no part, in the order of the input.
    pub absent: Vec<Absent>,
}

/// The order in which Argo CD would sync `manifests` that all name their namespaces themselves; see [`arrange`].
pub fn order(manifests: &[Manifest]) -> Vec<OrderedResource> {
    arrange(manifests, None).order
}

/// Arranges `manifests` as one sync: by phase, wave, rank of the kind and name, with namespaces and custom resource definitions
/// before the first resource that needs them.
///
/// `destination` is the namespace of namespaced manifests that name none (`spec.destination.namespace` of an Application). The order does not
/// depend on the order of the input, except that of two manifests of one object the last wins.
pub fn arrange(manifests: &[Manifest], destination: Option<&str>) -> Arrangement {
    let objects = manifests.iter().map(|manifest| manifest.object);
    let keys = keys(objects, destination);
    let last = last_of_each(manifests, &keys);

    let mut tasks = Vec::new();
    let mut absent = Vec::new();
    for (index, (manifest, key)) in manifests.iter().zip(keys).enumerate() {
        let object = manifest.object;
        let mut leave_out = |why| {
            let key = key.clone();
            absent.push(Absent { index, key, why });
        };
        if key.kind.is_empty() {
            leave_out(Absence::NotAnObject);
            continue;
        }
        if let Some(by) = last
            .get(&key)
            .filter(|last| **last > index && !name(object).is_empty())
        {
            leave_out(Absence::Repeated { by: *by });
            continue;
        }
        let (phases, hook) = match role(object) {
            Role::Resource => (vec![Phase::Sync], false),
            Role::Hook(phases) => (phases, true),
            Role::AtDeletion(hooks) => {
                leave_out(Absence::AtDeletion(hooks));
                continue;
            }
            Role::Skipped => {
                leave_out(Absence::Skipped);
                continue;
            }
            Role::Ignored => {
                leave_out(Absence::Ignored);
                continue;
            }
        };
        let wave = wave::of(object);
        let (rank, name) = (kind_rank(&key.kind), name(object));
        tasks.extend(phases.into_iter().map(|phase| {
            let task = OrderedResource {
                phase,
                wave,
                group: key.group.clone(),
                kind: key.kind.clone(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                hook,
                index,
            };
            (rank, name, task)
        }));
    }
    tasks.sort_by(|a, b| place(a).cmp(&place(b)));
    let mut tasks: Vec<OrderedResource> = tasks.into_iter().map(|(_, _, task)| task).collect();
    dependencies::bubble_up_namespaces(&mut tasks);
    dependencies::bubble_up_definitions(&mut tasks, manifests);
    Arrangement {
        order: tasks,
        absent,
    }
}

/// The key of each object as Argo CD normalises it before a sync: no namespace on cluster-scoped kinds, the destination's where there is none.
pub fn keys<'a>(
    objects: impl Iterator<Item = &'a Value> + Clone,
    destination: Option<&str>,
) -> Vec<ObjectKey> {
    let scopes = kinds::Scopes::of(objects.clone());
    objects
        .map(|object| key(object, &scopes, destination))
        .collect()
}

/// What a task, with the rank of its kind and the name that its object has, is sorted by: Argo CD's four, then what makes the order total. A hook that
/// leaves its name open is given one before it is sorted, which begins with its prefix; a resource has none then.
fn place<'a>((rank, own, task): &'a (usize, &str, OrderedResource)) -> impl Ord + 'a {
    let sorted_as = if task.hook { task.name.as_str() } else { own };
    let namespace = task.namespace.as_deref();
    (
        task.phase,
        task.wave,
        rank,
        sorted_as,
        &task.name,
        &task.group,
        &task.kind,
        namespace,
        task.index,
    )
}

fn key(object: &Value, scopes: &kinds::Scopes, destination: Option<&str>) -> ObjectKey {
    let mut key = ObjectKey::of(object);
    if scopes.is_cluster_scoped(group(object), kind(object)) {
        key.namespace = None;
    } else if key.namespace.is_none() {
        key.namespace = destination.map(str::to_owned);
    }
    if key.name.is_empty() {
        text(object, "/metadata/generateName")
            .unwrap_or_default()
            .clone_into(&mut key.name);
    }
    key
}

/// The last place of each key that has a name of its own.
fn last_of_each(manifests: &[Manifest], keys: &[ObjectKey]) -> BTreeMap<ObjectKey, usize> {
    keys.iter()
        .zip(manifests)
        .enumerate()
        .filter(|(_, (_, manifest))| !name(manifest.object).is_empty())
        .map(|(index, (key, _))| (key.clone(), index))
        .collect()
}

#[cfg(test)]
mod tests;
