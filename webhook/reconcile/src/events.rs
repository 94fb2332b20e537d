//! Kubernetes Events about what happened to an object, with the Atlas operator's words, for people who look at it with `kubectl describe`.
//!
//! What to say is a pure function of two statuses, so that a retry that ends as the one before says nothing new. Saying it is best effort: where it may not be
//! said, nothing else changes.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use tidegate_model::atlas::Condition;
use tracing::debug;

use crate::context::Context;
use crate::standing::condition;

/// Who says so.
const REPORTER: &str = "tidegate";

/// The API server takes no longer notes.
const LONGEST_NOTE_BYTES: usize = 1024;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    is_warning: bool,
    reason: String,
    note: String,
}

impl Told {
    /// That something is not as it should be.
    pub(crate) fn warning(reason: &str, note: impl Into<String>) -> Self {
        Self {
            is_warning: true,
            reason: reason.to_owned(),
            note: note.into(),
        }
    }

    /// That something is as it should be.
    pub(crate) fn normal(reason: &str, note: impl Into<String>) -> Self {
        Self {
            is_warning: false,
            ..Self::warning(reason, note)
        }
    }
}

/// What there is to say about an object whose conditions were `before` and are `after`; `applied` is what a success is called.
pub(crate) fn told(before: &[Condition], after: &[Condition], applied: &str) -> Option<Told> {
    let now = condition(after, "Ready")?;
    let is_old = condition(before, "Ready").is_some_and(|was| now.says_as(was));
    if is_old || now.reason == "Reconciling" {
        return None;
    }
    if now.status == "True" {
        return Some(Told::normal("Applied", applied));
    }
    let reason = match now.reason.as_str() {
        "FirstRunDestructive" | "ApprovalPending" | "ProtectedFlowError" | "DriftDetected" => {
            now.reason.as_str()
        }
        // Nothing changes by itself.
        "LintPolicyError" | "PlanRejected" | "ApplyingSchema" | "Migrating" => "Error",
        _ => "TransientErr",
    };
    Some(Told::warning(reason, &*now.message))
}

/// That an object failed more often than its `backoffLimit` allows.
pub(crate) fn given_up(failed: u32, limit: u32) -> Option<Told> {
    let told = || Told::warning("BackoffLimitExceeded", "backoff limit exceeded");
    (limit > 0 && failed == limit + 1).then(told)
}

/// Says it.
pub(crate) async fn tell<G>(
    context: &Context<G>,
    about: &ObjectReference,
    told: impl IntoIterator<Item = Told>,
) {
    let namespace = about.namespace.as_deref().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(context.client.clone(), namespace);
    for told in told {
        let event = event(about, told, Timestamp::now());
        let parameters = PostParams::default();
        let created = api.create(&parameters, &event);
        if let Err(problem) = context.ask("write an event", created).await {
            debug!(%problem, "an event was not written");
        }
    }
}

fn event(about: &ObjectReference, told: Told, now: Timestamp) -> Event {
    let name = about.name.as_deref().unwrap_or_default();
    let end = told.note.floor_char_boundary(LONGEST_NOTE_BYTES);
    let note = told.note.get(..end).unwrap_or_default();
    let kind = if told.is_warning { "Warning" } else { "Normal" };
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: about.namespace.clone(),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        action: Some("Reconcile".to_owned()),
        reason: Some(told.reason),
        note: Some(note.to_owned()),
        regarding: Some(about.clone()),
        reporting_controller: Some(REPORTER.to_owned()),
        reporting_instance: Some(REPORTER.to_owned()),
        type_: Some(kind.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Conditions whose Ready has this status, reason and message.
    fn conditions(status: &str, reason: &str, message: &str) -> Vec<Condition> {
        vec![Condition {
            kind: "Ready".to_owned(),
            status: status.to_owned(),
            observed_generation: 1,
            last_transition_time: String::new(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        }]
    }

    #[track_caller]
    fn check(before: &[Condition], after: &[Condition], expected: Option<(bool, &str, &str)>) {
        let told = told(before, after, "Applied schema");
        let told = told
            .as_ref()
            .map(|told| (told.is_warning, told.reason.as_str(), told.note.as_str()));
        assert_eq!(told, expected, "{before:?} -> {after:?}");
    }

    #[test]
    fn what_is_new_is_told_in_the_operators_words() {
        let begins = conditions("False", "Reconciling", "Reconciling");
        let applied = conditions("True", "Applied", "m");
        check(&[], &begins, None);
        check(
            &begins,
            &applied,
            Some((false, "Applied", "Applied schema")),
        );
        check(&applied, &applied, None);
        for (reason, expected) in [
            ("Login", "TransientErr"),
            ("ReadSchema", "TransientErr"),
            ("ApplyingSchema", "Error"),
            ("LintPolicyError", "Error"),
            ("FirstRunDestructive", "FirstRunDestructive"),
            ("ProtectedFlowError", "ProtectedFlowError"),
        ] {
            let failed = conditions("False", reason, "why");
            check(&begins, &failed, Some((true, expected, "why")));
            check(&failed, &failed, None);
            check(
                &failed,
                &conditions("False", reason, "why else"),
                Some((true, expected, "why else")),
            );
        }
    }

    #[test]
    fn giving_up_is_told_once() {
        for (failed, limit, expected) in [(3, 3, false), (4, 3, true), (5, 3, false), (1, 0, false)]
        {
            assert_eq!(
                given_up(failed, limit).is_some(),
                expected,
                "{failed} of {limit}"
            );
        }
    }

    #[test]
    fn a_note_is_as_long_as_the_api_server_takes() {
        let told = Told {
            is_warning: true,
            reason: "Error".to_owned(),
            note: "é".repeat(2000),
        };
        let event = event(&ObjectReference::default(), told, Timestamp::UNIX_EPOCH);
        assert_eq!(event.note.map(|note| note.len()), Some(1024));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
    }
}
