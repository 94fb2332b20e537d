//! An object that a client-side apply cannot write.

use std::io::{self, Write};

use tidegate_model::application::Application;
use tidegate_model::object::{annotation, annotation_words};
use tidegate_model::words::SYNC_OPTIONS;
use tidegate_policy_sdk::prelude::*;

use crate::plan::{Set, named};
use crate::rules::MOST;

pub(crate) const RULE: Rule = Rule::warning(
    "object-too-large",
    "An object is too large for the annotation that a client-side apply writes",
    include_str!("object_too_large.md"),
);

/// What the API server allows all annotations of an object together (`ValidateAnnotationsSize` of apimachinery).
const LARGEST_BYTES: u64 = 256 << 10;

/// Either of them, on the object or on the Application, applies without the annotation.
const WITHOUT_ANNOTATION: [&str; 2] = ["ServerSideApply=true", "Replace=true"];
const REFUSED: &str = "ServerSideApply=false";

pub(crate) fn check(set: &Set, findings: &mut Vec<Finding>) {
    let of_application = Application(set.subject)
        .sync_options()
        .any(|option| WITHOUT_ANNOTATION.contains(&option));
    let large = set.manifests.iter().enumerate().filter(|(_, manifest)| {
        let own = annotation(manifest.object, SYNC_OPTIONS)
            .map(|_| annotation_words(manifest.object, SYNC_OPTIONS))
            .unwrap_or_default();
        let is_exempt = own.iter().any(|word| WITHOUT_ANNOTATION.contains(word))
            || (of_application && !own.contains(&REFUSED));
        !is_exempt && bytes(manifest.object) > LARGEST_BYTES
    });
    for (index, manifest) in large.take(MOST) {
        let message = format!(
            "{} is larger than {} KiB: Argo CD's apply keeps a copy of it in an annotation, and the API server refuses that",
            named(manifest.object),
            LARGEST_BYTES >> 10
        );
        findings.push(set.finding(&RULE, index, message).suggest(
            "Give it the annotation argocd.argoproj.io/sync-options: ServerSideApply=true, or the Application the sync option ServerSideApply=true",
        ));
    }
}

/// The size of the object as JSON, without making the text.
fn bytes(object: &Value) -> u64 {
    struct Counted(u64);
    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    // Neither the writer nor a JSON value can fail.
    let _ = serde_json::to_writer(&mut counted, object);
    counted.0
}
