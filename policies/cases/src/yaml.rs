//! A block of YAML: the object itself.

use crate::{Case, Expectation, Trouble, expectation, object};
use serde_json::{Value, json};

pub(crate) fn case(line: u32, text: &str, settings: Option<Value>) -> Result<Case, Trouble> {
    let (mut new, mut old, mut patched) = (None, None, None);
    for (first, part) in documents(line, text) {
        let role = part.lines().map(str::trim).find(|line| !line.is_empty());
        let slot = match role {
            None => continue,
            Some("# old") => &mut old,
            Some("# patched") => &mut patched,
            Some(_) => &mut new,
        };
        if slot.replace(document(first, part)?).is_some() {
            let message = "a second object: mark what is stored now with a first line `# old`, what is expected after the \
                           patch with `# patched`";
            return Err((first, message.to_owned()));
        }
    }
    if new.is_none() && old.is_none() {
        return Err((line, "there is no object".to_owned()));
    }
    let settings = match settings {
        Some(settings) => settings,
        None => settings_of(line, text)?,
    };
    Ok(Case {
        name: String::new(),
        line,
        request: object::admission(new, old),
        settings,
        expected: expectations(line, text)?,
        patched,
    })
}

/// One object.
pub(crate) fn document(line: u32, text: &str) -> Result<Value, Trouble> {
    let value: Value = serde_saphyr::from_str(text).map_err(|problem| {
        (
            line,
            format!("not YAML: {}", problem.to_string().trim_end()),
        )
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err((
            line,
            "not an object: expected apiVersion, kind and so on".to_owned(),
        ))
    }
}

/// The documents between lines `---`, each with the line where it begins.
fn documents(line: u32, text: &str) -> Vec<(u32, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut at, mut first) = (0, 0, line);
    for (number, each) in (line..).zip(text.split_inclusive('\n')) {
        if each.trim_end() == "---" {
            documents.extend(text.get(start..at).map(|part| (first, part)));
            start = at + each.len();
            first = number + 1;
        }
        at += each.len();
    }
    documents.extend(text.get(start..).map(|part| (first, part)));
    documents
}

fn settings_of(line: u32, text: &str) -> Result<Value, Trouble> {
    let found = (line..)
        .zip(text.lines())
        .find_map(|(number, each)| Some((number, each.trim().strip_prefix("# settings:")?)));
    found.map_or_else(
        || Ok(json!({})),
        |(number, settings)| {
            serde_json::from_str(settings)
                .map_err(|problem| (number, format!("settings: {problem}")))
        },
    )
}

fn expectations(line: u32, text: &str) -> Result<Vec<Expectation>, Trouble> {
    (line..)
        .zip(text.lines())
        .filter_map(|(number, each)| Some((number, expectation::find(each, "#")?)))
        .map(|(number, found)| match found {
            Ok((expectation, _)) => Ok(expectation),
            Err(message) => Err((number, message)),
        })
        .collect()
}
