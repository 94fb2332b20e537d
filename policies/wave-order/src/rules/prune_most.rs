//! A sync that deletes most of what there is.

use tidegate_policy_sdk::prelude::*;

use crate::plan::Set;

pub(crate) const RULE: Rule = Rule::error(
    "prune-most",
    "A sync deletes everything, or a large part, of an application",
    include_str!("prune_most.md"),
);

/// Below this many deletions a share means little.
const FEW: usize = 3;

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let deleted = set.deleted.len();
    let all = deleted + set.manifests.len();
    let most = usize::from(set.settings.most_pruned_percent);
    let Some((first, _)) = set.deleted.first() else {
        return;
    };
    let everything = set.manifests.is_empty();
    if !everything && (deleted < FEW || deleted * 100 <= all * most) {
        return;
    }
    let message = if everything {
        format!("this sync deletes all {deleted} objects of the application and applies nothing")
    } else {
        format!("this sync deletes {deleted} of {all} objects, more than {most} %")
    };
    findings.push(
        Finding::new(&RULE, message)
            .at(format!("/changes/{first}"))
            .suggest("See whether the source still renders what it should; if this is meant, delete in smaller steps or raise mostPrunedPercent"),
    );
}
