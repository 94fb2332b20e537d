//! What became of a step, remembered as a result.

use std::collections::BTreeMap;

use serde_json::Value;
use tidegate_model::ObjectKey;
use tidegate_model::hook::Phase;
use tidegate_model::object::{at, text};

use super::{Outcome, Sync};
use crate::operation::{OperationPhase, Progress, ResultCode, TaskResult};
use crate::step::{Action, Step};
use crate::task::Task;

impl Sync<'_> {
    pub(super) fn record(&self, ledger: &mut Ledger<'_>, step: &Step, outcome: &Outcome) {
        let Some(task) = self.tasks.get(step.task) else {
            return;
        };
        let failed = |message: &String| {
            (
                Some(ResultCode::SyncFailed),
                Some(OperationPhase::Failed),
                message.clone(),
            )
        };
        let done = if self.operation.dry_run {
            OperationPhase::Succeeded
        } else {
            OperationPhase::Running
        };
        let (code, phase, message) = match (step.action, outcome) {
            (Action::Wait, _) | (Action::Release | Action::Delete | Action::DryRun, Ok(_)) => {
                return;
            }
            (Action::Release, Err(error)) => {
                let message = format!("failed to remove hook finalizer: {error}");
                (None, Some(OperationPhase::Error), message)
            }
            (Action::Delete, Err(error)) => {
                let message = format!("failed to delete resource: {error}");
                (None, Some(OperationPhase::Error), message)
            }
            (Action::SkipPrune, _) => (
                Some(ResultCode::PruneSkipped),
                Some(OperationPhase::Succeeded),
                step.message.clone(),
            ),
            (Action::Prune, Ok(_)) => {
                let words = if self.operation.dry_run {
                    "pruned (dry run)"
                } else {
                    "pruned"
                };
                (
                    Some(ResultCode::Pruned),
                    Some(OperationPhase::Succeeded),
                    words.to_owned(),
                )
            }
            (Action::Keep, _) => {
                let kind = step.key.kind.to_lowercase();
                let message = format!("{kind}/{} unchanged", step.key.name);
                (Some(ResultCode::Synced), Some(done), message)
            }
            (_, Ok(message)) => (Some(ResultCode::Synced), Some(done), message.clone()),
            (_, Err(error)) => failed(error),
        };
        ledger.set(task, code, phase, &message);
    }

    pub(super) fn update(
        &self,
        ledger: &mut Ledger<'_>,
        index: usize,
        phase: OperationPhase,
        message: &str,
        code: Option<ResultCode>,
    ) {
        if let Some(task) = self.tasks.get(index) {
            ledger.set(task, code, Some(phase), message);
        }
    }
}

/// The results, and where each of them is: of thousands of tasks each would else be looked for among all.
pub(super) struct Ledger<'p> {
    progress: &'p mut Progress,
    places: BTreeMap<(ObjectKey, Phase), usize>,
}

impl<'p> Ledger<'p> {
    pub(super) fn of(progress: &'p mut Progress) -> Self {
        // Of two the first counts.
        let results = progress.results.iter().enumerate().rev();
        let places = results.map(|(place, it)| ((it.key.clone(), it.sync_phase), place));
        Self {
            places: places.collect(),
            progress,
        }
    }

    /// Remembers a task's result. What is not said stays: an empty message, no code.
    pub(super) fn set(
        &mut self,
        task: &Task,
        status: Option<ResultCode>,
        phase: Option<OperationPhase>,
        message: &str,
    ) {
        let results = &mut self.progress.results;
        let next = results.len();
        let place = *self
            .places
            .entry((task.key.clone(), task.phase))
            .or_insert(next);
        if let Some(known) = results.get_mut(place) {
            known.images = images(task.object());
            known.status = status.or(known.status);
            known.hook_phase = phase;
            if !message.is_empty() {
                message.clone_into(&mut known.message);
            }
            return;
        }
        results.push(TaskResult {
            key: task.key.clone(),
            version: task.version().to_owned(),
            status,
            message: message.to_owned(),
            hook_type: task.hook.then_some(task.phase),
            hook_phase: phase,
            sync_phase: task.phase,
            images: images(task.object()),
        });
    }
}

/// The images of a workload's containers, as they are listed (`GetResourceImages` of `gitops-engine/pkg/utils/kube`).
fn images(object: Option<&Value>) -> Vec<String> {
    let pods = [
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
        "/spec",
    ];
    let containers = pods
        .into_iter()
        .find_map(|pod| at(object?, &format!("{pod}/containers"))?.as_array());
    let images = containers.into_iter().flatten();
    images
        .filter_map(|container| text(container, "/image").map(str::to_owned))
        .collect()
}
