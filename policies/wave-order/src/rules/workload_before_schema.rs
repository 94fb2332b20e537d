//! A workload that starts before its tables exist.

use std::collections::BTreeMap;

use tidegate_model::hook::Phase;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::error(
    "workload-before-schema",
    "A workload is not in a later wave than the schema of its database",
    include_str!("workload_before_schema.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let mut told = Vec::new();
    let early = set
        .links(Need::Tables)
        .filter(|(_, user, provider)| user <= provider && user.phase != Phase::SyncFail);
    for (link, user, provider) in early.take(MOST) {
        if told.contains(&link.user) {
            continue;
        }
        told.push(link.user);
        let (severity, consequence) = if user < provider {
            (Severity::Error, "it starts before its tables exist")
        } else {
            (
                Severity::Warning,
                "within a wave custom resources come last, so it starts before its tables exist",
            )
        };
        let message = format!(
            "{} uses {} that {} also uses: {consequence}",
            set.describe(link.user),
            link.via,
            set.describe(link.provider)
        );
        let place = match provider.phase {
            Phase::Sync => format!("wave {}", provider.wave.saturating_add(1)),
            phase => format!(
                "a phase after {}, or a wave above {}",
                phase.as_str(),
                provider.wave
            ),
        };
        findings.push(
            set.finding(&RULE, link.user, message)
                .severity(severity)
                .suggest(format!("Give {} {place}", named(set.object(link.user)))),
        );
    }
    check_supposed(set, findings);
}

/// Where nothing shows who uses the tables, and all that might starts too early.
fn check_supposed(set: &Set, findings: &mut Vec<Finding>) {
    let mut users: BTreeMap<usize, Vec<(usize, bool)>> = BTreeMap::new();
    for (link, user, provider) in set.links(Need::Supposed) {
        users
            .entry(link.provider)
            .or_default()
            .push((link.user, user < provider));
    }
    for (provider, users) in users {
        if !users.iter().all(|(_, early)| *early) {
            continue;
        }
        for (user, _) in users.into_iter().take(MOST) {
            let message = format!(
                "{} is the only kind of thing that could use the tables of {}, and starts before they exist",
                set.describe(user),
                set.describe(provider)
            );
            let wave = set
                .step(provider)
                .map_or(1, |step| step.wave.saturating_add(1));
            findings.push(
                set.finding(&RULE, user, message)
                    .severity(Severity::Warning)
                    .suggest(format!(
                        "Give {} wave {wave}, if it uses the database",
                        named(set.object(user))
                    )),
            );
        }
    }
}
