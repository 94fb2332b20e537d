//! What the operator wants done with what policies say: a policy reports, the operator decides.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Review, Severity};

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

/// Objects for which the operator wants something else of the same policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names of namespaces; a `*` at the end stands for any rest. Without any, all namespaces and none.
    pub namespaces: Vec<String>,
    /// Labels that an object has: before a change as well as after it, as a label that comes with a change must not speak for it.
    pub labels: BTreeMap<String, String>,
    /// The strongest thing that a finding may do there, where `rules` does not name its rule; what is weaker for all objects stays so.
    pub action: Option<Action>,
    /// By rule id; binds whatever the severity, and whatever holds for all objects.
    pub rules: BTreeMap<String, Action>,
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
    /// Of those that an object is in, the first one counts.
    pub scopes: Vec<Scope>,
    /// Namespaces whose objects it never sees.
    pub exempt_namespaces: BTreeSet<String>,
    /// Whether its patches are used.
    pub mutate: bool,
}

impl Enforcement {
    /// What a finding of this rule does: the rule's own action if the operator named one, else the weaker of the policy's action and what the
    /// severity asks for (error denies, warning warns, info is audited); likewise for the object's scope. Monitor mode turns deny into warn.
    pub fn action(&self, rule: &str, severity: Severity, scope: Option<&Scope>) -> Action {
        let by_severity = match severity {
            Severity::Error => Action::Deny,
            Severity::Warning => Action::Warn,
            Severity::Info => Action::Audit,
        };
        let of_all = self.rules.get(rule).copied();
        let of_all = of_all.unwrap_or_else(|| by_severity.max(self.action));
        let action = scope.map_or(of_all, |scope| {
            let named = scope.rules.get(rule).copied();
            named.unwrap_or_else(|| scope.action.map_or(of_all, |most| of_all.max(most)))
        });
        match (self.mode, action) {
            (Mode::Monitor, Action::Deny) => Action::Warn,
            (_, action) => action,
        }
    }

    /// The scope that the object of a request is in.
    pub fn scope(&self, review: &Review) -> Option<&Scope> {
        self.scopes.iter().find(|scope| scope.has(review))
    }

    /// Whether a policy without a verdict may deny what is in the scope.
    pub fn failure_binds(&self, scope: Option<&Scope>) -> bool {
        let strongest = scope.and_then(|scope| scope.action).unwrap_or_default();
        self.failure_policy == FailurePolicy::Deny
            && self.mode == Mode::Enforce
            && self.action.max(strongest) == Action::Deny
    }

    /// Whether nothing that is found has any effect.
    pub fn is_off(&self) -> bool {
        let scoped = self.scopes.iter().flat_map(|scope| scope.rules.values());
        self.action == Action::Off
            && self
                .rules
                .values()
                .chain(scoped)
                .all(|action| *action == Action::Off)
    }

    /// Whether objects of this namespace are left alone. Cluster-scoped objects never are.
    pub fn exempts(&self, namespace: Option<&str>) -> bool {
        namespace.is_some_and(|namespace| self.exempt_namespaces.contains(namespace))
    }
}

impl Scope {
    fn has(&self, review: &Review) -> bool {
        let is_one = |namespace: &str| {
            self.namespaces.iter().any(|wanted| {
                wanted
                    .strip_suffix('*')
                    .map_or(wanted == namespace, |start| namespace.starts_with(start))
            })
        };
        let is_there =
            self.namespaces.is_empty() || review.namespace.as_deref().is_some_and(is_one);
        is_there && (self.labels.is_empty() || review.has_labels(&self.labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_wins() {
        let mut enforcement = Enforcement::default();
        assert_eq!(
            enforcement.action("drop-table", Severity::Error, None),
            Action::Deny
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Warning, None),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Info, None),
            Action::Audit
        );
        enforcement.action = Action::Audit;
        assert_eq!(
            enforcement.action("drop-table", Severity::Error, None),
            Action::Audit
        );
        enforcement.action = Action::Warn;
        assert_eq!(
            enforcement.action("drop-table", Severity::Error, None),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("drop-table", Severity::Info, None),
            Action::Audit
        );
        enforcement.rules.insert("drop-table".into(), Action::Deny);
        assert_eq!(
            enforcement.action("drop-table", Severity::Info, None),
            Action::Deny
        );
        enforcement.mode = Mode::Monitor;
        assert_eq!(
            enforcement.action("drop-table", Severity::Info, None),
            Action::Warn
        );
        assert_eq!(
            enforcement.action("truncate", Severity::Error, None),
            Action::Warn
        );
    }

    #[test]
    fn a_scope_weakens_or_names_its_rules() {
        let scope = Scope {
            action: Some(Action::Warn),
            rules: BTreeMap::from([("truncate".into(), Action::Deny)]),
            ..Scope::default()
        };
        let enforcement = Enforcement {
            rules: BTreeMap::from([
                ("truncate".into(), Action::Audit),
                ("drop-table".into(), Action::Deny),
                ("privilege".into(), Action::Off),
            ]),
            ..Enforcement::default()
        };
        for (rule, severity, everywhere, there) in [
            ("truncate", Severity::Error, Action::Audit, Action::Deny),
            ("drop-table", Severity::Info, Action::Deny, Action::Warn),
            ("privilege", Severity::Error, Action::Off, Action::Off),
            ("other", Severity::Error, Action::Deny, Action::Warn),
            ("other", Severity::Info, Action::Audit, Action::Audit),
        ] {
            assert_eq!(enforcement.action(rule, severity, None), everywhere);
            assert_eq!(enforcement.action(rule, severity, Some(&scope)), there);
        }
        assert!(enforcement.failure_binds(None));
        assert!(!enforcement.failure_binds(Some(&scope)));
        assert!(!enforcement.is_off());
        let off = Enforcement {
            action: Action::Off,
            ..Enforcement::default()
        };
        assert!(off.is_off());
        let scopes = vec![scope];
        assert!(!Enforcement { scopes, ..off }.is_off());
    }

    fn review() -> Review {
        let body = r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "CREATE",
            "kind": {"group": "db.atlasgo.io", "version": "v1alpha1", "kind": "AtlasSchema"}, "object": {}}}"#;
        crate::parse_review(body.as_bytes()).unwrap()
    }

    #[test]
    fn an_object_is_in_the_first_scope_that_has_it() {
        let scope = |namespaces: &[&str], labels: &[(&str, &str)]| Scope {
            namespaces: namespaces.iter().map(|&name| name.into()).collect(),
            labels: labels
                .iter()
                .map(|&(key, value)| (key.into(), value.into()))
                .collect(),
            ..Scope::default()
        };
        let enforcement = Enforcement {
            scopes: vec![
                scope(&["lab"], &[]),
                scope(&["dev-*", "test"], &[("stage", "dev")]),
                scope(&[], &[("stage", "dev"), ("team", "shop")]),
                scope(&["dev-*"], &[]),
            ],
            ..Enforcement::default()
        };
        let (dev, shop) = (r#"{"stage": "dev"}"#, r#"{"stage": "dev", "team": "shop"}"#);
        for (namespace, old, new, place) in [
            (Some("lab"), None, Some("{}"), Some(0)),
            (Some("labs"), None, Some("{}"), None),
            (Some("dev-1"), None, Some(dev), Some(1)),
            (Some("dev-1"), Some(dev), None, Some(1)),
            (Some("test"), None, Some(dev), Some(1)),
            (Some("prod"), None, Some(dev), None),
            (Some("prod"), None, Some(shop), Some(2)),
            (None, Some(shop), Some(shop), Some(2)),
            // The label comes with the change.
            (Some("prod"), Some(dev), Some(shop), None),
            (Some("dev-1"), Some("{}"), Some(dev), Some(3)),
            (Some("dev-1"), None, Some(r#"{"stage": 5}"#), Some(3)),
            (Some("prod"), None, None, None),
        ] {
            let object = |labels: &str| format!(r#"{{"metadata": {{"labels": {labels}}}}}"#).into();
            let review = Review {
                namespace: namespace.map(Into::into),
                object: new.map(object),
                old_object: old.map(object),
                ..review()
            };
            let found = enforcement.scope(&review);
            assert_eq!(
                found,
                place.map(|place: usize| &enforcement.scopes[place]),
                "{namespace:?} {old:?} {new:?}"
            );
        }
    }
}
