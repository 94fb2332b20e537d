//! A hook that is gone before anybody saw how it ended, or that never ends.

use tidegate_model::hook::{Role, role};
use tidegate_model::object::kind;
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "hook-job-vanishes",
    "A Job that is a hook is deleted as soon as it ends, or never starts",
    include_str!("hook_job_vanishes.md"),
);

const TTL: &str = "/spec/ttlSecondsAfterFinished";
const SUSPEND: &str = "/spec/suspend";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let is_hook = matches!(role(subject.object), Role::Hook(_) | Role::AtDeletion(_));
    if kind(subject.object) != "Job" || !is_hook {
        return;
    }
    if subject.at(TTL).and_then(Value::as_i64) == Some(0) {
        findings.push(
            Finding::new(
                &RULE,
                "this hook has ttlSecondsAfterFinished 0: Kubernetes deletes it the moment it ends, and a sync that has not seen the end hangs or fails",
            )
            .at(TTL)
            .suggest("Remove ttlSecondsAfterFinished and say argocd.argoproj.io/hook-delete-policy: HookSucceeded"),
        );
    }
    if subject.at(SUSPEND).and_then(Value::as_bool) == Some(true) {
        findings.push(
            Finding::new(
                &RULE,
                "this hook is suspended: it never starts, and the sync waits for it for ever",
            )
            .at(SUSPEND)
            .suggest("Remove suspend: true"),
        );
    }
}
