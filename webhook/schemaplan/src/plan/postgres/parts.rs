//! An index or key of a partitioned table and its parts, the indexes of the partitions.
//!
//! The server makes the parts with the index and names them itself, but takes one that is there already and fits. So parts that have names of their
//! own are made first, the deepest before those above them. An index made `ON ONLY` its table has the parts that are attached to it.

use std::collections::BTreeMap;

use crate::catalog::{Index, PrimaryKey};
use crate::plan::Statement;

use super::objects::statement;
use super::text::{
    create_index, index_constraint, list, names, primary_key, qualified, quote, unquoted,
};

/// Whether an option of an index says how one of its parts is called, or how that is made.
pub(super) fn is_part(option: &str) -> bool {
    option.starts_with("part ")
}

/// Whether an option of an index says something of its parts, or that it lacks some.
pub(super) fn is_said_of_parts(option: &str) -> bool {
    is_part(option) || option == "invalid"
}

/// Whether an index has parts with names of their own.
pub(super) fn has_parts(index: &Index) -> bool {
    index.options.keys().any(|option| is_part(option))
}

/// Whether an index or a key, by its options, is made when the partitions have their parts of it.
pub(super) fn comes_late(options: &BTreeMap<String, String>) -> bool {
    options.keys().any(|option| is_said_of_parts(option))
}

/// One part.
struct Part<'a> {
    /// How deep it is.
    level: &'a str,
    /// Its table as the server writes it.
    table: &'a str,
    name: &'a str,
    /// Of one that is made `ON ONLY` its table, the indexes that are attached to it, as the server writes them.
    attached: Option<&'a str>,
    /// Whether it is a unique constraint where the whole is a primary key.
    is_unique: bool,
}

/// The deepest first.
fn parts(options: &BTreeMap<String, String>) -> Vec<Part<'_>> {
    let named = options.iter().filter_map(|(option, name)| {
        let (level, table) = option.strip_prefix("part ")?.split_once(" of ")?;
        let is_setting = table.ends_with(" only") || table.ends_with(" unique");
        (!is_setting).then_some(Part {
            level,
            table,
            name,
            attached: options.get(&format!("{option} only")).map(String::as_str),
            is_unique: options.contains_key(&format!("{option} unique")),
        })
    });
    let mut parts: Vec<Part<'_>> = named.collect();
    parts.sort_by_key(|part| {
        (
            std::cmp::Reverse(part.level.len()),
            std::cmp::Reverse(part.level),
            part.table,
        )
    });
    parts
}

/// What has parts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whole<'a> {
    /// An index, or a constraint with one.
    Index(&'a Index),
    PrimaryKey(&'a PrimaryKey),
}

/// How a part, or the whole, is made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How {
    /// On its table only.
    pub(super) only: bool,
    /// As a unique constraint, where the whole is a primary key.
    pub(super) unique: bool,
    pub(super) concurrently: bool,
}

impl<'a> Whole<'a> {
    pub(super) fn options(self) -> &'a BTreeMap<String, String> {
        match self {
            Self::Index(index) => &index.options,
            Self::PrimaryKey(key) => &key.options,
        }
    }

    /// The statement that makes it, or a part of it, on a table that is given as it is written.
    pub(super) fn make(self, table: &str, name: &str, how: How) -> String {
        let only = if how.only { "ONLY " } else { "" };
        match self {
            Self::Index(index) if index.constraint => {
                let constraint = index_constraint(name, index);
                format!("ALTER TABLE {only}{table} ADD {constraint}")
            }
            Self::Index(index) => {
                let mut index = index.clone();
                index.options.remove("invalid");
                if how.only {
                    index
                        .options
                        .insert("invalid".to_owned(), "true".to_owned());
                }
                create_index(table, name, &index, how.concurrently)
            }
            Self::PrimaryKey(key) if how.unique => {
                let mut index = Index {
                    unique: true,
                    constraint: true,
                    parts: key.parts.clone(),
                    ..Index::default()
                };
                if !key.include.is_empty() {
                    index
                        .options
                        .insert("include".to_owned(), list(&key.include));
                }
                let constraint = index_constraint(name, &index);
                format!("ALTER TABLE {only}{table} ADD {constraint}")
            }
            Self::PrimaryKey(key) => {
                let key = PrimaryKey {
                    name: Some(name.to_owned()),
                    ..key.clone()
                };
                format!("ALTER TABLE {only}{table} ADD {}", primary_key(&key))
            }
        }
    }

    /// The name that the server gives to its part on a table, as far as that is known.
    pub(super) fn usual_name(self, table: &str) -> Option<String> {
        let (parts, ending) = match self {
            Self::PrimaryKey(_) => return Some(format!("{table}_pkey")),
            Self::Index(index) if index.options.contains_key("exclude") => return None,
            Self::Index(index) => (&index.parts, if index.constraint { "key" } else { "idx" }),
        };
        let columns: Option<Vec<&str>> = parts.iter().map(|part| part.column.as_deref()).collect();
        let name = format!("{table}_{}_{ending}", columns?.join("_"));
        // A longer one is cut, and what an index includes is in its name as well.
        (name.len() < 60 && !self.options().contains_key("include")).then_some(name)
    }
}

/// The statements that make an index or a key of a table, with its parts but for those that are there.
pub(super) fn create(
    (schema, table): (&str, &str),
    name: &str,
    whole: Whole<'_>,
    concurrently: bool,
    is_there: &dyn Fn(&str, &str) -> bool,
) -> Vec<Statement> {
    let shown = qualified(schema, table);
    let purpose = format!("create index {table}.{name}");
    let mut statements: Vec<Statement> = Vec::new();
    let mut attached: Vec<Statement> = Vec::new();
    let parts = parts(whole.options());
    let attach = |index: &str, part: &str| {
        let sql = format!("ALTER INDEX {index} ATTACH PARTITION {part}");
        statement(sql, &purpose)
    };
    for part in parts.iter().filter(|part| !is_there(part.table, part.name)) {
        let how = How {
            only: part.attached.is_some(),
            unique: part.is_unique,
            concurrently: false,
        };
        statements.push(statement(whole.make(part.table, part.name, how), &purpose));
        let parts = names(part.attached.unwrap_or_default());
        for one in parts.filter(|one| !one.is_empty()) {
            attached.push(attach(&beside(part.table, part.name), one));
        }
    }
    let how = How {
        only: whole.options().contains_key("invalid"),
        unique: false,
        concurrently,
    };
    statements.push(Statement {
        sql: whole.make(&shown, name, how),
        alone: concurrently,
        purpose: purpose.clone(),
        ..Statement::default()
    });
    statements.extend(attached);
    if how.only {
        for part in parts.iter().filter(|part| part.level == "1") {
            let part = beside(part.table, part.name);
            statements.push(attach(&qualified(schema, name), &part));
        }
    }
    statements
}

/// What gives the parts of a constraint their names again, where the server has made them anew.
pub(super) fn named_again(schema: &str, whole: Whole<'_>) -> Vec<Statement> {
    let named = parts(whole.options()).into_iter().filter_map(|part| {
        let own = unquoted(part.table);
        let own = own.strip_prefix(&format!("{schema}.")).unwrap_or(&own);
        let usual = whole.usual_name(own).filter(|usual| usual != part.name)?;
        let sql = format!(
            "ALTER INDEX {} RENAME TO {}",
            beside(part.table, &usual),
            quote(part.name)
        );
        Some(statement(sql, &format!("rename index {usual}")))
    });
    named.collect()
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

    #[test]
    fn parts_are_made_before_what_they_are_parts_of() {
        let options = [
            ("invalid", "true"),
            ("part 1 of s.p", "middle"),
            ("part 1 of s.p only", "s.leaf"),
            ("part 2 of \"x.y\"", "leaf"),
            ("part 1 of q", "there"),
        ];
        let key = PrimaryKey {
            options: options
                .iter()
                .map(|(option, value)| ((*option).to_owned(), (*value).to_owned()))
                .collect(),
            ..PrimaryKey::default()
        };
        let is_there = |table: &str, name: &str| (table, name) == ("q", "there");
        let made = create(
            ("", "t"),
            "t_pkey",
            Whole::PrimaryKey(&key),
            false,
            &is_there,
        );
        let sql: Vec<String> = made.into_iter().map(|one| one.sql).collect();
        assert_eq!(
            sql,
            [
                "ALTER TABLE \"x.y\" ADD CONSTRAINT \"leaf\" PRIMARY KEY ()",
                "ALTER TABLE ONLY s.p ADD CONSTRAINT \"middle\" PRIMARY KEY ()",
                "ALTER TABLE ONLY \"t\" ADD CONSTRAINT \"t_pkey\" PRIMARY KEY ()",
                "ALTER INDEX s.\"middle\" ATTACH PARTITION s.leaf",
                "ALTER INDEX \"t_pkey\" ATTACH PARTITION \"there\"",
                "ALTER INDEX \"t_pkey\" ATTACH PARTITION s.\"middle\"",
            ]
        );
    }
}
