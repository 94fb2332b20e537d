//! Two Atlas objects that each want the same database for themselves.

use tidegate_policy_sdk::prelude::*;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "database-shared",
    "Two AtlasSchemas or AtlasMigrations manage one database",
    include_str!("database_shared.md"),
);

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    for rivals in set.links.rivals.iter().take(MOST) {
        let message = format!(
            "{} and {} manage the same database ({}): each undoes what the other does",
            set.describe(rivals.second),
            named(set.object(rivals.first)),
            rivals.via
        );
        findings.push(set.finding(&RULE, rivals.second, message).suggest(
            "Make one of the two, or give each its own schema in the url or in spec.schemas",
        ));
    }
}
