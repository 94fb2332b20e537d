//! See `drop_object.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};
use tidegate_sqlplan::{Change, Effect, ObjectKind};

use super::Entry;
use crate::comparison::Comparison;
use crate::created::is_routine;
use crate::findings::Findings;
use crate::review::Judged;

pub(crate) const RULE: Rule = Rule::error(
    "drop-object",
    "A view, type, sequence or the like is dropped",
    include_str!("drop_object.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE)
    .statement(statement)
    .comparison(comparison);

fn statement(judged: &Judged<'_>, findings: &mut Findings) {
    for found in &judged.reading.effects {
        let position = Some(judged.statement.position_of(found.offset));
        match &found.effect {
            Effect::Drop { kind, name, .. }
                if judged.created.made(*kind, name, judged.dialect()) => {}
            // It is made anew in the same text.
            Effect::Drop {
                kind,
                name,
                cascade: false,
                ..
            } if judged.created.makes(*kind, name, judged.dialect()) => {}
            Effect::Drop {
                kind: kind @ (ObjectKind::View | ObjectKind::MaterializedView),
                name,
                ..
            } => {
                findings.push(
                    position,
                    format!("dropping {kind} `{name}` breaks what reads it"),
                    "use CREATE OR REPLACE VIEW",
                );
            }
            Effect::Drop {
                kind:
                    kind @ (ObjectKind::Type
                    | ObjectKind::Domain
                    | ObjectKind::Extension
                    | ObjectKind::Sequence
                    | ObjectKind::Other),
                name,
                ..
            } => {
                findings.push(
                    position,
                    format!(
                        "dropping {kind} `{name}` breaks, and with CASCADE drops, what \
                 uses it"
                    ),
                    "replace its uses first, and drop it a release later, without \
                 CASCADE",
                );
            }
            Effect::Drop {
                kind,
                name,
                cascade,
                ..
            } if is_routine(*kind) => {
                let (severity, what, instead) = if *cascade {
                    (
                        RULE.severity,
                        "with CASCADE drops what uses it",
                        "name what is to go, without CASCADE",
                    )
                } else {
                    (
                        Severity::Warning,
                        "takes away what it did, and breaks what calls it",
                        "use CREATE OR REPLACE where it is to change; drop it a release after its last use",
                    )
                };
                let message = format!("dropping {kind} `{name}` {what}");
                findings.push_as(severity, position, message, instead);
            }
            _ => {}
        }
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    for change in comparison.changes {
        let Change::ObjectDropped { kind, object } = change else {
            continue;
        };
        let message = format!(
            "{kind} `{}` is not in the new schema: it is dropped when this is applied",
            object.name
        );
        let severity = if is_routine(*kind) {
            Severity::Warning
        } else {
            RULE.severity
        };
        findings.push_as(
            severity,
            None,
            message,
            "keep it until nothing uses it any more",
        );
    }
}
