//! What follows from one look: an operation is carried on, begun or ended, and the status is written where something changed.

use std::time::Duration;

use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tidegate_model::ObjectKey;
use tidegate_model::duration;
use tidegate_model::health::HealthStatus;
use tidegate_model::hook::{Role, role};
use tidegate_model::object::{at, kind, text};
use tidegate_model::words::REFRESH;
use tidegate_syncplan::automated::Decision;
use tidegate_syncplan::compare::SyncStatus;
use tidegate_syncplan::operation::{OperationPhase, State};
use tidegate_syncplan::retry::Next as AfterEnd;
use tracing::{debug, info, warn};

use super::decide;
use super::events::{self, Happened};
use super::health::Judge;
use super::look::{Found, Lens, look};
use super::memory::Memory;
use super::operation::{self, Running};
use super::run::{Pause, Run};
use super::snapshot::{Condition, Problem, Snapshot};
use super::status::Status;
use super::windows::{self, Permission};
use super::wish::{self, Refresh};
use crate::context::{ApiError, Context};
use crate::control::Next;
use crate::gate::Gate;
use crate::kinds::Kind;
use crate::pacing::Pacing;

/// Between two looks at objects of a wave that are not there yet, at most.
const LONGEST_WAIT_IN_SYNC: Duration = Duration::from_secs(2);
/// Between two looks at objects that are not healthy yet, at most.
const LONGEST_WAIT_FOR_HEALTH: Duration = Duration::from_secs(10);
/// Between two looks at a window that is closed.
const WINDOW: Duration = Duration::from_secs(30);
/// `timeout.reconciliation` of `argocd-cm` where it is not given.
const RESYNC: Duration = Duration::from_mins(2);

/// One look.
pub(super) struct Round<'a, G> {
    context: &'a Context<G>,
    key: &'a ObjectKey,
    snapshot: Snapshot,
    lens: Lens,
    /// As it was written last.
    application: Value,
    refresh: Refresh,
    now: Timestamp,
    has_written: bool,
}

/// What is written besides the status.
enum Asked {
    /// `operation` stays as it is.
    Unchanged,
    /// It is under way: what was asked for stands there until it is over.
    Begun(Value),
    /// It is over.
    Over,
}

impl<'a, G: Gate> Round<'a, G> {
    pub(super) fn new(
        context: &'a Context<G>,
        key: &'a ObjectKey,
        application: Value,
        snapshot: Snapshot,
        now: Timestamp,
    ) -> Self {
        Self {
            context,
            key,
            lens: Lens::new(&snapshot),
            refresh: Refresh::of(&application),
            application,
            snapshot,
            now,
            has_written: false,
        }
    }

    /// What was seen; after an operation, with the objects as it left them.
    pub(super) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Does what follows from it, and says when to look again.
    pub(super) async fn go(&mut self, running: Option<Running>) -> Result<Next, ApiError> {
        let snapshot = &self.snapshot;
        let problem = match (&snapshot.rendered, &snapshot.live) {
            (Err(problem), _) | (_, Err(problem)) => Some(problem.clone()),
            (Ok(_), Ok(_)) => None,
        };
        match (problem, running) {
            (Some(problem), running) => self.cannot_compare(&problem, running).await,
            (None, Some(running)) => self.operate(running).await,
            (None, None) => self.compare().await,
        }
    }

    /// Nothing is asked for: compare, and sync if the policy says so.
    async fn compare(&mut self) -> Result<Next, ApiError> {
        let found = self.look();
        let decision = decide::automated(&self.snapshot, &found, self.now);
        let revisions = self.revisions();
        match decision {
            Decision::Sync {
                prune,
                selected,
                heals,
            } => {
                if let Permission::No(why) = self.permission(false) {
                    info!(application = %self.key, why, "Sync prevented by sync window");
                    let wait = Decision::Later(WINDOW);
                    return self.conclude(None, &found, &wait).await;
                }
                let request =
                    operation::automated(&self.application, &revisions, prune, &selected, heals);
                info!(application = %self.key, ?revisions, heals, "syncing");
                self.operate(Running::new(request, self.now)).await
            }
            decision => self.conclude(None, &found, &decision).await,
        }
    }

    /// Carries an operation on.
    async fn operate(&mut self, mut running: Running) -> Result<Next, ApiError> {
        let is_new = running.is_new();
        if let (true, Ok(project)) = (is_new, &self.snapshot.project)
            && !self.context.is_current(project).await?
        {
            return Ok(Next::After(Duration::ZERO));
        }
        if running.revisions.is_empty() {
            running.revisions = self.revisions();
        }
        let mut live = self.snapshot.live.clone().unwrap_or_default();
        let targets = self.targets();
        let options = running.planned(&self.application).options;
        if is_new {
            let mut status = Status::of(&self.application);
            if running.is_of_spec() {
                status.compared(&self.snapshot, &self.look(), self.now);
            }
            status.operation(&running, &self.application);
            self.write(&mut status, Asked::Begun(running.request.clone()))
                .await?;
            self.tell(events::started(&running)).await;
        }
        if running.progress.results.is_empty()
            && running.state.phase == OperationPhase::Running
            && let Permission::No(why) = self.permission(!running.is_automated())
        {
            running.state.message = format!("Sync operation {why}");
            self.write_operation(&running).await?;
            return Ok(Next::After(WINDOW));
        }
        if let (true, Some(shared)) = (
            options.has("FailOnSharedResource=true"),
            self.look().warnings.first(),
        ) {
            running.state = State {
                phase: OperationPhase::Failed,
                message: format!("Shared resource found: {}", shared.message),
            };
            return self.end(running).await;
        }
        if let Some(state) = self.unfit(&targets) {
            running.state = state;
            return self.end(running).await;
        }
        let pause = loop {
            let project = self.snapshot.project.clone().unwrap_or_default();
            let judge = Judge::new(&self.lens.customizations, Timestamp::now());
            let run = Run {
                context: self.context,
                snapshot: &self.snapshot,
                targets: &targets,
                project: &project,
                lens: &self.lens,
                judge: &judge,
            };
            let pause = Box::pin(run.go_on(&mut running, &mut live)).await;
            self.context
                .with_memory(self.key, |memory| memory.keep(&running));
            if pause != Pause::Checkpoint {
                break pause;
            }
            self.write_operation(&running).await?;
        };
        self.snapshot.live = Ok(live);
        if pause != Pause::Over {
            self.write_progress(&running).await?;
            let has_written = self.has_written;
            let wait = self.context.with_memory(self.key, |memory| {
                if has_written {
                    memory.moved();
                }
                memory.wait(LONGEST_WAIT_IN_SYNC)
            });
            return Ok(Next::After(wait));
        }
        self.end(running).await
    }

    /// Why manifests cannot be synced at all, as the end of an operation (`SyncAppState` of Argo CD's `controller/sync.go`: errors of the spec end it).
    fn unfit(&self, targets: &[Value]) -> Option<State> {
        let nameless = targets.iter().find(|target| {
            role(target) == Role::Resource && tidegate_model::object::name(target).is_empty()
        });
        if let Some(nameless) = nameless {
            return Some(State {
                phase: OperationPhase::Failed,
                message: format!(
                    "one or more synchronization tasks are not valid: a {} has no metadata.name; only hooks may leave it out",
                    kind(nameless)
                ),
            });
        }
        let errors: Vec<String> = self
            .snapshot
            .warnings
            .iter()
            .filter(|problem| problem.condition == Condition::InvalidSpecError)
            .map(|problem| format!("{}: {}", problem.condition.as_str(), problem.message))
            .collect();
        (!errors.is_empty()).then(|| State {
            phase: OperationPhase::Error,
            message: errors.join(";"),
        })
    }

    /// Whether the project's windows let a sync begin.
    fn permission(&self, is_manual: bool) -> Permission {
        let project = self.snapshot.project.as_ref();
        project.map_or(Permission::Yes, |project| {
            windows::permission(project, &self.application, is_manual, self.now)
        })
    }

    /// An operation has come to an end, of this try at least.
    async fn end(&mut self, mut running: Running) -> Result<Next, ApiError> {
        let now = Timestamp::now();
        let retry = running.retry().unwrap_or_default();
        let is_terminated = running.state.message == "Operation terminated";
        let after = if is_terminated {
            AfterEnd::Over(running.state.clone())
        } else {
            retry.after(running.state.clone(), running.retries, now)
        };
        match after {
            AfterEnd::Again { state, retries, .. } => {
                info!(application = %self.key, message = state.message, "the sync failed and is tried again");
                running.state = state;
                running.retries = retries;
                running.failed_at = Some(now);
                self.write_operation(&running).await?;
                Ok(Next::After(retry.wait(retries.saturating_sub(1))))
            }
            AfterEnd::Over(state) => {
                info!(application = %self.key, phase = ?state.phase, message = state.message, "the sync has ended");
                running.state = state;
                running.failed_at = None;
                let found = self.look();
                self.conclude(Some(&running), &found, &Decision::Nothing(String::new()))
                    .await
            }
        }
    }

    /// Writes what was found, and says when to look again.
    async fn conclude(
        &mut self,
        ended: Option<&Running>,
        found: &Found,
        decision: &Decision,
    ) -> Result<Next, ApiError> {
        let now = Timestamp::now();
        let mut status = Status::of(&self.application);
        if let Some(running) = ended {
            status.ended(running, &self.application, now);
        }
        // What an operation applied is not always what the Application asks for; then the next look compares.
        let is_compared = ended.is_none_or(Running::is_of_spec);
        let mut problems = self.problems(found);
        let mut decision = decision.clone();
        if is_compared {
            status.compared(&self.snapshot, found, now);
            if ended.is_some() {
                self.snapshot.application = status.applied_to(&self.application);
                decision = decide::automated(&self.snapshot, found, now);
            }
        }
        if let Decision::Refuse(message) = &decision {
            problems.push(Problem::new(Condition::SyncError, message));
        }
        status.conditions(&problems, now);
        let asked = if ended.is_some() {
            Asked::Over
        } else {
            Asked::Unchanged
        };
        self.write(&mut status, asked).await?;
        if let Some(running) = ended {
            self.tell(events::completed(running)).await;
        }
        Ok(Next::After(self.next_look(is_compared, found, &decision)))
    }

    fn next_look(&self, is_compared: bool, found: &Found, decision: &Decision) -> Duration {
        if !is_compared || matches!(decision, Decision::Sync { .. }) {
            return Duration::ZERO;
        }
        let resync = self.resync();
        let is_unsettled = found.is_going || found.health == HealthStatus::Progressing;
        let has_written = self.has_written;
        let wait = self.context.with_memory(self.key, |memory| {
            if has_written || !is_unsettled {
                memory.moved();
            }
            if is_unsettled {
                memory.wait(LONGEST_WAIT_FOR_HEALTH)
            } else {
                resync
            }
        });
        match decision {
            Decision::Later(later) => wait.min(*later),
            Decision::Nothing(why) => {
                debug!(application = %self.key, why);
                wait
            }
            _ => wait,
        }
    }

    /// Between two looks at an Application that is as wanted.
    fn resync(&self) -> Duration {
        let setting = self.snapshot.settings.get("timeout.reconciliation");
        let resync = setting
            .and_then(|text| duration::parse(text))
            .filter(|resync| !resync.is_zero())
            .unwrap_or(RESYNC);
        Pacing {
            resync,
            ..self.context.settings.pacing.clone()
        }
        .resync(self.key)
    }

    /// Source or cluster could not be read. An operation that needs them has failed.
    async fn cannot_compare(
        &mut self,
        problem: &Problem,
        running: Option<Running>,
    ) -> Result<Next, ApiError> {
        let now = Timestamp::now();
        let mut status = Status::of(&self.application);
        status.not_compared(&self.snapshot, problem, now);
        let mut problems = self.lens.problems.clone();
        problems.push(problem.clone());
        problems.extend(self.snapshot.warnings.iter().cloned());
        status.conditions(&problems, now);
        if let Some(mut running) = running {
            running.state = State {
                phase: OperationPhase::Error,
                message: format!("{}: {}", problem.condition.as_str(), problem.message),
            };
            let retry = running.retry().unwrap_or_default();
            let (asked, next) = match retry.after(running.state.clone(), running.retries, now) {
                AfterEnd::Again { state, retries, .. } => {
                    running.state = state;
                    running.retries = retries;
                    running.failed_at = Some(now);
                    status.operation(&running, &self.application);
                    let request = running.request.clone();
                    (Asked::Begun(request), retry.wait(retries.saturating_sub(1)))
                }
                AfterEnd::Over(state) => {
                    running.state = state;
                    status.ended(&running, &self.application, now);
                    (Asked::Over, Duration::ZERO)
                }
            };
            self.write(&mut status, asked).await?;
            return Ok(Next::After(next));
        }
        self.write(&mut status, Asked::Unchanged).await?;
        let failed = self.context.with_memory(self.key, |memory| {
            memory.wait(Duration::ZERO);
            memory.waits()
        });
        let wait = self.context.settings.pacing.retry(self.key, failed);
        Ok(Next::After(wait.min(self.resync())))
    }

    /// The operation while it waits, and what it has brought about so far: a hook may run for hours after the Deployment became healthy.
    async fn write_progress(&mut self, running: &Running) -> Result<(), ApiError> {
        let mut status = Status::of(&self.application);
        if running.is_of_spec() {
            status.compared(&self.snapshot, &self.look(), self.now);
        }
        status.operation(running, &self.application);
        self.write(&mut status, Asked::Unchanged).await
    }

    async fn write_operation(&mut self, running: &Running) -> Result<(), ApiError> {
        let mut status = Status::of(&self.application);
        status.operation(running, &self.application);
        self.write(&mut status, Asked::Unchanged).await
    }

    /// Patches the Application, unless nothing changed.
    async fn write(&mut self, status: &mut Status, asked: Asked) -> Result<(), ApiError> {
        let is_refreshed = self.refresh != Refresh::No && !matches!(asked, Asked::Begun(_));
        let operation = match &asked {
            Asked::Unchanged => None,
            Asked::Begun(request) => {
                (at(&self.application, "/operation") != Some(request)).then(|| request.clone())
            }
            Asked::Over => at(&self.application, "/operation").map(|_| Value::Null),
        };
        if status.patch(&self.application).is_none() && operation.is_none() && !is_refreshed {
            return Ok(());
        }
        status.reconciled(Timestamp::now());
        let mut patch = json!({
            // The API server refuses when the object was deleted and made anew meanwhile.
            "metadata": {"uid": text(&self.application, "/metadata/uid")},
        });
        if let (Some(operation), Some(fields)) = (operation, patch.as_object_mut()) {
            fields.insert("operation".to_owned(), operation);
        }
        if let (true, Some(metadata)) = (
            is_refreshed,
            patch.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.insert("annotations".to_owned(), json!({REFRESH: null}));
        }
        if matches!(asked, Asked::Over) {
            self.context.with_memory(self.key, Memory::forget);
        }
        let mut written = match self.patch(&mut patch, status).await {
            Err(error) if error.is_too_large() => {
                warn!(application = %self.key, %error, "the status is too large; results of single resources are left out");
                status.shrink(Timestamp::now());
                self.patch(&mut patch, status).await?
            }
            written => written?,
        };
        let version = written.metadata.resource_version.as_deref();
        self.context.wrote(self.key, version.unwrap_or_default());
        written.metadata.managed_fields = None;
        let after = serde_json::to_value(&written).unwrap_or_default();
        let before = std::mem::replace(&mut self.application, after);
        for happened in events::updated(&before, &self.application) {
            self.tell(happened).await;
        }
        self.has_written = true;
        if is_refreshed {
            self.refresh = Refresh::No;
        }
        Ok(())
    }

    async fn patch(&self, patch: &mut Value, status: &Status) -> Result<DynamicObject, ApiError> {
        if let Some(fields) = patch.as_object_mut() {
            let status = status.patch(&self.application);
            fields.insert("status".to_owned(), status.unwrap_or_else(|| json!({})));
        }
        let api = self.context.api(Kind::Application, self.key);
        let parameters = PatchParams::default();
        let patch = Patch::Merge(&*patch);
        let written = api.patch(&self.key.name, &parameters, &patch);
        self.context.ask("write the status", written).await
    }

    async fn tell(&self, happened: Happened) {
        events::tell(self.context, self.key, &self.application, happened).await;
    }

    fn look(&self) -> Found {
        let snapshot = &self.snapshot;
        let live = snapshot.live.as_ref().map_or(&[][..], |live| &live.objects);
        let judge = Judge::new(&self.lens.customizations, Timestamp::now());
        let targets = snapshot
            .rendered
            .as_ref()
            .map_or(&[][..], |rendered| &rendered.manifests);
        let mut found = look(targets, live, &self.lens, &judge);
        if wish::has_changed_namespace(&self.application) {
            found.status = SyncStatus::OutOfSync;
        }
        found
    }

    fn targets(&self) -> Vec<Value> {
        let rendered = self.snapshot.rendered.as_ref();
        rendered
            .map(|rendered| rendered.manifests.clone())
            .unwrap_or_default()
    }

    fn revisions(&self) -> Vec<String> {
        let rendered = self.snapshot.rendered.as_ref();
        rendered
            .map(|rendered| rendered.revisions.clone())
            .unwrap_or_default()
    }

    fn problems(&self, found: &Found) -> Vec<Problem> {
        let snapshot = &self.snapshot;
        let problems = self
            .lens
            .problems
            .iter()
            .chain(&snapshot.warnings)
            .chain(&found.warnings);
        problems.cloned().collect()
    }
}
