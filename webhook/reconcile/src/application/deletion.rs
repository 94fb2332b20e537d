//! An Application is being deleted: with its finalizer its objects go first, in reverse waves; without, only the Application goes.
//!
//! Follows `finalizeApplicationDeletion` of Argo CD's `controller/appcontroller.go`: the next lower wave goes when nothing of the one before is left; what
//! says `Delete=false` or `helm.sh/resource-policy: keep` stays, as do definitions of kinds, which would take everything of their kind along.
//! Only what carries the Application's mark is ever deleted. The source is not asked: a repository that is gone must not keep an Application.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use serde_json::{Value, json};
use tidegate_model::application::Application;
use tidegate_model::object::{annotation, annotation_words, at, group, kind, text};
use tidegate_model::words::{API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, SYNC_OPTIONS};
use tidegate_model::{ObjectKey, wave};
use tidegate_syncplan::task::HOOK_FINALIZER;
use tidegate_syncplan::tracking::Tracking;
use tracing::info;

use super::operation::{APPROVED, seconds};
use super::snapshot::Condition;
use super::{steps, wish};
use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;
use crate::kinds::Kind;

/// The finalizer that makes the objects go first; with `/background` their dependents go later.
const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

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
    let Some(finalizer) = finalizers(application).find(|word| is_ours(word)) else {
        return Ok(Next::Rest);
    };
    let policy = if finalizer.ends_with("/background") {
        PropagationPolicy::Background
    } else {
        PropagationPolicy::Foreground
    };
    if !Application(application).is_in_cluster() {
        // Objects of a cluster that nobody knows any more.
        return let_go(context, key, application).await;
    }
    let control = context.control_plane(false).await?;
    let setting = |name: &str| control.settings.get(name).cloned();
    let tracking = wish::tracking(application, &context.settings.control_namespace, setting);
    let live = owned(context, key, application, &tracking).await?;
    let next = next_turn(&live, application);
    if next.is_done {
        return let_go(context, key, application).await;
    }
    let kinds = context.kinds([]).await?;
    for (object, is_released) in next
        .release
        .iter()
        .map(|object| (*object, true))
        .chain(next.delete.iter().map(|object| (*object, false)))
    {
        let object_key = ObjectKey::of(object);
        let Some(known) = kinds.exact(
            text(object, "/apiVersion").unwrap_or_default(),
            kind(object),
        ) else {
            continue;
        };
        let done = if is_released {
            steps::release(context, known, &object_key, object)
                .await
                .map(drop)
        } else {
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
        };
        if let Err(error) = done {
            let message = format!("failed to delete {object_key}: {}", error.words());
            tell(context, key, application, Some(&message)).await?;
            return Ok(Next::Retry);
        }
    }
    tell(context, key, application, next.message.as_deref()).await?;
    let wait = context.with_memory(key, |memory| {
        if !next.delete.is_empty() {
            memory.moved();
        }
        memory.wait(LONGEST_WAIT)
    });
    Ok(Next::After(wait))
}

/// What a deletion does next.
#[derive(Debug, Default, PartialEq)]
struct Turn<'a> {
    delete: Vec<&'a Value>,
    release: Vec<&'a Value>,
    is_done: bool,
    /// What a person has to do.
    message: Option<String>,
}

/// Decides. Pure.
fn next_turn<'a>(live: &'a [Value], application: &Value) -> Turn<'a> {
    let going: Vec<&Value> = live.iter().filter(|object| is_going(object)).collect();
    if !going.is_empty() {
        let is_held = |object: &&Value| finalizers(object).any(|word| word == HOOK_FINALIZER);
        return Turn {
            release: going.into_iter().filter(is_held).collect(),
            ..Turn::default()
        };
    }
    let mut waves: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
    for object in live.iter().filter(|object| !is_kept(object, application)) {
        waves.entry(wave::of(object)).or_default().push(object);
    }
    let Some((_, last)) = waves.pop_last() else {
        return Turn {
            is_done: true,
            ..Turn::default()
        };
    };
    let asks: Vec<&&Value> = last
        .iter()
        .filter(|object| says(object, application, "Delete=confirm"))
        .collect();
    if let (Some(first), false) = (asks.first(), is_approved(application)) {
        return Turn {
            message: Some(format!(
                "{} waits for somebody to agree to its deletion, with {} more: annotate the Application with {APPROVED} and the time of now",
                ObjectKey::of(first),
                asks.len() - 1
            )),
            ..Turn::default()
        };
    }
    Turn {
        delete: last,
        ..Turn::default()
    }
}

fn is_going(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Whether an object outlives its Application.
fn is_kept(object: &Value, application: &Value) -> bool {
    (group(object) == API_EXTENSIONS_GROUP && kind(object) == CUSTOM_RESOURCE_DEFINITION)
        || annotation(object, "helm.sh/resource-policy") == Some("keep")
        || says(object, application, "Delete=false")
}

/// The object's own word about deletion, else the Application's.
fn says(object: &Value, application: &Value, option: &str) -> bool {
    let own = annotation_words(object, SYNC_OPTIONS);
    if own.iter().any(|word| word.starts_with("Delete=")) {
        return own.contains(&option);
    }
    Application(application)
        .sync_options()
        .any(|word| word == option)
}

/// Whether somebody agreed, not before the deletion was asked for.
fn is_approved(application: &Value) -> bool {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let approved = annotation(application, APPROVED).and_then(time);
    let asked = text(application, "/metadata/deletionTimestamp").and_then(time);
    approved.is_some() && approved >= asked
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

/// Takes our finalizers off: the Application goes, unless somebody else holds it.
async fn let_go<G: Gate>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
) -> Result<Next, ApiError> {
    let rest: Vec<&str> = finalizers(application)
        .filter(|word| !is_ours(word))
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
    context.ask("take the finalizer off", written).await?;
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

fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let listed = at(object, "/metadata/finalizers").and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str)
}

fn is_ours(finalizer: &str) -> bool {
    finalizer
        .strip_prefix(FINALIZER)
        .is_some_and(|rest| matches!(rest, "" | "/foreground" | "/background"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object: its name, its wave, sync options, and whether it is being deleted, and held by a hook's finalizer.
    fn object(name: &str, wave: &str, options: &str, state: &str) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {
            "argocd.argoproj.io/sync-wave": wave, SYNC_OPTIONS: options}}});
        if !state.is_empty() {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        if state == "held" {
            object["metadata"]["finalizers"] = json!([HOOK_FINALIZER]);
        }
        object
    }

    #[track_caller]
    fn check(live: &[Value], approved: Option<&str>, expected: &str) {
        let application = json!({"metadata": {
            "deletionTimestamp": "2026-01-01T12:00:00Z",
            "annotations": approved.map_or_else(|| json!({}), |time| json!({APPROVED: time})),
        }});
        let turn = next_turn(live, &application);
        let names = |objects: &[&Value]| {
            let names: Vec<&str> = objects
                .iter()
                .map(|object| tidegate_model::object::name(object))
                .collect();
            names.join(" ")
        };
        let shown = format!(
            "delete [{}] release [{}] done {} asks {}",
            names(&turn.delete),
            names(&turn.release),
            turn.is_done,
            turn.message.is_some()
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_last_wave_goes_first_and_the_next_when_nothing_of_it_is_left() {
        let (a, b, c) = (
            object("a", "0", "", ""),
            object("b", "2", "", ""),
            object("c", "2", "", ""),
        );
        check(
            &[a.clone(), b, c],
            None,
            "delete [b c] release [] done false asks false",
        );
        check(
            &[a.clone(), object("b", "2", "", "going")],
            None,
            "delete [] release [] done false asks false",
        );
        check(
            &[a.clone(), object("b", "2", "", "held")],
            None,
            "delete [] release [b] done false asks false",
        );
        check(&[a], None, "delete [a] release [] done false asks false");
        check(&[], None, "delete [] release [] done true asks false");
    }

    #[test]
    fn what_is_kept_stays_and_what_asks_waits_for_an_answer() {
        check(
            &[object("a", "0", "Delete=false", "")],
            None,
            "delete [] release [] done true asks false",
        );
        let asks = [object("a", "0", "Delete=confirm", "")];
        check(&asks, None, "delete [] release [] done false asks true");
        check(
            &asks,
            Some("2026-01-01T11:00:00Z"),
            "delete [] release [] done false asks true",
        );
        check(
            &asks,
            Some("2026-01-01T12:00:01Z"),
            "delete [a] release [] done false asks false",
        );
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "d"}});
        check(
            &[definition],
            None,
            "delete [] release [] done true asks false",
        );
    }

    #[test]
    fn only_our_finalizers_are_ours() {
        for (word, expected) in [
            ("resources-finalizer.argocd.argoproj.io", true),
            ("resources-finalizer.argocd.argoproj.io/foreground", true),
            ("resources-finalizer.argocd.argoproj.io/background", true),
            ("resources-finalizer.argocd.argoproj.io/other", false),
            ("post-delete-finalizer.argocd.argoproj.io", false),
        ] {
            assert_eq!(is_ours(word), expected, "{word}");
        }
    }
}
