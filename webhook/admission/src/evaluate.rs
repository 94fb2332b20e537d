//! How the server asks for verdicts without knowing who gives them: the trait [`Evaluate`].
//!
//! The host implements it with sandboxes; tests of the router implement it with a closure. (DESIGN put the trait into the server room; here
//! neither of the two needs to know the other.)

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use jiff::civil::Date;

use crate::{Enforcement, PolicyFailure, PolicyInfo, Review, Verdict};

/// Which of the two admission phases asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// `/mutate`: only mutating policies are asked, one after the other, each seeing the object as the one before left it.
    Mutate,
    /// `/validate`: all policies are asked; patches are dropped.
    Validate,
}

impl Stage {
    /// The last part of the endpoint's path, and the metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}

/// Which policies are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every one that matches the object.
    Matching,
    /// This one, if it matches.
    Named(String),
}

/// One question.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which phase.
    pub stage: Stage,
    /// Which policies.
    pub selection: Selection,
    /// About what.
    pub review: Arc<Review>,
    /// How long from now the answer is still of use to the caller.
    pub budget: Duration,
    /// The day in UTC: policies are told, having no clock.
    pub day: Date,
}

/// Where the time of one policy's call went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Waiting for a place.
    pub queue: Duration,
    /// Making the instance.
    pub instantiate: Duration,
    /// Inside the guest, host calls included.
    pub guest: Duration,
    /// Inside host calls.
    pub host: Duration,
}

/// One policy's part of the answer.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// Its name in the policies file.
    pub policy: Arc<str>,
    /// What the operator wants done with what it says.
    pub enforcement: Arc<Enforcement>,
    /// What it said, or why it said nothing.
    pub outcome: Result<Verdict, PolicyFailure>,
    /// Where the time went.
    pub timing: Timing,
    /// The peak of its linear memory, in bytes.
    pub memory_bytes: u64,
}

/// How one policy of the set is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "lowercase")]
pub enum PolicyState {
    /// Compiled, and it has answered its self-test.
    Ready,
    /// It will not answer; the text says why. Its failure policy decides about what it would have judged.
    Failed(String),
    /// The operator switched it off.
    Off,
}

/// One policy of the set, for `/readyz`, metrics and `policy inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyStatus {
    /// Its name in the policies file.
    pub name: Arc<str>,
    /// SHA-256 of the component in hex, where it could be read.
    pub digest: Option<String>,
    /// How it is.
    pub state: PolicyState,
    /// What the file says about itself, where it could say it.
    pub info: Option<Arc<PolicyInfo>>,
}

/// Gives verdicts.
pub trait Evaluate: Send + Sync + 'static {
    /// Asks the policies. Never fails as a whole: a policy that cannot answer has its failure in [`Evaluated::outcome`]. Ordered as in the
    /// policies file.
    fn evaluate(&self, call: Call) -> impl Future<Output = Vec<Evaluated>> + Send;

    /// How each policy is, in the order of the policies file.
    fn policies(&self) -> Vec<PolicyStatus>;
}
