//! A sync option that Argo CD passes over.

use tidegate_model::application::LEVELS;
use tidegate_model::object::{annotation, words};
use tidegate_model::sync_option::{Place, Reading, SYNC_OPTIONS as OPTIONS, find, read};
use tidegate_model::words::SYNC_OPTIONS;
use tidegate_policy_sdk::prelude::*;

use crate::nearest::nearest;
use crate::rules::MOST;
use crate::subject::{Subject, annotation_pointer, quote, type_of};

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
    let annotated = annotation(subject.object, SYNC_OPTIONS)
        .map(words)
        .unwrap_or_default();
    let judged = annotated
        .into_iter()
        .filter_map(|word| judge(word, Place::Resource));
    findings.extend(
        judged
            .take(MOST)
            .map(|finding| finding.at(annotation_pointer(SYNC_OPTIONS))),
    );
}

/// `spec.syncPolicy.syncOptions` of an Application: a list of texts.
fn check_list(subject: &Subject, findings: &mut Vec<Finding>) {
    match subject.at(LIST) {
        None | Some(Value::Null) => {}
        Some(Value::Array(entries)) => {
            let judged = entries.iter().enumerate().filter_map(|(index, entry)| {
                Some(judge_entry(index, entry)?.at(format!("{LIST}/{index}")))
            });
            findings.extend(judged.take(MOST));
        }
        Some(other) => {
            let message = format!(
                "spec.syncPolicy.syncOptions is {}, not a list: Argo CD cannot read the Application",
                type_of(other)
            );
            let suggestion =
                "Write a list with one option an entry, such as - CreateNamespace=true";
            findings.push(Finding::new(&RULE, message).at(LIST).suggest(suggestion));
        }
    }
}

fn judge_entry(index: usize, entry: &Value) -> Option<Finding> {
    let Value::String(word) = entry else {
        let message = format!(
            "entry {index} of spec.syncPolicy.syncOptions is {}, not a text",
            type_of(entry)
        );
        return Some(Finding::new(&RULE, message).suggest(as_text(entry)));
    };
    if word.contains(',') {
        let message = format!(
            "{} holds several options in one entry: Argo CD passes over all of them",
            quote(word)
        );
        return Some(
            Finding::new(&RULE, message).suggest("Write each option as an entry of its own"),
        );
    }
    judge(word, Place::Application)
}

fn judge(word: &str, place: Place) -> Option<Finding> {
    let elsewhere = match place {
        Place::Application => "the annotation argocd.argoproj.io/sync-options of a resource",
        Place::Resource => "spec.syncPolicy.syncOptions of the Application",
    };
    let finding = |what: &str| {
        let message = format!("sync option {} {what}: Argo CD passes over it", quote(word));
        Finding::new(&RULE, message)
    };
    Some(match read(word, place) {
        Reading::Known => return None,
        Reading::Misspelt(right) => {
            finding("is not written as Argo CD compares it").suggest(format!("Write {right}"))
        }
        Reading::UnknownValue(option) => {
            finding("has a value that means nothing").suggest(format!("Write {}", option.texts()))
        }
        Reading::WrongPlace(_) => finding(&format!("is read only from {elsewhere}"))
            .severity(Severity::Warning)
            .suggest(format!("Move it to {elsewhere}")),
        Reading::Unknown => {
            let near = || nearest(key(word), OPTIONS.iter().map(|option| option.key));
            if let Some(field) = field(word) {
                finding("is a field, not an option").suggest(format!("Write {field}"))
            } else if let Some(meant) = near() {
                finding("does not exist").suggest(format!("Did you mean {meant}?"))
            } else {
                // It may be an option of a later Argo CD than the one this table was made from.
                finding("does not exist")
                    .severity(Severity::Warning)
                    .suggest("Remove it")
            }
        }
    })
}

/// The field of `automated` that people write as an option: `allowEmpty=true`.
fn field(word: &str) -> Option<String> {
    let (key, value) = word.split_once('=')?;
    let automated = LEVELS
        .iter()
        .find(|level| level.pointer.ends_with("/automated"))?;
    let field = automated
        .fields
        .iter()
        .find(|field| field.eq_ignore_ascii_case(key.trim()))?;
    Some(format!(
        "spec.syncPolicy.automated.{field}: {}",
        value.trim()
    ))
}

fn key(word: &str) -> &str {
    word.split_once('=').map_or(word, |(key, _)| key)
}

/// The text that a map such as `CreateNamespace: true` was meant to be.
fn as_text(entry: &Value) -> String {
    let single = entry.as_object().and_then(|map| map.iter().next());
    let meant = single.and_then(|(key, value)| {
        let value = match value {
            Value::String(text) => text.as_str(),
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            _ => return None,
        };
        let option = find(key)?;
        let value = option
            .values
            .iter()
            .find(|known| known.eq_ignore_ascii_case(value))?;
        Some(format!("{}={value}", option.key))
    });
    format!(
        "Write a text such as - {}",
        meant.as_deref().unwrap_or("CreateNamespace=true")
    )
}
