//! See `waiver.md`.

use tidegate_policy_sdk::pointer;
use tidegate_policy_sdk::prelude::{Rule, Severity};

use super::{Entry, Subject};
use crate::findings::Findings;
use crate::waiver;

pub(crate) const RULE: Rule = Rule::error(
    "waiver",
    "An exception that does not hold",
    include_str!("waiver.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    let place = |annotation: &str| {
        format!("{}/metadata/annotations/{}", subject.prefix, pointer::escape(annotation))
    };
    findings.about(&place(waiver::ANNOTATION));
    let waivers = waiver::read(subject.object, subject.period);
    let before = subject
        .old
        .and_then(|old| old.annotation(waiver::ANNOTATION));
    let is_new = before != subject.object.annotation(waiver::ANNOTATION);
    for ended in waivers.ended {
        // What ended while it was there keeps nobody from changing something else.
        findings.push_as(
            if is_new {
                Severity::Error
            } else {
                Severity::Warning
            },
            None,
            format!(
                "the annotation {} does not hold any more: {ended}",
                waiver::ANNOTATION
            ),
            "take the entry out; what must still be let through needs a new look and a new day",
        );
    }
    for problem in waivers.problems {
        findings.push(
            None,
            format!("the annotation {} does not hold: {problem}", waiver::ANNOTATION),
            "write a list of {\"rule\", \"object\", \"sha256\", \"until\", \"reason\"}, as `tidegate explain unsafe-sql/waiver` shows",
        );
    }
    if subject.waives_without_right {
        if subject.object.annotation(waiver::ANNOTATION).is_none() {
            findings.about(&place(waiver::APPROVAL));
        }
        findings.push(
            None,
            format!(
                "you may not write or change the annotation {} or {}: the operator has not named you",
                waiver::ANNOTATION,
                waiver::APPROVAL
            ),
            "leave the annotation as it is, and ask somebody whom the policy's setting `waivers.by` names; `tidegate check` is the user `tidegate:check`",
        );
    }
}
