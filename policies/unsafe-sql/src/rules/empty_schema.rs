//! See `empty_schema.md`.

use tidegate_policy_sdk::prelude::Rule;

use super::{Entry, Subject};
use crate::comparison::Comparison;
use crate::document;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "empty-schema",
    "The schema describes nothing",
    include_str!("empty_schema.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object).comparison(comparison);

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    let has_text = !document::documents(subject.object).is_empty();
    if document::is_schema(subject.object)
        && !has_text
        && document::elsewhere(subject.object).is_none()
    {
        findings.about(&format!("{}/spec/schema", subject.prefix));
        findings.push(
            None,
            "the object describes no schema: to apply nothing is to drop \
                 everything",
            "write the tables into `spec.schema.sql`; to let go of a \
                 database, delete the object",
        );
    }
}

fn comparison(comparison: &Comparison<'_>, findings: &mut Findings) {
    if comparison.new.is_empty() && comparison.understood {
        let lost = match comparison.old.tables.len() {
            0 => "everything that is in the database".to_owned(),
            1 => "the table that the old one had".to_owned(),
            many => format!("the {many} tables that the old one had"),
        };
        let message = format!("the schema describes no table, so applying it drops {lost}");
        findings.push(
            None,
            message,
            "write the tables that should stay; to let go of a database, \
                 delete the object",
        );
    }
}
