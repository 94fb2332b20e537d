//! What keeps pods running: Deployment, ReplicaSet, StatefulSet, DaemonSet. The questions are those of `kubectl rollout status`.

use crate::fields::Typed;
use crate::{Health, HealthError, Status};

fn progressing(message: impl Into<String>) -> Health {
    Health::new(Status::Progressing, message)
}

/// The controller has not yet seen the latest specification: whatever its status says is about an older one.
fn is_unobserved(object: &Typed<'_>) -> Result<bool, HealthError> {
    Ok(object.int("/metadata/generation")? > object.int("/status/observedGeneration")?)
}

pub(super) fn deployment(object: &Typed<'_>) -> Result<Health, HealthError> {
    if object.flag("/spec/paused")? {
        return Ok(Health::new(Status::Suspended, "Deployment is paused"));
    }
    if is_unobserved(object)? {
        return Ok(progressing(
            "Waiting for rollout to finish: observed deployment generation less than desired generation",
        ));
    }
    let late = match object.condition("Progressing")? {
        Some(condition) => condition.text("/reason")? == "ProgressDeadlineExceeded",
        None => false,
    };
    if late {
        let name = object.text("/metadata/name")?;
        return Ok(Health::new(
            Status::Degraded,
            format!("Deployment {name:?} exceeded its progress deadline"),
        ));
    }
    let updated = object.int("/status/updatedReplicas")?;
    let available = object.int("/status/availableReplicas")?;
    let old = object.int("/status/replicas")? - updated;
    Ok(match object.int_if_set("/spec/replicas")? {
        Some(wanted) if updated < wanted => progressing(format!(
            "Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated..."
        )),
        _ if old > 0 => progressing(format!(
            "Waiting for rollout to finish: {old} old replicas are pending termination..."
        )),
        _ if available < updated => progressing(format!(
            "Waiting for rollout to finish: {available} of {updated} updated replicas are available..."
        )),
        _ => Health::new(Status::Healthy, ""),
    })
}

pub(super) fn replica_set(object: &Typed<'_>) -> Result<Health, HealthError> {
    if is_unobserved(object)? {
        return Ok(progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation",
        ));
    }
    if let Some(failure) = object.condition("ReplicaFailure")?
        && failure.text("/status")? == "True"
    {
        return Ok(Health::new(Status::Degraded, failure.text("/message")?));
    }
    let available = object.int("/status/availableReplicas")?;
    Ok(match object.int_if_set("/spec/replicas")? {
        Some(wanted) if available < wanted => progressing(format!(
            "Waiting for rollout to finish: {available} out of {wanted} new replicas are available..."
        )),
        _ => Health::new(Status::Healthy, ""),
    })
}

pub(super) fn stateful_set(object: &Typed<'_>) -> Result<Health, HealthError> {
    if object.int("/status/observedGeneration")? == 0 || is_unobserved(object)? {
        return Ok(progressing(
            "Waiting for statefulset spec update to be observed...",
        ));
    }
    let wanted = object.int_if_set("/spec/replicas")?;
    let ready = object.int("/status/readyReplicas")?;
    if let Some(wanted) = wanted
        && ready < wanted
    {
        let missing = wanted - ready;
        return Ok(progressing(format!(
            "Waiting for {missing} pods to be ready..."
        )));
    }
    let updated = object.int("/status/updatedReplicas")?;
    let strategy = object.text("/spec/updateStrategy/type")?;
    if strategy == "RollingUpdate" && object.has("/spec/updateStrategy/rollingUpdate") {
        let partition = object.int_if_set("/spec/updateStrategy/rollingUpdate/partition")?;
        if let (Some(wanted), Some(partition)) = (wanted, partition)
            && updated < wanted - partition
        {
            let wanted = wanted - partition;
            return Ok(progressing(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
            )));
        }
        return Ok(Health::new(
            Status::Healthy,
            format!("partitioned roll out complete: {updated} new pods have been updated..."),
        ));
    }
    if strategy == "OnDelete" {
        return Ok(Health::new(
            Status::Healthy,
            format!("statefulset has {ready} ready pods"),
        ));
    }
    let current_revision = object.text("/status/currentRevision")?;
    let update_revision = object.text("/status/updateRevision")?;
    if update_revision != current_revision {
        return Ok(progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update_revision}..."
        )));
    }
    let current = object.int("/status/currentReplicas")?;
    Ok(Health::new(
        Status::Healthy,
        format!(
            "statefulset rolling update complete {current} pods at revision {current_revision}..."
        ),
    ))
}

pub(super) fn daemon_set(object: &Typed<'_>) -> Result<Health, HealthError> {
    if is_unobserved(object)? {
        return Ok(progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        ));
    }
    let updated = object.int("/status/updatedNumberScheduled")?;
    let wanted = object.int("/status/desiredNumberScheduled")?;
    let available = object.int("/status/numberAvailable")?;
    if object.text("/spec/updateStrategy/type")? == "OnDelete" {
        return Ok(Health::new(
            Status::Healthy,
            format!("daemon set {updated} out of {wanted} new pods have been updated"),
        ));
    }
    let name = object.text("/metadata/name")?;
    Ok(if updated < wanted {
        progressing(format!(
            "Waiting for daemon set {name:?} rollout to finish: {updated} out of {wanted} new pods have been updated..."
        ))
    } else if available < wanted {
        progressing(format!(
            "Waiting for daemon set {name:?} rollout to finish: {available} of {wanted} updated pods are available..."
        ))
    } else {
        Health::new(Status::Healthy, "")
    })
}
