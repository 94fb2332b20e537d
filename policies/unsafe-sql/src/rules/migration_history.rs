//! See `migration_history.md`.

use tidegate_migrations::{Directory, File};
use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::{Rule, Severity};

use super::{Entry, Subject};
use crate::document;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "migration-history",
    "The history of a database is rewritten",
    include_str!("migration_history.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

/// A file for databases that have nothing; the others leave it out, wherever it stands.
const CHECKPOINT: &str = "-- atlas:checkpoint";

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    let (Some(directory), Some(old_object)) = (document::directory(subject.object), subject.old)
    else {
        return;
    };
    let Some(old) = document::directory(old_object) else {
        return;
    };
    let known = old_object
        .text("/status/lastAppliedVersion")
        .filter(|version| !version.is_empty());
    edited(subject, &directory, &old, known, findings);
    out_of_order(subject, &directory, &old, known, findings);
}

/// Files that were there and are not what they were.
fn edited(
    subject: &Subject<'_>,
    directory: &Directory,
    old: &Directory,
    known: Option<&str>,
    findings: &mut Findings,
) {
    for before in old.files() {
        let now = find(directory, before.name());
        if now.is_some_and(|now| now.text() == before.text()) {
            continue;
        }
        let applied = known.map(|last| before.version() <= last);
        if applied == Some(false) {
            continue;
        }
        let what = if now.is_some() { "edited" } else { "removed" };
        let (severity, when) = if applied == Some(true) {
            (Severity::Error, "after it was applied")
        } else {
            (Severity::Warning, "though it may be applied already")
        };
        about(subject, before.name(), findings);
        findings.push_as(
            severity,
            None,
            format!(
                "{} was {what} {when}: databases that have it will not change, \
                 and new ones will be another",
                before.name()
            ),
            "put the file back and write the change as a new migration",
        );
    }
}

/// New files whose place is before one that is there already.
fn out_of_order(
    subject: &Subject<'_>,
    directory: &Directory,
    old: &Directory,
    known: Option<&str>,
    findings: &mut Findings,
) {
    let order = subject.object.text("/spec/execOrder").unwrap_or("linear");
    let last = known.or_else(|| old.files().last().map(File::version));
    let Some(last) = last.filter(|_| order != "non-linear") else {
        return;
    };
    for file in directory.files() {
        let is_new = find(old, file.name()).is_none();
        if !is_new || file.version() >= last || file.text().starts_with(CHECKPOINT) {
            continue;
        }
        let (severity, message) = if order == "linear-skip" {
            (
                Severity::Warning,
                "it will be left out (execOrder linear-skip)",
            )
        } else {
            (
                Severity::Error,
                "it will be refused where that one is applied",
            )
        };
        about(subject, file.name(), findings);
        findings.push_as(
            severity,
            None,
            format!("{} was added before version {last}: {message}", file.name()),
            "give the file a version behind the last one (`tidegate migrate hash` then seals \
                 the folder)",
        );
    }
}

fn find<'d>(directory: &'d Directory, name: &str) -> Option<&'d File> {
    directory.files().iter().find(|file| file.name() == name)
}

fn about(subject: &Subject<'_>, file: &str, findings: &mut Findings) {
    let file = pointer::escape(file);
    let folder = document::files(subject.object);
    findings.about(&format!("{}{folder}/{file}", subject.prefix));
}
