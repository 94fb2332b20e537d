//! The words of an operation's state, which are Argo CD's own: scripts compare them.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_model::ObjectKey;

use super::{Judge, Seen};
use crate::health::{Health, HealthStatus};
use crate::operation::{OperationPhase, State};

/// How a hook is doing, by the health of its object. What has no health is done when it is there.
pub(super) fn hook_phase(live: &Value, key: &ObjectKey, judge: Judge) -> (OperationPhase, String) {
    let Some(Health { status, message }) = judge(live) else {
        return (OperationPhase::Succeeded, format!("{} created", key.name));
    };
    let phase = match status {
        HealthStatus::Unknown | HealthStatus::Degraded => OperationPhase::Failed,
        HealthStatus::Progressing | HealthStatus::Suspended => OperationPhase::Running,
        HealthStatus::Healthy | HealthStatus::Missing => OperationPhase::Succeeded,
    };
    (phase, message)
}

/// What is waited for, in Argo CD's words. Hooks are named before resources.
pub(super) fn waiting_for(tasks: &[Seen], deletion: bool) -> State {
    let (hooks, resources): (Vec<Seen>, Vec<Seen>) = tasks.iter().partition(|seen| seen.task.hook);
    let Some(first) = hooks.first().or_else(|| resources.first()) else {
        return State::new(OperationPhase::Running, "");
    };
    let reason = match (deletion, hooks.is_empty()) {
        (true, true) => "deletion of",
        (true, false) => "deletion of hook",
        (false, true) => "healthy state of",
        (false, false) => "completion of hook",
    };
    let mut message = format!("waiting for {reason} {}", path(&first.task.key));
    if tasks.len() > 1 {
        let kind = if resources.is_empty() {
            "hooks"
        } else {
            "resources"
        };
        message = format!("{message} and {} more {kind}", tasks.len() - 1);
    }
    State::new(OperationPhase::Running, message)
}

/// A message, and what the tasks that failed have to say, each thing once.
pub(super) fn because(message: &str, failed: &[Seen]) -> String {
    let reasons: BTreeSet<&str> = failed
        .iter()
        .filter_map(|seen| seen.result.map(|result| result.message.as_str()))
        .collect();
    if reasons.is_empty() {
        return message.to_owned();
    }
    let reasons: Vec<&str> = reasons.into_iter().collect();
    format!("{message}, reason: {}", reasons.join(","))
}

/// `group/kind/name`, with an empty group for the core group.
pub(super) fn path(key: &ObjectKey) -> String {
    format!("{}/{}/{}", key.group, key.kind, key.name)
}

pub(super) fn unknown_kind(key: &ObjectKey) -> (String, String) {
    let group = if key.group.is_empty() {
        String::new()
    } else {
        format!(".{}", key.group)
    };
    let reason = format!("{}{group} \"\" not found", key.kind);
    let message = format!(
        "The Kubernetes API could not find {}/{} for requested resource {}/{}. Make sure the \"{}\" CRD is installed on the destination cluster.",
        key.group,
        key.kind,
        key.namespace.as_deref().unwrap_or_default(),
        key.name,
        key.kind
    );
    (reason, message)
}
