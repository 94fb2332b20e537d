//! Kinds of operators whose health takes more than a table to tell; the others are in [`declared`].

use serde_json::Value;

use super::{declared, gateways, rollout};
use crate::fields::list;
use crate::{Health, Status};

/// What the phases of a `CloudNativePG` cluster mean.
const CLUSTER_PHASES: [(&str, Status); 20] = [
    ("Cluster in healthy state", Status::Healthy),
    ("Setting up primary", Status::Progressing),
    ("Creating a new replica", Status::Progressing),
    ("Upgrading cluster", Status::Progressing),
    (
        "Waiting for the instances to become active",
        Status::Progressing,
    ),
    ("Promoting to primary cluster", Status::Progressing),
    ("Switchover in progress", Status::Degraded),
    ("Failing over", Status::Degraded),
    ("Upgrading Postgres major version", Status::Degraded),
    ("Cluster upgrade delayed", Status::Degraded),
    ("Waiting for user action", Status::Degraded),
    (
        "Primary instance is being restarted in-place",
        Status::Degraded,
    ),
    (
        "Primary instance is being restarted without a switchover",
        Status::Degraded,
    ),
    (
        "Cluster cannot execute instance online upgrade due to missing architecture binary",
        Status::Degraded,
    ),
    ("Online upgrade in progress", Status::Degraded),
    ("Applying configuration", Status::Degraded),
    (
        "Unable to create required cluster objects",
        Status::Suspended,
    ),
    (
        "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
        Status::Suspended,
    ),
    (
        "Cluster has incomplete or invalid image catalog",
        Status::Suspended,
    ),
    (
        "Cluster is unrecoverable and needs manual intervention",
        Status::Suspended,
    ),
];

/// The health of an operator's object; none for a kind that is not known here.
pub(super) fn assess(group: &str, kind: &str, object: &Value) -> Option<Health> {
    match (group, kind) {
        ("db.atlasgo.io", "AtlasSchema") => Some(atlas(object, "message", ATLAS_WAITS)),
        ("db.atlasgo.io", "AtlasMigration") => Some(atlas(object, "reason", &["Reconciling"])),
        ("postgresql.cnpg.io", "Cluster") => Some(cluster(object)),
        ("batch", "CronJob") => Some(cron_job(object)),
        ("argoproj.io", "Rollout") => Some(rollout::rollout(object)),
        ("gateway.networking.k8s.io", "Gateway") => Some(gateways::gateway(object)),
        ("gateway.networking.k8s.io", "GRPCRoute" | "HTTPRoute" | "TLSRoute") => {
            Some(gateways::route(kind, object))
        }
        _ => declared::assess(group, kind, object),
    }
}

/// Words of an AtlasSchema that is being worked on. They stand in the message, not in the reason.
const ATLAS_WAITS: &[&str] = &["Reconciling", "GettingDevDB"];

fn atlas(object: &Value, field: &str, waits: &[&str]) -> Health {
    let ready = condition(object, "Ready");
    if ready.is_none() {
        return Health::new(Status::Progressing, "Waiting for Atlas Operator");
    }
    let said = text(ready, &format!("/{field}"));
    let status = match text(ready, "/status") {
        "True" => Status::Healthy,
        _ if waits.contains(&said) => Status::Progressing,
        _ => Status::Degraded,
    };
    Health::new(status, text(ready, "/reason"))
}

fn cluster(object: &Value) -> Health {
    let annotation = object
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get("cnpg.io/reconciliation"));
    if annotation.and_then(Value::as_str) == Some("disabled") {
        return Health::new(Status::Suspended, "Cluster reconciliation is suspended");
    }
    let reason = text(Some(object), "/status/phaseReason");
    if object.pointer("/status/conditions").is_none() {
        return Health::new(Status::Progressing, reason);
    }
    if let Some(hibernation) = condition(object, "cnpg.io/hibernation") {
        let status = match text(Some(hibernation), "/status") {
            "True" => Status::Suspended,
            _ => Status::Degraded,
        };
        return Health::new(status, text(Some(hibernation), "/message"));
    }
    let phase = text(Some(object), "/status/phase");
    let known = CLUSTER_PHASES.iter().find(|(name, _)| *name == phase);
    Health::new(known.map_or(Status::Unknown, |(_, status)| *status), reason)
}

/// A schedule is judged by its last run, and given the benefit of the doubt before it.
fn cron_job(object: &Value) -> Health {
    if object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Health::new(Status::Suspended, "CronJob is Suspended");
    }
    if object.pointer("/status").is_none_or(Value::is_null) {
        return Health::new(Status::Progressing, "Waiting for CronJob");
    }
    let scheduled = text(Some(object), "/status/lastScheduleTime");
    let succeeded = text(Some(object), "/status/lastSuccessfulTime");
    let runs = !list(object, "/status/active").is_empty();
    // Times of one format compare as texts.
    let (status, message) = match (scheduled, succeeded) {
        ("", _) => (Status::Healthy, "CronJob has not been scheduled yet"),
        (_, "") => (
            Status::Healthy,
            "The Cronjob never completed succesfully. It may not be healthy",
        ),
        _ if runs => (
            Status::Healthy,
            "The job is running. Its last execution may not have been successful",
        ),
        _ if succeeded < scheduled => (
            Status::Degraded,
            "CronJob has not completed its last execution successfully",
        ),
        _ => (
            Status::Healthy,
            "CronJob has completed its last execution successfully",
        ),
    };
    Health::new(status, message)
}

/// The first condition of that type.
pub(super) fn condition<'a>(object: &'a Value, wanted: &str) -> Option<&'a Value> {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| text(Some(condition), "/type") == wanted)
}

/// A text; empty where there is none.
pub(super) fn text<'a>(object: Option<&'a Value>, pointer: &str) -> &'a str {
    object
        .and_then(|object| object.pointer(pointer))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
