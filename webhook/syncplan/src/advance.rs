//! A sync, one turn at a time: what is done next, what is waited for, and how it ends.
//!
//! A turn is a pure function of the tasks, of what happened before and of the health of what is there. [`Sync::advance`] says what to do,
//! the caller does it, [`Sync::settle`] takes the outcomes and says where the operation stands. Killed between the two, the next
//! `advance` starts from what is in the cluster and in the status. It is `Sync()` of `gitops-engine/pkg/sync/sync_context.go`,
//! with the same words for every state, because scripts and people read them.
//!
//! The rules that surprise people: a sync of a single wave without hooks ends when everything was applied, healthy or not; between waves and phases, and
//! for hooks, health decides; `Degraded` ends the sync at once; the last wave is not waited for unless it has a hook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::hook::{DeletePolicy, Phase};
use tidegate_waves::kind_rank;

mod act;
mod record;
mod words;

use self::record::Ledger;
use self::words::{hook_phase, path, unknown_kind, waiting_for};
use crate::health::{Health, HealthStatus};
use crate::operation::{Operation, OperationPhase, Progress, ResultCode, State, TaskResult};
use crate::step::{Action, Step};
use crate::task::{Sources, Task, tasks};

/// Tells an object's health; none for kinds that have none.
pub type Judge<'j> = &'j dyn Fn(&Value) -> Option<Health>;

/// What a turn's steps are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing more than clearing up.
    Ended,
    Namespace,
    DryRun,
    /// A wave of the sync; whether anything remains after it.
    Wave {
        is_last: bool,
    },
    /// Hooks have to go before they are made again, or deletions to be agreed to.
    Clearing,
    Failing,
}

/// What is done next, and where the operation stands until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Where it stands.
    pub state: State,
    /// What to do, in this order. Steps that follow each other with the same kind may be done at once.
    pub steps: Vec<Step>,
    /// What to remember.
    pub progress: Progress,
    stage: Stage,
}

impl Turn {
    /// Whether the operation is over once the steps are done; they only clear up then.
    pub fn is_over(&self) -> bool {
        self.state.phase.is_completed()
    }
}

/// What became of a step: the API server's words, good or bad.
pub type Outcome = Result<String, String>;

/// A sync.
#[derive(Debug)]
pub struct Sync<'a> {
    tasks: Vec<Task<'a>>,
    operation: &'a Operation,
    /// Tasks that cannot be tried: what the operation says of them, and what their result says.
    invalid: BTreeMap<usize, (String, String)>,
}

/// A task with its result.
#[derive(Debug, Clone, Copy)]
struct Seen<'s, 'a> {
    index: usize,
    task: &'s Task<'a>,
    result: Option<&'s TaskResult>,
}

impl Seen<'_, '_> {
    fn phase(self) -> Option<OperationPhase> {
        self.result?.hook_phase
    }

    fn is_pending(self) -> bool {
        self.phase().is_none()
    }

    fn is_running(self) -> bool {
        self.phase() == Some(OperationPhase::Running)
    }

    fn is_completed(self) -> bool {
        self.phase().is_some_and(OperationPhase::is_completed)
    }

    fn has_failed(self) -> bool {
        matches!(
            self.phase(),
            Some(OperationPhase::Failed | OperationPhase::Error)
        )
    }

    fn could_not_be_applied(self) -> bool {
        self.result
            .is_some_and(|result| result.status == Some(ResultCode::SyncFailed))
    }
}

impl<'a> Sync<'a> {
    /// The sync of these objects. `refused` has objects that the project does not permit, and why.
    pub fn new(
        sources: &Sources<'a>,
        operation: &'a Operation,
        refused: &BTreeMap<ObjectKey, String>,
    ) -> Self {
        let (tasks, unknown) = tasks(sources, operation);
        let mut invalid = BTreeMap::new();
        for (index, task) in tasks.iter().enumerate() {
            if let Some(why) = refused.get(&task.key) {
                invalid.insert(index, (why.clone(), why.clone()));
            } else if unknown.contains(&index) {
                invalid.insert(index, unknown_kind(&task.key));
            }
        }
        Self {
            tasks,
            operation,
            invalid,
        }
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> &[Task<'a>] {
        &self.tasks
    }

    /// What is done next.
    pub fn advance(&self, progress: &Progress, judge: Judge) -> Turn {
        let mut progress = progress.clone();
        if progress.prune_waves.is_empty() {
            let prunes = self.tasks.iter().filter(|task| task.is_prune());
            progress.prune_waves = prunes.map(|task| (task.key.clone(), task.wave)).collect();
        }
        if !self.invalid.is_empty() {
            return self.not_valid(progress);
        }
        // A sync that was interrupted has results: it passed its dry run, or it would have none.
        let has_only_namespace = progress.results.iter().all(|result| {
            result.key.kind == "Namespace"
                && result.sync_phase == Phase::PreSync
                && result.hook_type.is_none()
        });
        if has_only_namespace && !progress.dry_run_passed {
            return self.first(progress);
        }
        self.look(&mut progress, judge);
        if let Some(waiting) = self.waiting(&mut progress) {
            return ended(Stage::Ended, waiting, Vec::new(), progress);
        }
        let mut steps = self.releases(&progress);
        let seen = self.seen(&progress);
        let (failing, rest): (Vec<Seen>, Vec<Seen>) = seen
            .iter()
            .partition(|seen| seen.task.phase == Phase::SyncFail);
        if rest.iter().any(|seen| seen.has_failed()) {
            steps.extend(self.deletions(&progress, DeletePolicy::HookFailed));
            let message = "one or more synchronization tasks completed unsuccessfully";
            let (state, more) = self.fail(&failing, &rest, message);
            steps.extend(more);
            return ended(Stage::Failing, state, steps, progress);
        }
        let pending: Vec<Seen> = rest
            .into_iter()
            .filter(|seen| seen.is_pending())
            .filter(|seen| !self.is_left_out(seen.task))
            .collect();
        let Some(first) = pending.first() else {
            steps.extend(self.deletions(&progress, DeletePolicy::HookSucceeded));
            let state = State::new(
                OperationPhase::Succeeded,
                "successfully synced (no more tasks)",
            );
            return ended(Stage::Ended, state, steps, progress);
        };
        let place = (first.task.phase, first.task.wave);
        let (wave, remaining): (Vec<Seen>, Vec<Seen>) = pending
            .iter()
            .partition(|seen| (seen.task.phase, seen.task.wave) == place);
        let (stage, state, more) = self.run(&wave, remaining.is_empty());
        steps.extend(more);
        ended(stage, state, steps, progress)
    }

    /// Takes the outcomes of a turn's steps, one each; steps without an outcome were not reached.
    pub fn settle(&self, turn: Turn, outcomes: &[Outcome]) -> Turn {
        let Turn {
            state,
            steps,
            mut progress,
            stage,
        } = turn;
        let mut has_failed = false;
        let mut ledger = Ledger::of(&mut progress);
        for (step, outcome) in steps.iter().zip(outcomes) {
            has_failed |= outcome.is_err() && step.action != Action::Keep;
            self.record(&mut ledger, step, outcome);
        }
        let done: BTreeSet<usize> = steps
            .iter()
            .filter(|step| step.action != Action::Release)
            .map(|step| step.task)
            .collect();
        let seen = self.seen(&progress);
        let of_turn: Vec<Seen> = seen
            .iter()
            .copied()
            .filter(|seen| done.contains(&seen.index))
            .filter(|seen| seen.task.phase != Phase::SyncFail)
            .collect();
        let next = match stage {
            Stage::Namespace if has_failed => {
                self.fail(&[], &of_turn, "the namespace failed to apply")
            }
            Stage::Namespace => (state, Vec::new()),
            Stage::DryRun if has_failed => (
                State::new(
                    OperationPhase::Failed,
                    "one or more objects failed to apply (dry run)",
                ),
                Vec::new(),
            ),
            Stage::DryRun => {
                progress.dry_run_passed = true;
                return ended(Stage::Ended, state, Vec::new(), progress);
            }
            Stage::Wave { .. } | Stage::Clearing if has_failed => {
                let failing: Vec<Seen> = seen
                    .iter()
                    .copied()
                    .filter(|seen| seen.task.phase == Phase::SyncFail)
                    .collect();
                let running: Vec<Seen> = of_turn
                    .iter()
                    .copied()
                    .filter(|seen| seen.is_running() && seen.task.hook)
                    .collect();
                if !running.is_empty() && failing.is_empty() {
                    (waiting_for(&running, false), Vec::new())
                } else {
                    let message = "one or more objects failed to apply";
                    let (state, mut steps) = self.fail(&failing, &of_turn, message);
                    if state.phase.is_completed() {
                        steps.extend(self.deletions(&progress, DeletePolicy::HookFailed));
                    }
                    (state, steps)
                }
            }
            Stage::Wave { is_last: true } if !of_turn.iter().any(|seen| seen.task.hook) => (
                State::new(
                    OperationPhase::Succeeded,
                    "successfully synced (all tasks run)",
                ),
                self.deletions(&progress, DeletePolicy::HookSucceeded),
            ),
            Stage::Wave { .. } => (waiting_for(&in_argo_order(of_turn), false), Vec::new()),
            Stage::Clearing | Stage::Ended | Stage::Failing => (state, Vec::new()),
        };
        let (state, steps) = next;
        let stage = if steps.is_empty() {
            Stage::Ended
        } else {
            Stage::Failing
        };
        ended(stage, state, steps, progress)
    }

    /// Ends the operation because somebody asked for it: running hooks go, finished ones keep their result.
    pub fn terminate(&self, progress: &Progress, judge: Judge) -> Turn {
        let mut progress = progress.clone();
        let mut steps = self.releases(&progress);
        let mut results = Vec::new();
        for seen in self.seen(&progress) {
            if !seen.task.hook || !seen.is_running() {
                continue;
            }
            let Some(live) = seen.task.live else {
                results.push((
                    seen.index,
                    OperationPhase::Succeeded,
                    "Terminated".to_owned(),
                ));
                continue;
            };
            let (phase, message) = hook_phase(live, &seen.task.key, judge);
            let step = |action| Step::of(action, seen.index, seen.task, self.operation);
            if seen.task.has_hook_finalizer() {
                steps.push(step(Action::Release));
            }
            if phase == OperationPhase::Running || seen.task.has_policy(DeletePolicy::HookFailed) {
                steps.push(step(Action::Delete));
            }
            results.push(if phase.is_completed() {
                (seen.index, phase, message)
            } else {
                (seen.index, OperationPhase::Failed, "Terminated".to_owned())
            });
        }
        let mut ledger = Ledger::of(&mut progress);
        for (index, phase, message) in results {
            self.update(&mut ledger, index, phase, &message, None);
        }
        let state = State::new(OperationPhase::Failed, "Operation terminated");
        ended(Stage::Ended, state, steps, progress)
    }

    fn seen<'s>(&'s self, progress: &'s Progress) -> Vec<Seen<'s, 'a>> {
        let results: BTreeMap<(&ObjectKey, Phase), &TaskResult> = progress
            .results
            .iter()
            .map(|result| ((&result.key, result.sync_phase), result))
            .collect();
        self.tasks
            .iter()
            .enumerate()
            .map(|(index, task)| Seen {
                index,
                task,
                result: results.get(&(&task.key, task.phase)).copied(),
            })
            .collect()
    }

    fn not_valid(&self, mut progress: Progress) -> Turn {
        let mut reasons = BTreeSet::new();
        let mut ledger = Ledger::of(&mut progress);
        for (index, (reason, message)) in &self.invalid {
            reasons.insert(reason.as_str());
            if let Some(task) = self.tasks.get(*index) {
                ledger.set(task, Some(ResultCode::SyncFailed), None, message);
            }
        }
        let reasons: Vec<&str> = reasons.into_iter().collect();
        let message = format!(
            "one or more synchronization tasks are not valid: {}",
            reasons.join(",")
        );
        let state = State::new(OperationPhase::Failed, message);
        ended(Stage::Ended, state, Vec::new(), progress)
    }

    /// Looks at the health of what runs.
    fn look(&self, progress: &mut Progress, judge: Judge) {
        let mut updates = Vec::new();
        for seen in self
            .seen(progress)
            .into_iter()
            .filter(|seen| seen.is_running())
        {
            let Some(live) = seen.task.live else { continue };
            if seen.task.hook {
                let (phase, message) = hook_phase(live, &seen.task.key, judge);
                updates.push((seen.index, phase, message));
                continue;
            }
            match judge(live) {
                // Objects that have no health (a Secret) are as well as they can be.
                None => updates.push((seen.index, OperationPhase::Succeeded, String::new())),
                Some(Health { status, message }) => match status {
                    HealthStatus::Healthy => {
                        updates.push((seen.index, OperationPhase::Succeeded, message));
                    }
                    HealthStatus::Degraded => {
                        updates.push((seen.index, OperationPhase::Failed, message));
                    }
                    _ => {}
                },
            }
        }
        let mut ledger = Ledger::of(progress);
        for (index, phase, message) in updates {
            self.update(&mut ledger, index, phase, &message, None);
        }
    }

    /// What is waited for, if anything is.
    fn waiting(&self, progress: &mut Progress) -> Option<State> {
        let is_multi_step = {
            let place = |task: Option<&Task>| task.map(|task| (task.phase, task.wave));
            place(self.tasks.first()) != place(self.tasks.last())
        };
        let seen = self.seen(progress);
        let running: Vec<Seen> = seen
            .iter()
            .copied()
            .filter(|seen| (is_multi_step || seen.task.hook) && seen.is_running())
            .collect();
        if !running.is_empty() {
            let state = waiting_for(&running, false);
            let missing: Vec<usize> = running
                .iter()
                .filter(|seen| seen.task.live.is_none())
                .map(|seen| seen.index)
                .collect();
            let mut ledger = Ledger::of(progress);
            for index in missing {
                if let Some(task) = self.tasks.get(index) {
                    let message = format!(
                        "Resource {} is missing, it might have been deleted",
                        path(&task.key)
                    );
                    let code = Some(ResultCode::SyncFailed);
                    self.update(&mut ledger, index, OperationPhase::Error, &message, code);
                }
            }
            return Some(state);
        }
        let going: Vec<Seen> = seen
            .iter()
            .copied()
            .filter(|seen| {
                let is_pruned = seen
                    .result
                    .is_some_and(|result| result.status == Some(ResultCode::Pruned));
                is_pruned && seen.task.is_being_deleted()
            })
            .collect();
        (!going.is_empty()).then(|| waiting_for(&going, true))
    }
}

/// Deletions among the rest of a wave, as Argo CD sorts them: which object a message names depends on it.
fn in_argo_order<'s, 'a>(mut wave: Vec<Seen<'s, 'a>>) -> Vec<Seen<'s, 'a>> {
    if wave.iter().any(|seen| seen.task.is_prune()) {
        wave.sort_by_key(|seen| (kind_rank(&seen.task.key.kind), &seen.task.key.name));
    }
    wave
}

fn ended(stage: Stage, state: State, steps: Vec<Step>, progress: Progress) -> Turn {
    Turn {
        state,
        steps,
        progress,
        stage,
    }
}

#[cfg(test)]
mod tests;
