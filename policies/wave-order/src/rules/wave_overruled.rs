//! A wave on a Namespace or a definition that Argo CD replaces with that of its first user.

use tidegate_model::object::kind;
use tidegate_model::wave;
use tidegate_model::words::{CUSTOM_RESOURCE_DEFINITION, NAMESPACE};
use tidegate_policy_sdk::prelude::*;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "wave-overruled",
    "A Namespace or definition is written after what needs it",
    include_str!("wave_overruled.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let overruled = set.arrangement.order.iter().filter(|task| {
        let object = set.object(task.index);
        [NAMESPACE, CUSTOM_RESOURCE_DEFINITION].contains(&kind(object))
            && set.has_wave(task.index)
            && wave::of(object) > task.wave
    });
    for task in overruled.take(MOST) {
        let object = set.object(task.index);
        let message = format!(
            "{} says wave {}, but something in wave {} of {} needs it: Argo CD applies it there, before what its wave promises to come first",
            named(object),
            wave::of(object),
            task.wave,
            task.phase.as_str()
        );
        findings.push(set.finding(&RULE, task.index, message).suggest(format!(
            "Give {} wave {} or lower",
            named(object),
            task.wave
        )));
    }
}
