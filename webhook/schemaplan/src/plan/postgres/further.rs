//! What of text search and of publications can be changed in place: indexes depend on the one, subscribers on the other.

use std::collections::BTreeMap;

use crate::catalog::Object;
use crate::plan::Statement;

use super::objects::statement;

/// `ADD MAPPING` for each list of dictionaries, with all tokens that go there. The labels are `"token" WITH dictionaries`.
pub(super) fn mappings(shown: &str, purpose: &str, labels: &[&String]) -> Vec<Statement> {
    mapping("ADD", shown, purpose, labels)
}

fn mapping(verb: &str, shown: &str, purpose: &str, labels: &[&String]) -> Vec<Statement> {
    let mut tokens_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for label in labels {
        let (token, dictionaries) = taken_apart(label);
        tokens_of.entry(dictionaries).or_default().push(token);
    }
    let each = tokens_of.into_iter().map(|(dictionaries, tokens)| {
        let tokens = tokens.join(", ");
        let sql = format!(
            "ALTER TEXT SEARCH CONFIGURATION {shown} {verb} MAPPING FOR {tokens} WITH {dictionaries}"
        );
        statement(sql, purpose)
    });
    each.collect()
}

fn taken_apart(label: &str) -> (&str, &str) {
    label
        .split_once("\" WITH ")
        .map_or((label, ""), |(token, dictionaries)| {
            (label.get(..=token.len()).unwrap_or(token), dictionaries)
        })
}

/// A configuration with the same parser.
pub(super) fn configuration(
    shown: &str,
    purpose: &str,
    old: &Object,
    new: &Object,
) -> Vec<Statement> {
    let has = |labels: &[String], token: &str| {
        let mut tokens = labels.iter().map(|label| taken_apart(label).0);
        tokens.any(|other| other == token)
    };
    let differs = new
        .labels
        .iter()
        .filter(|label| !old.labels.contains(label));
    let (changed, added): (Vec<&String>, Vec<&String>) =
        differs.partition(|label| has(&old.labels, taken_apart(label).0));
    let gone = old.labels.iter().map(|label| taken_apart(label).0);
    let gone: Vec<&str> = gone.filter(|token| !has(&new.labels, token)).collect();
    let mut statements = Vec::new();
    if !gone.is_empty() {
        let sql = format!(
            "ALTER TEXT SEARCH CONFIGURATION {shown} DROP MAPPING FOR {}",
            gone.join(", ")
        );
        statements.push(statement(sql, purpose));
    }
    statements.extend(mapping("ALTER", shown, purpose, &changed));
    statements.extend(mapping("ADD", shown, purpose, &added));
    statements
}

/// A dictionary of the same template: an option without a value is taken away.
pub(super) fn dictionary(shown: &str, purpose: &str, old: &Object, new: &Object) -> Statement {
    let text = |object: &Object| object.labels.first().cloned().unwrap_or_default();
    let (was, is) = (text(old), text(new));
    let kept = option_names(&is);
    let mut actions = option_names(&was);
    actions.retain(|name| !kept.contains(name));
    actions.extend(Some(is.as_str()).filter(|is| !is.is_empty()));
    let sql = format!(
        "ALTER TEXT SEARCH DICTIONARY {shown} ({})",
        actions.join(", ")
    );
    statement(sql, purpose)
}

/// The names in `language = 'english', stopwords = 'it''s'`.
fn option_names(options: &str) -> Vec<&str> {
    // Every other piece is inside of quotes; a doubled quote only makes an empty one.
    let outside = options.split('\'').step_by(2);
    let names = outside.filter_map(|piece| piece.strip_suffix(" = "));
    names
        .map(|name| name.trim_start_matches(", ").trim())
        .filter(|name| !name.is_empty())
        .collect()
}

/// None where it can only be made again: what publishes everything, or nothing, cannot become what publishes something.
pub(super) fn publication(
    shown: &str,
    purpose: &str,
    old: &Object,
    new: &Object,
) -> Option<Vec<Statement>> {
    let mut statements = Vec::new();
    if old.labels != new.labels {
        let is_list = |object: &Object| {
            !object.labels.is_empty() && object.labels.iter().all(|label| label != "ALL TABLES")
        };
        if !is_list(old) || !is_list(new) {
            return None;
        }
        let sql = format!("ALTER PUBLICATION {shown} SET {}", new.published());
        statements.push(statement(sql, purpose));
    }
    if old.definition != new.definition {
        let sql = format!("ALTER PUBLICATION {shown} SET ({})", new.definition);
        statements.push(statement(sql, purpose));
    }
    Some(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(definition: &str, labels: &[&str]) -> Object {
        Object {
            definition: definition.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Object::default()
        }
    }

    fn texts(statements: Vec<Statement>) -> Vec<String> {
        statements
            .into_iter()
            .map(|statement| statement.sql)
            .collect()
    }

    #[test]
    fn only_the_tokens_that_differ_are_mapped_again() {
        let old = object("p", &["\"a\" WITH x", "\"b\" WITH x", "\"c\" WITH x"]);
        let new = object(
            "p",
            &[
                "\"a\" WITH x",
                "\"b\" WITH y, x",
                "\"d\" WITH x",
                "\"e\" WITH x",
            ],
        );
        assert_eq!(
            texts(configuration("s", "", &old, &new)),
            [
                "ALTER TEXT SEARCH CONFIGURATION s DROP MAPPING FOR \"c\"",
                "ALTER TEXT SEARCH CONFIGURATION s ALTER MAPPING FOR \"b\" WITH y, x",
                "ALTER TEXT SEARCH CONFIGURATION s ADD MAPPING FOR \"d\", \"e\" WITH x",
            ]
        );
    }

    #[test]
    fn options_of_a_dictionary_that_are_gone_are_named_without_a_value() {
        let old = object("t", &["language = 'it''s, a = b', stopwords = 'x'"]);
        let new = object("t", &["language = 'y'"]);
        assert_eq!(
            dictionary("d", "", &old, &new).sql,
            "ALTER TEXT SEARCH DICTIONARY d (stopwords, language = 'y')"
        );
    }

    #[test]
    fn a_publication_of_everything_is_made_again() {
        let (some, all) = (object("w", &["TABLE ONLY t"]), object("w", &["ALL TABLES"]));
        assert!(publication("p", "", &some, &all).is_none());
        let other = object("v", &["TABLE ONLY t", "TABLE ONLY u", "TABLES IN SCHEMA s"]);
        assert_eq!(
            texts(publication("p", "", &some, &other).unwrap()),
            [
                "ALTER PUBLICATION p SET TABLE ONLY t, ONLY u, TABLES IN SCHEMA s",
                "ALTER PUBLICATION p SET (v)",
            ]
        );
    }
}
