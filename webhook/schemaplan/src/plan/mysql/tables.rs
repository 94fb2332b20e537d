//! Tables and schemas: which change at all, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tidegate_sqlplan::Dialect;

use super::alter::{Action, Alter};
use super::keys::referred;
use super::text::{charset_of, create_table, literal, qualified, quote};
use super::{Name, order, statement};
use crate::catalog::{Schema, Table};
use crate::diff::{Change, TableChange};
use crate::plan::Statement;

/// What there is to do about tables and schemas.
pub(super) struct Work<'a> {
    pub(super) dialect: Dialect,
    pub(super) changes: &'a [Change<'a>],
    pub(super) created: BTreeMap<Name<'a>, &'a Table>,
    pub(super) altered: BTreeMap<Name<'a>, Alter<'a>>,
    pub(super) dropped: BTreeMap<Name<'a>, &'a Table>,
}

impl<'a> Work<'a> {
    pub(super) fn new(dialect: Dialect, changes: &'a [Change<'a>]) -> Self {
        let mut work = Self {
            dialect,
            changes,
            created: BTreeMap::new(),
            altered: BTreeMap::new(),
            dropped: BTreeMap::new(),
        };
        for change in changes {
            match change {
                Change::SchemaAdded { schema, new } => {
                    let tables = new.tables.iter();
                    work.created
                        .extend(tables.map(|(name, table)| ((*schema, name.as_str()), table)));
                }
                Change::TableAdded { schema, table, new } => {
                    work.created.insert((schema, table), new);
                }
                Change::TableDropped { schema, table, old } => {
                    work.dropped.insert((schema, table), old);
                }
                Change::TableChanged {
                    schema,
                    table,
                    old,
                    new,
                    changes,
                } => {
                    work.altered.insert(
                        (schema, table),
                        work.alter(schema, old, new, changes.as_slice()),
                    );
                }
                _ => {}
            }
        }
        work
    }

    pub(super) fn alter(
        &self,
        schema: &'a str,
        old: &'a Table,
        new: &'a Table,
        changes: &'a [TableChange<'a>],
    ) -> Alter<'a> {
        Alter {
            dialect: self.dialect,
            schema,
            old,
            new,
            changes,
            lifted: BTreeSet::new(),
        }
    }

    /// Tables that go, in the order in which what is referred to would come first, with what each refers to that does not.
    pub(super) fn drop_order(&self) -> Vec<(Name<'a>, BTreeSet<Name<'a>>)> {
        let needs = self
            .dropped
            .iter()
            .map(|(name, table)| {
                let needed = table.foreign_keys.values();
                (*name, needed.map(|key| referred(name.0, key)).collect())
            })
            .collect();
        order::ordered(&needs)
    }

    pub(super) fn schemas(&self) -> Vec<Statement> {
        let options = |schema: &Schema, old: Option<&Schema>| {
            let mut sql = String::new();
            if let Some(collation) = &schema.collation {
                let _ = write!(
                    sql,
                    " CHARACTER SET {} COLLATE {collation}",
                    charset_of(collation)
                );
            }
            if schema.comment.as_deref() != old.and_then(|old| old.comment.as_deref()) {
                let comment = schema.comment.as_deref().unwrap_or_default();
                let _ = write!(sql, " COMMENT {}", literal(comment));
            }
            sql
        };
        self.changes
            .iter()
            .filter_map(|change| match change {
                Change::SchemaAdded { schema, new } if !schema.is_empty() => Some(statement(
                    format!("CREATE DATABASE {}{}", quote(schema), options(new, None)),
                    false,
                    format!("create database {schema}"),
                )),
                Change::SchemaChanged { schema, old, new } => {
                    // Without a name it is the one that the connection is in.
                    let name = if schema.is_empty() {
                        String::new()
                    } else {
                        format!(" {}", quote(schema))
                    };
                    Some(statement(
                        format!("ALTER DATABASE{name}{}", options(new, Some(old))),
                        false,
                        "change the database's character set".to_owned(),
                    ))
                }
                _ => None,
            })
            .collect()
    }

    /// Tables made and changed, then the foreign keys that close a circle.
    pub(super) fn tables(&self) -> Vec<Statement> {
        let mut needs: BTreeMap<Name<'a>, BTreeSet<Name<'a>>> = BTreeMap::new();
        for (name, table) in &self.created {
            let keys = table.foreign_keys.values();
            needs.insert(*name, keys.map(|key| referred(name.0, key)).collect());
        }
        for (name, alter) in &self.altered {
            let added = alter.keys_added().into_iter();
            let keys = added.filter_map(|key| alter.new.foreign_keys.get(key));
            needs.insert(*name, keys.map(|key| referred(name.0, key)).collect());
        }
        let mut statements = Vec::new();
        let mut last = Vec::new();
        for (name, missing) in order::ordered(&needs) {
            let (schema, table) = name;
            if let Some(new) = self.created.get(&name) {
                let (now, later): (Vec<&str>, Vec<&str>) = new
                    .foreign_keys
                    .keys()
                    .map(String::as_str)
                    .partition(|key| !is_missing(schema, new, key, &missing));
                statements.push(statement(
                    create_table(self.dialect, schema, table, new, &now),
                    false,
                    format!("create table {table}"),
                ));
                let alter = self.alter(schema, new, new, &[]);
                last.extend(alter_table(schema, table, alter.add_keys(later), None));
            } else if let Some(alter) = self.altered.get(&name) {
                let (now, later): (Vec<&str>, Vec<&str>) =
                    alter.keys_added().into_iter().partition(|key| {
                        // What it refers to in its own table has to be there before.
                        let own = alter.new.foreign_keys.get(*key);
                        !is_missing(schema, alter.new, key, &missing)
                            && own.is_none_or(|own| referred(schema, own) != name)
                    });
                if alter.names_versions() {
                    statements.push(statement(
                        format!(
                            "ALTER TABLE {} DROP SYSTEM VERSIONING",
                            qualified(schema, table)
                        ),
                        true,
                        format!("table {table}: drop its versions, whose columns get names"),
                    ));
                }
                let (mut actions, fulltexts) = one_fulltext(alter.dialect, alter.actions());
                let partitions = partitions(alter);
                // A table that is parted takes no foreign key, also in the statement that ends it.
                let (with, behind) = if partitions.is_none() {
                    (now, Vec::new())
                } else {
                    (Vec::new(), now)
                };
                actions.extend(alter.add_keys(with));
                statements.extend(alter_table(schema, table, actions, partitions));
                for fulltext in fulltexts {
                    statements.extend(alter_table(schema, table, vec![fulltext], None));
                }
                statements.extend(alter_table(schema, table, alter.add_keys(behind), None));
                statements.extend(alter_table(schema, table, alter.afterwards(), None));
                last.extend(alter_table(schema, table, alter.add_keys(later), None));
            }
        }
        statements.extend(last);
        statements
    }

    /// Those that go, as far as they are chosen.
    pub(super) fn tables_dropped(&self, is_chosen: impl Fn(Name<'a>) -> bool) -> Vec<Statement> {
        let order = self.drop_order().into_iter().rev();
        order
            .filter(|(name, _)| is_chosen(*name))
            .map(|((schema, table), _)| {
                statement(
                    format!("DROP TABLE {}", qualified(schema, table)),
                    true,
                    format!("drop table {table}"),
                )
            })
            .collect()
    }

    pub(super) fn schemas_dropped(&self) -> Vec<Statement> {
        self.changes
            .iter()
            .filter_map(|change| match change {
                Change::SchemaDropped { schema, .. } => Some(statement(
                    format!("DROP DATABASE {}", quote(schema)),
                    true,
                    format!("drop database {schema}"),
                )),
                _ => None,
            })
            .collect()
    }
}

fn is_missing(schema: &str, table: &Table, key: &str, missing: &BTreeSet<Name<'_>>) -> bool {
    table
        .foreign_keys
        .get(key)
        .is_some_and(|key| missing.contains(&referred(schema, key)))
}

/// Of indexes over words `MySQL` makes one with a statement (`InnoDB presently supports one FULLTEXT index creation at a time`); those that need one of their own.
fn one_fulltext(dialect: Dialect, actions: Vec<Action>) -> (Vec<Action>, Vec<Action>) {
    let mut is_first = true;
    actions.into_iter().partition(|action| {
        let is_fulltext = dialect == Dialect::Mysql && action.sql.starts_with("ADD FULLTEXT ");
        !is_fulltext || std::mem::take(&mut is_first)
    })
}

/// Any number of actions as one statement; none as none. What becomes of its partitions is said last, without a comma.
fn alter_table(
    schema: &str,
    table: &str,
    actions: Vec<Action>,
    partitions: Option<String>,
) -> Option<Statement> {
    if actions.is_empty() && partitions.is_none() {
        return None;
    }
    let destructive = actions.iter().any(|action| action.destructive);
    let mut parts = Vec::with_capacity(actions.len());
    let mut purposes = Vec::with_capacity(actions.len());
    for action in actions {
        parts.push(action.sql);
        purposes.push(action.purpose);
    }
    if partitions.is_some() {
        purposes.push("change partitions".to_owned());
    }
    purposes.retain(|purpose| !purpose.is_empty());
    if purposes.is_empty() {
        purposes.push("restore foreign keys".to_owned());
    }
    let changes = [parts.join(", "), partitions.unwrap_or_default()];
    let changes: Vec<&str> = changes
        .iter()
        .map(String::as_str)
        .filter(|changes| !changes.is_empty())
        .collect();
    Some(statement(
        format!(
            "ALTER TABLE {} {}",
            qualified(schema, table),
            changes.join(" ")
        ),
        destructive,
        format!("table {table}: {}", purposes.join(", ")),
    ))
}

/// What becomes of a table's partitions, together with all else: a key must have the columns that rows are parted by, before and after. Rows move, none
/// is lost.
fn partitions(alter: &Alter<'_>) -> Option<String> {
    alter.changes.iter().find_map(|change| match change {
        TableChange::OptionChanged {
            option: "partition by",
            new,
            ..
        } => Some(new.map_or_else(
            || "REMOVE PARTITIONING".to_owned(),
            |partitions| format!("PARTITION BY {partitions}"),
        )),
        _ => None,
    })
}
