//! The steps of a turn: the dry run, one wave, what runs because of a failure, and clearing up after hooks.

use std::collections::BTreeSet;

use tidegate_model::ObjectKey;
use tidegate_model::hook::{DeletePolicy, Phase};

use super::words::{because, waiting_for};
use super::{Seen, Stage, Sync, Turn, ended};
use crate::operation::{OperationPhase, Progress, State};
use crate::step::{Action, Step};
use crate::task::Task;

impl Sync<'_> {
    /// The namespace if it must be made, else the dry run of everything.
    pub(super) fn first(&self, progress: Progress) -> Turn {
        let running = State::new(OperationPhase::Running, "one or more tasks are running");
        let everything = || self.tasks.iter().enumerate();
        let created = everything().find(|(_, task)| {
            task.live.is_none()
                && !task.hook
                && task.phase == Phase::PreSync
                && task.key.kind == "Namespace"
                && task.key.group.is_empty()
        });
        let may = progress.results.is_empty() && !self.operation.dry_run;
        if let Some((index, task)) = created.filter(|_| may) {
            let step = Step::of(Action::Create, index, task, self.operation);
            return ended(Stage::Namespace, running, vec![step], progress);
        }
        self.dry_run(progress)
    }

    /// The dry run of everything that is not there yet.
    pub(super) fn dry_run(&self, progress: Progress) -> Turn {
        let running = State::new(OperationPhase::Running, "one or more tasks are running");
        let done: BTreeSet<ObjectKey> = progress
            .results
            .iter()
            .map(|result| result.key.clone())
            .collect();
        let steps = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| !task.skip_dry_run && !task.is_prune())
            .filter(|(_, task)| !self.is_left_out(task) && !done.contains(&task.key))
            .map(|(index, task)| Step::of(Action::DryRun, index, task, self.operation))
            .collect();
        ended(Stage::DryRun, running, steps, progress)
    }

    /// Finished hooks are let go.
    pub(super) fn releases(&self, progress: &Progress) -> Vec<Step> {
        self.seen(progress)
            .into_iter()
            .filter(|seen| seen.task.hook && seen.is_completed() && seen.task.has_hook_finalizer())
            .map(|seen| Step::of(Action::Release, seen.index, seen.task, self.operation))
            .collect()
    }

    /// Hooks that this policy deletes now.
    pub(super) fn deletions(&self, progress: &Progress, policy: DeletePolicy) -> Vec<Step> {
        self.seen(progress)
            .into_iter()
            .filter(|seen| {
                seen.task.live.is_some()
                    && !seen.is_running()
                    && !seen.task.is_being_deleted()
                    && seen.task.has_policy(policy)
            })
            .map(|seen| Step::of(Action::Delete, seen.index, seen.task, self.operation))
            .collect()
    }

    /// `ApplyOutOfSyncOnly=true`: what is unchanged is no part of the sync.
    pub(super) fn is_left_out(&self, task: &Task) -> bool {
        !task.hook && task.unchanged && self.operation.options.has("ApplyOutOfSyncOnly=true")
    }

    /// The steps of one wave: hooks of the sync before are let go, deletions, then hooks that must go first, else everything that is applied.
    pub(super) fn run(&self, wave: &[Seen], is_last: bool) -> (Stage, State, Vec<Step>) {
        let step = |action, seen: &Seen| Step::of(action, seen.index, seen.task, self.operation);
        let running = State::new(OperationPhase::Running, "one or more tasks are running");
        let (prunes, writes): (Vec<Seen>, Vec<Seen>) =
            wave.iter().partition(|seen| seen.task.is_prune());
        let mut steps: Vec<Step> = wave
            .iter()
            .filter(|seen| seen.task.hook && seen.task.has_hook_finalizer())
            .map(|seen| step(Action::Release, seen))
            .collect();
        let asks: Vec<&Seen> = prunes
            .iter()
            .filter(|seen| self.prune_value(seen) == Some("confirm"))
            .collect();
        if let (Some(first), false, true) = (
            asks.first(),
            self.operation.prune_confirmed,
            self.operation.prune,
        ) {
            let mut message = format!(
                "waiting for pruning confirmation of {}/{}/{}",
                first.task.key.group, first.task.key.kind, first.task.key.name
            );
            if asks.len() > 1 {
                message = format!("{message} and {} more resources", asks.len() - 1);
            }
            return (
                Stage::Clearing,
                State::new(OperationPhase::Running, message),
                steps,
            );
        }
        for seen in &prunes {
            let refusal = if !self.operation.prune {
                Some("ignored (requires pruning)")
            } else if self.prune_value(seen) == Some("false") {
                Some("ignored (no prune)")
            } else {
                None
            };
            let mut step = step(
                if refusal.is_some() {
                    Action::SkipPrune
                } else {
                    Action::Prune
                },
                seen,
            );
            refusal.unwrap_or_default().clone_into(&mut step.message);
            steps.push(step);
        }
        let in_the_way: Vec<Seen> = writes
            .iter()
            .copied()
            .filter(|seen| {
                seen.task.live.is_some() && seen.task.has_policy(DeletePolicy::BeforeHookCreation)
            })
            .collect();
        if !in_the_way.is_empty() && !self.operation.dry_run {
            let there = in_the_way.iter();
            let there = there.filter(|seen| !seen.task.is_being_deleted());
            steps.extend(there.map(|seen| step(Action::Delete, seen)));
            return (Stage::Clearing, waiting_for(&in_the_way, true), steps);
        }
        steps.extend(
            writes
                .iter()
                .map(|seen| Step::write(seen.index, seen.task, self.operation)),
        );
        (Stage::Wave { is_last }, running, steps)
    }

    /// `Prune=false|confirm`: the object's own word, else the Application's.
    pub(super) fn prune_value<'v>(&'v self, seen: &Seen<'v, 'v>) -> Option<&'v str> {
        self.operation.options.value_for("Prune", seen.task.live)
    }

    /// The failing half of a sync: the hooks that run because of it, then the end.
    pub(super) fn fail(
        &self,
        failing: &[Seen],
        tasks: &[Seen],
        message: &str,
    ) -> (State, Vec<Step>) {
        let failed: Vec<Seen> = tasks
            .iter()
            .copied()
            .filter(|seen| seen.could_not_be_applied())
            .collect();
        let message = because(message, &failed);
        if failing.iter().all(|seen| seen.is_completed()) {
            let not_run: Vec<Seen> = failing
                .iter()
                .copied()
                .filter(|seen| seen.could_not_be_applied())
                .collect();
            let message = if not_run.is_empty() {
                message
            } else {
                let more = because("one or more SyncFail hooks failed", &not_run);
                format!("{message}\n{more}")
            };
            return (State::new(OperationPhase::Failed, message), Vec::new());
        }
        let pending: Vec<Seen> = failing
            .iter()
            .copied()
            .filter(|seen| seen.is_pending())
            .collect();
        let (_, _, steps) = self.run(&pending, false);
        let state = if pending.is_empty() {
            waiting_for(failing, false)
        } else {
            waiting_for(&pending, false)
        };
        (state, steps)
    }
}
