//! Sequences of identity columns that are called otherwise than wanted: they keep what they have counted to, and take the name.
//!
//! Such a sequence is part of its column and has no entry of its own, but applications call it by its name (`nextval('t_id_seq')`), and a table that was
//! renamed by hand keeps the old one. What is renamed is renamed in the present catalog before the comparison, with what is said of it there.
//!
//! One that goes, with its table, its column or because nothing counts any more, steps aside first where something else is to have its name: what is new is
//! made before what is old goes.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Column, Identity, ObjectKind, Sayings, Schema, Table};
use crate::plan::Statement;
use crate::settings::Skip;

use super::objects::statement;
use super::text::{literal, qualified, quote, sequence_of, unqualified};

/// What is on its way to another name, or out.
const ASIDE: &str = "tidegate_aside_";

/// The statements that rename the sequences, in order.
#[derive(Debug, Default)]
pub(in crate::plan) struct NamesOfSequences {
    /// Before all else but the renames of tables and columns.
    pub(super) first: Vec<Statement>,
    /// When all is dropped that is not wanted: something has the name until then.
    pub(super) last: Vec<Statement>,
}

impl NamesOfSequences {
    /// Renames in `current` the sequences whose columns count on both sides.
    pub(in crate::plan) fn taken(current: &mut Catalog, desired: &Catalog, skip: Skip) -> Self {
        let mut names = Self::default();
        for (name, schema) in &mut current.schemas {
            let Some(wanted) = desired.schemas.get(name) else {
                continue;
            };
            names.make_room(name, schema, wanted, skip);
            let mut others = taken_names(schema);
            let mut renames = Vec::new();
            for (table_name, table) in &mut schema.tables {
                if let Some(wanted) = wanted.tables.get(table_name) {
                    renames.extend(renamed((name, table_name), table, wanted));
                }
            }
            if !renames.is_empty() {
                others.retain(|other| !renames.iter().any(|(from, _)| from == other));
                names.say(name, renames, &others);
            }
        }
        names
    }

    /// Gives other names to those that go and whose names are wanted.
    fn make_room(&mut self, name: &str, schema: &mut Schema, wanted: &Schema, skip: Skip) {
        let (claimed, adopted) = (taken_names(wanted), adopted_names(wanted));
        for (table_name, table) in &mut schema.tables {
            let wanted = wanted.tables.get(table_name);
            if wanted.map_or(skip.drop_table, |_| skip.modify_table) {
                continue;
            }
            for (column_name, column) in &mut table.columns {
                let stays = match wanted.map(|table| table.columns.get(column_name)) {
                    Some(Some(wanted)) => wanted.identity.is_some() || skip.modify_column,
                    Some(None) => skip.drop_column,
                    None => false,
                };
                let Some(own) = owned_by(table_name, column_name, column) else {
                    continue;
                };
                let is_serial = sequence_of(column).is_some();
                let goes_on = is_serial && adopted.contains(&own);
                if stays || goes_on || !claimed.contains(&own) {
                    continue;
                }
                let aside = format!("{ASIDE}{}", self.first.len());
                self.first.push(rename(name, &own, &aside));
                let (from, to) = (qualified(name, &own), qualified(name, &aside));
                for said in [&mut table.details, &mut table.rights] {
                    said_of_renamed(said, &from, &to);
                }
                if is_serial {
                    column.default = Some(format!("nextval({}::regclass)", literal(&to)));
                } else if let Some(identity) = &mut column.identity {
                    identity.sequence = Some(aside);
                }
            }
        }
    }

    /// A name that another of them has now is free when that one is renamed.
    fn say(&mut self, schema: &str, mut renames: Vec<(String, String)>, others: &BTreeSet<String>) {
        let sql = |(from, to): &(String, String)| rename(schema, from, to);
        loop {
            let is_held = |to: &String| renames.iter().any(|(from, _)| from == to);
            let is_free = |(_, to): &(String, String)| !others.contains(to) && !is_held(to);
            if let Some(next) = renames.iter().position(is_free) {
                self.first.push(sql(&renames.remove(next)));
                continue;
            }
            // Tables that have changed their names with each other.
            let is_in_ring = |(_, to): &(String, String)| !others.contains(to);
            let Some(aside) = renames.iter_mut().find(|rename| is_in_ring(rename)) else {
                break;
            };
            let name = format!("{ASIDE}{}", self.first.len());
            self.first.push(sql(&(aside.0.clone(), name.clone())));
            aside.0 = name;
        }
        self.last.extend(renames.iter().map(sql));
    }
}

fn rename(schema: &str, from: &str, to: &str) -> Statement {
    let sql = format!(
        "ALTER SEQUENCE {} RENAME TO {}",
        qualified(schema, from),
        quote(to)
    );
    statement(sql, &format!("rename sequence {from} to {to}"))
}

fn renamed(
    (schema, name): (&str, &str),
    table: &mut Table,
    wanted: &Table,
) -> Vec<(String, String)> {
    let mut renames = Vec::new();
    for (column_name, column) in &mut table.columns {
        let wanted = wanted.columns.get(column_name);
        let wanted = wanted.and_then(|column| column.identity.as_ref());
        let (Some(is), Some(wanted)) = (&mut column.identity, wanted) else {
            continue;
        };
        if is.sequence == wanted.sequence || is.kind == "serial" || wanted.kind == "serial" {
            continue;
        }
        let called = |identity: &Identity| called(identity, name, column_name);
        let (from, to) = (called(is), called(wanted));
        is.sequence.clone_from(&wanted.sequence);
        for said in [&mut table.details, &mut table.rights] {
            said_of_renamed(said, &qualified(schema, &from), &qualified(schema, &to));
        }
        renames.push((from, to));
    }
    renames
}

fn said_of_renamed(said: &mut Sayings, from: &str, to: &str) {
    let (from, to) = (format!("SEQUENCE {from} "), format!("SEQUENCE {to} "));
    *said = std::mem::take(said)
        .into_iter()
        .map(|(undo, said)| (undo.replacen(&from, &to, 1), said.replacen(&from, &to, 1)))
        .collect();
}

/// What has a name in the schema that no sequence can have beside it, with the sequences that columns own.
fn taken_names(schema: &Schema) -> BTreeSet<String> {
    let relations = [
        ObjectKind::View,
        ObjectKind::MaterializedView,
        ObjectKind::Sequence,
        ObjectKind::ForeignTable,
    ];
    let objects = relations.iter().filter_map(|kind| schema.objects.get(kind));
    let mut names: BTreeSet<String> = objects
        .flat_map(|objects| objects.keys())
        .cloned()
        .collect();
    for (name, table) in &schema.tables {
        names.insert(name.clone());
        names.extend(table.indexes.keys().cloned());
        let columns = table.columns.iter();
        names.extend(
            columns.filter_map(|(column_name, column)| owned_by(name, column_name, column)),
        );
    }
    names
}

/// The sequences that another column may go on with: those of serials, and those that are objects of their own.
fn adopted_names(schema: &Schema) -> BTreeSet<String> {
    let columns = schema
        .tables
        .values()
        .flat_map(|table| table.columns.values());
    let serials = columns.filter_map(|column| Some(unqualified(&sequence_of(column)?)));
    let objects = schema.objects.get(&ObjectKind::Sequence).into_iter();
    serials
        .chain(objects.flat_map(|objects| objects.keys().cloned()))
        .collect()
}

/// The name of the sequence that a column owns.
pub(super) fn owned_by(table: &str, name: &str, column: &Column) -> Option<String> {
    let serial = || Some(unqualified(&sequence_of(column)?));
    let identity = column.identity.as_ref();
    let identity = identity.filter(|identity| identity.kind != "serial");
    let own = identity.map(|identity| called(identity, table, name));
    own.or_else(serial)
}

fn called(identity: &Identity, table: &str, column: &str) -> String {
    let named = identity.sequence.clone();
    named.unwrap_or_else(|| Identity::usual_sequence(table, column))
}
