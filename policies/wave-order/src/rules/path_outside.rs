//! A path that leads out of the repository.

use tidegate_policy_sdk::prelude::*;

use crate::fields::dotted;
use crate::rules::MOST;
use crate::subject::{Subject, quote};

pub(crate) const RULE: Rule = Rule::error(
    "path-outside",
    "A path of a source leads out of the repository, or up",
    include_str!("path_outside.md"),
);

pub(crate) fn check(subject: &Subject, findings: &mut Vec<Finding>) {
    let Some(application) = subject.application() else {
        return;
    };
    for (pointer, source) in application.sources().into_iter().take(MOST) {
        let written = dotted(&pointer);
        let path = source
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if path.starts_with('/') {
            let message = format!(
                "{written}.path is {}: Argo CD refuses an absolute path",
                quote(path)
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(format!("{pointer}/path"))
                    .suggest(
                        "Write the path from the root of the repository, without a slash before it",
                    ),
            );
        } else if path.split('/').any(|segment| segment == "..") {
            let message = format!(
                "{written}.path is {}: it goes up, and whatever it reaches is not what its name says",
                quote(path)
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(format!("{pointer}/path"))
                    .suggest("Write the path from the root of the repository, without .."),
            );
        }
        let files = source
            .get("helm")
            .and_then(|helm| helm.get("valueFiles")?.as_array());
        for (index, file) in files.into_iter().flatten().enumerate().take(MOST) {
            let Some(file) = file.as_str().filter(|file| leaves(path, file)) else {
                continue;
            };
            let message = format!(
                "the value file {} is outside of the repository: Argo CD refuses to render the chart",
                quote(file)
            );
            findings.push(
                Finding::new(&RULE, message)
                    .at(format!("{pointer}/helm/valueFiles/{index}"))
                    .suggest(
                        "Keep the file in the repository, or name another source of it by $ref",
                    ),
            );
        }
    }
}

/// Whether a value file, relative to the path, is above the root. One that begins with `$`, `/` or a scheme is not relative to the path.
fn leaves(path: &str, file: &str) -> bool {
    if file.contains("://") {
        return false;
    }
    let from_root = file.starts_with('/') || file.starts_with('$');
    let before = if from_root { "" } else { path };
    let inside = if file.starts_with('$') {
        file.split_once('/').map_or("", |(_, rest)| rest)
    } else {
        file
    };
    let mut depth = 0_i32;
    for segment in before.split('/').chain(inside.split('/')) {
        match segment {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}
