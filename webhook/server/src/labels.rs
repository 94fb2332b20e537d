//! The labels of the metrics. Each value is one of a few words, a port, or a policy of the policies file; never what a user can choose.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use tidegate_admission::PolicyState;

/// Kinds that have a label of their own.
const KINDS: [&str; 4] = ["Application", "AppProject", "AtlasMigration", "AtlasSchema"];

/// A policy's name in the policies file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PolicyName(pub(crate) Arc<str>);

impl EncodeLabelValue for PolicyName {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> std::fmt::Result {
        (&*self.0).encode(encoder)
    }
}

/// Of reviews.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) stage: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) dry_run: bool,
}

/// Of how long reviews take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StageLabels {
    pub(crate) stage: &'static str,
}

/// Of connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PortLabels {
    pub(crate) port: &'static str,
}

/// Of what is counted for each policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PolicyLabels {
    pub(crate) policy: PolicyName,
}

/// Of what came of policies' verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DecisionLabels {
    pub(crate) policy: PolicyName,
    pub(crate) action: &'static str,
}

/// Of where the time of calls goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartLabels {
    pub(crate) policy: PolicyName,
    pub(crate) part: &'static str,
}

/// Of calls without a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    pub(crate) policy: PolicyName,
    pub(crate) reason: &'static str,
}

/// Of how policies are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateLabels {
    pub(crate) policy: PolicyName,
    pub(crate) state: &'static str,
}

/// Of what was turned away or cut off.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WhyLabels {
    pub(crate) reason: &'static str,
}

/// A kind that is not ours to judge has no name here.
pub(crate) fn kind_label(kind: &str) -> &'static str {
    KINDS
        .into_iter()
        .find(|known| *known == kind)
        .unwrap_or("other")
}

/// The states of `/readyz`.
pub(crate) fn state_label(state: &PolicyState) -> &'static str {
    match state {
        PolicyState::Ready => "ready",
        PolicyState::Failed(_) => "failed",
        PolicyState::Off => "off",
    }
}
