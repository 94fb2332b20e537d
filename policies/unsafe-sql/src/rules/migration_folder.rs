//! See `migration_folder.md`.

use tidegate_migrations::SumError;
use tidegate_policy_sdk::prelude::Rule;

use super::{Entry, Subject};
use crate::document;
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::error(
    "migration-folder",
    "A folder of migrations cannot be run as it is",
    include_str!("migration_folder.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(directory) = document::directory(subject.object) else {
        return;
    };
    let had_sum = || {
        let old = subject.old.and_then(document::directory);
        old.is_some_and(|old| old.sum_text().is_some())
    };
    let sum = match directory.verify() {
        // A file handed over alone carries none; one that was taken away is another matter.
        Err(SumError::Missing) if !had_sum() => Ok(()),
        other => other.map_err(|error| error.to_string()),
    };
    let versions = directory.validate().map_err(|error| error.to_string());
    let folder = document::files(subject.object);
    findings.about(&format!("{}{folder}/atlas.sum", subject.prefix));
    for message in [sum, versions].into_iter().filter_map(Result::err) {
        findings.push(
            None,
            message,
            "mend the files, then seal them: `tidegate migrate hash`",
        );
    }
}
