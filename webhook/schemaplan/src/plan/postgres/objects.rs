//! What is no table: how it is named in statements, dropped, made and changed.

use crate::catalog::{Object, ObjectKind};
use crate::plan::{Refusal, Statement};

use super::further;
use super::materialized;
use super::sequences::count_otherwise;
use super::text::{comment, literal, qualified, quote};

/// A kind in the words of `CREATE` and `DROP`.
fn words(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Extension => "EXTENSION",
        ObjectKind::Collation => "COLLATION",
        ObjectKind::TextSearchDictionary => "TEXT SEARCH DICTIONARY",
        ObjectKind::TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
        ObjectKind::Enum | ObjectKind::Composite | ObjectKind::Range => "TYPE",
        ObjectKind::Domain => "DOMAIN",
        ObjectKind::Sequence => "SEQUENCE",
        ObjectKind::Function => "FUNCTION",
        ObjectKind::Procedure => "PROCEDURE",
        ObjectKind::Aggregate => "AGGREGATE",
        ObjectKind::Operator => "OPERATOR",
        ObjectKind::Cast => "CAST",
        ObjectKind::View => "VIEW",
        ObjectKind::MaterializedView => "MATERIALIZED VIEW",
        ObjectKind::Trigger => "TRIGGER",
        ObjectKind::Rule => "RULE",
        ObjectKind::Policy => "POLICY",
        ObjectKind::Statistics => "STATISTICS",
        ObjectKind::EventTrigger => "EVENT TRIGGER",
        ObjectKind::Publication => "PUBLICATION",
        ObjectKind::ForeignTable => "FOREIGN TABLE",
        ObjectKind::Event | ObjectKind::VirtualTable | ObjectKind::Other => "OBJECT",
    }
}

/// Whether objects of this kind are dropped before anything changes, and made when all else is there.
pub(super) fn is_outermost(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::Statistics
            | ObjectKind::EventTrigger
            | ObjectKind::Publication
    )
}

/// Whether there is a text to make it by.
pub(super) fn is_managed(object: &Object) -> bool {
    !object.create.is_empty()
}

/// The object as `DROP` and `COMMENT ON` name it.
pub(super) fn named(schema: &str, kind: ObjectKind, name: &str, object: &Object) -> String {
    let words = words(kind);
    match kind {
        ObjectKind::Aggregate => {
            let own = name.rsplit_once('(').map_or(name, |(own, _)| own);
            let arguments = object.labels.first().map_or("(*)", String::as_str);
            format!("{words} {}{arguments}", qualified(schema, own))
        }
        ObjectKind::Cast => format!("{words} {name}"),
        ObjectKind::Function | ObjectKind::Procedure => {
            let (own, arguments) = name.rsplit_once('(').unwrap_or((name, ")"));
            format!("{words} {}({arguments}", qualified(schema, own))
        }
        ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Policy => {
            let table = object.table.as_deref().unwrap_or_default();
            let own = name
                .strip_prefix(table)
                .and_then(|rest| rest.strip_prefix('.'))
                .unwrap_or(name);
            format!("{words} {} ON {}", quote(own), qualified(schema, table))
        }
        ObjectKind::Operator if schema.is_empty() => format!("{words} {name}"),
        ObjectKind::Operator => format!("{words} {}.{name}", quote(schema)),
        ObjectKind::Extension | ObjectKind::EventTrigger | ObjectKind::Publication => {
            format!("{words} {}", quote(name))
        }
        _ => format!("{words} {}", qualified(schema, name)),
    }
}

pub(super) fn drop(schema: &str, kind: ObjectKind, name: &str, object: &Object) -> Statement {
    let named = named(schema, kind, name, object);
    // One that belongs to a column has gone with it.
    let sql = if kind == ObjectKind::Sequence && !object.labels.is_empty() {
        named.replacen("SEQUENCE", "DROP SEQUENCE IF EXISTS", 1)
    } else {
        format!("DROP {named}")
    };
    Statement {
        sql,
        // What cannot be made again from a text alone: what a sequence has counted to, and what an extension keeps.
        destructive: matches!(kind, ObjectKind::Extension | ObjectKind::Sequence)
            && object.labels.is_empty(),
        alone: false,
        together: false,
        purpose: format!("drop {kind} {name}"),
    }
}

/// The statements that make it, with what belongs to it.
pub(super) fn create(
    schema: &str,
    kind: ObjectKind,
    name: &str,
    object: &Object,
) -> Vec<Statement> {
    let purpose = format!("create {kind} {name}");
    let mut statements = vec![statement(object.create.clone(), &purpose)];
    let unchecked = object
        .labels
        .iter()
        .filter(|part| part.ends_with(" NOT VALID"));
    if kind == ObjectKind::Domain && unchecked.clone().next().is_some() {
        let shown = qualified(schema, name);
        let mut sql = object.create.clone();
        for part in unchecked.clone() {
            sql = sql.replacen(&format!(" {part}"), "", 1);
        }
        let parts = unchecked.map(|part| format!("ALTER DOMAIN {shown} ADD {part}"));
        statements = std::iter::once(sql)
            .chain(parts)
            .map(|sql| statement(sql, &purpose))
            .collect();
    }
    match kind {
        ObjectKind::MaterializedView => {
            statements.extend(
                object
                    .labels
                    .iter()
                    .map(|index| statement(index.clone(), &purpose)),
            );
        }
        ObjectKind::TextSearchConfiguration => {
            let labels: Vec<&String> = object.labels.iter().collect();
            statements.extend(further::mappings(
                &qualified(schema, name),
                &purpose,
                &labels,
            ));
        }
        ObjectKind::EventTrigger => {
            let named = named(schema, kind, name, object);
            let states = object.labels.iter();
            statements
                .extend(states.map(|state| statement(format!("ALTER {named} {state}"), &purpose)));
        }
        ObjectKind::Trigger | ObjectKind::Rule => {
            let table = qualified(schema, object.table.as_deref().unwrap_or_default());
            statements.extend(
                object
                    .labels
                    .iter()
                    .map(|state| statement(format!("ALTER TABLE {table} {state}"), &purpose)),
            );
        }
        _ => {}
    }
    if object.comment.is_some() {
        statements.push(comment_on(schema, kind, name, object));
    }
    statements
}

pub(super) fn comment_on(schema: &str, kind: ObjectKind, name: &str, object: &Object) -> Statement {
    let named = named(schema, kind, name, object);
    statement(
        comment(&named, object.comment.as_deref()),
        &format!("comment on {kind} {name}"),
    )
}

/// How a changed object becomes what it should be.
#[derive(Debug)]
pub(super) enum How {
    /// In place, by these statements.
    Altered(Vec<Statement>),
    /// It is dropped and made again.
    Again,
    /// A type that columns use: they move over to a new one.
    Rebuilt,
    /// Not at all.
    Refused(Refusal),
}

pub(super) fn change(
    schema: &str,
    kind: ObjectKind,
    name: &str,
    old: &Object,
    new: &Object,
    version: (u32, u32),
) -> How {
    let same = (&old.definition, &old.labels) == (&new.definition, &new.labels);
    let shown = qualified(schema, name);
    let purpose = format!("modify {kind} {name}");
    let mut how = match kind {
        _ if same => How::Altered(Vec::new()),
        ObjectKind::Enum => match added_labels(&shown, &old.labels, &new.labels) {
            Some(statements) => How::Altered(statements),
            None => How::Rebuilt,
        },
        ObjectKind::Domain if old.definition != new.definition => How::Rebuilt,
        ObjectKind::Domain => How::Altered(domain(&shown, &purpose, old, new)),
        ObjectKind::Composite => composite(&shown, &purpose, name, old, new),
        ObjectKind::Sequence => How::Altered(sequence(&shown, &purpose, old, new)),
        ObjectKind::Function | ObjectKind::Procedure => {
            // `OR REPLACE` does not make a window function of another, nor the other way.
            if old.labels == new.labels && is_window(old) == is_window(new) {
                How::Altered(vec![statement(new.create.clone(), &purpose)])
            } else {
                How::Again
            }
        }
        ObjectKind::View if new.labels.starts_with(&old.labels) => {
            let sql = new.create.replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1);
            let mut statements = vec![statement(sql, &purpose)];
            // `OR REPLACE` keeps the options that are not named.
            if old.create.contains(" WITH (") && !new.create.contains(" WITH (") {
                statements.clear();
            }
            if statements.is_empty() {
                How::Again
            } else {
                How::Altered(statements)
            }
        }
        ObjectKind::Trigger | ObjectKind::Rule if old.definition == new.definition => {
            let table = qualified(schema, new.table.as_deref().unwrap_or_default());
            let own = named(schema, kind, name, new);
            let own = own
                .strip_suffix(&format!(" ON {table}"))
                .unwrap_or(&own)
                .to_owned();
            let state = new
                .labels
                .first()
                .cloned()
                .unwrap_or_else(|| format!("ENABLE {own}"));
            How::Altered(vec![statement(
                format!("ALTER TABLE {table} {state}"),
                &purpose,
            )])
        }
        ObjectKind::EventTrigger if old.definition == new.definition => {
            let state = new.labels.first().map_or("ENABLE", String::as_str);
            let named = named(schema, kind, name, new);
            How::Altered(vec![statement(format!("ALTER {named} {state}"), &purpose)])
        }
        ObjectKind::TextSearchConfiguration if old.definition == new.definition => {
            How::Altered(further::configuration(&shown, &purpose, old, new))
        }
        ObjectKind::TextSearchDictionary if old.definition == new.definition => {
            How::Altered(vec![further::dictionary(&shown, &purpose, old, new)])
        }
        ObjectKind::MaterializedView => {
            match materialized::in_place((schema, &shown), &purpose, old, new) {
                Some(statements) => How::Altered(statements),
                None => How::Again,
            }
        }
        ObjectKind::Publication => match further::publication(&quote(name), &purpose, old, new) {
            Some(statements) => How::Altered(statements),
            None => How::Again,
        },
        ObjectKind::Range | ObjectKind::Extension | ObjectKind::Collation => {
            How::Refused(Refusal {
                object: format!("{kind} {name}"),
                reason: "it cannot be changed in place: drop what uses it and make it again in a migration"
                    .to_owned(),
            })
        }
        _ => How::Again,
    };
    let _ = version;
    if let How::Altered(statements) = &mut how
        && old.comment != new.comment
    {
        statements.push(comment_on(schema, kind, name, new));
    }
    how
}

/// Before the body the server writes a line for each kind of property.
fn is_window(function: &Object) -> bool {
    let lines = function.create.lines();
    let mut head = lines.take_while(|line| !line.starts_with("AS "));
    head.any(|line| line.split_whitespace().next() == Some("WINDOW"))
}

/// New labels, each behind the one before it; none where a label went or moved.
fn added_labels(shown: &str, old: &[String], new: &[String]) -> Option<Vec<Statement>> {
    let mut kept = new.iter().filter(|label| old.contains(label));
    if !old.iter().all(|label| kept.next() == Some(label)) {
        return None;
    }
    let mut statements = Vec::new();
    let mut before: Option<&String> = None;
    for label in new {
        if !old.contains(label) {
            let place = match (before, old.first()) {
                (Some(before), _) => format!(" AFTER {}", literal(before)),
                (None, Some(first)) => format!(" BEFORE {}", literal(first)),
                (None, None) => String::new(),
            };
            statements.push(statement(
                format!("ALTER TYPE {shown} ADD VALUE {}{place}", literal(label)),
                &format!("add label {label} to enum {shown}"),
            ));
        }
        before = Some(label);
    }
    Some(statements)
}

/// A domain's parts are `DEFAULT ..`, `NOT NULL` and `CONSTRAINT "c" CHECK ..`.
fn domain(shown: &str, purpose: &str, old: &Object, new: &Object) -> Vec<Statement> {
    let mut actions = Vec::new();
    for part in old.labels.iter().filter(|part| !new.labels.contains(part)) {
        if part.starts_with("DEFAULT ") {
            if !new.labels.iter().any(|part| part.starts_with("DEFAULT ")) {
                actions.push("DROP DEFAULT".to_owned());
            }
        } else if part == "NOT NULL" {
            actions.push("DROP NOT NULL".to_owned());
        } else if let Some(name) = constraint_name(part) {
            actions.push(format!("DROP CONSTRAINT {name}"));
        }
    }
    for part in new.labels.iter().filter(|part| !old.labels.contains(part)) {
        actions.push(if part.starts_with("DEFAULT ") || part == "NOT NULL" {
            format!("SET {part}")
        } else {
            format!("ADD {part}")
        });
    }
    actions
        .into_iter()
        .map(|action| statement(format!("ALTER DOMAIN {shown} {action}"), purpose))
        .collect()
}

/// Takes a part away from a domain, a constraint or its default, which is given in the words of the domain's parts.
pub(super) fn drop_domain_part(shown: &str, part: &str) -> Option<Statement> {
    let action = match constraint_name(part) {
        Some(name) => format!("DROP CONSTRAINT {name}"),
        None if is_default(part) => "DROP DEFAULT".to_owned(),
        None => return None,
    };
    let sql = format!("ALTER DOMAIN {shown} {action}");
    Some(statement(sql, &format!("modify domain {shown}")))
}

/// Gives it back.
pub(super) fn add_domain_part(shown: &str, part: &str) -> Statement {
    let verb = if is_default(part) { "SET" } else { "ADD" };
    let sql = format!("ALTER DOMAIN {shown} {verb} {part}");
    statement(sql, &format!("modify domain {shown}"))
}

fn is_default(part: &str) -> bool {
    part.starts_with("DEFAULT ")
}

/// The quoted name behind `CONSTRAINT`.
pub(super) fn constraint_name(part: &str) -> Option<&str> {
    let rest = part.strip_prefix("CONSTRAINT ")?;
    rest.rfind("\" CHECK ")
        .or_else(|| rest.find("\" "))
        .and_then(|end| rest.get(..=end))
}

/// Attributes can be dropped, changed, and added at the end.
fn composite(shown: &str, purpose: &str, name: &str, old: &Object, new: &Object) -> How {
    let attribute = |part: &str| -> (String, String) {
        let rest = part.strip_prefix('"').unwrap_or(part);
        let end = rest.find("\" ").unwrap_or(rest.len());
        let (name, data_type) = rest.split_at_checked(end).unwrap_or((rest, ""));
        (
            format!("\"{name}\""),
            data_type.trim_start_matches("\" ").to_owned(),
        )
    };
    let old_parts: Vec<_> = old.labels.iter().map(|part| attribute(part)).collect();
    let new_parts: Vec<_> = new.labels.iter().map(|part| attribute(part)).collect();
    let has = |parts: &[(String, String)], name: &String| parts.iter().any(|part| part.0 == *name);
    let kept: Vec<&String> = old_parts
        .iter()
        .map(|part| &part.0)
        .filter(|name| has(&new_parts, name))
        .collect();
    let begins = new_parts
        .iter()
        .map(|part| &part.0)
        .take(kept.len())
        .eq(kept.iter().copied());
    if !begins {
        return How::Refused(Refusal {
            object: format!("composite type {name}"),
            reason: "attributes can only be added at the end, and not be moved: write new ones behind the others"
                .to_owned(),
        });
    }
    let (mut actions, mut changed) = (Vec::new(), Vec::new());
    let mut destructive = false;
    for (name, _) in old_parts.iter().filter(|part| !has(&new_parts, &part.0)) {
        actions.push(format!("DROP ATTRIBUTE {name}"));
        destructive = true;
    }
    for (name, data_type) in &new_parts {
        match old_parts.iter().find(|part| part.0 == *name) {
            None => actions.push(format!("ADD ATTRIBUTE {name} {data_type}")),
            Some((_, before)) if before != data_type => {
                changed.push(format!("ALTER ATTRIBUTE {name} TYPE {data_type}"));
            }
            Some(_) => {}
        }
    }
    let altering = |(actions, destructive): (Vec<String>, bool)| Statement {
        sql: format!("ALTER TYPE {shown} {}", actions.join(", ")),
        destructive,
        purpose: purpose.to_owned(),
        ..Statement::default()
    };
    let steps = [(actions, destructive), (changed, true)].into_iter();
    let steps = steps.filter(|(actions, _)| !actions.is_empty());
    How::Altered(steps.map(altering).collect())
}

fn sequence(shown: &str, purpose: &str, old: &Object, new: &Object) -> Vec<Statement> {
    let mut statements = Vec::new();
    if old.definition != new.definition {
        let (was, is) = ((&*old.definition, "bigint"), (&*new.definition, "bigint"));
        let (counts, _) = count_otherwise(shown, was, is, purpose);
        statements.extend(counts);
    }
    // The old owner may go, and the new one may not be there yet.
    if old.labels != new.labels && !old.labels.is_empty() {
        statements.push(owner(shown, purpose, &Object::default()));
    }
    statements
}

/// `OWNED BY`, which can only be said when the table is there.
pub(super) fn owner(shown: &str, purpose: &str, new: &Object) -> Statement {
    let owned = new.labels.first().map_or("OWNED BY NONE", String::as_str);
    statement(format!("ALTER SEQUENCE {shown} {owned}"), purpose)
}

pub(super) fn statement(sql: String, purpose: &str) -> Statement {
    Statement {
        sql,
        purpose: purpose.to_owned(),
        ..Statement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn labels_are_added_where_they_belong() {
        let added = |old: &[&str], new: &[&str]| {
            added_labels("t", &labels(old), &labels(new)).map(|statements| {
                statements
                    .into_iter()
                    .map(|statement| statement.sql)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            added(&["b", "d"], &["a", "b", "c", "d", "e"]).unwrap(),
            [
                "ALTER TYPE t ADD VALUE 'a' BEFORE 'b'",
                "ALTER TYPE t ADD VALUE 'c' AFTER 'b'",
                "ALTER TYPE t ADD VALUE 'e' AFTER 'd'",
            ]
        );
        assert_eq!(added(&[], &["a"]).unwrap(), ["ALTER TYPE t ADD VALUE 'a'"]);
        assert_eq!(added(&["a", "b"], &["b", "a"]), None);
        assert_eq!(added(&["a", "b"], &["a"]), None);
    }

    #[test]
    fn the_names_of_functions_and_triggers_are_taken_apart() {
        let on = Object {
            table: Some("a.b".to_owned()),
            ..Object::default()
        };
        assert_eq!(
            named("s", ObjectKind::Trigger, "a.b.c", &on),
            "TRIGGER \"c\" ON \"s\".\"a.b\""
        );
        assert_eq!(
            named("", ObjectKind::Function, "f(integer, text)", &on),
            "FUNCTION \"f\"(integer, text)"
        );
    }
}
