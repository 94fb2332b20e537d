//! A workload that starts before the Job that makes its tables.

use tidegate_model::hook::Phase;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "workload-before-migration",
    "A workload starts before, or with, the Job that migrates its database",
    include_str!("workload_before_migration.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let early = set.links(Need::Migration).filter(|(link, user, provider)| {
        // Nothing waits within a wave; but whoever orders nothing may mean the workload to try until its tables are there.
        let is_ordered =
            set.is_hook(link.provider) || set.has_wave(link.provider) || set.has_wave(link.user);
        user.phase == Phase::Sync
            && matches!(provider.phase, Phase::Sync | Phase::PostSync)
            && (user < provider || (user == provider && is_ordered))
    });
    for (link, user, provider) in early.take(MOST) {
        let when = if user == provider {
            "both start together"
        } else {
            "it starts before its tables are migrated"
        };
        let message = format!(
            "{} uses {} that {} also uses: {when}",
            set.describe(link.user),
            link.via,
            set.describe(link.provider)
        );
        let suggestion = if provider.phase == Phase::Sync {
            let wave = provider.wave.saturating_add(1);
            format!("Give {} wave {wave}", named(set.object(link.user)))
        } else {
            format!(
                "Give {} the hook PreSync, or Sync and a wave below that of {}",
                named(set.object(link.provider)),
                named(set.object(link.user))
            )
        };
        findings.push(set.finding(&RULE, link.user, message).suggest(suggestion));
    }
}
