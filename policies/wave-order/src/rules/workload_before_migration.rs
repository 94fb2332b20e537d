//! A workload that starts before the Job that makes its tables.

use tidegate_model::hook::Phase;
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "workload-before-migration",
    "A workload is in an earlier wave than the Job that migrates its database",
    include_str!("workload_before_migration.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let early = set.links(Need::Migration).filter(|(_, user, provider)| {
        user.phase == Phase::Sync && provider.phase == Phase::Sync && user.wave < provider.wave
    });
    for (link, _, provider) in early.take(MOST) {
        let message = format!(
            "{} uses {} that {} also uses: it starts before its tables are migrated",
            set.describe(link.user),
            link.via,
            set.describe(link.provider)
        );
        findings.push(set.finding(&RULE, link.user, message).suggest(format!(
            "Give {} wave {}",
            named(set.object(link.user)),
            provider.wave.saturating_add(1)
        )));
    }
}
