//! Argo's `Rollout`: a Deployment that goes in steps and may be held at any of them.

use serde_json::Value;

use super::operators::{condition, text};
use crate::fields::list;
use crate::{Health, Status};

pub(super) fn rollout(object: &Value) -> Health {
    let progressing = |message: &str| Health::new(Status::Progressing, message);
    let generation = object.pointer("/metadata/generation");
    // A text, and in early versions a hash, which says nothing about a generation.
    let observed = text(Some(object), "/status/observedGeneration");
    let is_newer = observed
        .parse::<i64>()
        .is_ok_and(|observed| generation.and_then(Value::as_i64) != Some(observed));
    if observed.is_empty() || is_newer {
        return progressing("Waiting for rollout spec update to be observed");
    }
    if let Some(failure) = failure(object) {
        return Health::new(Status::Degraded, text(Some(failure), "/message"));
    }
    let is_paused = !list(object, "/status/pauseConditions").is_empty()
        || object.pointer("/spec/paused") == Some(&Value::Bool(true));
    if is_paused {
        return Health::new(Status::Suspended, "Rollout is paused");
    }
    let hash = text(Some(object), "/status/currentPodHash");
    if hash.is_empty() {
        return progressing("Waiting for rollout to finish: status has not been reconciled.");
    }
    let count = |field: &str, otherwise| {
        let number = object.pointer(field).and_then(Value::as_i64);
        number.unwrap_or(otherwise)
    };
    let updated = count("/status/updatedReplicas", 0);
    if updated < count("/spec/replicas", 1) {
        return progressing("Waiting for roll out to finish: More replicas need to be updated");
    }
    if count("/status/availableReplicas", 0) < updated {
        return progressing(
            "Waiting for roll out to finish: updated replicas are still becoming available",
        );
    }
    let stable = match text(Some(object), "/status/stableRS") {
        "" => text(Some(object), "/status/canary/stableRS"),
        stable => stable,
    };
    if object.pointer("/spec/strategy/blueGreen").is_some() {
        if text(Some(object), "/status/blueGreen/activeSelector") != hash {
            return progressing("active service cutover pending");
        }
        if !stable.is_empty() && stable != hash {
            return progressing("waiting for analysis to complete");
        }
    } else if object.pointer("/spec/strategy/canary").is_some() {
        if count("/status/replicas", 0) > updated {
            return progressing(
                "Waiting for roll out to finish: old replicas are pending termination",
            );
        }
        if stable != hash {
            return progressing("Waiting for rollout to finish steps");
        }
    }
    Health::new(Status::Healthy, "")
}

fn failure(object: &Value) -> Option<&Value> {
    let invalid = condition(object, "InvalidSpec");
    invalid.or_else(|| {
        condition(object, "Progressing").filter(|progress| {
            let reason = text(Some(progress), "/reason");
            reason == "RolloutAborted" || reason == "ProgressDeadlineExceeded"
        })
    })
}
