//! A deletion that takes data along.

use tidegate_model::object::{annotation_words, group, kind};
use tidegate_model::words::{
    API_EXTENSIONS_GROUP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SYNC_OPTIONS,
};
use tidegate_policy_sdk::prelude::*;
use tidegate_waves::is_atlas;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::error(
    "prune-lasting",
    "A sync deletes a namespace, a definition, a volume or an Atlas object without asking",
    include_str!("prune_lasting.md"),
);

/// Kinds whose deletion deletes more than themselves.
const LASTING: [(&str, &str, &str); 5] = [
    ("", NAMESPACE, "everything in it"),
    (
        API_EXTENSIONS_GROUP,
        CUSTOM_RESOURCE_DEFINITION,
        "all objects of its kind",
    ),
    ("", "PersistentVolumeClaim", "its data"),
    ("", "PersistentVolume", "its data"),
    ("apps", "StatefulSet", "a database, if it runs one"),
];

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    for (change, object) in set.deleted.iter().take(MOST) {
        let own = LASTING
            .iter()
            .find(|(known, name, _)| *known == group(object) && *name == kind(object));
        let (severity, what) = match own {
            Some((_, "StatefulSet", what)) => (Severity::Warning, *what),
            Some((_, _, what)) => (Severity::Error, *what),
            None if is_atlas(object) => (Severity::Error, "the management of its database"),
            None => continue,
        };
        let options = annotation_words(object, SYNC_OPTIONS);
        if options.contains(&"Prune=confirm") || options.contains(&"Prune=false") {
            continue;
        }
        findings.push(
            Finding::new(&RULE, format!("this sync deletes {}, and with it {what}", named(object)))
                .severity(severity)
                .at(format!("/changes/{change}"))
                .suggest("Write argocd.argoproj.io/sync-options: Prune=confirm on it, so that a person approves, or Prune=false to keep it"),
        );
    }
}
