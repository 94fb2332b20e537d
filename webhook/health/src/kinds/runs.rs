//! What runs to an end, or once: Pod, Job, Workflow.

use crate::fields::Typed;
use crate::{Health, HealthError, Status};

/// On a pod that serves though it is not restarted, as some operators make them (argo-cd pull request 28249). Hooks run to their end all the same.
const SERVES: &str = "/metadata/annotations/argocd.argoproj.io~1ignore-restart-policy";
const HOOKS: [&str; 2] = [
    "/metadata/annotations/argocd.argoproj.io~1hook",
    "/metadata/annotations/helm.sh~1hook",
];

pub(super) fn pod(object: &Typed<'_>) -> Result<Health, HealthError> {
    let restart_policy = object.text("/spec/restartPolicy")?;
    let message = object.text("/status/message")?;
    let containers = object.list("/status/containerStatuses")?;
    let serves = restart_policy == "Always"
        || matches!(restart_policy, "OnFailure" | "Never")
            && object.text(SERVES)? == "true"
            && HOOKS.iter().all(|hook| object.text(hook) == Ok(""));
    // Not for pods that run once: a hook whose image cannot be pulled yet would fail its sync, and then run after all.
    if serves && let Some(complaints) = waiting_in_vain(&containers)? {
        return Ok(Health::new(Status::Degraded, complaints));
    }
    match object.text("/status/phase")? {
        "Pending" => Ok(Health::new(Status::Progressing, message)),
        "Succeeded" => Ok(Health::new(Status::Healthy, message)),
        "Failed" if !message.is_empty() => Ok(Health::new(Status::Degraded, message)),
        "Failed" => {
            let mut all = object.list("/status/initContainerStatuses")?;
            all.extend(containers);
            let reason = first_failure(&all)?.unwrap_or_default();
            Ok(Health::new(Status::Degraded, reason))
        }
        "Running" if serves => serving(object, &containers, message),
        // They end sometime, and are mostly hooks: healthy only when they have.
        "Running" if matches!(restart_policy, "OnFailure" | "Never") => {
            Ok(Health::new(Status::Progressing, message))
        }
        _ => Ok(Health::new(Status::Unknown, message)),
    }
}

/// The messages of containers that wait because something is wrong, and not because it is their turn.
fn waiting_in_vain(containers: &[Typed<'_>]) -> Result<Option<String>, HealthError> {
    let mut complaints = Vec::new();
    for container in containers {
        let reason = container.text("/state/waiting/reason")?;
        if reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff") {
            complaints.push(container.text("/state/waiting/message")?);
        }
    }
    Ok((!complaints.is_empty()).then(|| complaints.join(", ")))
}

fn first_failure(containers: &[Typed<'_>]) -> Result<Option<String>, HealthError> {
    for container in containers {
        let message = container.text("/state/terminated/message")?;
        if !message.is_empty() {
            return Ok(Some(message.to_owned()));
        }
        let reason = container.text("/state/terminated/reason")?;
        if reason == "OOMKilled" {
            return Ok(Some(reason.to_owned()));
        }
        let code = container.int("/state/terminated/exitCode")?;
        if code != 0 {
            let name = container.text("/name")?;
            return Ok(Some(format!(
                "container {name:?} failed with exit code {code}"
            )));
        }
    }
    Ok(None)
}

fn serving(
    object: &Typed<'_>,
    containers: &[Typed<'_>],
    message: &str,
) -> Result<Health, HealthError> {
    let ready = match object.condition("Ready")? {
        Some(condition) => condition.text("/status")? == "True",
        None => false,
    };
    let status = if ready {
        Status::Healthy
    } else if containers
        .iter()
        .any(|container| container.has("/lastState/terminated"))
    {
        Status::Degraded
    } else {
        Status::Progressing
    };
    Ok(Health::new(status, message))
}

/// A Job with a condition `Suspended` that is not true is one that was resumed; Argo CD calls it complete all the same, and so does this.
pub(super) fn job(object: &Typed<'_>) -> Result<Health, HealthError> {
    let (mut failed, mut complete, mut suspended) = (false, false, false);
    let (mut failure, mut message) = ("", "");
    for condition in object.list("/status/conditions")? {
        match condition.text("/type")? {
            "Failed" => {
                failed = true;
                complete = true;
                failure = condition.text("/message")?;
            }
            "Complete" => {
                complete = true;
                message = condition.text("/message")?;
            }
            "Suspended" => {
                complete = true;
                message = condition.text("/message")?;
                suspended |= condition.text("/status")? == "True";
            }
            _ => {}
        }
    }
    Ok(if !complete {
        Health::new(Status::Progressing, message)
    } else if failed {
        Health::new(Status::Degraded, failure)
    } else if suspended {
        Health::new(Status::Suspended, failure)
    } else {
        Health::new(Status::Healthy, message)
    })
}

pub(super) fn workflow(object: &Typed<'_>) -> Result<Health, HealthError> {
    let status = match object.text("/status/phase")? {
        "" | "Pending" | "Running" => Status::Progressing,
        "Succeeded" => Status::Healthy,
        "Failed" | "Error" => Status::Degraded,
        _ => Status::Unknown,
    };
    Ok(Health::new(status, object.text("/status/message")?))
}
