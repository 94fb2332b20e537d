//! What the operator wants done with what policies say: a policy reports, the operator decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Severity;

/// What a finding does, from the strongest to the weakest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The request is refused.
    #[default]
    Deny,
    /// The person who applies reads a warning.
    Warn,
    /// Audit annotation, log and metric only.
    Audit,
    /// Nothing.
    Off,
}

impl Action {
    /// The word used in settings, output and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

/// Whether findings bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As the actions say.
    #[default]
    Enforce,
    /// Nothing is ever denied or patched: denials become warnings, so that a new policy can be watched before it binds.
    Monitor,
}

/// What happens to a request when a policy has no verdict about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailurePolicy {
    /// It is refused: what was not judged does not pass.
    #[default]
    Deny,
    /// It passes with a warning.
    Allow,
}

/// The operator's settings for one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// Whether its findings bind.
    pub mode: Mode,
    /// What happens when it has no verdict.
    pub failure_policy: FailurePolicy,
    /// The strongest thing that a finding of this policy may do, where `rules` does not name its rule.
    pub action: Action,
    /// By rule id; binds whatever the severity.
    pub rules: BTreeMap<String, Action>,
    /// Namespaces whose objects it never sees.
    pub exempt_namespaces: BTreeSet<String>,
    /// Whether its patches are used.
    pub mutate: bool,
}

impl Enforcement {
    /// What a finding of this rule does: the rule's own action if the operator named one, else the weaker of the policy's action and what the
    /// severity asks for (error denies, warning warns, info is audited). Monitor mode turns deny into warn.
    pub fn action(&self, rule: &str, severity: Severity) -> Action {
        let by_severity = match severity {
            Severity::Error => Action::Deny,
            Severity::Warning => Action::Warn,
            Severity::Info => Action::Audit,
        };
        let action = self
            .rules
            .get(rule)
            .copied()
            .unwrap_or_else(|| by_severity.max(self.action));
        match (self.mode, action) {
            (Mode::Monitor, Action::Deny) => Action::Warn,
            (_, action) => action,
        }
    }

    /// Whether objects of this namespace are left alone. Cluster-scoped objects never are.
    pub fn exempts(&self, namespace: Option<&str>) -> bool {
        namespace.is_some_and(|namespace| self.exempt_namespaces.contains(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_wins() {
        let mut enforcement = Enforcement::default();
        assert_eq!(
            enforcement.action("drop-table", Severity::Error),
            Action::Deny
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Warning),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Info),
            Action::Audit
        );
        enforcement.action = Action::Audit;
        assert_eq!(
            enforcement.action("drop-table", Severity::Error),
            Action::Audit
        );
        enforcement.action = Action::Warn;
        assert_eq!(
            enforcement.action("drop-table", Severity::Error),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Info),
            Action::Audit
        );
        enforcement.rules.insert("drop-table".into(), Action::Deny);
        assert_eq!(
            enforcement.action("drop-table", Severity::Info),
            Action::Deny
        );
        enforcement.mode = Mode::Monitor;
        assert_eq!(
            enforcement.action("drop-table", Severity::Info),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("truncate", Severity::Error),
            Action::Warn
        );
    }
}
