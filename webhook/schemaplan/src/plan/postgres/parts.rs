//! An index of a partitioned table and its parts, the indexes of the partitions.
//!
//! The server makes the parts with the index and names them itself, but takes one that is there already and fits. So parts that have names of their
//! own are made first, the deepest before those above them.

use crate::catalog::Index;
use crate::plan::Statement;

use super::objects::statement;
use super::text::{create_index, qualified, quote};

/// One part: how deep it is, its table as the server writes it, its name.
type Part<'a> = (&'a str, &'a str, &'a str);

/// Whether an option of an index says how one of its parts is called.
pub(super) fn is_part(option: &str) -> bool {
    option.starts_with("part ")
}

/// Whether an index has parts with names of their own.
pub(super) fn has_parts(index: &Index) -> bool {
    index.options.keys().any(|option| is_part(option))
}

/// The deepest first.
fn parts(index: &Index) -> Vec<Part<'_>> {
    let options = index.options.iter();
    let mut parts: Vec<Part<'_>> = options
        .filter_map(|(option, name)| {
            let (level, table) = option.strip_prefix("part ")?.split_once(" of ")?;
            Some((level, table, name.as_str()))
        })
        .collect();
    parts.sort_by_key(|(level, table, _)| {
        (
            std::cmp::Reverse(level.len()),
            std::cmp::Reverse(*level),
            *table,
        )
    });
    parts
}

/// The statements that make an index of a table, with its parts.
pub(super) fn create(
    (schema, table): (&str, &str),
    name: &str,
    index: &Index,
    concurrently: bool,
) -> Vec<Statement> {
    let shown = qualified(schema, table);
    let purpose = format!("create index {table}.{name}");
    let mut statements: Vec<Statement> = Vec::new();
    let parts = parts(index);
    let mut whole = index.clone();
    whole.options.remove("invalid");
    for (_, partition, part) in &parts {
        let sql = create_index(partition, part, &whole, false);
        statements.push(statement(sql, &purpose));
    }
    statements.push(Statement {
        sql: create_index(&shown, name, index, concurrently),
        alone: concurrently,
        purpose: purpose.clone(),
        ..Statement::default()
    });
    if index.options.contains_key("invalid") {
        for (_, partition, part) in parts.iter().filter(|(level, _, _)| *level == "1") {
            let index = qualified(schema, name);
            let part = beside(partition, part);
            let sql = format!("ALTER INDEX {index} ATTACH PARTITION {part}");
            statements.push(statement(sql, &purpose));
        }
    }
    statements
}

/// What renames the parts of an index that is the same but for their names; none where one of them is not known.
pub(super) fn renamed(old: &Index, new: &Index) -> Option<Vec<Statement>> {
    let (was, is) = (parts(old), parts(new));
    let same = |one: &Part<'_>, other: &Part<'_>| (one.0, one.1) == (other.0, other.1);
    let is_known =
        was.len() == is.len() && is.iter().all(|part| was.iter().any(|old| same(old, part)));
    if !is_known {
        return None;
    }
    let pairs = is.iter().filter_map(|part| {
        let old = was.iter().find(|old| same(old, part))?;
        (old.2 != part.2).then(|| {
            let index = beside(part.1, old.2);
            let sql = format!("ALTER INDEX {index} RENAME TO {}", quote(part.2));
            statement(sql, &format!("rename index {}", old.2))
        })
    });
    Some(pairs.collect())
}

/// The name of an index in the schema of its table, which is given as the server writes it.
fn beside(table: &str, index: &str) -> String {
    // A dot within quotes belongs to a name.
    let mut inside = false;
    let dot = table.char_indices().find(|(_, character)| {
        inside ^= *character == '"';
        !inside && *character == '.'
    });
    match dot.and_then(|(at, _)| table.get(..=at)) {
        Some(schema) => format!("{schema}{}", quote(index)),
        None => quote(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(parts: &[(&str, &str)]) -> Index {
        let options = parts
            .iter()
            .map(|(part, name)| ((*part).to_owned(), (*name).to_owned()));
        Index {
            options: options.collect(),
            ..Index::default()
        }
    }

    #[test]
    fn parts_are_renamed_where_both_names_are_known() {
        let old = index(&[("part 1 of s.p", "a"), ("part 2 of \"x.y\"", "b")]);
        let new = index(&[("part 1 of s.p", "a"), ("part 2 of \"x.y\"", "c d")]);
        let sql: Vec<String> = renamed(&old, &new)
            .unwrap()
            .into_iter()
            .map(|one| one.sql)
            .collect();
        assert_eq!(sql, ["ALTER INDEX \"b\" RENAME TO \"c d\""]);
        assert!(renamed(&old, &index(&[("part 1 of s.p", "a")])).is_none());
    }
}
