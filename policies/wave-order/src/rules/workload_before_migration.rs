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
        user.phase == Phase::Sync
            && matches!(provider.phase, Phase::Sync | Phase::PostSync)
            && user < provider
    });
    for (link, _, provider) in early.take(MOST) {
        let message = format!(
            "{} uses {} that {} also uses: it starts before its tables are migrated",
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
