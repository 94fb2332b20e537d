//! Self-healing that is written down and switched off.

use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::info(
    "self-heal-without-automation",
    "selfHeal is on, but automated syncs are switched off",
    include_str!("self_heal_without_automation.md"),
);

const SELF_HEAL: &str = "/spec/syncPolicy/automated/selfHeal";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    if subject.at(SELF_HEAL).and_then(Value::as_bool) == Some(true) && !application.is_automated() {
        findings.push(
            Finding::new(
                &RULE,
                "selfHeal does nothing while spec.syncPolicy.automated.enabled is false: drift stays",
            )
            .at(SELF_HEAL)
            .suggest("Remove enabled: false when the pause is over"),
        );
    }
}
