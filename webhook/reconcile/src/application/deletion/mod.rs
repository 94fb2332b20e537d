//! An Application is being deleted: hooks of the deletion run, with its finalizer its objects go, in reverse waves, and then the Application does.
//!
//! Follows `finalizeApplicationDeletion` of Argo CD's `controller/appcontroller.go`: the next lower wave goes when nothing of the one before is left; what
//! says `Delete=false` or `helm.sh/resource-policy: keep` stays, as do definitions of kinds, which would take everything of their kind along.
//! Only what carries the Application's mark is ever deleted. The source is asked for hooks only: otherwise a repository that is gone must not keep an
//! Application. Hooks are judged by the policies like anything that is applied.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::hook::Hook;
use tidegate_model::object::{at, text};
use tidegate_syncplan::tracking::Tracking;
use tracing::info;

use super::finalizers::{Stage, finalizers, is_ours};
use super::gather::gather;
use super::health::Judge;
use super::look::Lens;
use super::memory::Memory;
use super::operation::seconds;
use super::project::Project;
use super::run::denied;
use super::snapshot::{Condition, Snapshot};
use super::steps::MANAGER;
use super::{steps, wish};
use crate::cluster::type_of;
use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::{Gate, GateVerdict, PlanChange, PlanReview};
use crate::kinds::Kind;

mod cascade;
mod hooks;

const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// One turn of a deletion.
///
/// # Errors
/// The API server failed.
pub(super) async fn reconcile<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
) -> Result<Next, ApiError> {
    let Some(stage) = Stage::of(application) else {
        return Ok(Next::Rest);
    };
    if !Application(application).is_in_cluster() {
        // Objects of a cluster that nobody knows any more.
        return let_go(context, key, application, is_ours).await;
    }
    match stage {
        Stage::Objects { background } => {
            let policy = if background {
                PropagationPolicy::Background
            } else {
                PropagationPolicy::Foreground
            };
            objects(context, key, application, stage, &policy).await
        }
        Stage::Run(hook) | Stage::Clear(hook) => {
            run_hooks(context, key, application, stage, hook).await
        }
    }
}

/// The objects go, a wave at a time.
async fn objects<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    stage: Stage,
    policy: &PropagationPolicy,
) -> Result<Next, ApiError> {
    let control = context.control_plane(false).await?;
    let setting = |name: &str| control.settings.get(name).cloned();
    let tracking = wish::tracking(application, &context.settings.control_namespace, setting);
    let live = owned(context, key, application, &tracking).await?;
    let next = cascade::next_turn(&live, application);
    if next.is_done {
        return let_go(context, key, application, |word| stage.is_held_by(word)).await;
    }
    let kinds = context.kinds([]).await?;
    for object in &next.release {
        let object_key = ObjectKey::of(object);
        let (version, kind) = type_of(object);
        if let Some(known) = kinds.exact(version, kind)
            && let Err(error) = steps::release(context, known, &object_key, object).await
        {
            return stuck(context, key, application, &object_key, &error).await;
        }
    }
    for object in &next.delete {
        if let Err(error) = delete(context, key, object, policy).await {
            return stuck(context, key, application, &ObjectKey::of(object), &error).await;
        }
    }
    tell(context, key, application, next.message.as_deref()).await?;
    Ok(wait(context, key, !next.delete.is_empty()))
}

/// Hooks are made, waited for, and taken away.
async fn run_hooks<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    stage: Stage,
    hook: Hook,
) -> Result<Next, ApiError> {
    let snapshot = gather(context, key, application.clone(), None).await?;
    let is_run = matches!(stage, Stage::Run(_));
    let problem = match (&snapshot.rendered, &snapshot.live) {
        (Err(problem), _) if is_run => Some(problem),
        (_, Err(problem)) => Some(problem),
        _ => None,
    };
    if let Some(problem) = problem {
        let message = format!("hooks of the deletion cannot run: {}", problem.message);
        tell(context, key, application, Some(&message)).await?;
        return Ok(Next::Retry);
    }
    let targets = snapshot.rendered.as_ref();
    let targets = targets.map_or(&[][..], |rendered| &rendered.manifests);
    let live = snapshot.live.as_ref();
    let live = live.map_or(&[][..], |live| &live.objects);
    let lens = Lens::new(&snapshot);
    let judge = Judge::new(&lens.customizations, Timestamp::now());
    let judge = |object: &Value| judge.health(object);
    let turn = if is_run {
        hooks::run(hook, application, targets, live, &judge)
    } else {
        hooks::clear(hook, live, &judge)
    };
    context.saw(key, live, targets);
    if turn.is_done {
        return let_go(context, key, application, |word| stage.is_held_by(word)).await;
    }
    if !turn.create.is_empty()
        && let Err(message) = create(context, &snapshot, &lens, &turn.create).await
    {
        tell(context, key, application, Some(&message)).await?;
        return Ok(Next::Retry);
    }
    for object in &turn.delete {
        if let Err(error) = delete(context, key, object, &PropagationPolicy::Foreground).await {
            return stuck(context, key, application, &ObjectKey::of(object), &error).await;
        }
    }
    if let Some(problem) = &turn.problem {
        tell(context, key, application, Some(problem)).await?;
        return Ok(Next::Retry);
    }
    let has_moved = !turn.create.is_empty() || !turn.delete.is_empty();
    Ok(wait(context, key, has_moved))
}

/// Makes hooks, if the project permits them and the policies allow them; else says why not.
async fn create<G: Gate>(
    context: &Context<G>,
    snapshot: &Snapshot,
    lens: &Lens,
    hooks: &[Value],
) -> Result<(), String> {
    let project = snapshot.project.clone().unwrap_or_default();
    for hook in hooks {
        if let Some(why) = Project::new(&project).refusal(&ObjectKey::of(hook)) {
            return Err(why);
        }
    }
    let changes = hooks.iter().map(|hook| PlanChange::Apply {
        object: hook.to_string(),
        live: None,
        unchanged: false,
    });
    let plan = PlanReview {
        subject: snapshot.subject(),
        dialect: None,
        changes: changes.collect(),
    };
    match context.judge(&snapshot.key, &plan).await {
        GateVerdict::Allowed { .. } => {}
        GateVerdict::Denied { findings } => return Err(denied("the deletion's hooks", &findings)),
        GateVerdict::Unavailable { message } => return Err(message),
    }
    for hook in hooks {
        let (version, kind) = type_of(hook);
        let kinds = context.kinds([(version, kind)]).await;
        let kinds = kinds.map_err(|error| error.words())?;
        let known = kinds
            .exact(version, kind)
            .ok_or_else(|| format!("no matches for kind \"{kind}\" in version \"{version}\""))?;
        let key = ObjectKey::of(hook);
        let mut hook = hook.clone();
        lens.tracking.mark(&mut hook, lens.namespace());
        info!(application = %snapshot.key, object = %key, "making a hook of the deletion");
        let parameters = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&hook);
        let made = context.patch(known, &key, &parameters, &patch).await;
        made.map_err(|error| format!("failed to create {key}: {}", error.words()))?;
    }
    Ok(())
}

/// Deletes this very object.
async fn delete<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    object: &Value,
    policy: &PropagationPolicy,
) -> Result<(), ApiError> {
    let object_key = ObjectKey::of(object);
    let kinds = context.kinds([]).await?;
    let (version, kind) = type_of(object);
    let Some(known) = kinds.exact(version, kind) else {
        return Ok(());
    };
    info!(application = %key, object = %object_key, "deleting");
    let parameters = DeleteParams {
        propagation_policy: Some(policy.clone()),
        preconditions: text(object, "/metadata/uid").map(|uid| Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    context.delete(known, &object_key, &parameters).await
}

/// An object does not go: a person may have to know.
async fn stuck<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    object: &ObjectKey,
    error: &ApiError,
) -> Result<Next, ApiError> {
    let message = format!("failed to delete {object}: {}", error.words());
    tell(context, key, application, Some(&message)).await?;
    Ok(Next::Retry)
}

fn wait<G>(context: &Context<G>, key: &ObjectKey, has_moved: bool) -> Next {
    Next::After(context.with_memory(key, |memory| {
        if has_moved {
            memory.moved();
        }
        memory.wait(LONGEST_WAIT)
    }))
}

/// Everything that carries the Application's mark, of the kinds that its status names.
async fn owned<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    tracking: &Tracking,
) -> Result<Vec<Value>, ApiError> {
    let kinds = context.kinds([]).await?;
    let mut places = BTreeMap::new();
    let lists = [
        "/status/resources",
        "/status/operationState/syncResult/resources",
    ];
    let listed = lists
        .into_iter()
        .filter_map(|list| at(application, list)?.as_array());
    for entry in listed.flatten() {
        let part = |pointer: &str| text(entry, pointer).unwrap_or_default();
        if let Some(known) = kinds.any(part("/group"), part("/kind")) {
            let namespace =
                Some(part("/namespace").to_owned()).filter(|namespace| !namespace.is_empty());
            places.insert(
                (
                    known.resource.api_version.clone(),
                    part("/kind").to_owned(),
                    namespace,
                ),
                known,
            );
        }
    }
    let keeps = |object: &Value| {
        let has_owner = at(object, "/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|owners| !owners.is_empty());
        tracking.owns(object)
            && tracking.is_self_referenced(object)
            && !has_owner
            && ObjectKey::of(object) != *key
    };
    let mut owned = Vec::new();
    for ((.., namespace), known) in &places {
        owned.extend(context.list(known, namespace.as_deref(), keeps).await?);
    }
    Ok(owned)
}

/// Takes finalizers off: after the last one the Application goes, unless somebody else holds it.
async fn let_go<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    is_done: impl Fn(&str) -> bool,
) -> Result<Next, ApiError> {
    let rest: Vec<&str> = finalizers(application)
        .filter(|word| !is_done(word))
        .collect();
    let patch = json!({"metadata": {
        "finalizers": rest,
        "uid": text(application, "/metadata/uid"),
        "resourceVersion": text(application, "/metadata/resourceVersion"),
    }});
    let api = context.api(Kind::Application, key);
    let patch = Patch::Merge(&patch);
    let parameters = PatchParams::default();
    let written = api.patch(&key.name, &parameters, &patch);
    context.ask("take a finalizer off", written).await?;
    if rest.iter().any(|word| is_ours(word)) {
        context.with_memory(key, Memory::moved);
        return Ok(Next::After(Duration::ZERO));
    }
    info!(application = %key, "deleted");
    Ok(Next::Rest)
}

/// Shows what holds a deletion up, if anything does, as a condition.
async fn tell<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    message: Option<&str>,
) -> Result<(), ApiError> {
    let before = at(application, "/status/conditions").and_then(Value::as_array);
    let word = Condition::DeletionError.as_str();
    let is_it = |entry: &&Value| text(entry, "/type") == Some(word);
    let known = before.into_iter().flatten().find(is_it);
    if known.and_then(|entry| text(entry, "/message")) == message {
        return Ok(());
    }
    let mut conditions: Vec<Value> = before
        .into_iter()
        .flatten()
        .filter(|entry| !is_it(entry))
        .cloned()
        .collect();
    if let Some(message) = message {
        let now = seconds(Timestamp::now());
        conditions.push(json!({"type": word, "message": message, "lastTransitionTime": now}));
    }
    let uid = text(application, "/metadata/uid");
    let patch = json!({"metadata": {"uid": uid}, "status": {"conditions": conditions}});
    let api = context.api(Kind::Application, key);
    let patch = Patch::Merge(&patch);
    let parameters = PatchParams::default();
    let written = api.patch(&key.name, &parameters, &patch);
    let written = context.ask("write the status", written).await?;
    context.wrote(
        key,
        written
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default(),
    );
    Ok(())
}
