//! See `schema_not_visible.md`.

use tidegate_policy_sdk::prelude::{Object, Rule, Severity};

use super::{Entry, Subject};
use crate::document;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::info(
    "schema-not-visible",
    "The SQL is not in the object",
    include_str!("schema_not_visible.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    if document::purpose(subject.object).is_none() {
        findings.about(&format!("{}/metadata/labels", subject.prefix));
        findings.push_as(
            Severity::Error,
            None,
            format!(
                "the label `{}` is taken away, so that nothing in it is judged any more",
                document::LABEL
            ),
            "leave it; to let go of the SQL, delete the object",
        );
        return;
    }
    let Some((pointer, place)) = document::elsewhere(subject.object) else {
        return;
    };
    findings.about(&format!("{}{pointer}", subject.prefix));
    let hid = subject.old.is_some_and(|old| {
        document::elsewhere(old).is_none() && !document::documents(old).is_empty()
    });
    let named = |object: &Object| object.text(&format!("{pointer}/name")).map(str::to_owned);
    let config_map = named(subject.object).filter(|_| pointer.contains("configMap"));
    let label = if document::is_schema(subject.object) {
        "schema"
    } else {
        "migrations"
    };
    let suggestion = match &config_map {
        Some(name) => format!(
            "give the ConfigMap `{name}` the label `{}: {label}`, if it has not: it is then judged itself whenever it changes, old against new; \
             where the reconciler is on, the statements are judged before they run",
            document::LABEL
        ),
        None => "write the SQL into the object (`spec.schema.sql` or `spec.dir.local`); where the reconciler is on, the statements are judged before \
                 they run"
            .to_owned(),
    };
    if hid {
        let message = format!(
            "the SQL moved into {place}, where it cannot be compared with \
                 what the object said before: a dropped table would not be seen"
        );
        findings.push_as(Severity::Warning, None, message, &suggestion);
    } else {
        // Said when the reference is made, so that whoever applies the object hears it once.
        let is_new = config_map.is_some() && subject.old.and_then(named) != config_map;
        let severity = if is_new {
            Severity::Warning
        } else {
            Severity::Info
        };
        findings.push_as(
            severity,
            None,
            format!(
                "the SQL is in {place}, which this policy does not see: \
                 nothing in it was judged"
            ),
            &suggestion,
        );
    }
}
