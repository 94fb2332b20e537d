//! Differences that are ignored until nothing is left to see.

use tidegate_model::words::{ATLAS_GROUP, ATLAS_MIGRATION, ATLAS_SCHEMA};
use tidegate_policy_sdk::prelude::*;

use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::warning(
    "ignore-differences-hide",
    "ignoreDifferences hides the whole of an object, or what an Atlas object is about",
    include_str!("ignore_differences_hide.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_none() {
        return;
    }
    let entries = subject
        .at("/spec/ignoreDifferences")
        .and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate().take(MOST) {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let is_atlas = [ATLAS_SCHEMA, ATLAS_MIGRATION]
            .iter()
            .any(|kind| matches(text("group"), ATLAS_GROUP) && matches(text("kind"), kind));
        let pointers = list(entry, "jsonPointers").map(|pointer| pointer.replace("~1", "/"));
        let expressions = list(entry, "jqPathExpressions").map(as_pointer);
        let own_manager =
            list(entry, "managedFieldsManagers").any(|manager| manager == "argocd-controller");
        let hidden = pointers
            .chain(expressions)
            .chain(own_manager.then(String::new))
            .find(|pointer| hides_all(pointer) || (is_atlas && hides_atlas(pointer)));
        let Some(pointer) = hidden else {
            continue;
        };
        let what = if is_atlas {
            "changes of the schema or the migrations in Git are never applied, and the Application says Synced"
        } else {
            "changes in Git are never applied, and the Application says Synced"
        };
        let shown = if pointer.trim_matches('/').is_empty() {
            "everything".to_owned()
        } else {
            quote(&pointer)
        };
        let message = format!(
            "entry {index} of spec.ignoreDifferences hides {shown} of {}: {what}",
            quote(text("kind"))
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(format!("/spec/ignoreDifferences/{index}"))
                .suggest("Name only the fields that somebody else sets, such as /spec/replicas"),
        );
    }
}

/// The texts of a list, each cut.
fn list<'a>(entry: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    entry
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(MOST)
}

/// The pointer of a plain jq path such as `.spec.schema`; expressions with more in them keep it and end up narrower.
fn as_pointer(path: &str) -> String {
    path.trim()
        .replace("[]?", "")
        .replace("[]", "")
        .replace('.', "/")
}

fn hides_all(pointer: &str) -> bool {
    ["", "/spec"].contains(&pointer.trim_end_matches(['/', '?']))
}

fn hides_atlas(pointer: &str) -> bool {
    ["/spec/schema", "/spec/dir", "/spec/url", "/spec/urlFrom"]
        .iter()
        .any(|field| {
            pointer
                .strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// Argo CD matches group and kind as globs; here only the usual ones.
fn matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((before, after)) => text.starts_with(before) && text.ends_with(after),
    }
}
