//! What a sync consists of: one task a resource, one a run of a hook, one a deletion, in order.
//!
//! Follows `getSyncTasks` of `gitops-engine/pkg/sync/sync_context.go`; phases, waves and their order are `waves`'.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tidegate_model::hook::{DeletePolicy, Phase, Role, delete_policies, role};
use tidegate_model::object::{api_version, at, group, kind, name, text};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, HOOK, NAMESPACE, SYNC_OPTIONS,
};
use tidegate_model::{GroupKind, ObjectKey, wave};
use tidegate_waves::{Manifest, Pruned, arrange, kind_rank, prune_waves};

use crate::compare::{Comparison, keys};
use crate::operation::{Operation, has_word, selects};

/// The finalizer that keeps a finished hook from vanishing before its result was seen.
pub const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// A kind that is not there yet is no mistake.
const SKIP: &str = "SkipDryRunOnMissingResource=true";

/// One task.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The phase it runs in.
    pub phase: Phase,
    /// The wave within the phase: swapped for deletions, bubbled up for namespaces and definitions.
    pub wave: i64,
    /// The object.
    pub key: ObjectKey,
    /// What is to be there; none for a deletion.
    pub target: Option<Cow<'a, Value>>,
    /// What is there.
    pub live: Option<&'a Value>,
    /// Whether it is a hook.
    pub hook: bool,
    /// Whether live already says what is desired.
    pub unchanged: bool,
    /// Whether there are differences all the same, all of them where they are ignored.
    pub differs_where_ignored: bool,
    /// Whether a dry run would fail only because something that this sync makes is not there yet.
    pub skip_dry_run: bool,
}

impl Task<'_> {
    /// Whether it deletes.
    pub fn is_prune(&self) -> bool {
        self.target.is_none()
    }

    /// The manifest, else the live object.
    pub fn object(&self) -> Option<&Value> {
        self.target.as_deref().or(self.live)
    }

    /// The version without the group.
    pub fn version(&self) -> &str {
        let version = self.object().map(api_version).unwrap_or_default();
        version
            .rsplit_once('/')
            .map_or(version, |(_, version)| version)
    }

    pub(crate) fn has_policy(&self, policy: DeletePolicy) -> bool {
        self.hook
            && self
                .object()
                .is_some_and(|object| delete_policies(object).contains(&policy))
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.live.is_some_and(|live| {
            at(live, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
        })
    }

    pub(crate) fn has_hook_finalizer(&self) -> bool {
        self.live
            .and_then(|live| at(live, "/metadata/finalizers"))
            .and_then(Value::as_array)
            .is_some_and(|finalizers| finalizers.iter().any(|word| word == HOOK_FINALIZER))
    }
}

/// How a manifest and what is live agree.
#[derive(Debug, Clone, Copy, Default)]
struct Agreement {
    unchanged: bool,
    differs_where_ignored: bool,
}

/// Where the tasks come from.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// All manifests.
    pub targets: &'a [Value],
    /// All live objects that may matter.
    pub live: &'a [Value],
    /// What they were found to be.
    pub comparison: &'a Comparison<'a>,
    /// `spec.destination.namespace`.
    pub namespace: Option<&'a str>,
    /// Kinds that the API server does not know.
    pub unknown_kinds: &'a BTreeSet<GroupKind>,
    /// [`crate::operation::Progress::prune_waves`].
    pub prune_waves: &'a [(ObjectKey, i64)],
}

/// The tasks in order, and those that cannot be done at all: a kind that does not exist and that nothing here defines.
pub fn tasks<'a>(sources: &Sources<'a>, operation: &Operation) -> (Vec<Task<'a>>, Vec<usize>) {
    let live: BTreeMap<ObjectKey, &'a Value> = sources
        .live
        .iter()
        .map(|live| (ObjectKey::of(live), live))
        .collect();
    let is_selected =
        |key: &ObjectKey| operation.selected.is_empty() || selects(&operation.selected, key);

    let hook_keys: BTreeSet<ObjectKey> = keys(sources.targets, sources.live, sources.namespace)
        .into_iter()
        .zip(sources.targets)
        .filter(
            |(_, target)| matches!(role(target), Role::Hook(phases) if phases != [Phase::SyncFail]),
        )
        .map(|(key, _)| key)
        .collect();

    // What is applied: its manifest, what is there, whether they agree.
    let mut wanted: Vec<(Cow<'a, Value>, Option<ObjectKey>, Agreement)> = Vec::new();
    let mut pruned = Vec::new();
    for pair in &sources.comparison.pairs {
        if !is_selected(&pair.key) {
            continue;
        }
        match (pair.target, pair.live) {
            (Some(target), _) if role(target) == Role::Resource => {
                wanted.push((
                    Cow::Borrowed(target),
                    Some(pair.key.clone()),
                    Agreement {
                        unchanged: pair.is_unchanged(),
                        differs_where_ignored: pair.differs_where_ignored,
                    },
                ));
            }
            // What is to become a hook goes by the hook's policy.
            (None, Some(live))
                if pair.requires_pruning
                    && role(live) == Role::Resource
                    && !hook_keys.contains(&pair.key) =>
            {
                pruned.push((pair.key.clone(), live));
            }
            _ => {}
        }
    }
    if !operation.skip_hooks && operation.selected.is_empty() {
        let hooks = sources.targets.iter();
        let hooks = hooks.filter(|target| matches!(role(target), Role::Hook(_)));
        wanted.extend(hooks.map(|hook| (Cow::Borrowed(hook), None, Agreement::default())));
    }
    let created = created_namespace(sources, operation, &live);
    if let Some(created) = &created {
        wanted.push((Cow::Owned(created.clone()), None, Agreement::default()));
    }

    let manifests: Vec<Manifest> = wanted
        .iter()
        .map(|(object, ..)| Manifest { object, origin: "" })
        .collect();
    let order = arrange(&manifests, sources.namespace).order;
    let mut tasks: Vec<Task<'a>> = Vec::with_capacity(order.len() + pruned.len());
    for ordered in order {
        let Some((object, known, agreement)) = wanted.get(ordered.index) else {
            continue;
        };
        let is_created = created.as_ref().is_some_and(|created| created == &**object);
        let mut key = known.clone().unwrap_or(ObjectKey {
            group: ordered.group,
            kind: ordered.kind,
            namespace: ordered.namespace,
            name: ordered.name,
        });
        let mut target = object.clone();
        if is_created {
            target = Cow::Owned(namespace_object(&key.name));
            if operation.manages_namespace {
                // Labels of others stay.
                let options = json!({SYNC_OPTIONS: "ServerSideApply=true"});
                let metadata = json!({"name": key.name, "annotations": options});
                target = Cow::Owned(
                    json!({"apiVersion": "v1", "kind": NAMESPACE, "metadata": metadata}),
                );
            }
        } else if ordered.hook {
            if name(object).is_empty() {
                key.name = hook_name(&key.name, ordered.phase, operation);
            }
            target = Cow::Owned(run_of(object, &key.name));
        }
        tasks.push(Task {
            phase: ordered.phase,
            wave: ordered.wave,
            live: live.get(&key).copied(),
            key,
            target: Some(target),
            hook: ordered.hook && !is_created,
            unchanged: agreement.unchanged,
            differs_where_ignored: agreement.differs_where_ignored,
            skip_dry_run: false,
        });
    }
    add_pruned(&mut tasks, pruned, sources.prune_waves, operation);
    let invalid = mark_unknown(&mut tasks, sources, operation);
    (tasks, invalid)
}

/// Deletions, in swapped waves, before what is applied in the same wave.
fn add_pruned<'a>(
    tasks: &mut Vec<Task<'a>>,
    pruned: Vec<(ObjectKey, &'a Value)>,
    known: &[(ObjectKey, i64)],
    operation: &Operation,
) {
    let known: BTreeMap<&ObjectKey, i64> = known.iter().map(|(key, wave)| (key, *wave)).collect();
    let last_applied = tasks
        .iter()
        .filter(|task| task.phase == Phase::Sync)
        .map(|task| task.wave)
        .max();
    let prunings: Vec<Pruned> = pruned
        .iter()
        .map(|(_, live)| Pruned {
            wave: wave::of(live),
            last: operation.options.has("PruneLast=true") || has_word(Some(live), "PruneLast=true"),
        })
        .collect();
    let waves = prune_waves(&prunings, last_applied);
    tasks.extend(
        pruned
            .into_iter()
            .zip(waves)
            .map(|((key, live), wave)| (known.get(&key).copied().unwrap_or(wave), key, live))
            .map(|(wave, key, live)| Task {
                phase: Phase::Sync,
                wave,
                key,
                target: None,
                live: Some(live),
                hook: false,
                unchanged: false,
                differs_where_ignored: false,
                skip_dry_run: false,
            }),
    );
    // Stable: what `waves` ordered stays so. Deletions have no order among them but this one.
    tasks.sort_by(|a, b| {
        let wave = |task: &Task| (task.phase, task.wave, !task.is_prune());
        wave(a).cmp(&wave(b)).then_with(|| {
            if a.is_prune() && b.is_prune() {
                let place = |task: &Task| (kind_rank(&task.key.kind), task.key.name.clone());
                place(a).cmp(&place(b)).then_with(|| a.key.cmp(&b.key))
            } else {
                std::cmp::Ordering::Equal
            }
        })
    });
}

/// Tasks of kinds that the API server does not know: without a dry run where this sync defines the kind or somebody says so, else invalid.
/// Without a dry run, too, is what lives in a namespace that this sync makes: a server-side dry run would not find it.
fn mark_unknown(tasks: &mut [Task], sources: &Sources, operation: &Operation) -> Vec<usize> {
    let defined: BTreeSet<GroupKind> = sources
        .targets
        .iter()
        .filter(|target| {
            group(target) == API_EXTENSIONS_GROUP && kind(target) == CUSTOM_RESOURCE_DEFINITION
        })
        .filter_map(|target| {
            Some(GroupKind {
                group: text(target, "/spec/group")?.to_owned(),
                kind: text(target, "/spec/names/kind")?.to_owned(),
            })
        })
        .collect();
    let new_namespaces: BTreeSet<String> = tasks
        .iter()
        .filter(|task| {
            task.live.is_none() && task.key.group.is_empty() && task.key.kind == NAMESPACE
        })
        .map(|task| task.key.name.clone())
        .collect();
    let mut invalid = Vec::new();
    for (index, task) in tasks.iter_mut().enumerate() {
        let of = GroupKind {
            group: task.key.group.clone(),
            kind: task.key.kind.clone(),
        };
        if sources.unknown_kinds.contains(&of) {
            let may = operation.options.has(SKIP)
                || has_word(task.target.as_deref(), SKIP)
                || defined.contains(&of);
            if may {
                task.skip_dry_run = true;
            } else {
                invalid.push(index);
            }
        }
        let namespace = task.key.namespace.as_deref().unwrap_or_default();
        task.skip_dry_run |= new_namespaces.contains(namespace);
    }
    invalid
}

/// The namespace that `CreateNamespace=true` makes before all else: a hook of the first phase for the sake of the order.
fn created_namespace(
    sources: &Sources,
    operation: &Operation,
    live: &BTreeMap<ObjectKey, &Value>,
) -> Option<Value> {
    let namespace = sources.namespace.filter(|namespace| {
        !namespace.is_empty() && operation.options.has("CreateNamespace=true")
    })?;
    let is_it = |object: &Value| {
        group(object).is_empty() && kind(object) == NAMESPACE && name(object) == namespace
    };
    let key = ObjectKey::of(&namespace_object(namespace));
    // What is there already is written again only for what is said of it.
    let is_needed = operation.manages_namespace || !live.contains_key(&key);
    if !is_needed || sources.targets.iter().any(is_it) {
        return None;
    }
    let annotations = json!({HOOK: Phase::PreSync.as_str()});
    let metadata = json!({"name": namespace, "annotations": annotations});
    Some(json!({"apiVersion": "v1", "kind": NAMESPACE, "metadata": metadata}))
}

fn namespace_object(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": NAMESPACE, "metadata": {"name": name}})
}

/// The name of a hook that leaves it open: it says which sync the hook ran in.
fn hook_name(prefix: &str, phase: Phase, operation: &Operation) -> String {
    let revision = &operation.revision;
    let revision = if revision.len() >= 8 {
        revision.get(..7).unwrap_or(revision)
    } else {
        revision
    };
    let started = operation.started_at.as_second();
    let rest = format!("{revision}-{}-{started}", phase.as_str()).to_lowercase();
    format!("{prefix}{rest}")
}

/// The object of one run of a hook: named, and kept until its result was seen.
fn run_of(hook: &Value, name: &str) -> Value {
    let mut hook = hook.clone();
    if let Some(metadata) = hook.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".to_owned(), json!(name));
        let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if finalizers.is_null() {
            *finalizers = json!([]);
        }
        if let Some(list) = finalizers.as_array_mut()
            && !list.iter().any(|word| word == HOOK_FINALIZER)
        {
            list.push(json!(HOOK_FINALIZER));
        }
    }
    hook
}
