//! A set of loaded policies, and how it is asked: it implements [`Evaluate`] for the two phases of admission, and judges plans.
//!
//! A set never changes. A new policies file makes a new set beside it, and whoever serves exchanges the two.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use tidegate_admission::{
    Call, Evaluate, Evaluated, Mode, Operation, PolicyFailure, PolicyInfo, PolicyState,
    PolicyStatus, Review, Selection, Stage, Timing, Verdict, apply_checked,
};

use crate::call::Caller;
use crate::load::Ready;
use crate::plan::PlanRequest;
use crate::sandbox::{Answer, Question};
use crate::source::{ComponentDigest, PolicySpec};

/// What a policy that never could say what it wants to see is taken to want: creates and updates of the kinds that this gate is for.
const ASSUMED_GROUPS: [(&str, [&str; 2]); 2] = [
    ("argoproj.io", ["Application", "AppProject"]),
    ("db.atlasgo.io", ["AtlasSchema", "AtlasMigration"]),
];

/// Policies in the order of their file.
#[derive(Default)]
pub struct PolicySet {
    slots: Vec<Slot>,
}

/// One policy of a set.
pub(crate) struct Slot {
    pub(crate) spec: Arc<PolicySpec>,
    pub(crate) digest: Option<ComponentDigest>,
    /// What it says about itself, or last said before it broke.
    pub(crate) info: Option<Arc<PolicyInfo>>,
    pub(crate) state: SlotState,
}

pub(crate) enum SlotState {
    Ready(Arc<Caller>),
    Failed(String),
    Off,
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.policies()).finish()
    }
}

impl PolicySet {
    pub(crate) fn new(slots: Vec<Slot>) -> Self {
        Self { slots }
    }

    pub(crate) fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| &*slot.spec.name == name)
    }

    /// Asks every policy that matches the plan's subject, as for an update of it. In the order of the policies file.
    pub async fn judge_plan(&self, plan: PlanRequest) -> Vec<Evaluated> {
        let until = Instant::now() + plan.budget;
        let plan = Arc::new(plan);
        let kind = &plan.kind;
        let asked = self.slots.iter().filter(|slot| {
            slot.wants(&kind.group, &kind.kind, Operation::Update)
                && !slot.exempts(plan.namespace.as_deref())
        });
        join_all(
            asked.map(|slot| slot.judge(until, |info| Question::Plan(Arc::clone(&plan), info))),
        )
        .await
    }

    fn asked<'a>(&'a self, call: &'a Call) -> impl Iterator<Item = &'a Slot> {
        let review = &call.review;
        self.slots.iter().filter(move |slot| {
            let selected = match &call.selection {
                Selection::Matching => true,
                Selection::Named(name) => *slot.spec.name == **name,
            };
            selected
                && slot.wants(&review.kind.group, &review.kind.kind, review.operation)
                && !slot.exempts(review.namespace.as_deref())
        })
    }

    async fn validate(&self, call: &Call, until: Instant) -> Vec<Evaluated> {
        let review = &call.review;
        let mut asked = self.asked(call);
        match (asked.next(), asked.next()) {
            (None, _) => Vec::new(),
            (Some(only), None) => {
                vec![
                    only.judge(until, |info| {
                        Question::Review(Arc::clone(review), call.day, info)
                    })
                    .await,
                ]
            }
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(asked);
                join_all(all.map(|slot| {
                    slot.judge(until, |info| {
                        Question::Review(Arc::clone(review), call.day, info)
                    })
                }))
                .await
            }
        }
    }

    async fn mutate(&self, call: &Call, until: Instant) -> Vec<Evaluated> {
        let mut review = Arc::clone(&call.review);
        let mut evaluated = Vec::new();
        for slot in self.asked(call).filter(|slot| slot.mutates()) {
            let mut one = slot
                .judge(until, |info| {
                    Question::Review(Arc::clone(&review), call.day, info)
                })
                .await;
            if let Ok(verdict) = &one.outcome {
                match patched(&review, verdict) {
                    Ok(None) => {}
                    Ok(Some(_)) if slot.spec.enforcement.mode == Mode::Monitor => {}
                    Ok(Some(next)) => review = Arc::new(next),
                    Err(failure) => one.outcome = Err(failure),
                }
            }
            evaluated.push(one);
        }
        evaluated
    }
}

impl Evaluate for PolicySet {
    async fn evaluate(&self, call: Call) -> Vec<Evaluated> {
        let until = Instant::now() + call.budget;
        match call.stage {
            Stage::Validate => self.validate(&call, until).await,
            Stage::Mutate => self.mutate(&call, until).await,
        }
    }

    fn policies(&self) -> Vec<PolicyStatus> {
        self.slots
            .iter()
            .map(|slot| PolicyStatus {
                name: Arc::clone(&slot.spec.name),
                digest: slot.digest.map(|digest| digest.hex()),
                state: match &slot.state {
                    SlotState::Ready(_) => PolicyState::Ready,
                    SlotState::Failed(reason) => PolicyState::Failed(reason.clone()),
                    SlotState::Off => PolicyState::Off,
                },
                info: slot.info.clone(),
            })
            .collect()
    }
}

impl Slot {
    /// The policy as it is, if these bytes and this spec make the same one. What the operator does with its findings may differ.
    pub(crate) fn unchanged(&self, spec: &PolicySpec, digest: &ComponentDigest) -> Option<Ready> {
        let same = self.digest.as_ref() == Some(digest)
            && self.spec.settings == spec.settings
            && self.spec.limits == spec.limits
            && self.spec.capabilities == spec.capabilities;
        match (&self.state, &self.info) {
            (SlotState::Ready(caller), Some(info)) if same => Some(Ready {
                caller: Arc::clone(caller),
                info: Arc::clone(info),
                digest: *digest,
            }),
            _ => None,
        }
    }

    fn wants(&self, group: &str, kind: &str, operation: Operation) -> bool {
        match (&self.state, &self.info) {
            (SlotState::Off, _) => false,
            (_, Some(info)) => info.matches(group, kind, operation),
            (_, None) => {
                matches!(operation, Operation::Create | Operation::Update)
                    && ASSUMED_GROUPS
                        .iter()
                        .any(|(assumed, kinds)| *assumed == group && kinds.contains(&kind))
            }
        }
    }

    fn exempts(&self, namespace: Option<&str>) -> bool {
        self.spec.enforcement.exempts(namespace)
    }

    /// A policy that never said whether it mutates is not asked to: its failure is told once, when the object is validated.
    fn mutates(&self) -> bool {
        self.spec.enforcement.mutate && self.info.as_ref().is_some_and(|info| info.mutates)
    }

    async fn judge(
        &self,
        until: Instant,
        question: impl FnOnce(Arc<PolicyInfo>) -> Question,
    ) -> Evaluated {
        let mut evaluated = Evaluated {
            policy: Arc::clone(&self.spec.name),
            enforcement: Arc::clone(&self.spec.enforcement),
            outcome: Err(PolicyFailure::NotLoaded("it is switched off".into())),
            timing: Timing::default(),
            memory_bytes: 0,
        };
        match (&self.state, &self.info) {
            (SlotState::Ready(caller), Some(info)) => {
                let until = until.min(Instant::now() + self.spec.limits.time);
                let called = caller.call(question(Arc::clone(info)), until).await;
                evaluated.outcome = called.outcome.and_then(|answer| match answer {
                    Answer::Verdict(verdict) => Ok(verdict),
                    Answer::Info(_) | Answer::Settings(_) => Err(PolicyFailure::Answer(
                        "an answer to another question".into(),
                    )),
                });
                evaluated.timing = called.timing;
                evaluated.memory_bytes = called.memory_bytes;
            }
            (SlotState::Failed(reason), _) => {
                evaluated.outcome = Err(PolicyFailure::NotLoaded(reason.clone()));
            }
            (SlotState::Ready(_) | SlotState::Off, _) => {}
        }
        evaluated
    }
}

/// The review with the object as the patch leaves it; none when there is nothing to change.
fn patched(review: &Review, verdict: &Verdict) -> Result<Option<Review>, PolicyFailure> {
    let Some(object) = review
        .object
        .as_deref()
        .filter(|_| !verdict.patch.0.is_empty())
    else {
        return Ok(None);
    };
    let object = apply_checked(object, &verdict.patch)
        .map_err(|error| PolicyFailure::Answer(error.to_string()))?;
    Ok(Some(Review {
        object: Some(object.into()),
        ..review.clone()
    }))
}
