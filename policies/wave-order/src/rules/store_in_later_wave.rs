//! A database, queue or cache, or anything waited for, that comes after what cannot start without it.

use tidegate_model::hook::Phase;
use tidegate_model::object::kind;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::error(
    "store-in-later-wave",
    "A workload needs a database or service of a later wave or phase",
    include_str!("store_in_later_wave.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let mut told = Vec::new();
    let is_service = |index: usize| kind(set.object(index)) == "Service";
    let mut links: Vec<_> = set
        .links(Need::Store)
        .chain(set.links(Need::Waits))
        .collect();
    // What runs says more to people than the name before it.
    links.sort_by_key(|(link, ..)| is_service(link.provider));
    for (link, user, provider) in links {
        let is_schedule = kind(set.object(link.user)) == "CronJob";
        if told.len() >= MOST
            || user.phase == Phase::SyncFail
            || is_schedule
            || told.contains(&(link.user, link.need))
        {
            continue;
        }
        let runs_at_once = set.is_hook(link.user) && user == provider && !is_service(link.provider);
        if user >= provider && !runs_at_once {
            continue;
        }
        told.push((link.user, link.need));
        let waits = link.need == Need::Waits;
        let (severity, consequence) = match (user < provider, user.phase == provider.phase) {
            (true, false) => (
                Severity::Error,
                format!(
                    "it cannot end without it, and Argo CD does not begin {} before it has",
                    provider.phase.as_str()
                ),
            ),
            (true, true) if waits || set.is_hook(link.user) => (
                Severity::Error,
                format!(
                    "it waits for it, and Argo CD does not begin wave {} before it is healthy",
                    provider.wave
                ),
            ),
            (true, true) => (
                Severity::Warning,
                format!(
                    "unless it becomes healthy without it, Argo CD never begins wave {}",
                    provider.wave
                ),
            ),
            (false, _) => (
                Severity::Warning,
                "the hook starts at once, because Argo CD does not wait within a wave".to_owned(),
            ),
        };
        let message = format!(
            "{} needs {} ({}): {consequence}",
            set.describe(link.user),
            set.describe(link.provider),
            link.via
        );
        let place = match (user.phase, provider.phase) {
            (Phase::PreSync, Phase::Sync) => {
                "the hook Sync and a wave above it, or bring the database in an Application of its own".to_owned()
            }
            _ => format!("wave {}", provider.wave.saturating_add(1)),
        };
        findings.push(
            set.finding(&RULE, link.user, message)
                .severity(severity)
                .suggest(format!("Give {} {place}", named(set.object(link.user)))),
        );
    }
}
