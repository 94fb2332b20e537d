//! One object, written twice.

use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Absence;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "object-repeated",
    "An object is there twice, and only the last one counts",
    include_str!("object_repeated.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let repeated = set
        .arrangement
        .absent
        .iter()
        .filter(|absent| matches!(absent.why, Absence::Repeated { .. }));
    for absent in repeated.take(MOST) {
        let message = format!(
            "{} is there twice: Argo CD takes the last one and warns with RepeatedResourceWarning",
            named(set.object(absent.index))
        );
        findings.push(
            set.finding(&RULE, absent.index, message)
                .suggest("Remove one of the two"),
        );
    }
}
