//! A whole sync on paper: every step it would take if all went well, without a cluster.
//!
//! It is the planner itself, played against a copy of the live objects: each step is done to the copy, every object is healthy at once, and the
//! planner is asked again until the operation is over. What remains different then is not for a sync to mend (deletions that are
//! not allowed), and a plan of the result is empty: a test holds it to that.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use tidegate_model::ObjectKey;

use crate::advance::{Outcome, Sync, Turn};
use crate::compare::{Comparison, Settings, SyncStatus, compare};
use crate::differences::applied;
use crate::health::{Health, HealthStatus};
use crate::operation::{Operation, OperationPhase, Progress, State};
use crate::step::{Action, Step};
use crate::task::Sources;

/// The most turns of one sync: far more than any has waves.
const MOST_TURNS: usize = 10_000;

/// One object as the plan finds it, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Whether live is as desired; null for hooks and what takes no part.
    pub status: Option<SyncStatus>,
    /// Whether nobody desires it any more.
    pub requires_pruning: bool,
    /// Whether it is a hook.
    pub hook: bool,
    /// Where live is not as desired, as JSON pointers.
    pub differences: Vec<String>,
}

/// A sync on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What would be done, in order. Dry runs, writes that would change nothing and finalizers are left out.
    pub steps: Vec<Step>,
    /// What was found, sorted by key.
    pub resources: Vec<Resource>,
    /// Of all resources together.
    pub sync: SyncStatus,
    /// How the operation would end.
    pub operation: State,
    /// The objects as they would be afterwards.
    #[serde(skip)]
    pub after: Vec<Value>,
}

/// Plays a sync through.
pub fn plan(targets: &[Value], live: &[Value], settings: &Settings, operation: &Operation) -> Plan {
    let before = compare(targets, live, settings);
    let mut world: BTreeMap<ObjectKey, Value> = live
        .iter()
        .map(|object| (ObjectKey::of(object), object.clone()))
        .collect();
    let mut steps = Vec::new();
    let mut progress = Progress::default();
    let mut state = State::new(OperationPhase::Running, "");
    let healthy = |_: &Value| Some(Health::new(HealthStatus::Healthy, ""));
    let nobody = BTreeMap::new();
    let none = BTreeSet::new();
    for _ in 0..MOST_TURNS {
        let now: Vec<Value> = world.values().cloned().collect();
        let mut has_acted = false;
        let comparison = compare(targets, &now, settings);
        let sources = Sources {
            targets,
            live: &now,
            comparison: &comparison,
            namespace: settings.namespace,
            unknown_kinds: &none,
            prune_waves: &progress.prune_waves,
        };
        let sync = Sync::new(&sources, operation, &nobody);
        let mut turn = sync.advance(&progress, &healthy);
        loop {
            has_acted |= !turn.steps.is_empty();
            let outcomes = act(&sync, &turn.steps, &mut world, settings);
            steps.extend(turn.steps.iter().filter(|step| is_shown(step)).cloned());
            if turn.is_over() {
                break;
            }
            let done = turn.steps.clone();
            turn = sync.settle(turn, &outcomes);
            steps.extend(wait(&turn, &done));
            if turn.steps.is_empty() {
                break;
            }
        }
        let is_stuck = !has_acted && turn.progress == progress;
        progress = turn.progress;
        state = turn.state;
        if state.phase.is_completed() || is_stuck {
            break;
        }
    }
    Plan {
        steps,
        resources: resources(&before),
        sync: before.status,
        operation: state,
        after: world.into_values().collect(),
    }
}

fn resources(comparison: &Comparison) -> Vec<Resource> {
    let pairs = comparison.pairs.iter();
    pairs
        .map(|pair| Resource {
            key: pair.key.clone(),
            status: pair.status,
            requires_pruning: pair.requires_pruning,
            hook: pair.hook,
            differences: pair.differences.clone(),
        })
        .collect()
}

fn is_shown(step: &Step) -> bool {
    !matches!(step.action, Action::DryRun | Action::Keep | Action::Release)
}

/// The waiting after a wave in which something is done, as a step of its own: it names what is waited for.
fn wait(turn: &Turn, done: &[Step]) -> Option<Step> {
    let is_waiting = done.iter().any(is_shown)
        && turn.state.phase == OperationPhase::Running
        && turn.state.message.starts_with("waiting for ");
    let first = done.iter().find(|step| {
        let ObjectKey {
            group, kind, name, ..
        } = &step.key;
        let path = format!("{group}/{kind}/{name}");
        step.action != Action::Release && turn.state.message.split(' ').any(|word| word == path)
    });
    first.filter(|_| is_waiting).map(|first| Step {
        action: Action::Wait,
        force: false,
        server_side: false,
        unvalidated: false,
        propagation: None,
        message: turn.state.message.clone(),
        ..first.clone()
    })
}

/// Does the steps to the copy.
fn act(
    sync: &Sync,
    steps: &[Step],
    world: &mut BTreeMap<ObjectKey, Value>,
    settings: &Settings,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for step in steps {
        let target = sync
            .tasks()
            .get(step.task)
            .and_then(|task| task.target.as_deref());
        match (step.action, target) {
            (Action::Prune | Action::Delete, _) => {
                world.remove(&step.key);
            }
            (Action::Create | Action::Apply | Action::Replace | Action::Update, Some(target)) => {
                let mut object = target.clone();
                if let (Some(namespace), Some(metadata)) = (
                    &step.key.namespace,
                    object.get_mut("metadata").and_then(Value::as_object_mut),
                ) {
                    metadata.insert("namespace".to_owned(), json!(namespace));
                }
                if let Some(tracking) = settings.tracking {
                    tracking.mark(&mut object, settings.namespace);
                }
                match world.get_mut(&step.key) {
                    Some(live) if step.action == Action::Apply => {
                        *live = applied(&object, live, settings.comparing);
                    }
                    Some(live) => *live = object,
                    None => {
                        world.insert(step.key.clone(), object);
                    }
                }
            }
            _ => {}
        }
        outcomes.push(Ok(format!(
            "{}/{} {}",
            step.key.kind.to_lowercase(),
            step.key.name,
            if step.action == Action::Create {
                "created"
            } else {
                "configured"
            }
        )));
    }
    outcomes
}

#[cfg(test)]
pub(crate) mod tests;
