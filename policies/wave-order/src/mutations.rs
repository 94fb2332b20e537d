//! What the policy changes, each only when its setting asks for it.
//!
//! A change is made only where its result is beyond doubt, and made again it changes nothing: after the first time its cause is gone.
//!
//! An object that Argo CD brings from Git is only added to: what Git says nothing about is no difference to it. A list of sync options that is in Git stays as it is
//! there, or the two would undo each other for ever.

use tidegate_model::object::annotation;
use tidegate_model::words::{HELM_HOOK, HOOK, SYNC_WAVE, TRACKING_ID};
use tidegate_policy_sdk::prelude::*;

use crate::rules::finalizer_misspelt::FINALIZER;
use crate::rules::{MOST, atlas_without_wave, field_misplaced, finalizer_missing, retry_missing};
use crate::subject::Subject;

/// One change that was made: the rule whose findings at this place are mended.
pub(crate) struct Mend {
    rule: &'static str,
    path: &'static str,
}

impl Mend {
    /// Whether the patch removed the cause of `finding`.
    pub(crate) fn removes(&self, finding: &Finding) -> bool {
        finding.rule == self.rule && finding.path.as_deref() == Some(self.path)
    }
}

/// Where misplaced options are, and where they belong.
const MISPLACED: &str = "/spec/syncOptions";
const POLICY: &str = "/spec/syncPolicy";
const OPTIONS: &str = "/spec/syncPolicy/syncOptions";
/// Makes the destination's namespace where it is missing.
const CREATE_NAMESPACE: &str = "CreateNamespace=true";
/// Applies without a copy of the object in an annotation.
const SERVER_SIDE_APPLY: &str = "ServerSideApply=true";
const REPLACE: &str = "Replace=true";

/// Adds the changes that the settings ask for to the patch and says which findings they remove.
pub(crate) fn mend(subject: &Subject, patch: &mut Patch) -> Vec<Mend> {
    let mut mended = Vec::new();
    let options = SyncOptions::wanted(subject);
    if options.write(subject, patch) && options.is_moved {
        mended.push(Mend {
            rule: field_misplaced::RULE.id,
            path: MISPLACED,
        });
    }
    if let Some(wave) = subject.settings.default_wave
        && set_wave(subject, wave, patch)
    {
        mended.push(Mend {
            rule: atlas_without_wave::RULE.id,
            path: atlas_without_wave::PATH,
        });
    }
    if subject.settings.add_finalizer && add_finalizer(subject, patch) {
        mended.push(Mend {
            rule: finalizer_missing::RULE.id,
            path: finalizer_missing::PATH,
        });
    }
    if subject.settings.default_retry && add_retry(subject, patch) {
        mended.push(Mend {
            rule: retry_missing::RULE.id,
            path: retry_missing::PATH,
        });
    }
    mended
}

/// The sync options that an Application is to have.
#[derive(Debug, Default)]
struct SyncOptions<'a> {
    /// In order.
    list: Vec<&'a str>,
    /// Whether it holds what was written in the wrong place.
    is_moved: bool,
    /// Whether it differs from what is written in the right place.
    is_changed: bool,
}

impl<'a> SyncOptions<'a> {
    /// Nothing for an object from Git that says something about its options, rightly or wrongly. Else what is there already, then what `spec.syncOptions` adds, then what the settings ask for. Left alone as a whole: what is not a list of texts.
    fn wanted(subject: &Subject<'a>) -> Self {
        let policy = subject.at(POLICY).filter(|policy| !policy.is_null());
        let Some(application) = subject
            .application()
            .filter(|_| policy.is_none_or(Value::is_object))
        else {
            return Self::default();
        };
        let written = subject.at(OPTIONS).filter(|options| !options.is_null());
        let is_from_git = annotation(subject.object, TRACKING_ID).is_some();
        if is_from_git && (written.is_some() || subject.at(MISPLACED).is_some()) {
            return Self::default();
        }
        let Some(list) = written.map_or(Some(Vec::new()), texts) else {
            return Self::default();
        };
        let mut options = Self {
            list,
            ..Self::default()
        };
        if subject.settings.move_sync_options
            && let Some(misplaced) = subject.at(MISPLACED).and_then(texts)
        {
            options.take(misplaced);
        }
        // What nobody moves may say it as well, and says it in vain: that is for a person to see.
        if subject.at(MISPLACED).is_some() && !options.is_moved {
            return options;
        }
        let settings = subject.settings;
        let has_namespace = application.is_automated() && application.namespace().is_some();
        if settings.create_namespace && has_namespace && !options.has(CREATE_NAMESPACE) {
            options.add(CREATE_NAMESPACE);
        }
        let says_how = options.has(SERVER_SIDE_APPLY) || options.has(REPLACE);
        if settings.server_side_apply && !says_how {
            options.add(SERVER_SIDE_APPLY);
        }
        options
    }

    /// Adds misplaced options without repetitions; none of them when one has another value in the right place.
    fn take(&mut self, misplaced: Vec<&'a str>) {
        let before = self.list.len();
        for option in misplaced {
            if self.list.contains(&option) {
                continue;
            }
            if self.has(option) {
                self.list.truncate(before);
                return;
            }
            self.list.push(option);
        }
        self.is_moved = true;
        self.is_changed = true;
    }

    fn add(&mut self, option: &'static str) {
        self.list.push(option);
        self.is_changed = true;
    }

    /// Whether anything is said about an option.
    fn has(&self, option: &str) -> bool {
        self.list.iter().any(|other| key(other) == key(option))
    }

    fn write(&self, subject: &Subject, patch: &mut Patch) -> bool {
        if !self.is_changed {
            return false;
        }
        if subject.at(POLICY).is_none_or(Value::is_null) {
            patch.add(POLICY, json!({}));
        }
        match subject.at(OPTIONS).and_then(Value::as_array) {
            Some(written) => {
                for option in self.list.iter().skip(written.len()) {
                    patch.add(&format!("{OPTIONS}/-"), *option);
                }
            }
            None => {
                patch.add(OPTIONS, self.list.clone());
            }
        }
        if self.is_moved {
            patch.remove(MISPLACED);
        }
        true
    }
}

/// Gives an Atlas object its wave.
fn set_wave(subject: &Subject, wave: i32, patch: &mut Patch) -> bool {
    let annotations = subject
        .at("/metadata/annotations")
        .filter(|annotations| !annotations.is_null());
    let readable = annotations.is_none_or(|map| {
        map.as_object()
            .is_some_and(|map| map.values().all(Value::is_string))
    });
    let placed = [SYNC_WAVE, HOOK, HELM_HOOK]
        .iter()
        .any(|key| annotation(subject.object, key).is_some());
    if !subject.is_atlas()
        || !readable
        || placed
        || !subject.at("/metadata").is_some_and(Value::is_object)
    {
        return false;
    }
    if annotations.is_none() {
        patch.add("/metadata/annotations", json!({}));
    }
    patch.add(
        &crate::subject::annotation_pointer(SYNC_WAVE),
        wave.to_string(),
    );
    true
}

/// Gives an Application that prunes the finalizer by which its own deletion deletes what it brought.
fn add_finalizer(subject: &Subject, patch: &mut Patch) -> bool {
    if !finalizer_missing::is_missing(subject)
        || !subject.at("/metadata").is_some_and(Value::is_object)
    {
        return false;
    }
    match subject.at("/metadata/finalizers") {
        None | Some(Value::Null) => patch.add("/metadata/finalizers", json!([FINALIZER])),
        Some(Value::Array(_)) => patch.add("/metadata/finalizers/-", FINALIZER),
        Some(_) => return false,
    };
    true
}

/// Writes down what Argo CD does anyway.
fn add_retry(subject: &Subject, patch: &mut Patch) -> bool {
    if !retry_missing::is_missing(subject) {
        return false;
    }
    let retry =
        json!({"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}});
    patch.add(&format!("{POLICY}/retry"), retry);
    true
}

/// The entries of a list that holds only texts, and not absurdly many.
fn texts(list: &Value) -> Option<Vec<&str>> {
    list.as_array()
        .filter(|list| list.len() <= MOST)?
        .iter()
        .map(Value::as_str)
        .collect()
}

fn key(option: &str) -> String {
    option
        .split_once('=')
        .map_or(option, |(key, _)| key)
        .trim()
        .to_ascii_lowercase()
}
