//! Does the steps of a sync to the cluster, and says in kubectl's words what became of them.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::StreamExt as _;
use kube::api::{
    DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
    ValidationDirective,
};
use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::hook::Phase;
use tidegate_model::object::{annotation_words, at, group, kind, text};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, HOOK_OF, NAMESPACE, SYNC_OPTIONS,
};
use tidegate_syncplan::advance::{Outcome, Sync};
use tidegate_syncplan::ignore::Rules;
use tidegate_syncplan::operation::Propagation;
use tidegate_syncplan::step::{Action, Step};
use tidegate_syncplan::task::{HOOK_FINALIZER, Task};
use tidegate_syncplan::tracking::Tracking;
use tracing::debug;

use super::declared::declared;
use super::migrate::taken_over;
use super::operation::hook_of;
use super::respect::respected;
use crate::cluster::{KnownKind, type_of};
use crate::context::{ApiError, Context};
use crate::gate::Gate;

/// Whose fields they are.
pub(super) const MANAGER: &str = "argocd-controller";

/// Requests at once. The API server allows an ordinary client a few hundred.
const AT_ONCE: usize = 16;

/// How long a definition may take to be served, and an object that is exchanged to be gone.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long to wait before an apply whose answer got lost is asked for again.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// What is needed besides the steps.
pub(super) struct Hand<'a, G> {
    pub(super) context: &'a Context<G>,
    pub(super) tracking: &'a Tracking,
    /// `spec.destination.namespace`.
    pub(super) namespace: Option<&'a str>,
    /// `spec.syncPolicy.managedNamespaceMetadata`.
    pub(super) namespace_metadata: Option<&'a Value>,
    pub(super) dry_run: bool,
    /// See [`Running::mark`](super::operation::Running::mark).
    pub(super) mark: String,
    /// `force` of the operation's strategy.
    pub(super) force: bool,
    /// Ignored differences, where they are to be respected.
    pub(super) respects: Option<&'a Rules>,
    /// Whether fields of client-side applies are taken over.
    pub(super) takes_over: bool,
}

/// What became of a step.
struct Done {
    outcome: Outcome,
    live: After,
}

/// An object after a step.
enum After {
    /// As it was, or nobody knows.
    Same,
    /// Different: this.
    There(Value),
    /// Not there any more.
    Gone,
}

impl From<Option<Value>> for After {
    fn from(read: Option<Value>) -> Self {
        read.map_or(Self::Gone, Self::There)
    }
}

impl Done {
    const fn said(outcome: Outcome) -> Self {
        Self {
            outcome,
            live: After::Same,
        }
    }
}

/// What became of a turn's steps: outcomes of those that were reached, and the objects that are different now.
#[derive(Default)]
pub(super) struct Acted {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) changed: Vec<(ObjectKey, Option<Value>)>,
}

impl<G: Gate> Hand<'_, G> {
    /// Does the steps in order: those that follow each other with the same kind and action at once, and none after one that failed (dry runs aside:
    /// a person wants all their complaints together).
    pub(super) async fn act(&self, sync: &Sync<'_>, steps: &[Step]) -> Acted {
        let mut acted = Acted::default();
        let groups = steps.chunk_by(|one, other| {
            one.action == other.action
                && (one.action == Action::DryRun
                    || (one.key.kind == other.key.kind && one.key.group == other.key.group))
        });
        for together in groups {
            let mut work: Vec<BoxFuture<'_, Done>> = Vec::with_capacity(together.len());
            for step in together {
                work.push(Box::pin(self.step(sync, step)));
            }
            // In order: outcomes belong to steps by their place.
            let done: Vec<Done> = futures::stream::iter(work)
                .buffered(AT_ONCE)
                .collect()
                .await;
            let has_failed = done.iter().any(|done| done.outcome.is_err());
            for (step, done) in together.iter().zip(done) {
                acted.outcomes.push(done.outcome);
                match done.live {
                    After::Same => {}
                    After::There(live) => acted.changed.push((step.key.clone(), Some(live))),
                    After::Gone => acted.changed.push((step.key.clone(), None)),
                }
            }
            if has_failed {
                break;
            }
        }
        acted
    }

    async fn step(&self, sync: &Sync<'_>, step: &Step) -> Done {
        let Some(task) = sync.tasks().get(step.task) else {
            return Done::said(Err("the step has no task".to_owned()));
        };
        match step.action {
            Action::Keep | Action::SkipPrune | Action::Wait => Done::said(Ok(String::new())),
            // What is there already says so: the API server has accepted it.
            Action::DryRun if task.unchanged => Done::said(Ok(String::new())),
            Action::DryRun => {
                let done = self.write(step, task, true).await;
                Done::said(done.outcome)
            }
            Action::Create | Action::Apply | Action::Replace | Action::Update => {
                self.write(step, task, self.dry_run).await
            }
            Action::Prune | Action::Delete => self.delete(step, task).await,
            Action::Release => self.release(step, task).await,
        }
    }

    /// The object as it is to be written: marked, and the namespace that a sync makes with what is said of it.
    fn object(&self, task: &Task) -> Option<Value> {
        let target = task.target.as_deref()?;
        let mut object = match (self.respects, task.live) {
            (Some(rules), Some(live)) => respected(target, live, rules),
            _ => target.clone(),
        };
        let key = &task.key;
        // One of the manifests would be applied in its own phase.
        let is_created = key.group.is_empty()
            && key.kind == NAMESPACE
            && task.phase == Phase::PreSync
            && !task.hook;
        if is_created {
            for field in ["labels", "annotations"] {
                let managed = self
                    .namespace_metadata
                    .and_then(|managed| managed.get(field)?.as_object());
                if let (Some(managed), Some(metadata)) = (
                    managed,
                    object.get_mut("metadata").and_then(Value::as_object_mut),
                ) {
                    let known = metadata.entry(field).or_insert_with(|| json!({}));
                    if let Some(known) = known.as_object_mut() {
                        known.extend(managed.clone());
                    }
                }
            }
            return Some(object);
        }
        if let (Some(namespace), Some(metadata)) = (
            &key.namespace,
            object.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        self.tracking.mark(&mut object, self.namespace);
        if task.hook
            && let Some(annotations) = object
                .pointer_mut("/metadata/annotations")
                .and_then(Value::as_object_mut)
        {
            let mark = hook_of(&self.mark, task.phase);
            annotations.insert(HOOK_OF.to_owned(), json!(mark));
        }
        Some(object)
    }

    async fn write(&self, step: &Step, task: &Task<'_>, dry_run: bool) -> Done {
        let Some(object) = self.object(task) else {
            return Done::said(Err("there is nothing to write".to_owned()));
        };
        let known = match self.known(&object).await {
            Ok(known) => known,
            Err(message) => return Done::said(Err(message)),
        };
        if let Some(live) = task.live.filter(|_| self.takes_over && !dry_run) {
            self.take_over(&known, step, live).await;
        }
        let mut written = self.try_write(step, &known, &object, task, dry_run).await;
        if let Err(error) = &written
            && step.unvalidated
            && error.is_undeclared()
            && let Ok(kept) = self.try_anew(&known, &step.key, &object).await
        {
            let object = declared(&object, &kept);
            written = self.apply(step, &known, &object, dry_run).await;
        }
        if let Err(error) = &written
            && self.is_forced(task)
            && error.is_unchangeable()
        {
            written = if dry_run {
                self.try_anew(&known, &step.key, &object).await
            } else {
                match self.make_room(&known, &step.key).await {
                    Ok(()) => self.apply(step, &known, &object, dry_run).await,
                    Err(error) => Err(error),
                }
            };
        }
        match written {
            Err(error) => Done::said(Err(error.words())),
            Ok(_) if dry_run => Done::said(Ok(self.words(step, task, &object))),
            Ok(live) => {
                let is_definition = group(&object) == API_EXTENSIONS_GROUP
                    && kind(&object) == CUSTOM_RESOURCE_DEFINITION;
                let live = if is_definition {
                    self.established(&known, &step.key, live).await
                } else {
                    live
                };
                Done {
                    outcome: Ok(self.words(step, task, &object)),
                    live: After::There(live),
                }
            }
        }
    }

    /// Makes the fields of a client-side apply ours. What cannot be taken over stays where it is; the apply is the same.
    async fn take_over(&self, known: &KnownKind, step: &Step, live: &Value) {
        let Some(fields) = taken_over(live).filter(|_| step.action == Action::Apply) else {
            return;
        };
        let patch = json!({"metadata": {
            "managedFields": fields,
            "resourceVersion": text(live, "/metadata/resourceVersion"),
        }});
        let parameters = PatchParams::default();
        let patch = Patch::Merge(&patch);
        let taken = self.context.patch(known, &step.key, &parameters, &patch);
        if let Err(problem) = taken.await {
            debug!(object = %step.key, %problem, "fields of a client-side apply stay with their manager");
        }
    }

    async fn try_write(
        &self,
        step: &Step,
        known: &KnownKind,
        object: &Value,
        task: &Task<'_>,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        if !matches!(step.action, Action::Replace | Action::Update) {
            return self.apply(step, known, object, dry_run).await;
        }
        let mut object = object.clone();
        let version = task
            .live
            .and_then(|live| text(live, "/metadata/resourceVersion"));
        if let (Some(version), Some(metadata)) = (
            version,
            object.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.insert("resourceVersion".to_owned(), json!(version));
        }
        let parameters = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        self.context
            .replace(known, &step.key, &parameters, &object, task.live.is_some())
            .await
    }

    /// Server-side apply, by force: what Git says wins over who wrote the field last. Done twice it is the same, so that an answer that got lost does not fail a
    /// whole sync.
    async fn apply(
        &self,
        step: &Step,
        known: &KnownKind,
        object: &Value,
        dry_run: bool,
    ) -> Result<Value, ApiError> {
        let parameters = PatchParams {
            dry_run,
            force: true,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(if step.unvalidated {
                ValidationDirective::Ignore
            } else {
                ValidationDirective::Strict
            }),
        };
        let patch = Patch::Apply(object);
        let mut pauses = AGAIN.into_iter();
        loop {
            let applied = self.context.patch(known, &step.key, &parameters, &patch);
            match (applied.await, pauses.next()) {
                (Err(error), Some(pause)) if error.is_passing() => tokio::time::sleep(pause).await,
                (done, _) => return done,
            }
        }
    }

    /// `--force`, of the operation, the manifest or the live object.
    fn is_forced(&self, task: &Task) -> bool {
        let says = |object: Option<&Value>| {
            object.is_some_and(|object| {
                annotation_words(object, SYNC_OPTIONS).contains(&"Force=true")
            })
        };
        self.force || says(task.target.as_deref()) || says(task.live)
    }

    /// What the API server would make of an object under another name, changing nothing: whether one that cannot become so from what is there could be made
    /// anew, as what is not valid at all must not cost the object that is there; and what of it is kept.
    async fn try_anew(
        &self,
        known: &KnownKind,
        key: &ObjectKey,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("name");
            metadata.insert("generateName".to_owned(), json!("dry-run-"));
        }
        let parameters = PostParams {
            dry_run: true,
            field_manager: Some(MANAGER.to_owned()),
        };
        self.context
            .replace(known, key, &parameters, &object, false)
            .await
    }

    /// `--force`: the object goes, so that it can be made anew.
    async fn make_room(&self, known: &KnownKind, key: &ObjectKey) -> Result<(), ApiError> {
        self.context
            .delete(known, key, &DeleteParams::background().grace_period(0))
            .await?;
        let gone = async {
            while self
                .context
                .get(known, key.namespace.as_deref(), &key.name)
                .await?
                .is_some()
            {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        // What is not gone by then makes the apply fail, in the API server's own words.
        tokio::time::timeout(PATIENCE, gone).await.unwrap_or(Ok(()))
    }

    /// Waits until a definition is served: what comes next may be of its kind.
    async fn established(&self, known: &KnownKind, key: &ObjectKey, live: Value) -> Value {
        let mut latest = live;
        let served = async {
            while !is_established(&latest) {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Ok(Some(live)) = self.context.get(known, None, &key.name).await {
                    latest = live;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, served).await;
        self.context.forget_kinds();
        latest
    }

    async fn delete(&self, step: &Step, task: &Task<'_>) -> Done {
        let Some(live) = task.live else {
            return Done::said(Ok(String::new()));
        };
        let known = match self.known(live).await {
            Ok(known) => known,
            Err(message) => return Done::said(Err(message)),
        };
        let parameters = DeleteParams {
            dry_run: self.dry_run,
            propagation_policy: Some(policy(step.propagation.unwrap_or_default())),
            preconditions: text(live, "/metadata/uid").map(|uid| Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let deleted = self.context.delete(&known, &step.key, &parameters).await;
        let after = match deleted {
            Err(error) => return Done::said(Err(error.words())),
            Ok(()) if self.dry_run => return Done::said(Ok("pruned (dry run)".to_owned())),
            Ok(()) => {
                let namespace = step.key.namespace.as_deref();
                self.context.get(&known, namespace, &step.key.name).await
            }
        };
        Done {
            outcome: Ok("pruned".to_owned()),
            live: after.map_or(After::Same, After::from),
        }
    }

    /// Takes the hook's finalizer off.
    async fn release(&self, step: &Step, task: &Task<'_>) -> Done {
        let Some(live) = task.live else {
            return Done::said(Ok(String::new()));
        };
        let known = match self.known(live).await {
            Ok(known) => known,
            Err(message) => return Done::said(Err(message)),
        };
        match release(self.context, &known, &step.key, live).await {
            Ok(live) => Done {
                outcome: Ok(String::new()),
                live: live.into(),
            },
            Err(error) => Done::said(Err(error.words())),
        }
    }

    async fn known(&self, object: &Value) -> Result<KnownKind, String> {
        let (version, kind) = type_of(object);
        let kinds = self
            .context
            .kinds([(version, kind)])
            .await
            .map_err(|error| error.words())?;
        kinds
            .exact(version, kind)
            .cloned()
            .ok_or_else(|| format!("no matches for kind \"{kind}\" in version \"{version}\""))
    }

    /// As kubectl says it: scripts and people read it.
    fn words(&self, step: &Step, task: &Task, object: &Value) -> String {
        let group = group(object);
        let dot = if group.is_empty() { "" } else { "." };
        let verb = match step.action {
            Action::Replace if task.live.is_some() => "replaced",
            _ if step.server_side => "serverside-applied",
            _ if task.live.is_none() => "created",
            _ => "configured",
        };
        let dry_run = if self.dry_run { " (dry run)" } else { "" };
        format!(
            "{}{dot}{group}/{} {verb}{dry_run}",
            kind(object).to_lowercase(),
            step.key.name
        )
    }
}

/// Takes the hook's finalizer off an object. Returns what is there then.
pub(super) async fn release<G: Gate>(
    context: &Context<G>,
    known: &KnownKind,
    key: &ObjectKey,
    live: &Value,
) -> Result<Option<Value>, ApiError> {
    let finalizers = at(live, "/metadata/finalizers").and_then(Value::as_array);
    let rest: Vec<&Value> = finalizers
        .into_iter()
        .flatten()
        .filter(|finalizer| *finalizer != HOOK_FINALIZER)
        .collect();
    // The version makes sure that no finalizer of somebody else is lost.
    let patch = json!({"metadata": {
        "finalizers": rest,
        "resourceVersion": text(live, "/metadata/resourceVersion"),
    }});
    let parameters = PatchParams::default();
    let patch = Patch::Merge(&patch);
    let released = context.patch(known, key, &parameters, &patch);
    let namespace = key.namespace.as_deref();
    match released.await {
        Ok(_) => context.get(known, namespace, &key.name).await,
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if error.is_conflict() => {
            // Somebody wrote it meanwhile, mostly its own controller: once more on what is there now.
            let Some(fresh) = context.get(known, namespace, &key.name).await? else {
                return Ok(None);
            };
            let patch = json!({"metadata": {
                "finalizers": rest,
                "resourceVersion": text(&fresh, "/metadata/resourceVersion"),
            }});
            context
                .patch(known, key, &parameters, &Patch::Merge(&patch))
                .await
                .map(Some)
        }
        Err(error) => Err(error),
    }
}

pub(super) const fn policy(propagation: Propagation) -> PropagationPolicy {
    match propagation {
        Propagation::Foreground => PropagationPolicy::Foreground,
        Propagation::Background => PropagationPolicy::Background,
        Propagation::Orphan => PropagationPolicy::Orphan,
    }
}

fn is_established(definition: &Value) -> bool {
    let conditions = at(definition, "/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        text(condition, "/type") == Some("Established")
            && text(condition, "/status") == Some("True")
    })
}
