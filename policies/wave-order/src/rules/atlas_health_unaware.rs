//! A health check of Atlas objects that takes "not yet" for "broken".

use tidegate_model::object::{kind, name};
use tidegate_policy_sdk::prelude::*;

use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "atlas-health-unaware",
    "A health customization of Atlas objects does not know that Reconciling is no failure",
    include_str!("atlas_health_unaware.md"),
);

/// The prefix of a health script, before `<group>_<Kind>`.
const HEALTH: &str = "resource.customizations.health.db.atlasgo.io_Atlas";
/// The one map that held all customizations before.
const ALL: &str = "resource.customizations";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if kind(subject.object) != "ConfigMap" || name(subject.object) != "argocd-cm" {
        return;
    }
    let data = subject.at("/data").and_then(Value::as_object);
    for (key, script) in data.into_iter().flatten().take(MOST) {
        let Some(script) = script.as_str() else {
            continue;
        };
        let is_ours =
            key.starts_with(HEALTH) || (key == ALL && script.contains("db.atlasgo.io/Atlas"));
        if !is_ours || !script.contains("Degraded") || script.contains("Reconciling") {
            continue;
        }
        findings.push(
            Finding::new(
                &RULE,
                format!(
                    "{} calls an Atlas object that is not ready Degraded, also while it is still Reconciling: Degraded fails the wave at once",
                    quote(key)
                ),
            )
            .at(format!("/data/{key}"))
            .suggest("Return Progressing while condition.reason is \"Reconciling\", or remove the script: Argo CD has its own for these kinds"),
        );
    }
}
