//! What happened to an Application, as Kubernetes Events: the reasons and words of Argo CD, which alerts and people look for.
//!
//! An event that cannot be written is not written again; the status tells the same.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, PostParams};
use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::object::{at, text};
use tidegate_model::words::{APPLICATION, ARGO_API_VERSION};
use tidegate_syncplan::operation::OperationPhase;
use tracing::debug;

use super::operation::Running;
use crate::context::Context;

/// A longer message is no message of an event (`core/validation`).
const LONGEST_MESSAGE: usize = 1024;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happened {
    reason: &'static str,
    message: String,
    is_bad: bool,
}

/// An operation has begun.
pub(super) fn started(running: &Running) -> Happened {
    let revision = running.revisions.join(", ");
    let who = text(&running.request, "/initiatedBy/username").filter(|who| !who.is_empty());
    let message = if running.is_automated() {
        format!("Initiated automated sync to '{revision}'")
    } else {
        format!(
            "{} initiated sync to {revision}",
            who.unwrap_or("Unknown user")
        )
    };
    Happened {
        reason: "OperationStarted",
        message,
        is_bad: false,
    }
}

/// An operation is over.
pub(super) fn completed(running: &Running) -> Happened {
    let revision = running.revisions.join(", ");
    let is_bad = running.state.phase != OperationPhase::Succeeded;
    let message = if is_bad {
        format!(
            "Sync operation to {revision} failed: {}",
            running.state.message
        )
    } else {
        format!("Sync operation to {revision} succeeded")
    };
    Happened {
        reason: "OperationCompleted",
        message,
        is_bad,
    }
}

/// What the status says now and did not say before.
pub(super) fn updated(before: &Value, after: &Value) -> Vec<Happened> {
    [
        ("sync", "/status/sync/status"),
        ("health", "/status/health/status"),
    ]
    .into_iter()
    .filter_map(|(what, pointer)| {
        let of = |object| text(object, pointer).unwrap_or_default();
        (of(before) != of(after)).then(|| Happened {
            reason: "ResourceUpdated",
            message: format!("Updated {what} status: {} -> {}", of(before), of(after)),
            is_bad: false,
        })
    })
    .collect()
}

/// Writes what happened.
pub(super) async fn tell<G>(
    context: &Context<G>,
    key: &ObjectKey,
    application: &Value,
    happened: Happened,
) {
    let namespace = key.namespace.clone().unwrap_or_default();
    let now = Timestamp::now();
    let mut message = happened.message;
    let mut end = LONGEST_MESSAGE.min(message.len());
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    let part = |pointer: &str| {
        at(application, pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let event = Event {
        metadata: ObjectMeta {
            // As client-go names them: unique, and sorted by time.
            name: Some(format!("{}.{:x}", key.name, now.as_nanosecond())),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(ARGO_API_VERSION.to_owned()),
            kind: Some(APPLICATION.to_owned()),
            name: Some(key.name.clone()),
            namespace: key.namespace.clone(),
            uid: part("/metadata/uid"),
            resource_version: part("/metadata/resourceVersion"),
            ..ObjectReference::default()
        },
        reason: Some(happened.reason.to_owned()),
        message: Some(message),
        type_: Some(if happened.is_bad { "Warning" } else { "Normal" }.to_owned()),
        source: Some(EventSource {
            component: Some("tidegate".to_owned()),
            ..EventSource::default()
        }),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        ..Event::default()
    };
    let api: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    let parameters = PostParams::default();
    let written = context.ask("write an event", api.create(&parameters, &event));
    if let Err(problem) = written.await {
        debug!(application = %key, %problem, "an event is lost");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_syncplan::operation::State;

    use super::*;

    #[test]
    fn events_speak_as_argo_cds_do() {
        let mut running = Running::new(
            json!({"initiatedBy": {"automated": true}, "sync": {}}),
            Timestamp::UNIX_EPOCH,
        );
        running.revisions = vec!["abc".to_owned()];
        assert_eq!(
            started(&running).message,
            "Initiated automated sync to 'abc'"
        );
        running.request = json!({"initiatedBy": {"username": "ada"}, "sync": {}});
        assert_eq!(started(&running).message, "ada initiated sync to abc");
        running.state = State {
            phase: OperationPhase::Failed,
            message: "why".to_owned(),
        };
        let failed = completed(&running);
        assert_eq!(
            (failed.message.as_str(), failed.is_bad),
            ("Sync operation to abc failed: why", true)
        );
        running.state.phase = OperationPhase::Succeeded;
        assert_eq!(
            completed(&running).message,
            "Sync operation to abc succeeded"
        );
        let status = |sync: &str| json!({"status": {"sync": {"status": sync}, "health": {"status": "Healthy"}}});
        let told: Vec<String> = updated(&status("OutOfSync"), &status("Synced"))
            .into_iter()
            .map(|event| event.message)
            .collect();
        assert_eq!(told, ["Updated sync status: OutOfSync -> Synced"]);
    }
}
