//! A revision that another commit changes, where changes are meant to be decided.

use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "revision-moving",
    "An Application of a production project follows HEAD, a branch or a range of versions",
    include_str!("revision_moving.md"),
);

/// The longest name of a revision that is looked at.
const LONGEST: usize = 200;

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    let project = subject
        .at("/spec/project")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let in_production = subject.settings.is_production(project);
    for (pointer, source) in application.sources().into_iter().take(MOST) {
        let is_chart = source
            .get("chart")
            .and_then(Value::as_str)
            .is_some_and(|chart| !chart.is_empty());
        let revision = source
            .get("targetRevision")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if (is_chart && revision.is_empty()) || revision.len() > LONGEST {
            continue;
        }
        let Some(what) = what_moves(revision, is_chart) else {
            continue;
        };
        let written = format!("{}.targetRevision", dotted(&pointer));
        let (severity, project) = if in_production {
            (
                Severity::Warning,
                format!(" in the production project {}", quote(project)),
            )
        } else {
            (Severity::Info, String::new())
        };
        let message = if revision.is_empty() {
            format!("{written} is missing, so it is HEAD{project}: any commit there is a release")
        } else {
            format!(
                "{written} is {}, {what}{project}: it changes without a change here",
                quote(revision)
            )
        };
        findings.push(
            Finding::new(&RULE, message)
                .severity(severity)
                .at(format!("{pointer}/targetRevision"))
                .suggest(if is_chart {
                    "Write one version, such as 1.4.2"
                } else {
                    "Write a tag, such as v1.4.2, or the full SHA of a commit"
                }),
        );
    }
}

/// What makes a revision move; none for one that stays: a tag that looks like a version, a SHA, an exact version.
fn what_moves(revision: &str, is_chart: bool) -> Option<&'static str> {
    if revision.is_empty() || revision == "HEAD" {
        return Some("whatever is newest");
    }
    let is_range = revision.contains(['*', '^', '~', '>', '<', '|'])
        || revision
            .split('.')
            .any(|part| part.eq_ignore_ascii_case("x"));
    if is_range {
        return Some("a range of versions");
    }
    if is_sha(revision) || is_chart || has_version(revision) || revision.starts_with("refs/tags/") {
        return None;
    }
    Some("a branch")
}

fn is_sha(revision: &str) -> bool {
    (7..=64).contains(&revision.len()) && revision.chars().all(|c| c.is_ascii_hexdigit())
}

/// Whether it ends like a release: `v1.4.2`, `shop-2024.06.1`, `1.2`, `release-20240601`. A branch is mostly named without digits at its end, or `release/1.4`.
fn has_version(revision: &str) -> bool {
    if revision.starts_with("refs/heads/")
        || revision.starts_with("release/")
        || revision.starts_with("release-")
    {
        return false;
    }
    let name = revision.rsplit('/').next().unwrap_or(revision);
    name.chars().any(|c| c.is_ascii_digit())
}
