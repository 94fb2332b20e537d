//! Carries an operation on: turn after turn, as long as there is something to do and nothing to wait for.
//!
//! Each turn is decided by `syncplan` from what is there, what is desired and what has happened; here its steps are done and their outcomes given back.
//! What must not happen twice, hooks, is written into the status before the next turn, so that whoever goes on after us knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use tidegate_model::object::at;
use tidegate_model::{GroupKind, ObjectKey};
use tidegate_syncplan::advance::{Sync, Turn};
use tidegate_syncplan::compare::compare;
use tidegate_syncplan::operation::{Operation, OperationPhase, State};
use tidegate_syncplan::step::Action;
use tidegate_syncplan::task::Sources;

use super::health::Judge;
use super::look::Lens;
use super::operation::Running;
use super::project::Project;
use super::snapshot::{Live, Snapshot};
use super::steps::{Acted, Hand};
use crate::context::Context;
use crate::gate::{Gate, GateFinding, GateVerdict, PlanChange, PlanReview};

/// The most turns in a row before the others have theirs.
const MOST_TURNS: usize = 100;

/// Why the turns ended for now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The operation is over.
    Over,
    /// Objects have to become healthy, or go.
    Waiting,
    /// There is more to do; the state should be written first.
    Checkpoint,
    /// The policies could not be asked.
    NoGate,
}

/// Why nothing may be done.
enum Refusal {
    /// The policies say so.
    Denied(Vec<GateFinding>),
    /// The policies could not be asked.
    Unavailable(String),
}

/// What the operation is carried on with.
pub(super) struct Run<'a, G> {
    pub(super) context: &'a Context<G>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) targets: &'a [Value],
    pub(super) project: &'a Value,
    pub(super) lens: &'a Lens,
    pub(super) judge: &'a Judge<'a>,
}

impl<G: Gate> Run<'_, G> {
    /// Goes on until the operation waits or is over. `live` is kept as the cluster is.
    pub(super) async fn go_on(&self, running: &mut Running, live: &mut Live) -> Pause {
        let application = &self.snapshot.application;
        let planned = running.planned(application);
        let is_terminating = running.state.phase == OperationPhase::Terminating;
        let is_new = running.progress.results.is_empty() && !is_terminating;
        let hand = Hand {
            context: self.context,
            tracking: &self.lens.tracking,
            namespace: self.lens.namespace(),
            namespace_metadata: at(application, "/spec/syncPolicy/managedNamespaceMetadata"),
            mark: running.mark(application),
            dry_run: planned.dry_run,
            force: planned.force,
            respects: planned
                .options
                .has("RespectIgnoreDifferences=true")
                .then_some(&self.lens.rules),
            takes_over: !planned.options.has("ClientSideApplyMigration=false"),
        };
        for number in 0..MOST_TURNS {
            let asks = is_new && number == 0;
            let taken = self.turn(&hand, &planned, running, live, asks).await;
            let (turn, acted, has_hooks) = match taken {
                Ok(taken) => taken,
                Err(Refusal::Denied(findings)) => {
                    running.state = State {
                        phase: OperationPhase::Failed,
                        message: denied("the sync", &findings),
                    };
                    return Pause::Over;
                }
                Err(Refusal::Unavailable(message)) => {
                    running.state.message = message;
                    return Pause::NoGate;
                }
            };
            let has_moved = !acted.outcomes.is_empty() || turn.progress != running.progress;
            running.progress = turn.progress;
            running.state = turn.state;
            if !acted.changed.is_empty() {
                self.refresh_unknown(live);
            }
            if running.state.phase.is_completed() {
                return Pause::Over;
            }
            if !has_moved {
                return Pause::Waiting;
            }
            if has_hooks {
                return Pause::Checkpoint;
            }
        }
        Pause::Checkpoint
    }

    /// One turn: what is decided, done, and made of the outcomes; before anything is done the policies are asked, where `asks`.
    async fn turn(
        &self,
        hand: &Hand<'_, G>,
        planned: &Operation,
        running: &Running,
        live: &mut Live,
        asks: bool,
    ) -> Result<(Turn, Acted, bool), Refusal> {
        let mut all = Acted::default();
        let mut has_hooks = false;
        let turn = {
            let settings = self.lens.settings();
            let comparison = compare(self.targets, &live.objects, &settings);
            let sources = Sources {
                targets: self.targets,
                live: &live.objects,
                comparison: &comparison,
                namespace: self.lens.namespace(),
                unknown_kinds: &live.unknown_kinds,
                prune_waves: &running.progress.prune_waves,
            };
            let refused = self.refused(&live.objects);
            let sync = Sync::new(&sources, planned, &refused);
            if asks {
                self.ask_gate(&sync, planned).await?;
            }
            let judge = |object: &Value| self.judge.health(object);
            let mut turn = if running.state.phase == OperationPhase::Terminating {
                sync.terminate(&running.progress, &judge)
            } else {
                sync.advance(&running.progress, &judge)
            };
            loop {
                let acted = hand.act(&sync, &turn.steps).await;
                has_hooks |= turn
                    .steps
                    .iter()
                    .any(|step| step.hook && !matches!(step.action, Action::DryRun | Action::Keep));
                let outcomes = acted.outcomes.clone();
                all.outcomes.extend(acted.outcomes);
                all.changed.extend(acted.changed);
                if turn.is_over() {
                    break;
                }
                turn = sync.settle(turn, &outcomes);
                if turn.steps.is_empty() {
                    break;
                }
            }
            turn
        };
        for (key, object) in &all.changed {
            let place = live.objects.binary_search_by_key(key, ObjectKey::of);
            match (place, object) {
                (Ok(place), Some(object)) => {
                    if let Some(slot) = live.objects.get_mut(place) {
                        slot.clone_from(object);
                    }
                }
                (Ok(place), None) => {
                    live.objects.remove(place);
                }
                (Err(place), Some(object)) => live.objects.insert(place, object.clone()),
                (Err(_), None) => {}
            }
        }
        Ok((turn, all, has_hooks))
    }

    /// Objects that the project does not permit, and why.
    fn refused(&self, live: &[Value]) -> BTreeMap<ObjectKey, String> {
        let project = Project::new(self.project);
        self.targets
            .iter()
            .chain(live)
            .map(ObjectKey::of)
            .filter_map(|key| project.refusal(&key).map(|why| (key, why)))
            .collect()
    }

    /// Kinds that this sync has defined are known now.
    fn refresh_unknown(&self, live: &mut Live) {
        let Some(kinds) = self.context.known_kinds() else {
            live.unknown_kinds = BTreeSet::new();
            return;
        };
        live.unknown_kinds
            .retain(|GroupKind { group, kind }| kinds.any(group, kind).is_none());
    }

    /// Asks the gate about everything that will be written and deleted, in order, before the first of it is.
    async fn ask_gate(&self, sync: &Sync<'_>, planned: &Operation) -> Result<(), Refusal> {
        let changes = sync
            .tasks()
            .iter()
            .filter_map(|task| match (task.target.as_deref(), task.live) {
                (Some(target), live) => Some(PlanChange::Apply {
                    object: target.to_string(),
                    live: live.map(ToString::to_string),
                    unchanged: task.unchanged,
                }),
                (None, Some(live)) if planned.prune => Some(PlanChange::Delete(live.to_string())),
                (None, _) => None,
            })
            .collect();
        let plan = PlanReview {
            subject: self.snapshot.subject(),
            dialect: None,
            changes,
        };
        match self.context.judge(&self.snapshot.key, &plan).await {
            GateVerdict::Allowed { .. } => Ok(()),
            GateVerdict::Denied { findings } => Err(Refusal::Denied(findings)),
            GateVerdict::Unavailable { message } => Err(Refusal::Unavailable(message)),
        }
    }
}

/// The message of something that the policies do not allow.
pub(super) fn denied(what: &str, findings: &[GateFinding]) -> String {
    const MOST: usize = 10;
    let mut message = format!("the policies deny {what}; nothing was changed");
    for finding in findings.iter().take(MOST) {
        message.push_str("; ");
        message.push_str(&finding.to_string());
    }
    if findings.len() > MOST {
        let _ = write!(message, "; and {} more", findings.len() - MOST);
    }
    message
}
