//! Desired against live: what a look at an Application found, for its status and for the decision whether to sync. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_health::Customizations;
use tidegate_model::application::Application;
use tidegate_model::health::HealthStatus;
use tidegate_model::hook::{Role, role};
use tidegate_model::object::{annotation_words, api_version, at, text};
use tidegate_model::wave;
use tidegate_model::words::{APPLICATION, ARGO_GROUP, SYNC_OPTIONS};
use tidegate_syncplan::compare::{Comparison, Pair, Settings, SyncStatus, compare};
use tidegate_syncplan::health::Health;
use tidegate_syncplan::ignore::Rules;
use tidegate_syncplan::plan::Resource;
use tidegate_syncplan::tracking::{Tracking, TrackingId};

use super::health::{Judge, counts};
use super::snapshot::{Condition, Problem, Snapshot};
use super::urls::urls;
use super::wish;

/// What comparisons of one Application are made with: read once for a look and for all turns of a sync.
pub(super) struct Lens {
    pub(super) tracking: Tracking,
    pub(super) rules: Rules,
    pub(super) customizations: Customizations,
    namespace: Option<String>,
    creates_namespace: bool,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
}

impl Lens {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let application = &snapshot.application;
        let setting = |key: &str| snapshot.settings.get(key).cloned();
        let (mut rules, mut unread) = Rules::of(application);
        unread.extend(rules.add_settings(&snapshot.settings));
        let mut problems: Vec<Problem> = unread
            .into_iter()
            .map(|unread| {
                let message = format!("{} ignores nothing: {}", unread.pointer, unread.why);
                Problem::new(Condition::ComparisonError, message)
            })
            .collect();
        let map = json!({"kind": "ConfigMap", "data": snapshot.settings});
        let customizations = Customizations::from_config_map(&map).unwrap_or_else(|error| {
            problems.push(Problem::new(
                Condition::ComparisonError,
                format!("argocd-cm: {error}"),
            ));
            Customizations::default()
        });
        let view = Application(application);
        Self {
            tracking: wish::tracking(application, &snapshot.control_namespace, setting),
            rules,
            customizations,
            namespace: view.namespace().map(str::to_owned),
            creates_namespace: view
                .sync_options()
                .any(|option| option == "CreateNamespace=true"),
            problems,
        }
    }

    pub(super) fn settings(&self) -> Settings<'_> {
        Settings {
            namespace: self.namespace.as_deref(),
            tracking: Some(&self.tracking),
            ignore: Some(&self.rules),
            creates_namespace: self.creates_namespace,
            ..Settings::default()
        }
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

/// What a look found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Of all resources together.
    pub(super) status: SyncStatus,
    /// Of all resources that count.
    pub(super) health: HealthStatus,
    /// Each resource: for the decision, and as the status shows it.
    pub(super) resources: Vec<Resource>,
    pub(super) shown: Vec<Value>,
    /// Images of the containers that run, sorted.
    pub(super) images: Vec<String>,
    /// Where what is live can be visited, sorted.
    pub(super) urls: Vec<String>,
    /// What a person should know.
    pub(super) warnings: Vec<Problem>,
    /// Whether something that was pruned is not gone yet.
    pub(super) is_going: bool,
}

/// Compares, and judges health.
pub(super) fn look(targets: &[Value], live: &[Value], lens: &Lens, judge: &Judge) -> Found {
    let comparison = compare(targets, live, &lens.settings());
    let healths: Vec<Option<Health>> = comparison
        .pairs
        .iter()
        .map(|pair| health_of(pair, judge).filter(|_| !is_self(pair, lens)))
        .collect();
    let shown = comparison
        .pairs
        .iter()
        .zip(&healths)
        .map(|(pair, health)| shown(pair, health.as_ref()))
        .collect();
    Found {
        status: comparison.status,
        health: overall(&comparison, &healths),
        resources: comparison
            .pairs
            .iter()
            .map(|pair| Resource {
                key: pair.key.clone(),
                // What is going is as good as gone: no sync could do more.
                status: if is_going(pair) {
                    Some(SyncStatus::Synced)
                } else {
                    pair.status
                },
                requires_pruning: pair.requires_pruning,
                hook: pair.hook,
                differences: pair.differences.clone(),
            })
            .collect(),
        shown,
        images: images(&comparison),
        urls: urls(comparison.pairs.iter().filter_map(|pair| pair.live)),
        warnings: shared(&comparison, &lens.tracking.application),
        is_going: comparison.pairs.iter().any(is_going),
    }
}

/// Whether nobody wants the object, and it is being deleted: nothing is left to do but to wait.
fn is_going(pair: &Pair) -> bool {
    let deleted = pair
        .live
        .and_then(|live| at(live, "/metadata/deletionTimestamp"));
    pair.requires_pruning && deleted.is_some_and(|time| !time.is_null())
}

fn health_of(pair: &Pair, judge: &Judge) -> Option<Health> {
    match (pair.live, pair.target) {
        (_, Some(target)) if role(target) == Role::Skipped => None,
        (Some(live), _) => judge.health(live),
        (None, Some(_)) => Some(Health::new(HealthStatus::Missing, "")),
        (None, None) => None,
    }
}

fn is_application(pair: &Pair) -> bool {
    pair.key.group == ARGO_GROUP && pair.key.kind == APPLICATION
}

/// Whether it is the Application that is looked at: its health is that of the others, and to show it as a part would be to write because of what was written.
fn is_self(pair: &Pair, lens: &Lens) -> bool {
    is_application(pair) && pair.key.name == lens.tracking.application
}

/// The worst health of what counts: no hooks, nothing that is left out, no missing object as long as one is there (`setApplicationHealth` of Argo CD's
/// `controller/health.go`).
fn overall(comparison: &Comparison, healths: &[Option<Health>]) -> HealthStatus {
    let mut worst = HealthStatus::Healthy;
    let mut has_missing = false;
    for (pair, health) in comparison.pairs.iter().zip(healths) {
        let Some(health) = health.as_ref().filter(|_| !pair.hook) else {
            continue;
        };
        let is_child = is_application(pair);
        if pair.live.is_some_and(|live| !counts(live)) {
            continue;
        }
        match health.status {
            HealthStatus::Missing if !is_child => has_missing = true,
            HealthStatus::Missing | HealthStatus::Unknown if is_child => {}
            status => worst = worst.max(status),
        }
    }
    let has_live = comparison.pairs.iter().any(|pair| pair.live.is_some());
    if has_missing && !has_live {
        return HealthStatus::Missing;
    }
    worst
}

/// One entry of `status.resources`.
fn shown(pair: &Pair, health: Option<&Health>) -> Value {
    let mut entry = serde_json::Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = value.is_null() || value == "" || value == false || value == 0;
        if !is_empty {
            entry.insert(key.to_owned(), value);
        }
    };
    let version = pair.object().map(api_version).unwrap_or_default();
    let version = version.rsplit('/').next().unwrap_or_default();
    put("group", json!(pair.key.group));
    put("version", json!(version));
    put("kind", json!(pair.key.kind));
    put("namespace", json!(pair.key.namespace));
    put("name", json!(pair.key.name));
    put("status", json!(pair.status));
    put("hook", json!(pair.hook));
    put("requiresPruning", json!(pair.requires_pruning));
    let asks = |object: Option<&Value>| {
        object.is_some_and(|object| {
            let words = annotation_words(object, SYNC_OPTIONS);
            ["Delete=confirm", "Prune=confirm"]
                .iter()
                .any(|word| words.contains(word))
        })
    };
    put(
        "requiresDeletionConfirmation",
        json!(asks(pair.target) || asks(pair.live)),
    );
    put("syncWave", json!(pair.object().map_or(0, wave::of)));
    if let Some(health) = health {
        put("health", shown_health(health));
    }
    Value::Object(entry)
}

fn shown_health(health: &Health) -> Value {
    if health.message.is_empty() {
        json!({"status": health.status})
    } else {
        json!({"status": health.status, "message": health.message})
    }
}

/// Objects that another Application has marked: two that want one object undo each other's work.
fn shared(comparison: &Comparison, application: &str) -> Vec<Problem> {
    let owners: BTreeMap<_, _> = comparison
        .pairs
        .iter()
        .filter_map(|pair| Some((&pair.key, TrackingId::of(pair.live?)?.application)))
        .collect();
    comparison
        .shared
        .iter()
        .map(|key| {
            let owner = owners.get(key).map(String::as_str).unwrap_or_default();
            Problem::new(
                Condition::SharedResourceWarning,
                format!(
                    "{}/{} is part of applications {application} and {owner}",
                    key.kind, key.name
                ),
            )
        })
        .collect()
}

/// The images of what is live.
fn images(comparison: &Comparison) -> Vec<String> {
    let mut images: Vec<String> = comparison
        .pairs
        .iter()
        .filter_map(|pair| pair.live)
        .flat_map(|live| {
            [
                "/spec",
                "/spec/template/spec",
                "/spec/jobTemplate/spec/template/spec",
            ]
            .into_iter()
            .flat_map(|spec| ["initContainers", "containers"].map(|list| format!("{spec}/{list}")))
            .filter_map(|pointer| at(live, &pointer)?.as_array())
            .flatten()
            .filter_map(|container| text(container, "/image"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
        })
        .collect();
    images.sort();
    images.dedup();
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let key = tidegate_model::ObjectKey {
            group: ARGO_GROUP.to_owned(),
            kind: APPLICATION.to_owned(),
            namespace: Some("argocd".to_owned()),
            name: "web".to_owned(),
        };
        Snapshot {
            key,
            application: json!({"metadata": {"name": "web", "namespace": "argocd"}, "spec": {"destination": {"namespace": "shop"}}}),
            control_namespace: "argocd".to_owned(),
            project: Ok(Value::Null),
            settings: BTreeMap::default(),
            rendered: Ok(crate::render::Rendered::default()),
            live: Ok(super::super::Live::default()),
            warnings: Vec::new(),
        }
    }

    /// A Deployment: missing, live and healthy (`h`), progressing (`p`), or degraded (`d`), with annotations.
    fn deployment(name: &str, health: char, annotations: &Value) -> (Value, Option<Value>) {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "shop", "annotations": annotations}, "spec": {"replicas": 1}});
        let ready = i32::from(health == 'h');
        let reason = if health == 'd' {
            "ProgressDeadlineExceeded"
        } else {
            ""
        };
        let mut live = object.clone();
        live["status"] = json!({"replicas": 1, "updatedReplicas": ready, "availableReplicas": ready,
            "conditions": [{"type": "Progressing", "reason": reason}]});
        (object, (health != 'm').then_some(live))
    }

    #[track_caller]
    fn check(objects: &[(Value, Option<Value>)], expected: &str) {
        let snapshot = snapshot();
        let lens = Lens::new(&snapshot);
        let judge = Judge::new(&lens.customizations, jiff::Timestamp::UNIX_EPOCH);
        let targets: Vec<Value> = objects.iter().map(|(target, _)| target.clone()).collect();
        let live: Vec<Value> = objects
            .iter()
            .filter_map(|(_, live)| live.clone())
            .collect();
        assert_eq!(
            look(&targets, &live, &lens, &judge).health.as_str(),
            expected
        );
    }

    #[test]
    fn an_application_is_as_healthy_as_its_worst_object_that_counts() {
        let none = json!({});
        let one = |name: &str, health: char| deployment(name, health, &none);
        check(&[], "Healthy");
        check(&[one("a", 'h')], "Healthy");
        check(&[one("a", 'h'), one("b", 'p')], "Progressing");
        check(&[one("a", 'd'), one("b", 'p')], "Degraded");
        check(&[one("a", 'm')], "Missing");
        check(&[one("a", 'm'), one("b", 'h')], "Healthy");
        let ignored = json!({"argocd.argoproj.io/ignore-healthcheck": "true"});
        check(&[deployment("a", 'd', &ignored), one("b", 'h')], "Healthy");
        let hook = json!({"argocd.argoproj.io/hook": "Sync"});
        check(&[deployment("a", 'd', &hook), one("b", 'h')], "Healthy");
    }

    #[test]
    fn the_status_shows_each_object() {
        let snapshot = snapshot();
        let lens = Lens::new(&snapshot);
        let judge = Judge::new(&lens.customizations, jiff::Timestamp::UNIX_EPOCH);
        let wave = json!({"argocd.argoproj.io/sync-wave": "2"});
        let (target, live) = deployment("a", 'p', &wave);
        let old = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "shop",
            "annotations": {"argocd.argoproj.io/tracking-id": "web:/ConfigMap:shop/old"}}});
        let strange = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "strange", "namespace": "shop"}});
        let live = [live.unwrap_or_default(), old, strange];
        let found = look(&[target], &live, &lens, &judge);
        assert_eq!(
            found.shown,
            [
                json!({"version": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "old", "status": "OutOfSync", "requiresPruning": true}),
                json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "a", "status": "OutOfSync", "syncWave": 2,
                    "health": {"status": "Progressing", "message": "Waiting for rollout to finish: 0 out of 1 new replicas have been updated..."}}),
            ]
        );
    }
}
