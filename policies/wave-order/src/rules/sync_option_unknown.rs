//! A sync option that Argo CD passes over.

use tidegate_model::object::{annotation, words};
use tidegate_model::sync_option::{Place, Reading, SYNC_OPTIONS as OPTIONS, find, read};
use tidegate_model::words::SYNC_OPTIONS;
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::subject::{Subject, annotation_pointer, type_of};

pub(crate) const RULE: Rule = Rule::error(
    "sync-option-unknown",
    "A sync option is written so that Argo CD passes over it",
    include_str!("sync_option_unknown.md"),
);

const LIST: &str = "/spec/syncPolicy/syncOptions";

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    if subject.application().is_some() {
        check_list(subject, findings);
    }
    for word in annotation(subject.object, SYNC_OPTIONS)
        .map(words)
        .unwrap_or_default()
    {
        findings.extend(
            judge(word, Place::Resource)
                .map(|finding| finding.at(annotation_pointer(SYNC_OPTIONS))),
        );
    }
}

/// `spec.syncPolicy.syncOptions` of an Application: a list of texts.
fn check_list(subject: &Subject, findings: &mut Vec<Finding>) {
    let entries = match subject.object.pointer(LIST) {
        None | Some(Value::Null) => return,
        Some(Value::Array(entries)) => entries,
        Some(other) => {
            let message = format!(
                "spec.syncPolicy.syncOptions is {}, not a list: Argo CD cannot read the Application",
                type_of(other)
            );
            findings.push(
                Finding::new(&RULE, message).at(LIST).suggest(
                    "Write a list with one option an entry, such as - CreateNamespace=true",
                ),
            );
            return;
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        let finding = match entry {
            Value::String(word) if word.contains(',') => Some(
                Finding::new(&RULE, format!("{word:?} holds several options in one entry: Argo CD passes over all of them"))
                    .suggest(format!("Write one option an entry: {}", words(word).iter().map(|word| format!("- {word}")).collect::<Vec<_>>().join(", "))),
            ),
            Value::String(word) => judge(word, Place::Application),
            other => Some(
                Finding::new(&RULE, format!("entry {index} of spec.syncPolicy.syncOptions is {}, not a text", type_of(other)))
                    .suggest(as_text(other)),
            ),
        };
        findings.extend(finding.map(|finding| finding.at(format!("{LIST}/{index}"))));
    }
}

fn judge(word: &str, place: Place) -> Option<Finding> {
    let elsewhere = match place {
        Place::Application => "the annotation argocd.argoproj.io/sync-options of a resource",
        Place::Resource => "spec.syncPolicy.syncOptions of the Application",
    };
    let finding = |what: &str| {
        Finding::new(
            &RULE,
            format!("sync option {word:?} {what}: Argo CD passes over it"),
        )
    };
    match read(word, place) {
        Reading::Known => None,
        Reading::Misspelt(right) => {
            Some(finding("is not written as Argo CD compares it").suggest(format!("Write {right}")))
        }
        Reading::UnknownValue(option) => Some(
            finding("has a value that means nothing").suggest(format!("Write {}", option.texts())),
        ),
        Reading::WrongPlace(_) => Some(
            finding(&format!("is read only from {elsewhere}"))
                .severity(Severity::Warning)
                .suggest(format!("Move it to {elsewhere}")),
        ),
        // It may be an option of a later Argo CD than the one this table was made from.
        Reading::Unknown => Some(
            match nearest(key(word), OPTIONS.iter().map(|option| option.key)) {
                Some(meant) => finding("does not exist").suggest(format!("Did you mean {meant}?")),
                None => finding("does not exist")
                    .severity(Severity::Warning)
                    .suggest("Remove it"),
            },
        ),
    }
}

fn key(word: &str) -> &str {
    word.split_once('=').map_or(word, |(key, _)| key)
}

/// The text that a map such as `CreateNamespace: true` was meant to be.
fn as_text(entry: &Value) -> String {
    let meant = entry
        .as_object()
        .and_then(|map| map.iter().next())
        .and_then(|(key, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            Some(format!("{}={value}", find(key)?.key))
        });
    match meant {
        Some(text) => format!("Write - {text}"),
        None => "Write a text such as - CreateNamespace=true".to_owned(),
    }
}
