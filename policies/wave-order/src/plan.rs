//! Everything that one sync brings, with its order and its needs: what rules over a whole set look at.

use tidegate_model::hook::{Phase, Role, role};
use tidegate_model::object::{kind, name, text};
use tidegate_model::wave;
use tidegate_model::words::SYNC_WAVE;
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::{Arrangement, Link, Links, Manifest, Need, arrange, links, runs_pods};

use crate::Settings;

/// A place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    pub(crate) phase: Phase,
    pub(crate) wave: i64,
}

/// A set of objects about to be applied, and what is about to be deleted.
#[derive(Debug)]
pub(crate) struct Set<'a> {
    pub(crate) settings: &'a Settings,
    /// What the plan is of: an Application, where it is known.
    pub(crate) subject: &'a Value,
    /// What is applied.
    pub(crate) manifests: Vec<Manifest<'a>>,
    /// What is deleted: its place among the changes, and the object.
    pub(crate) deleted: Vec<(usize, &'a Value)>,
    pub(crate) arrangement: Arrangement,
    pub(crate) links: Links,
    /// The place of each manifest among the changes.
    changes: Vec<usize>,
    /// The first step of each manifest; none for what takes no part.
    steps: Vec<Option<Step>>,
}

impl<'a> Set<'a> {
    pub(crate) fn new(plan: &'a Plan, settings: &'a Settings) -> Self {
        let mut manifests = Vec::new();
        let mut changes = Vec::new();
        let mut deleted = Vec::new();
        for (place, change) in plan.changes.iter().enumerate() {
            match change {
                Change::ApplyObject(object) => {
                    manifests.push(Manifest {
                        object: object.value(),
                        origin: "",
                    });
                    changes.push(place);
                }
                Change::DeleteObject(object) => deleted.push((place, object.value())),
                Change::RunStatement(_) => {}
            }
        }
        let destination = text(plan.subject.value(), "/spec/destination/namespace")
            .filter(|namespace| !namespace.is_empty());
        let arrangement = arrange(&manifests, destination);
        let mut steps = vec![None; manifests.len()];
        for task in &arrangement.order {
            if let Some(step) = steps.get_mut(task.index) {
                step.get_or_insert(Step {
                    phase: task.phase,
                    wave: task.wave,
                });
            }
        }
        Self {
            settings,
            subject: plan.subject.value(),
            links: links(&manifests, destination),
            manifests,
            deleted,
            arrangement,
            changes,
            steps,
        }
    }

    /// The object at a place of the input.
    pub(crate) fn object(&self, index: usize) -> &'a Value {
        self.manifests
            .get(index)
            .map_or(&Value::Null, |manifest| manifest.object)
    }

    /// When it is first applied; none when it takes no part.
    pub(crate) fn step(&self, index: usize) -> Option<Step> {
        self.steps.get(index).copied().flatten()
    }

    /// The last step of the sync that is no answer to a failure.
    pub(crate) fn last_step(&self) -> Option<Step> {
        self.arrangement
            .order
            .iter()
            .filter(|task| task.phase != Phase::SyncFail)
            .map(|task| Step {
                phase: task.phase,
                wave: task.wave,
            })
            .max()
    }

    /// Whether the object of a change is applied in one step with workloads.
    pub(crate) fn starts_with_workloads(&self, change: usize) -> bool {
        let Some(own) = self.changes.iter().position(|place| *place == change) else {
            return false;
        };
        self.manifests.iter().enumerate().any(|(index, manifest)| {
            runs_pods(manifest.object)
                && kind(manifest.object) != "CronJob"
                && self.step(index).is_some()
                && self.step(index) == self.step(own)
        })
    }

    /// Whether it is a hook.
    pub(crate) fn is_hook(&self, index: usize) -> bool {
        matches!(role(self.object(index)), Role::Hook(_))
    }

    /// Whether it says its wave itself.
    pub(crate) fn has_wave(&self, index: usize) -> bool {
        wave::is_written(self.object(index))
    }

    /// The links of one kind, with the steps of both ends; without those of which an end takes no part.
    pub(crate) fn links(&self, need: Need) -> impl Iterator<Item = (&Link, Step, Step)> {
        self.links
            .links
            .iter()
            .filter(move |link| link.need == need)
            .filter_map(|link| Some((link, self.step(link.user)?, self.step(link.provider)?)))
    }

    /// As people name it: `Deployment web (wave 0)`, `Job migrate (PreSync)`.
    pub(crate) fn describe(&self, index: usize) -> String {
        let object = self.object(index);
        let when = self
            .step(index)
            .map_or_else(|| "not applied".to_owned(), Step::describe);
        format!("{} ({when})", named(object))
    }

    /// A finding about one object of the set.
    pub(crate) fn finding(&self, rule: &Rule, index: usize, message: impl Into<String>) -> Finding {
        let change = self.changes.get(index).copied().unwrap_or_default();
        let key = pointer::join("/metadata/annotations", SYNC_WAVE);
        Finding::new(rule, message).at(format!("/changes/{change}{key}"))
    }
}

impl Step {
    /// `wave 1`, `PreSync wave 0`.
    pub(crate) fn describe(self) -> String {
        match self.phase {
            Phase::Sync => format!("wave {}", self.wave),
            phase => format!("{} wave {}", phase.as_str(), self.wave),
        }
    }
}

/// `Deployment web`.
pub(crate) fn named(object: &Value) -> String {
    let name = match name(object) {
        "" => text(object, "/metadata/generateName").unwrap_or_default(),
        name => name,
    };
    format!("{} {name}", kind(object))
}
