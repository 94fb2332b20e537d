//! A wave that cannot become healthy, with waves behind it.

use tidegate_model::hook::Phase;
use tidegate_model::object::{kind, name, text};
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::Need;

use crate::plan::Set;
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "wave-never-healthy",
    "An object never becomes healthy, and later waves wait for it",
    include_str!("wave_never_healthy.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let Some(last) = set.last_step() else { return };
    let mut count = 0;
    for index in 0..set.manifests.len() {
        let Some(step) = set
            .step(index)
            .filter(|step| *step < last && step.phase != Phase::SyncFail)
        else {
            continue;
        };
        let Some((why, suggestion)) = why_never(set, index) else {
            continue;
        };
        count += 1;
        if count > MOST {
            return;
        }
        let message = format!(
            "{} {why}: it never becomes healthy, and what comes after {} waits for ever",
            set.describe(index),
            step.describe()
        );
        findings.push(set.finding(&RULE, index, message).suggest(suggestion));
    }
}

fn why_never(set: &Set, index: usize) -> Option<(String, &'static str)> {
    let object = set.object(index);
    let is_true = |pointer: &str| object.pointer(pointer).and_then(Value::as_bool) == Some(true);
    match kind(object) {
        "Deployment" | "Rollout" if is_true("/spec/paused") => Some((
            "is paused, which counts as Suspended".to_owned(),
            "Remove paused: true, or put it into the last wave",
        )),
        // A hook that is suspended is told by a rule of its own.
        "Job" if is_true("/spec/suspend") && !set.is_hook(index) => Some((
            "is suspended".to_owned(),
            "Remove suspend: true, or put it into the last wave",
        )),
        "CronJob" if is_true("/spec/suspend") => Some((
            "is suspended, which counts as Suspended".to_owned(),
            "Put it into the last wave",
        )),
        "PersistentVolumeClaim" => {
            let class = text(object, "/spec/storageClassName")?;
            let waits = set.manifests.iter().any(|manifest| {
                kind(manifest.object) == "StorageClass"
                    && name(manifest.object) == class
                    && text(manifest.object, "/volumeBindingMode") == Some("WaitForFirstConsumer")
            });
            let step = set.step(index)?;
            let mut users = set
                .links(Need::Reference)
                .filter(|(link, ..)| link.provider == index)
                .peekable();
            let later = users.peek().is_some() && users.all(|(_, user, _)| user > step);
            (waits && later).then(|| {
                (
                    format!("is bound only when a pod uses it (StorageClass {class}), and its pods come later"),
                    "Put it into the wave of the workload that mounts it",
                )
            })
        }
        _ => None,
    }
}
