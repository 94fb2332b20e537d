//! Applications in waves that nobody waits for.

use tidegate_model::hook::Phase;
use tidegate_model::object::{at, group, kind, name};
use tidegate_model::words::{APPLICATION, ARGO_GROUP};
use tidegate_policy_sdk::prelude::*;

use crate::plan::{Set, Step, named};

pub(crate) const RULE: Rule = Rule::warning(
    "applications-do-not-wait",
    "Applications are in waves, but Argo CD does not wait for Applications",
    include_str!("applications_do_not_wait.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    if set.settings.applications_have_health {
        return;
    }
    let applications = || {
        (0..set.manifests.len()).filter(|index| {
            let object = set.object(*index);
            group(object) == ARGO_GROUP && kind(object) == APPLICATION && set.has_wave(*index)
        })
    };
    let steps = || applications().filter_map(|index| Some((set.step(index)?, index)));
    let Some((first, index)) = steps().min() else {
        return;
    };
    let last_application = steps().max().map(|(step, _)| step);
    let after = last_application.max(
        set.last_step()
            .filter(|step: &Step| step.phase == Phase::Sync),
    );
    if after.is_none_or(|after| after <= first)
        || set
            .manifests
            .iter()
            .any(|manifest| gives_health(manifest.object))
    {
        return;
    }
    let message = format!(
        "{} is in a wave before others, but an Application has no health of its own: the next wave begins at once, whatever the state of this one",
        named(set.object(index))
    );
    findings.push(set.finding(&RULE, index, message).suggest(
        "Add resource.customizations.health.argoproj.io_Application to argocd-cm; if it is there, set applicationsHaveHealth: true for this policy",
    ));
}

/// Whether it brings the health check: as `argocd-cm`, or as values of Argo CD's chart.
fn gives_health(object: &Value) -> bool {
    let names_it = |text: &str| {
        text.contains("argoproj.io_Application") || text.contains("argoproj.io/Application:")
    };
    let data = at(object, "/data").and_then(Value::as_object);
    let is_settings = kind(object) == "ConfigMap" && name(object) == "argocd-cm";
    let in_settings = is_settings
        && data
            .into_iter()
            .flatten()
            .any(|(key, value)| names_it(key) || value.as_str().is_some_and(names_it));
    let in_values = kind(object) == APPLICATION
        && at(object, "/spec").is_some_and(|spec| names_it(&spec.to_string()));
    in_settings
        || in_values
        || (group(object) == ARGO_GROUP
            && kind(object) == "ArgoCD"
            && names_it(&object.to_string()))
}
