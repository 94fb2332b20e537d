//! Something that is mounted before it exists.

use tidegate_model::hook::Phase;
use tidegate_model::object::kind;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::{Need, runs_pods};

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::error(
    "reference-in-later-wave",
    "An object needs a Secret, claim, account or issuer of a later wave, which never comes",
    include_str!("reference_in_later_wave.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let needed = set.links(Need::Reference).chain(set.links(Need::Pulls));
    let late = needed.filter(|(link, user, provider)| {
        user < provider && user.phase != Phase::SyncFail && waits(set, link.user)
    });
    for (link, user, provider) in late.take(MOST) {
        let (user_name, provider_name) = (set.describe(link.user), set.describe(link.provider));
        let pulls = link.need == Need::Pulls;
        let consequence = if pulls {
            format!(
                "unless its image can be pulled without it, it does not start, and Argo CD does not begin {}",
                provider.describe()
            )
        } else if user.phase == provider.phase {
            let missing = if runs_pods(set.object(link.user)) {
                "cannot start"
            } else {
                "does not become healthy"
            };
            format!(
                "it {missing} without it, and Argo CD does not begin wave {} before it is healthy",
                provider.wave
            )
        } else {
            format!(
                "it cannot end without it, and Argo CD does not begin {} before it has",
                provider.phase.as_str()
            )
        };
        let message = format!("{user_name} needs {provider_name}: {consequence}");
        let place = if user.phase == Phase::Sync {
            format!("wave {} or lower", user.wave)
        } else {
            format!(
                "the hook {} and wave {} or lower",
                user.phase.as_str(),
                user.wave.saturating_sub(1)
            )
        };
        let finding = set.finding(&RULE, link.provider, message);
        let finding = if pulls {
            finding.severity(Severity::Warning)
        } else {
            finding
        };
        findings
            .push(finding.suggest(format!("Give {} {place}", named(set.object(link.provider)))));
    }
}

/// Whether a sync waits for it: a schedule is healthy before its first run, and what has no replicas needs nothing.
fn waits(set: &Set, user: usize) -> bool {
    let object = set.object(user);
    kind(object) != "CronJob"
        && object.pointer("/spec/replicas").and_then(Value::as_i64) != Some(0)
        && object.pointer("/spec/suspend").and_then(Value::as_bool) != Some(true)
}
