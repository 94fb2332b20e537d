//! An operation between two looks: read from the Application, and written into its status so that any replica can go on with it. Pure.

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::application::Application;
use tidegate_model::hook::{Phase, Role, role};
use tidegate_model::object::{annotation, api_version, at, text};
use tidegate_model::words::{DELETION_APPROVED, HOOK_OF};
use tidegate_syncplan::operation::{
    Operation, OperationPhase, Options, Progress, ResultCode, Selector, State, TaskResult,
};
use tidegate_syncplan::retry::{DurationError, Retry};
use tidegate_syncplan::tracking::Tracking;

use super::wish;
use crate::render::SourceRequest;

/// An operation that was asked for or is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    /// `operation`, as it was asked for.
    pub(super) request: Value,
    /// When it began.
    pub(super) started_at: Timestamp,
    /// How often it was tried again.
    pub(super) retries: u32,
    /// While it waits for its next try: since when.
    pub(super) failed_at: Option<Timestamp>,
    /// The revisions that it is of, once they are known.
    pub(super) revisions: Vec<String>,
    /// Where it stands.
    pub(super) state: State,
    /// What became of its tasks.
    pub(super) progress: Progress,
}

impl Running {
    /// The operation under way, else the one that is asked for.
    pub(super) fn of(application: &Value, now: Timestamp) -> Option<Self> {
        let state = at(application, "/status/operationState").filter(|state| state.is_object());
        let phase = state
            .and_then(|state| text(state, "/phase"))
            .and_then(phase);
        match (state, phase) {
            (Some(state), Some(phase)) if !phase.is_completed() => {
                Some(Self::resumed(state, phase, now))
            }
            _ => {
                let request =
                    at(application, "/operation").filter(|request| request.is_object())?;
                Some(Self::new(request.clone(), now))
            }
        }
    }

    /// One that begins now.
    pub(super) fn new(request: Value, now: Timestamp) -> Self {
        Self {
            request,
            started_at: whole_seconds(now),
            retries: 0,
            failed_at: None,
            revisions: Vec::new(),
            state: State {
                phase: OperationPhase::Running,
                message: String::new(),
            },
            progress: Progress::default(),
        }
    }

    fn resumed(state: &Value, phase: OperationPhase, now: Timestamp) -> Self {
        let revisions = match at(state, "/syncResult/revisions").and_then(Value::as_array) {
            Some(revisions) if !revisions.is_empty() => strings(revisions),
            _ => text(state, "/syncResult/revision")
                .filter(|revision| !revision.is_empty())
                .map(|revision| vec![revision.to_owned()])
                .unwrap_or_default(),
        };
        let results = at(state, "/syncResult/resources").and_then(Value::as_array);
        let retries = at(state, "/retryCount").and_then(Value::as_u64);
        Self {
            request: state.get("operation").cloned().unwrap_or_default(),
            started_at: time(state, "/startedAt").unwrap_or_else(|| whole_seconds(now)),
            retries: retries
                .and_then(|count| count.try_into().ok())
                .unwrap_or_default(),
            failed_at: time(state, "/finishedAt"),
            revisions,
            state: State {
                phase,
                message: text(state, "/message").unwrap_or_default().to_owned(),
            },
            progress: Progress {
                results: results.into_iter().flatten().filter_map(result).collect(),
                ..Progress::default()
            },
        }
    }

    /// What tells this try from all others of the Application. Times have whole seconds, in which a sync may end and the next one begin; the history and the
    /// revision tell those apart.
    pub(super) fn mark(&self, application: &Value) -> String {
        let history = at(application, "/status/history").and_then(Value::as_array);
        let last = history.and_then(|history| at(history.last()?, "/id"));
        format!(
            "{} of {} after {}, try {}",
            seconds(self.started_at),
            self.revisions.join(" "),
            last.unwrap_or(&Value::Null),
            self.retries,
        )
    }

    /// Hooks that somebody made for this try and did not come to write down: they run once, not twice. Asked only where an operation is taken over
    /// from a process that is gone.
    pub(super) fn adopt_hooks(&mut self, live: &[Value], tracking: &Tracking, application: &Value) {
        let mark = self.mark(application);
        for object in live.iter().filter(|object| tracking.owns(object)) {
            let Role::Hook(phases) = role(object) else {
                continue;
            };
            let made_in = phases
                .into_iter()
                .find(|phase| annotation(object, HOOK_OF) == Some(&hook_of(&mark, *phase)));
            let Some(phase) = made_in else { continue };
            let key = ObjectKey::of(object);
            let is_known = self
                .progress
                .results
                .iter()
                .any(|result| result.key == key && result.sync_phase == phase);
            if is_known {
                continue;
            }
            let version = api_version(object).rsplit('/').next().unwrap_or_default();
            self.progress.results.push(TaskResult {
                version: version.to_owned(),
                status: Some(ResultCode::Synced),
                message: String::new(),
                hook_type: Some(phase),
                hook_phase: Some(OperationPhase::Running),
                sync_phase: phase,
                images: Vec::new(),
                key,
            });
        }
    }

    /// Whether it was only just asked for.
    pub(super) fn is_new(&self) -> bool {
        self.revisions.is_empty() && self.progress.results.is_empty() && self.retries == 0
    }

    /// Whether nobody asked for it but the policy.
    pub(super) fn is_automated(&self) -> bool {
        at(&self.request, "/initiatedBy/automated").and_then(Value::as_bool) == Some(true)
    }

    /// What is to be rendered for it: what it names, else what the Application names; pinned once it has begun.
    pub(super) fn sources(&self, application: &Value) -> Vec<SourceRequest> {
        let mut requests: Vec<SourceRequest> = self.own_sources().map_or_else(
            || wish::sources(application),
            |sources| sources.into_iter().map(wish::request).collect(),
        );
        let asked = match at(&self.request, "/sync/revisions").and_then(Value::as_array) {
            Some(revisions) if !revisions.is_empty() => strings(revisions),
            _ => text(&self.request, "/sync/revision")
                .map(|revision| vec![revision.to_owned()])
                .unwrap_or_default(),
        };
        let pinned = if self.revisions.is_empty() {
            asked
        } else {
            self.revisions.clone()
        };
        for (request, revision) in requests.iter_mut().zip(pinned) {
            if !revision.is_empty() {
                request.revision = revision;
            }
        }
        requests
    }

    /// Sources of its own, as a rollback has.
    fn own_sources(&self) -> Option<Vec<&Value>> {
        match at(&self.request, "/sync/sources").and_then(Value::as_array) {
            Some(sources) if !sources.is_empty() => Some(sources.iter().collect()),
            _ => at(&self.request, "/sync/source")
                .filter(|source| source.is_object())
                .map(|source| vec![source]),
        }
    }

    /// The sources that it synced, as the status names them.
    pub(super) fn synced_sources(&self, application: &Value) -> Vec<Value> {
        self.own_sources().map_or_else(
            || {
                let sources = Application(application).sources();
                sources
                    .into_iter()
                    .map(|(_, source)| source.clone())
                    .collect()
            },
            |sources| sources.into_iter().cloned().collect(),
        )
    }

    /// Whether what it applies is what the Application asks for now, as far as can be told without asking the repository.
    pub(super) fn is_of_spec(&self) -> bool {
        let names = |pointer: &str| {
            at(&self.request, pointer)
                .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
        };
        self.own_sources().is_none()
            && !names("/sync/manifests")
            && (self.is_automated() || !names("/sync/revision"))
    }

    /// Manifests that a person sent along (`app sync --local`), each as JSON text.
    pub(super) fn local_manifests(&self) -> Option<Vec<Value>> {
        let listed = at(&self.request, "/sync/manifests").and_then(Value::as_array)?;
        let texts = listed.iter().filter_map(Value::as_str);
        (!listed.is_empty()).then(|| {
            texts
                .filter_map(|text| serde_json::from_str(text).ok())
                .collect()
        })
    }

    /// Whether it is of some resources only.
    pub(super) fn is_selective(&self) -> bool {
        at(&self.request, "/sync/resources")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    }

    /// Whether it changes nothing on purpose.
    pub(super) fn is_dry_run(&self) -> bool {
        is_true(&self.request, "/sync/dryRun")
    }

    /// How it is tried again. A duration that cannot be read is told in the message and counts as the default.
    pub(super) fn retry(&self) -> Result<Retry, DurationError> {
        let retry = at(&self.request, "/retry").cloned().unwrap_or_default();
        let application = json!({"spec": {"syncPolicy": {"retry": retry}}});
        Ok(Retry::of(&application)?.unwrap_or_default())
    }

    /// Whether its next try takes what is newest then. One that nobody asked for always does: a commit that mends must not wait for the tries of the one
    /// that broke (Argo CD's tries stay with the old one unless `refresh` is set).
    pub(super) fn refreshes(&self) -> bool {
        self.is_automated() || is_true(&self.request, "/retry/refresh")
    }

    /// As the planner takes it.
    pub(super) fn planned(&self, application: &Value) -> Operation {
        let options = at(&self.request, "/sync/syncOptions")
            .and_then(Value::as_array)
            .map_or_else(
                || Options::new(Application(application).sync_options()),
                |options| Options::new(options.iter().filter_map(Value::as_str)),
            );
        let strategy =
            |pointer: &str| at(&self.request, pointer).filter(|strategy| !strategy.is_null());
        let approved = annotation(application, DELETION_APPROVED)
            .and_then(|text| text.parse::<Timestamp>().ok());
        let selected = at(&self.request, "/sync/resources").and_then(Value::as_array);
        Operation {
            revision: self.revisions.first().cloned().unwrap_or_default(),
            started_at: self.started_at,
            prune: is_true(&self.request, "/sync/prune"),
            prune_confirmed: approved.is_some_and(|approved| approved >= self.started_at),
            dry_run: self.is_dry_run(),
            force: ["apply", "hook"].iter().any(|strategy| {
                is_true(
                    &self.request,
                    &format!("/sync/syncStrategy/{strategy}/force"),
                )
            }),
            skip_hooks: strategy("/sync/syncStrategy/apply").is_some(),
            selected: selected.into_iter().flatten().map(selector).collect(),
            options,
            manages_namespace: at(application, "/spec/syncPolicy/managedNamespaceMetadata")
                .is_some_and(Value::is_object),
            write_unchanged: false,
        }
    }

    /// `status.operationState`.
    pub(super) fn to_state(&self, application: &Value) -> Value {
        let mut state = json!({
            "operation": self.request,
            "phase": self.state.phase,
            "startedAt": seconds(self.started_at),
        });
        let mut put = |key: &str, value: Value| {
            if let Some(map) = state.as_object_mut() {
                map.insert(key.to_owned(), value);
            }
        };
        if !self.state.message.is_empty() {
            put("message", json!(self.state.message));
        }
        if let Some(at) = self.failed_at {
            put("finishedAt", json!(seconds(at)));
        }
        if self.retries > 0 {
            put("retryCount", json!(self.retries));
        }
        if !self.revisions.is_empty() || !self.progress.results.is_empty() {
            put("syncResult", self.sync_result(application));
        }
        state
    }

    fn sync_result(&self, application: &Value) -> Value {
        let sources = self.synced_sources(application);
        let mut result = Map::new();
        // Argo CD's fields without `omitempty`: they are there even where the others speak.
        result.insert("revision".to_owned(), json!(""));
        if wish::is_multi_source(application) && self.own_sources().is_none_or(|own| own.len() > 1)
        {
            result.insert("revisions".to_owned(), json!(self.revisions));
            result.insert("sources".to_owned(), json!(sources));
        } else {
            result.insert("revision".to_owned(), json!(self.revisions.first()));
            result.insert("source".to_owned(), json!(sources.first()));
        }
        let managed = at(application, "/spec/syncPolicy/managedNamespaceMetadata");
        if let Some(managed) = managed.filter(|managed| !managed.is_null()) {
            result.insert("managedNamespaceMetadata".to_owned(), managed.clone());
        }
        if !self.progress.results.is_empty() {
            let resources = self.progress.results.iter().map(result_value).collect();
            result.insert("resources".to_owned(), Value::Array(resources));
        }
        Value::Object(result)
    }
}

/// The annotation of a hook that was made in a phase of the try with this mark.
pub(super) fn hook_of(mark: &str, phase: Phase) -> String {
    format!("{mark}, {}", phase.as_str())
}

/// An operation that nobody asks for but the policy: what `autoSync` of Argo CD writes.
pub(super) fn automated(
    application: &Value,
    revisions: &[String],
    prune: bool,
    selected: &[Selector],
    heals: u32,
) -> Value {
    let mut sync = Map::new();
    if wish::is_multi_source(application) {
        sync.insert("revisions".to_owned(), json!(revisions));
        sync.insert(
            "sources".to_owned(),
            at(application, "/spec/sources")
                .cloned()
                .unwrap_or_default(),
        );
    } else {
        sync.insert("revision".to_owned(), json!(revisions.first()));
    }
    if prune {
        sync.insert("prune".to_owned(), json!(true));
    }
    let options: Vec<&str> = Application(application).sync_options().collect();
    if !options.is_empty() {
        sync.insert("syncOptions".to_owned(), json!(options));
    }
    if !selected.is_empty() {
        let selected = selected.iter().map(|selector| {
            let mut entry = json!({"kind": selector.kind, "name": selector.name});
            for (key, value) in [
                ("group", &selector.group),
                ("namespace", &selector.namespace),
            ] {
                if let (Some(map), false) = (entry.as_object_mut(), value.is_empty()) {
                    map.insert(key.to_owned(), json!(value));
                }
            }
            entry
        });
        sync.insert("resources".to_owned(), selected.collect());
    }
    if heals > 0 {
        sync.insert("autoHealAttemptsCount".to_owned(), json!(heals));
    }
    let retry = at(application, "/spec/syncPolicy/retry").filter(|retry| !retry.is_null());
    json!({
        "initiatedBy": {"automated": true},
        "retry": retry.cloned().unwrap_or_else(|| json!({"limit": Retry::of_automated().limit})),
        "sync": sync,
    })
}

fn selector(entry: &Value) -> Selector {
    let part = |pointer: &str| text(entry, pointer).unwrap_or_default().to_owned();
    Selector {
        group: part("/group"),
        kind: part("/kind"),
        namespace: part("/namespace"),
        name: part("/name"),
        exclude: is_true(entry, "/exclude"),
    }
}

fn result_value(result: &TaskResult) -> Value {
    let mut value = json!({
        "group": result.key.group,
        "version": result.version,
        "kind": result.key.kind,
        "namespace": result.key.namespace.as_deref().unwrap_or_default(),
        "name": result.key.name,
        "syncPhase": result.sync_phase.as_str(),
    });
    let mut put = |key: &str, what: Value| {
        if let Some(map) = value.as_object_mut() {
            map.insert(key.to_owned(), what);
        }
    };
    if let Some(status) = result.status {
        put("status", json!(status));
    }
    if !result.message.is_empty() {
        put("message", json!(result.message));
    }
    if let Some(phase) = result.hook_type {
        put("hookType", json!(phase.as_str()));
    }
    if let Some(phase) = result.hook_phase {
        put("hookPhase", json!(phase));
    }
    if !result.images.is_empty() {
        put("images", json!(result.images));
    }
    value
}

fn result(value: &Value) -> Option<TaskResult> {
    let part = |pointer: &str| text(value, pointer).unwrap_or_default().to_owned();
    Some(TaskResult {
        key: ObjectKey {
            group: part("/group"),
            kind: part("/kind"),
            namespace: Some(part("/namespace")).filter(|namespace| !namespace.is_empty()),
            name: part("/name"),
        },
        version: part("/version"),
        status: value
            .get("status")
            .and_then(|status| ResultCode::deserialize(status).ok()),
        message: part("/message"),
        hook_type: text(value, "/hookType").and_then(sync_phase),
        hook_phase: text(value, "/hookPhase").and_then(phase),
        sync_phase: text(value, "/syncPhase").and_then(sync_phase)?,
        images: at(value, "/images")
            .and_then(Value::as_array)
            .map(|images| strings(images))
            .unwrap_or_default(),
    })
}

/// Reads a phase of an operation.
pub(super) fn phase(word: &str) -> Option<OperationPhase> {
    OperationPhase::deserialize(&json!(word)).ok()
}

fn sync_phase(word: &str) -> Option<Phase> {
    [
        Phase::PreSync,
        Phase::Sync,
        Phase::PostSync,
        Phase::SyncFail,
    ]
    .into_iter()
    .find(|phase| phase.as_str() == word)
}

fn is_true(value: &Value, pointer: &str) -> bool {
    at(value, pointer).and_then(Value::as_bool) == Some(true)
}

fn strings(values: &[Value]) -> Vec<String> {
    values
        .iter()
        .map(|value| value.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// A time of a status.
pub(super) fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer)?.parse().ok()
}

/// As Kubernetes writes times: in whole seconds.
pub(super) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
