//! The policy `wave-order`: sync waves, hooks and sync options that cannot work.
//!
//! Argo CD is polite to a fault: a wave that is no integer is wave 0, a hook word it does not know makes a resource disappear from the sync,
//! a sync option in the wrong case does nothing, a field in the wrong place is pruned by the API server, and none of it is an
//! error anywhere. People find out when the application starts before its tables exist. This policy says so before that.
//!
//! **What it sees.** Every object, because any object may carry a wave; the webhook configuration sends only the kinds Application,
//! AppProject, AtlasSchema and AtlasMigration, while `tidegate check` and a plan show it all the others.
//!
//! **How it grows.** A rule is a file of [`rules`] and a page of the same name; the page's fenced blocks are the rule's tests. One table
//! registers them all.
//!
//! **What it never does.** An object that is being deleted is let through, whatever it holds: refusing to remove a finalizer would
//! keep it for ever. And a problem that the stored object already has is a warning, not an error, on update: the gate must not lock
//! people out of repairing other things, or Argo CD out of noting that it saw them.

use tidegate_policy_sdk::prelude::*;

mod application_set;
mod cron;
mod fields;
mod mutations;
mod nearest;
mod plan;
mod rules;
mod settings;
mod subject;

pub use settings::Settings;

use plan::Set;
use subject::Subject;

/// Sync waves, hooks and sync options that cannot work.
#[derive(Debug)]
pub struct WaveOrder;

impl Policy for WaveOrder {
    type Settings = Settings;

    const INFO: Info = Info::new(
        "wave-order",
        env!("CARGO_PKG_VERSION"),
        "Sync waves, hooks and sync options do what their author meant.",
    )
    .matches(&[Match::kinds("*", &["*"])])
    .rules(&rules::RULES)
    .mutates();

    fn check_settings(settings: &Settings) -> Vec<String> {
        settings.problems()
    }

    fn review(request: &Request, settings: &Settings, verdict: &mut Verdict) {
        match request {
            Request::Admission(admission) => review_admission(admission, settings, verdict),
            Request::Plan(plan) => review_plan(plan, settings, verdict),
        }
    }
}

fn review_admission(admission: &Admission, settings: &Settings, verdict: &mut Verdict) {
    let Some(object) = &admission.object else {
        return;
    };
    let subject = Subject::new(object, settings);
    if admission.operation == Operation::Delete || subject.is_being_deleted() {
        return;
    }
    let mended = mutations::mend(&subject, verdict.patch());
    let stored = admission
        .old_object
        .as_ref()
        .map(|old| findings(&Subject::new(old, settings)))
        .unwrap_or_default();
    for mut finding in findings(&subject) {
        if mended.iter().any(|mend| mend.removes(&finding)) {
            finding = finding.mended();
        }
        let known = stored.iter().any(|old| {
            old.rule == finding.rule && old.path == finding.path && old.message == finding.message
        });
        if known && finding.severity == Severity::Error {
            finding = finding.severity(Severity::Warning);
        }
        verdict.report(finding);
    }
}

/// Everything that is about to be applied was rendered for the subject, so all of it is managed; then what only the whole set shows.
fn review_plan(plan: &Plan, settings: &Settings, verdict: &mut Verdict) {
    let set = Set::new(plan, settings);
    let mut found = Vec::new();
    for (_, check) in rules::SET_TABLE {
        check(&set, &mut found);
    }
    let explained = found
        .iter()
        .any(|finding| rules::EXPLAIN_MISSING_WAVES.contains(&finding.rule.as_str()));
    for (index, change) in plan.changes.iter().enumerate() {
        let Change::ApplyObject(object) = change else {
            continue;
        };
        let subject = Subject::rendered(object, settings);
        for mut finding in findings(&subject) {
            let is_missing_wave = finding.rule == rules::atlas_without_wave::RULE.id;
            if is_missing_wave && (explained || !set.starts_with_workloads(index)) {
                continue;
            }
            finding.message = format!("{subject}: {}", finding.message);
            let inside = finding.path.take().unwrap_or_default();
            verdict.report(finding.at(format!("/changes/{index}{inside}")));
        }
    }
    for finding in found {
        verdict.report(finding);
    }
}

/// What the rules say of one object, and of the Application inside it where it has one.
fn findings(subject: &Subject) -> Vec<Finding> {
    let mut findings = checked(subject);
    if let Some(template) = application_set::template(subject.object) {
        let mut found = checked(&subject.of(&template));
        found.retain(|finding| application_set::holds(finding, subject.object, &template));
        findings.extend(found.into_iter().map(|mut finding| {
            let inside = finding.path.take().unwrap_or_default();
            finding.at(format!("{}{inside}", application_set::TEMPLATE))
        }));
    }
    findings
}

fn checked(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, check) in rules::TABLE {
        check(subject, &mut findings);
    }
    findings
}

export_policy!(WaveOrder);

#[cfg(test)]
mod tests;
