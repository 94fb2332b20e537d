//! The status of an Application as Argo CD spells it, and the smallest patch that makes it so. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidegate_model::object::{at, merge_patch_of_maps, text};
use tidegate_syncplan::history::{DEFAULT_LIMIT, Ended};
use tidegate_syncplan::operation::OperationPhase;

use super::look::Found;
use super::operation::{Running, seconds};
use super::snapshot::{Condition, Problem, Snapshot};
use super::wish;

/// The conditions that a look decides about; those of a failed deletion are another's.
const EVALUATED: [Condition; 8] = [
    Condition::InvalidSpecError,
    Condition::ComparisonError,
    Condition::SyncError,
    Condition::SharedResourceWarning,
    Condition::ExcludedResourceWarning,
    Condition::OrphanedResourceWarning,
    Condition::RepeatedResourceWarning,
    Condition::UnknownError,
];

/// A status that is being written: it begins as what is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    fields: Map<String, Value>,
}

impl Status {
    pub(super) fn of(application: &Value) -> Self {
        let fields = at(application, "/status").and_then(Value::as_object);
        Self {
            fields: fields.cloned().unwrap_or_default(),
        }
    }

    /// Desired and live were compared.
    pub(super) fn compared(&mut self, snapshot: &Snapshot, found: &Found, now: Timestamp) {
        let application = &snapshot.application;
        let rendered = snapshot.rendered.as_ref().ok();
        let revisions = rendered
            .map(|rendered| rendered.revisions.clone())
            .unwrap_or_default();
        let mut sync = json!({
            "status": found.status,
            "comparedTo": wish::compared_to(application),
        });
        let is_multi = wish::is_multi_source(application);
        let (key, value) = if is_multi {
            ("revisions", json!(revisions))
        } else {
            (
                "revision",
                json!(revisions.first().cloned().unwrap_or_default()),
            )
        };
        put(&mut sync, key, value);
        self.put("sync", sync);
        self.put("resources", Value::Array(found.shown.clone()));
        self.health(found.health.as_str(), now);
        let types: Vec<&str> = rendered
            .map(|rendered| {
                rendered
                    .source_types
                    .iter()
                    .map(|kind| kind.as_str())
                    .collect()
            })
            .unwrap_or_default();
        if is_multi {
            self.put("sourceTypes", json!(types));
            self.fields.remove("sourceType");
        } else if let Some(first) = types.first() {
            self.put("sourceType", json!(first));
            self.fields.remove("sourceTypes");
        }
        let mut summary = json!({});
        if !found.images.is_empty() {
            put(&mut summary, "images", json!(found.images));
        }
        if !found.urls.is_empty() {
            put(&mut summary, "externalURLs", json!(found.urls));
        }
        self.put("summary", summary);
        self.put("controllerNamespace", json!(snapshot.control_namespace));
    }

    /// They could not be compared: what was known of the objects stays, and nobody may take it for true.
    pub(super) fn not_compared(&mut self, snapshot: &Snapshot, problem: &Problem, now: Timestamp) {
        let before = self.fields.get("sync").cloned().unwrap_or_default();
        let mut sync = json!({
            "status": "Unknown",
            "comparedTo": wish::compared_to(&snapshot.application),
        });
        for key in ["revision", "revisions"] {
            if let Some(value) = before.get(key) {
                put(&mut sync, key, value.clone());
            }
        }
        self.put("sync", sync);
        if let Some(resources) = self
            .fields
            .get_mut("resources")
            .and_then(Value::as_array_mut)
        {
            for resource in resources {
                if resource.get("status").is_some() {
                    put(resource, "status", json!("Unknown"));
                }
            }
        }
        let is_known = at(&snapshot.application, "/status/health/status").is_some();
        if problem.condition == Condition::InvalidSpecError || !is_known {
            self.health("Unknown", now);
        }
        self.put("controllerNamespace", json!(snapshot.control_namespace));
    }

    fn health(&mut self, status: &str, now: Timestamp) {
        let before = self.fields.get("health");
        let was = before.and_then(|health| text(health, "/status"));
        let since = before.and_then(|health| text(health, "/lastTransitionTime"));
        let since = since
            .filter(|_| was == Some(status))
            .map_or_else(|| seconds(now), str::to_owned);
        self.put(
            "health",
            json!({"status": status, "lastTransitionTime": since}),
        );
    }

    /// The conditions of this look. One that says what it said before keeps its time.
    pub(super) fn conditions(&mut self, problems: &[Problem], now: Timestamp) {
        let before = self.fields.remove("conditions");
        let before = before
            .as_ref()
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let is_evaluated = |entry: &Value| {
            EVALUATED
                .iter()
                .any(|condition| text(entry, "/type") == Some(condition.as_str()))
        };
        let mut conditions: Vec<Value> = before
            .iter()
            .filter(|entry| !is_evaluated(entry))
            .cloned()
            .collect();
        for problem in problems {
            let kind = problem.condition.as_str();
            let known = before.iter().find(|entry| {
                text(entry, "/type") == Some(kind)
                    && text(entry, "/message") == Some(problem.message.as_str())
            });
            conditions.push(known.cloned().unwrap_or_else(|| {
                json!({"type": kind, "message": problem.message, "lastTransitionTime": seconds(now)})
            }));
        }
        if !conditions.is_empty() {
            self.put("conditions", Value::Array(conditions));
        }
    }

    /// Where an operation stands.
    pub(super) fn operation(&mut self, running: &Running, application: &Value) {
        self.put("operationState", running.to_state(application));
    }

    /// An operation has ended: when, and what of it is history.
    pub(super) fn ended(&mut self, running: &Running, application: &Value, now: Timestamp) {
        let mut state = running.to_state(application);
        put(&mut state, "finishedAt", json!(seconds(now)));
        self.put("operationState", state);
        let ended = Ended {
            succeeded: running.state.phase == OperationPhase::Succeeded,
            dry_run: running.is_dry_run(),
            selective: running.is_selective(),
        };
        if ended.is_deployment() {
            self.deployed(running, application, now);
        }
    }

    /// One more deployment, and the oldest gone where there are too many.
    fn deployed(&mut self, running: &Running, application: &Value, now: Timestamp) {
        let history = self.fields.remove("history");
        let mut history = history
            .as_ref()
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let last = history.last().and_then(|last| at(last, "/id")?.as_i64());
        let sources = running.synced_sources(application);
        let initiated_by = at(&running.request, "/initiatedBy").cloned();
        let mut deployment = json!({
            "id": last.map_or(0, |last| last.saturating_add(1)),
            "deployStartedAt": seconds(running.started_at),
            "deployedAt": seconds(now),
            "initiatedBy": initiated_by.unwrap_or_else(|| json!({})),
        });
        if wish::is_multi_source(application) && sources.len() > 1 {
            put(&mut deployment, "sources", json!(sources));
            put(&mut deployment, "revisions", json!(running.revisions));
        } else {
            put(&mut deployment, "source", json!(sources.first()));
            put(
                &mut deployment,
                "revision",
                json!(running.revisions.first()),
            );
        }
        history.push(deployment);
        let limit = at(application, "/spec/revisionHistoryLimit").and_then(Value::as_u64);
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| {
            limit.try_into().unwrap_or(usize::MAX)
        });
        let superfluous = history.len().saturating_sub(limit);
        self.put("history", Value::Array(history.split_off(superfluous)));
    }

    /// When it was looked at last; written only together with something else.
    pub(super) fn reconciled(&mut self, now: Timestamp) {
        self.put("reconciledAt", json!(seconds(now)));
    }

    /// Leaves out what the API server does not take any more of; see [`shrink`](super::shrink::shrink).
    pub(super) fn shrink(&mut self, now: Timestamp) {
        super::shrink::shrink(&mut self.fields, now);
    }

    fn put(&mut self, key: &str, value: Value) {
        self.fields.insert(key.to_owned(), value);
    }

    /// The Application with this status, and no operation asked for.
    pub(super) fn applied_to(&self, application: &Value) -> Value {
        let mut application = application.clone();
        put(
            &mut application,
            "status",
            Value::Object(self.fields.clone()),
        );
        put(&mut application, "operation", Value::Null);
        application
    }

    /// The merge patch (RFC 7386) from what is there to this; none where nothing changed.
    pub(super) fn patch(&self, application: &Value) -> Option<Value> {
        let nothing = Map::new();
        let before = at(application, "/status").and_then(Value::as_object);
        merge_patch_of_maps(before.unwrap_or(&nothing), &self.fields).map(Value::Object)
    }
}

fn put(value: &mut Value, key: &str, what: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), what);
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::needless_pass_by_value,
        reason = "a table reads better without ampersands"
    )]

    use tidegate_model::object::merge_patch;

    use super::*;

    #[track_caller]
    fn check_patch(before: &Value, after: &Value, expected: Option<Value>) {
        assert_eq!(merge_patch(before, after), expected);
        let mut patched = before.clone();
        if let Some(patch) = &expected {
            json_merge(&mut patched, patch);
        }
        assert_eq!(&patched, after, "the patch leads there");
    }

    /// RFC 7386, as its section 2 has it.
    fn json_merge(value: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *value = patch.clone();
            return;
        };
        if !value.is_object() {
            *value = json!({});
        }
        let Some(map) = value.as_object_mut() else {
            return;
        };
        for (key, patch) in patch {
            if patch.is_null() {
                map.remove(key);
            } else {
                json_merge(map.entry(key.clone()).or_insert(Value::Null), patch);
            }
        }
    }

    #[test]
    fn a_patch_says_what_changed_and_nothing_else() {
        let status = json!({"health": {"status": "Healthy", "lastTransitionTime": "t"}, "resources": [{"name": "a"}], "summary": {}});
        check_patch(&status, &status, None);
        check_patch(
            &status,
            &json!({"health": {"status": "Degraded", "lastTransitionTime": "u"}, "resources": [{"name": "a"}]}),
            Some(
                json!({"health": {"status": "Degraded", "lastTransitionTime": "u"}, "summary": null}),
            ),
        );
        check_patch(
            &json!({}),
            &json!({"sync": {"status": "Synced"}}),
            Some(json!({"sync": {"status": "Synced"}})),
        );
        check_patch(
            &json!({"resources": [{"name": "a"}, {"name": "b"}]}),
            &json!({"resources": [{"name": "b"}]}),
            Some(json!({"resources": [{"name": "b"}]})),
        );
    }

    #[test]
    fn a_condition_that_says_the_same_keeps_its_time() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let error = |message: &str| Problem::new(Condition::SyncError, message);
        let application = json!({"status": {"conditions": [{"type": "DeletionError", "message": "kept", "lastTransitionTime": "t"}]}});
        let mut status = Status::of(&application);
        status.conditions(&[error("a")], at(1));
        status.conditions(&[error("a")], at(2));
        let shown = |status: &Status| {
            let conditions = status
                .fields
                .get("conditions")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let shown: Vec<String> = conditions
                .iter()
                .map(|entry| {
                    let part = |pointer: &str| text(entry, pointer).unwrap_or_default();
                    format!(
                        "{} {} {}",
                        part("/type"),
                        part("/message"),
                        part("/lastTransitionTime")
                    )
                })
                .collect();
            shown.join(", ")
        };
        assert_eq!(
            shown(&status),
            "DeletionError kept t, SyncError a 1970-01-01T00:00:01Z"
        );
        status.conditions(&[error("b")], at(3));
        assert_eq!(
            shown(&status),
            "DeletionError kept t, SyncError b 1970-01-01T00:00:03Z"
        );
        status.conditions(&[], at(4));
        assert_eq!(shown(&status), "DeletionError kept t");
    }

    #[test]
    fn only_whole_syncs_that_ended_well_are_history_and_the_oldest_go() {
        let application =
            json!({"spec": {"source": {"repoURL": "r", "path": "p"}, "revisionHistoryLimit": 2}});
        let now = Timestamp::from_second(100).unwrap();
        let mut status = Status::of(&application);
        let mut end = |request: Value, phase: OperationPhase| {
            let mut running = Running::new(request, now);
            running.revisions = vec!["abc".to_owned()];
            running.state.phase = phase;
            status.ended(&running, &application, now);
            let history = status
                .fields
                .get("history")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            history
                .iter()
                .filter_map(|entry| at(entry, "/id")?.as_i64())
                .collect::<Vec<_>>()
        };
        let whole = json!({"sync": {}});
        assert_eq!(end(whole.clone(), OperationPhase::Succeeded), [0]);
        assert_eq!(end(whole.clone(), OperationPhase::Failed), [0]);
        assert_eq!(
            end(json!({"sync": {"dryRun": true}}), OperationPhase::Succeeded),
            [0]
        );
        assert_eq!(
            end(
                json!({"sync": {"resources": [{"kind": "A", "name": "a"}]}}),
                OperationPhase::Succeeded
            ),
            [0]
        );
        assert_eq!(end(whole.clone(), OperationPhase::Succeeded), [0, 1]);
        assert_eq!(end(whole, OperationPhase::Succeeded), [1, 2]);
        assert_eq!(
            status
                .fields
                .get("operationState")
                .and_then(|state| text(state, "/finishedAt")),
            Some("1970-01-01T00:01:40Z")
        );
    }
}
