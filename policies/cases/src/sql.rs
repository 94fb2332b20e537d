//! A block of SQL: the text of a migration, or of a desired schema.

use crate::markdown::Info;
use crate::{Case, Expectation, Trouble, expectation, object};
use serde_json::{Value, json};

pub(crate) fn case(line: u32, text: &str, info: Info<'_>) -> Result<Case, Trouble> {
    let url = url(info.dialect).map_err(|message| (line - 1, message))?;
    let update = split(text);
    let default = if update.is_some() {
        "AtlasSchema"
    } else {
        "AtlasMigration"
    };
    let kind = info.kind.unwrap_or(default);
    let (old, new, skipped) = match update {
        Some((old, new, skipped)) => (Some(old), new, skipped),
        None => (None, text, 0),
    };
    let make = |sql: &str| match kind {
        "AtlasSchema" => Ok(resource(kind, &json!({"url": url, "schema": {"sql": sql}}))),
        "AtlasMigration" if old.is_none() => Ok(resource(
            kind,
            &json!({"url": url, "dir": {"local": {"1.sql": sql}}}),
        )),
        "AtlasMigration" => Err("`-- old` and `-- new` are for an AtlasSchema".to_owned()),
        _ => Err(format!(
            "`kind={kind}` is neither AtlasSchema nor AtlasMigration"
        )),
    };
    let objects = make(new).and_then(|new| Ok((new, old.map(make).transpose()?)));
    let (new_object, old_object) = objects.map_err(|message| (line - 1, message))?;
    let mut expected = expectations(line + skipped, new)?;
    for mut unplaced in old.map_or(Ok(Vec::new()), |old| expectations(line + 1, old))? {
        unplaced.line = None; // A position is in the new text.
        expected.push(unplaced);
    }
    Ok(Case {
        name: String::new(),
        line,
        request: object::admission(Some(new_object), old_object),
        settings: info.settings.unwrap_or_else(|| json!({})),
        expected,
        patched: None,
    })
}

/// The texts under the lines `-- old` and `-- new`, and the number of lines up to and with the latter.
fn split(text: &str) -> Option<(&str, &str, u32)> {
    let (mut old, mut at, mut number) = (None, 0, 0);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        number += 1;
        match (line.trim(), old) {
            ("-- old", None) => old = Some(at),
            ("-- new", Some(from)) => {
                return Some((text.get(from..start)?, text.get(at..)?, number));
            }
            _ => {}
        }
    }
    None
}

/// A comment after a statement is about its own line; one alone on a line is about the next line that is not such a comment.
fn expectations(first_line: u32, text: &str) -> Result<Vec<Expectation>, Trouble> {
    let mut placed: Vec<Expectation> = Vec::new();
    let mut waiting = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let found = expectation::find(line, "--").transpose();
        let found = found.map_err(|message| (first_line + number - 1, message))?;
        if let Some((expectation, before)) = &found
            && before.trim().is_empty()
        {
            waiting.push(expectation.clone());
            continue;
        }
        let here = waiting
            .drain(..)
            .chain(found.map(|(expectation, _)| expectation));
        placed.extend(here.map(|expectation| Expectation {
            line: Some(number),
            ..expectation
        }));
    }
    placed.append(&mut waiting);
    Ok(placed)
}

fn url(dialect: Option<&str>) -> Result<&'static str, String> {
    match dialect {
        Some("mysql") => Ok("mysql://database:3306/app"),
        Some("mariadb") => Ok("mariadb://database:3306/app"),
        Some("postgres") => Ok("postgres://database:5432/app?search_path=public"),
        Some("sqlite") => Ok("sqlite://app.db"),
        Some(other) => Err(format!(
            "`dialect={other}` is none of mysql, mariadb, postgres, sqlite"
        )),
        None => Err("an sql block needs dialect=mysql, mariadb, postgres or sqlite".to_owned()),
    }
}

fn resource(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "case", "namespace": "default"},
        "spec": spec,
    })
}
