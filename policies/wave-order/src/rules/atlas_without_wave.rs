//! A schema or migration that syncs together with the application that needs it.

use tidegate_model::object::{annotation, kind};
use tidegate_model::words::{HELM_HOOK, HELM_HOOK_WEIGHT, HOOK, SYNC_WAVE};
use tidegate_policy_sdk::prelude::*;

use crate::subject::Subject;

pub(crate) const RULE: Rule = Rule::warning(
    "atlas-without-wave",
    "An AtlasSchema or AtlasMigration that Argo CD manages has no sync wave",
    include_str!("atlas_without_wave.md"),
);

/// Where the finding is: the annotation itself is not there to point at.
pub(crate) const PATH: &str = "/metadata";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if !subject.is_atlas() || !subject.is_managed() {
        return;
    }
    // A hook has its place by its phase.
    if [SYNC_WAVE, HELM_HOOK_WEIGHT, HOOK, HELM_HOOK]
        .iter()
        .any(|key| annotation(subject.object, key).is_some())
    {
        return;
    }
    let message = format!(
        "this {} has no sync wave: Argo CD applies it last in wave 0 and starts the workloads of that wave without waiting for its tables",
        kind(subject.object)
    );
    findings.push(Finding::new(&RULE, message).at(PATH).suggest(format!(
        "Write {SYNC_WAVE}: \"1\" here, \"0\" on the database and \"2\" on what uses the tables"
    )));
}
