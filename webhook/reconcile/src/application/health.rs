//! How well the objects of an Application are, for its waves and its status. Pure.
//!
//! `tidegate-health` has the rules and the operator's scripts. Here is what those cannot know: an Application has a health of its own unless a script of
//! the operator says otherwise (Argo CD took it away in 1.8, so that the waves of an app of apps wait for nobody), and what an AtlasSchema or
//! AtlasMigration says of the generation before is no answer about this one.

use serde_json::Value;
use tidegate_health::{Customizations, Surroundings, assess};
use tidegate_model::health::HealthStatus;
use tidegate_model::object::{annotation, at, group, kind, text};
use tidegate_model::words::{APPLICATION, ARGO_GROUP, ATLAS_GROUP, ATLAS_MIGRATION, ATLAS_SCHEMA};
use tidegate_syncplan::health::Health;

/// Leaves an object out of its Application's health.
const IGNORE: &str = "argocd.argoproj.io/ignore-healthcheck";

/// Tells the health of objects at one moment.
pub(crate) struct Judge<'a> {
    customizations: &'a Customizations,
    surroundings: Surroundings,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(customizations: &'a Customizations, now: jiff::Timestamp) -> Self {
        Self {
            customizations,
            surroundings: Surroundings::at(now),
        }
    }

    /// The health of a live object; none where nobody knows what that means for its kind.
    pub(crate) fn health(&self, live: &Value) -> Option<Health> {
        if is_atlas(live) && speaks_of_the_past(live) {
            let message = "Waiting for reconciliation of the latest change";
            return Some(Health::new(HealthStatus::Progressing, message));
        }
        match assess(live, self.customizations, &self.surroundings) {
            Err(error) => Some(Health::new(HealthStatus::Unknown, error.to_string())),
            // A script that says nothing is no health that a wave could go by.
            Ok(Some(told)) => Some(Health::new(
                told.status.unwrap_or(HealthStatus::Unknown),
                told.message,
            )),
            Ok(None) if group(live) == ARGO_GROUP && kind(live) == APPLICATION => {
                Some(application(live))
            }
            Ok(None) => None,
        }
    }
}

/// Whether an object counts for its Application's health.
pub(crate) fn counts(live: &Value) -> bool {
    annotation(live, IGNORE) != Some("true")
}

/// A child is as healthy as it says of what it was last compared with; of anything else it knows nothing yet.
fn application(live: &Value) -> Health {
    let health = text(live, "/status/health/status").and_then(|word| {
        HealthStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
    });
    let same = |field: &str| {
        let of = |object: &Value, pointer: &str| {
            at(object, pointer)
                .filter(|value| !value.is_null())
                .cloned()
        };
        of(live, &format!("/spec/{field}")) == of(live, &format!("/status/sync/comparedTo/{field}"))
    };
    let is_compared = same("destination")
        && if at(live, "/spec/sources").is_some() {
            same("sources")
        } else {
            same("source")
        };
    let is_syncing = at(live, "/operation").is_some_and(|operation| !operation.is_null())
        || text(live, "/status/operationState/phase") == Some("Running");
    match health {
        Some(health) if is_compared && !is_syncing => {
            let is_behind = text(live, "/status/sync/status") == Some("OutOfSync")
                && tidegate_model::application::Application(live).is_automated()
                && at(live, "/status/operationState").is_none();
            if is_behind && health == HealthStatus::Healthy {
                return Health::new(
                    HealthStatus::Progressing,
                    "the Application is not synced yet",
                );
            }
            Health::new(
                health,
                text(live, "/status/health/message").unwrap_or_default(),
            )
        }
        Some(_) if is_syncing => {
            Health::new(HealthStatus::Progressing, "the Application is being synced")
        }
        _ => Health::new(
            HealthStatus::Progressing,
            "the Application has not been compared with its source yet",
        ),
    }
}

fn is_atlas(live: &Value) -> bool {
    group(live) == ATLAS_GROUP && matches!(kind(live), ATLAS_SCHEMA | ATLAS_MIGRATION)
}

/// Whether a status is of an older generation than the spec.
fn speaks_of_the_past(live: &Value) -> bool {
    let generation = at(live, "/metadata/generation").and_then(Value::as_i64);
    let observed = at(live, "/status/observedGeneration").and_then(Value::as_i64);
    observed.is_some() && observed < generation
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(live: &Value, expected: Option<(HealthStatus, &str)>) {
        let customizations = Customizations::default();
        let judge = Judge::new(&customizations, jiff::Timestamp::UNIX_EPOCH);
        let health = judge.health(live);
        let shown = health
            .as_ref()
            .map(|health| (health.status, health.message.as_str()));
        assert_eq!(shown, expected, "{live}");
    }

    #[test]
    fn a_child_is_healthy_only_about_what_it_was_compared_with() {
        use HealthStatus::{Degraded, Healthy, Progressing};
        let source = json!({"repoURL": "r", "path": "p"});
        let destination = json!({"namespace": "n"});
        let child = |status: Value, operation: Value| {
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "c"}, "operation": operation,
                "spec": {"source": source, "destination": destination, "syncPolicy": {"automated": {}}}, "status": status})
        };
        let compared = json!({"source": source, "destination": destination});
        let other = json!({"source": {"repoURL": "r", "path": "old"}, "destination": destination});
        let unseen = Some((
            Progressing,
            "the Application has not been compared with its source yet",
        ));
        let done = json!({"phase": "Succeeded"});
        check(&child(json!(null), json!(null)), unseen);
        check(
            &child(
                json!({"health": {"status": "Healthy"}, "sync": {"comparedTo": other}}),
                json!(null),
            ),
            unseen,
        );
        check(
            &child(
                json!({"health": {"status": "Healthy"}, "sync": {"status": "Synced", "comparedTo": compared}}),
                json!(null),
            ),
            Some((Healthy, "")),
        );
        check(
            &child(
                json!({"health": {"status": "Degraded"}, "sync": {"comparedTo": compared}, "operationState": done}),
                json!(null),
            ),
            Some((Degraded, "")),
        );
        check(
            &child(
                json!({"health": {"status": "Healthy"}, "sync": {"comparedTo": compared}}),
                json!({"sync": {}}),
            ),
            Some((Progressing, "the Application is being synced")),
        );
        check(
            &child(
                json!({"health": {"status": "Healthy"}, "sync": {"status": "OutOfSync", "comparedTo": compared}}),
                json!(null),
            ),
            Some((Progressing, "the Application is not synced yet")),
        );
    }

    #[test]
    fn what_a_schema_says_of_the_generation_before_is_no_answer() {
        use HealthStatus::{Healthy, Progressing};
        let schema = |observed: i64| {
            json!({"apiVersion": "db.atlasgo.io/v1alpha1", "kind": "AtlasSchema", "metadata": {"name": "s", "generation": 2},
                "status": {"observedGeneration": observed, "conditions": [{"type": "Ready", "status": "True", "reason": "Applied"}]}})
        };
        check(&schema(2), Some((Healthy, "Applied")));
        let waits = "Waiting for reconciliation of the latest change";
        check(&schema(1), Some((Progressing, waits)));
        check(&json!({"apiVersion": "v1", "kind": "ConfigMap"}), None);
    }
}
