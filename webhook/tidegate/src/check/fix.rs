//! `--fix`: sync waves, written into the files.
//!
//! An edit is one line or one word: the value of the annotation, or a line before its neighbours. Everything else of the file, comments, order, quotes, stays byte by byte.
//! What was rendered is not there to be edited, and what stands behind an alias belongs to somebody else: both are named and left alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tidegate_waves::{Manifest, repair};

use super::locations::{Locations, Place};
use super::sets::Set;
use super::source::{Content, Item};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const POINTER: &str = "/metadata/annotations/argocd.argoproj.io~1sync-wave";

/// Text to put at a place, in the place of so many bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    at: Place,
    /// Bytes that go.
    removed: usize,
    text: String,
}

/// Writes the waves that the sets need, and says what was written, a line each.
pub(crate) fn fix(items: &[Item], sets: &[Set]) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for set in sets {
        let members: Vec<(&Item, &Value, &Locations)> = set
            .members
            .iter()
            .filter_map(|member| items.get(*member))
            .filter_map(|item| match &item.content {
                Content::Manifest { object, locations } => Some((item, object, locations)),
                Content::Sql(_) | Content::WayBack | Content::Review(_) => None,
            })
            .collect();
        let manifests: Vec<Manifest> = members
            .iter()
            .map(|(item, object, _)| Manifest {
                object,
                origin: &item.file,
            })
            .collect();
        let Some(repairs) = repair(&manifests, set.destination()) else {
            said.push("no order of waves works here: something waits for itself".to_owned());
            continue;
        };
        for change in repairs {
            let Some((item, object, locations)) = members.get(change.index) else {
                continue;
            };
            let name = super::judge::object_name(object);
            let is_json = item
                .file
                .rsplit_once('.')
                .is_some_and(|(_, end)| end == "json");
            let edit = Path::new(&item.file)
                .is_file()
                .then(|| edit(&item.text, locations, change.to, is_json))
                .flatten();
            match edit {
                Some(edit) => {
                    said.push(format!("{}: {name}: wave {} -> {}", item.file, change.from, change.to));
                    edits.entry(&item.file).or_default().push(edit);
                }
                None => said.push(format!(
                    "{}: {name}: needs wave {} instead of {}; write it by hand, this file cannot be edited here",
                    item.file, change.to, change.from
                )),
            }
        }
    }
    for (file, edits) in edits {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        fs::write(file, apply(&text, edits)).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(said)
}

/// The edit that gives an object a wave; none where the text is not as expected.
fn edit(text: &str, locations: &Locations, wave: i64, is_json: bool) -> Option<Edit> {
    let key = if is_json {
        format!("\"{WAVE}\"")
    } else {
        WAVE.to_owned()
    };
    if let Some(at) = locations.at(POINTER) {
        let rest = rest_of(text, at)?;
        return Some(Edit {
            at,
            removed: scalar_length(rest)?,
            text: format!("\"{wave}\""),
        });
    }
    for (parent, block, flow) in [
        (
            "/metadata/annotations",
            format!("{key}: \"{wave}\"\n"),
            format!("{key}: \"{wave}\""),
        ),
        (
            "/metadata",
            format!("annotations:\n  {key}: \"{wave}\"\n"),
            if is_json {
                format!("\"annotations\": {{{key}: \"{wave}\"}}")
            } else {
                format!("annotations: {{{key}: \"{wave}\"}}")
            },
        ),
    ] {
        let Some(at) = locations.at(parent) else {
            continue;
        };
        let rest = rest_of(text, at)?;
        if let Some(inside) = rest.strip_prefix('{') {
            let separator = if inside.trim_start().starts_with('}') {
                ""
            } else {
                ", "
            };
            return Some(Edit {
                at: Place {
                    line: at.line,
                    column: at.column + 1,
                },
                removed: 0,
                text: format!("{flow}{separator}"),
            });
        }
        let line = text.lines().nth(at.line.checked_sub(1)?)?;
        let indent = line.len() - line.trim_start_matches(' ').len();
        // A block begins with its first key, alone on its line; anything else (an alias, a tag, an empty value) is left alone.
        if indent + 1 != at.column
            || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '"')
        {
            return None;
        }
        let pad = " ".repeat(indent);
        let lines: Vec<String> = block.lines().map(|line| format!("{pad}{line}")).collect();
        return Some(Edit {
            at: Place {
                line: at.line,
                column: 1,
            },
            removed: 0,
            text: lines.join("\n") + "\n",
        });
    }
    None
}

/// The length of a scalar at the start of a text: in quotes, or a plain number or word.
fn scalar_length(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    if matches!(quote, '"' | '\'') {
        return text.get(1..)?.find(quote).map(|end| end + 2);
    }
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | '#'))
        .unwrap_or(text.len());
    (end > 0 && !matches!(quote, '*' | '&' | '!' | '|' | '>')).then_some(end)
}

/// The text from a place on.
fn rest_of(text: &str, at: Place) -> Option<&str> {
    text.get(offset(text, at)?..)
}

fn offset(text: &str, at: Place) -> Option<usize> {
    let mut start = 0;
    for _ in 1..at.line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    let line = text.get(start..)?;
    let column = line
        .char_indices()
        .nth(at.column.checked_sub(1)?)
        .map_or(line.len(), |(index, _)| index);
    Some(start + column)
}

/// Applies edits from the end of the text to its start, so that the places of the others stay right.
fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.at));
    let mut text = text.to_owned();
    for edit in edits {
        if let Some(from) = offset(&text, edit.at) {
            let to = (from + edit.removed).min(text.len());
            if text.is_char_boundary(to) {
                text.replace_range(from..to, &edit.text);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::locations::documents;
    use super::*;

    /// The text after each of its documents got the wave, and once more: nothing else may change, and nothing the second time.
    #[track_caller]
    fn check(text: &str, is_json: bool, expected: &str) {
        let write = |text: &str| {
            let found = documents(text).expect("YAML");
            let edits = found
                .iter()
                .filter_map(|document| edit(text, &document.locations, 3, is_json))
                .collect();
            apply(text, edits)
        };
        let once = write(text);
        assert_eq!(once, expected);
        assert_eq!(write(&once), expected, "a second time");
        for document in documents(&once).expect("still YAML") {
            let value: Value = serde_saphyr::from_str(document.text).expect("still an object");
            assert_eq!(
                value.pointer(POINTER),
                Some(&serde_json::json!("3")),
                "{once}"
            );
        }
    }

    #[test]
    fn the_value_is_replaced_where_it_stands() {
        check(
            "# top\nkind: A\nmetadata:\n  annotations:\n    a: b # first\n    argocd.argoproj.io/sync-wave: '1' # was one\n  name: x\n",
            false,
            "# top\nkind: A\nmetadata:\n  annotations:\n    a: b # first\n    argocd.argoproj.io/sync-wave: \"3\" # was one\n  name: x\n",
        );
        check(
            "metadata: {name: x, annotations: {argocd.argoproj.io/sync-wave: one}}\n",
            false,
            "metadata: {name: x, annotations: {argocd.argoproj.io/sync-wave: \"3\"}}\n",
        );
    }

    #[test]
    fn a_line_is_added_where_there_is_none() {
        check(
            "kind: A\nmetadata:\n  # a comment\n  name: x\n  annotations:\n    a: b\n---\nkind: B\nmetadata:\n    name: y\n",
            false,
            "kind: A\nmetadata:\n  # a comment\n  name: x\n  annotations:\n    argocd.argoproj.io/sync-wave: \"3\"\n    a: b\n---\nkind: B\nmetadata:\n    annotations:\n      argocd.argoproj.io/sync-wave: \"3\"\n    name: y\n",
        );
        check(
            "metadata: {name: x}\n",
            false,
            "metadata: {annotations: {argocd.argoproj.io/sync-wave: \"3\"}, name: x}\n",
        );
        check(
            "{\"kind\": \"A\", \"metadata\": {\"annotations\": {}, \"name\": \"x\"}}\n",
            true,
            "{\"kind\": \"A\", \"metadata\": {\"annotations\": {\"argocd.argoproj.io/sync-wave\": \"3\"}, \"name\": \"x\"}}\n",
        );
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        for text in ["x: &a {b: c}\nmetadata: *a\n", "metadata:\n"] {
            let found = documents(text).expect("YAML");
            let edits: Vec<Edit> = found
                .iter()
                .filter_map(|document| edit(text, &document.locations, 3, false))
                .collect();
            assert_eq!(edits, [], "{text}");
        }
    }
}
