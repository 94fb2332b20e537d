//! See `schema_not_visible.md`.

use tidegate_policy_sdk::prelude::{Rule, Severity};

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
    let suggestion = "write the SQL into the object (`spec.schema.sql` or `spec.dir.local`), or give the ConfigMap the label \
                 `gate.tidegate.dev/sql` (`schema` or `migrations`), so that it is judged itself; where the reconciler is on, the statements are \
                 judged before they run";
    if hid {
        let message = format!(
            "the SQL moved into {place}, where it cannot be compared with \
                 what the object said before: a dropped table would not be seen"
        );
        findings.push_as(Severity::Warning, None, message, suggestion);
    } else {
        findings.push(
            None,
            format!(
                "the SQL is in {place}, which this policy does not see: \
                 nothing in it was judged"
            ),
            suggestion,
        );
    }
}
