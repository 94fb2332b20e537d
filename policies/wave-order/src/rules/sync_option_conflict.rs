//! Sync options of which one undoes the other.

use std::collections::BTreeMap;

use tidegate_model::application::Application;
use tidegate_model::object::annotation_words;
use tidegate_model::words::SYNC_OPTIONS;
use tidegate_policy_sdk::prelude::*;

use crate::rules::MOST;
use crate::rules::finalizer_misspelt::FINALIZER;
use crate::subject::{Subject, annotation_pointer};

pub(crate) const RULE: Rule = Rule::warning(
    "sync-option-conflict",
    "Sync options contradict each other or the rest of the Application",
    include_str!("sync_option_conflict.md"),
);

const LIST: &str = "/spec/syncPolicy/syncOptions";

/// Pairs of which only one has its effect, and what happens.
const PAIRS: [(&str, &str, &str); 4] = [
    (
        "Replace=true",
        "ServerSideApply=true",
        "Replace wins: nothing is applied server-side, and fields that others own are overwritten",
    ),
    (
        "Prune=false",
        "PruneLast=true",
        "nothing is pruned, last or first",
    ),
    ("Prune=false", "Prune=confirm", "only one of them counts"),
    ("Delete=false", "Delete=confirm", "only one of them counts"),
];

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let annotated = annotation_words(subject.object, SYNC_OPTIONS);
    check_pairs(&annotated, &annotation_pointer(SYNC_OPTIONS), findings);
    if let Some(application) = subject.application() {
        let options: Vec<&str> = application.sync_options().take(MOST).collect();
        check_pairs(&options, LIST, findings);
        check_application(subject, application, &options, findings);
    }
}

fn check_pairs(options: &[&str], pointer: &str, findings: &mut Vec<Finding>) {
    for (one, other, consequence) in PAIRS {
        if options.contains(&one) && options.contains(&other) {
            add(
                findings,
                pointer,
                &format!("{one} and {other} contradict each other: {consequence}"),
                "Keep one of them",
            );
        }
    }
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    for option in options.iter().take(MOST) {
        let Some((key, value)) = option.split_once('=') else {
            continue;
        };
        let known = PAIRS
            .iter()
            .any(|(one, other, _)| one == option || other == option)
            && value == "confirm";
        if let Some(before) = values
            .insert(key, value)
            .filter(|before| *before != value && !known)
        {
            let message = format!("{key} is both {before} and {value}: only one of them counts");
            add(findings, pointer, &message, "Keep one of them");
        }
    }
}

fn check_application(
    subject: &Subject,
    application: Application,
    options: &[&str],
    findings: &mut Vec<Finding>,
) {
    let has = |option: &str| options.contains(&option);
    if has("Prune=false") && application.prunes() {
        add(
            findings,
            LIST,
            "automated.prune is true, but Prune=false keeps every resource: nothing is ever pruned, and the Application stays OutOfSync",
            "Remove Prune=false, or set automated.prune: false",
        );
    }
    let cascades = subject
        .at("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|finalizer| finalizer.starts_with(FINALIZER));
    if has("Prune=false")
        && cascades
        && !has("Delete=false")
        && !has("Delete=confirm")
        && !application.prunes()
    {
        add(
            findings,
            LIST,
            "Prune=false keeps resources that Git drops, but with the resources finalizer deleting the Application deletes them all",
            "Add Delete=false or Delete=confirm, or remove the finalizer",
        );
    }
    if has("CreateNamespace=true") && application.namespace().is_none() {
        add(
            findings,
            LIST,
            "CreateNamespace=true creates spec.destination.namespace, and there is none",
            "Write spec.destination.namespace",
        );
    }
    let metadata = "/spec/syncPolicy/managedNamespaceMetadata";
    if subject
        .at(metadata)
        .is_some_and(|map| map.as_object().is_some_and(|map| !map.is_empty()))
        && !has("CreateNamespace=true")
    {
        add(
            findings,
            metadata,
            "managedNamespaceMetadata is applied only with CreateNamespace=true: these labels are never set",
            "Add CreateNamespace=true to spec.syncPolicy.syncOptions",
        );
    }
}

fn add(findings: &mut Vec<Finding>, pointer: &str, message: &str, suggestion: &str) {
    findings.push(Finding::new(&RULE, message).at(pointer).suggest(suggestion));
}
