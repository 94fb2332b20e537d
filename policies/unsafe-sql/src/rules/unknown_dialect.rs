//! See `unknown_dialect.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};

use super::{Entry, Subject};
use crate::document::{self, Database};
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "unknown-dialect",
    "The database is not one whose SQL is understood, or cannot be \
                 seen",
    include_str!("unknown_dialect.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    match subject.database {
        Database::Known(_) => {}
        Database::Foreign(scheme) => {
            findings.about(&format!("{}/spec/url", subject.prefix));
            let message = format!(
                "the SQL of `{scheme}` databases is not understood, so it was \
                 not let through"
            );
            findings.push(
                None,
                message,
                "use mysql, mariadb, postgres or sqlite; or let the operator \
                 switch this policy off for the object",
            );
        }
        Database::Hidden => {
            findings.about(&format!("{}/spec", subject.prefix));
            let (why, suggestion) = if document::is_config_map(subject.object) {
                findings.about(&format!("{}/metadata/annotations", subject.prefix));
                (
                    "nothing says whose SQL the ConfigMap holds",
                    "set the annotation `gate.tidegate.dev/dialect`, or the policy's setting `dialect`",
                )
            } else {
                (
                    "the database's URL is not in the object",
                    "set the policy's setting `dialect`, or `spec.devURL` of the same kind of database; `tidegate check` takes `--dialect`",
                )
            };
            let message = format!("{why}, so its SQL is judged as each of mysql, mariadb, postgres and sqlite would read it");
            findings.push_as(Severity::Info, None, message, suggestion);
        }
    }
}
