//! Renames that were hinted, done to the present catalog before it is compared.
//!
//! A server cannot be asked whether `orders` became `purchases` or went away beside it. The wanted text says so: `-- tidegate:rename orders ->
//! purchases`, `-- tidegate:rename orders.total -> amount`. A hint stays in the text, so one whose old name is gone is satisfied, and silent; one
//! that cannot be meant (both names are there, or the new one is not wanted) is refused, because the alternative would be a drop.
//!
//! Everything that bears or refers to the old name is renamed with it, as the servers do: keys, indexes, foreign keys from elsewhere, and in
//! expressions each word that is the name. Where a server does otherwise the comparison finds a difference, and the plan mends it.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use tidegate_sqlplan::Dialect;

use crate::catalog::{Catalog, Column, Identity, ObjectKind, Schema, Table};
use crate::diff::{Change, TableChange};
use crate::plan;
use crate::plan::Refusal;
use crate::settings::RenameHint;

mod words;

use words::Words;
pub(crate) use words::has_word;

/// A rename that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    pub(crate) schema: String,
    /// The table, by its new name where it is renamed too.
    pub(crate) table: String,
    /// The column's new name; none where it is the table that is renamed.
    pub(crate) column: Option<String>,
    pub(crate) from: String,
}

/// Does what the hints say to `current`, tables first. Returns what has to be said to the server.
pub(crate) fn rename(
    current: &mut Catalog,
    desired: &Catalog,
    hints: &[RenameHint],
) -> Result<Vec<Rename>, Vec<Refusal>> {
    let mut renames = Vec::new();
    let mut refusals = Vec::new();
    let schemas: BTreeSet<String> = [&*current, desired]
        .into_iter()
        .flat_map(|side| side.schemas.keys().cloned())
        .collect();
    let unqualified = unqualified_schema(&schemas, desired.engine.dialect);
    for wants_column in [false, true] {
        for hint in hints {
            let parts: Vec<&str> = hint.from.split('.').collect();
            let (schema, parts) = match parts.as_slice() {
                // `orders.total` is a column unless there is a schema of that name.
                [schema, rest @ ..]
                    if !rest.is_empty() && schemas.contains(*schema)
                        || !unqualified.is_empty() && rest.len() > 1 =>
                {
                    (*schema, rest)
                }
                rest => (unqualified, rest),
            };
            let to = hint.to.rsplit('.').next().unwrap_or_default();
            // A column's hint may name its table as it was or as it is.
            let table_now = |table: &str| {
                let there = current.schemas.get(schema);
                let is_there = there.is_some_and(|schema| schema.tables.contains_key(table));
                let renamed = hints
                    .iter()
                    .find(|hint| hint.from.rsplit('.').next() == Some(table));
                match renamed {
                    Some(hint) if !is_there => {
                        hint.to.rsplit('.').next().unwrap_or_default().to_owned()
                    }
                    _ => table.to_owned(),
                }
            };
            let done = match (parts, wants_column) {
                ([table], false) => rename_table(current, desired, schema, table, to),
                ([table, column], true) => {
                    let table = table_now(table);
                    rename_column(current, desired, schema, &table, column, to)
                }
                ([_] | [_, _], _) => Ok(None),
                _ if wants_column => Ok(None),
                _ => Err("name a table, or a table and its column".to_owned()),
            };
            match done {
                Ok(done) => renames.extend(done),
                Err(reason) => refusals.push(Refusal {
                    object: format!("rename {} -> {}", hint.from, hint.to),
                    reason,
                }),
            }
        }
    }
    if refusals.is_empty() {
        Ok(renames)
    } else {
        Err(refusals)
    }
}

/// Where a name without a schema is: in the one that is looked at, or, where there are several, in the one that a `PostgreSQL` server looks in first.
fn unqualified_schema(schemas: &BTreeSet<String>, dialect: Dialect) -> &'static str {
    let is_one = schemas.iter().all(String::is_empty);
    if is_one || dialect != Dialect::Postgres {
        ""
    } else {
        "public"
    }
}

/// Puts the renames where plans look for them: those of tables first of all, those of columns first in their table.
pub(crate) fn insert<'a>(
    changes: &mut Vec<Change<'a>>,
    renames: &'a [Rename],
    current: &'a Catalog,
    desired: &'a Catalog,
) {
    for rename in renames.iter().rev() {
        let (schema, table, from) = (&*rename.schema, &*rename.table, &*rename.from);
        let Some(to) = &rename.column else {
            changes.insert(
                0,
                Change::TableRenamed {
                    schema,
                    from,
                    to: table,
                },
            );
            continue;
        };
        let renamed = TableChange::ColumnRenamed { from, to };
        let there = changes.iter_mut().find_map(|change| match change {
            Change::TableChanged {
                schema: other,
                table: name,
                changes,
                ..
            } if *other == schema && *name == table => Some(changes),
            _ => None,
        });
        if let Some(inner) = there {
            inner.insert(0, renamed);
            continue;
        }
        let side = |catalog: &'a Catalog| catalog.schemas.get(schema)?.tables.get(table);
        if let (Some(old), Some(new)) = (side(current), side(desired)) {
            let place = changes
                .iter()
                .position(|change| !matches!(change, Change::TableRenamed { .. }))
                .unwrap_or(changes.len());
            let changed = Change::TableChanged {
                schema,
                table,
                old,
                new,
                changes: vec![renamed],
            };
            changes.insert(place, changed);
        }
    }
}

fn rename_table(
    current: &mut Catalog,
    desired: &Catalog,
    schema: &str,
    from: &str,
    to: &str,
) -> Result<Option<Rename>, String> {
    let wanted = desired.schemas.get(schema).map(|schema| &schema.tables);
    let is_wanted = |name: &str| wanted.is_some_and(|tables| tables.contains_key(name));
    let dialect = current.engine.dialect;
    let Some(present) = current.schemas.get_mut(schema) else {
        return Ok(None);
    };
    if !present.tables.contains_key(from) {
        return Ok(None);
    }
    possible(
        (from, to),
        present.tables.contains_key(to),
        is_wanted(from),
        is_wanted(to),
        "table",
    )?;
    let words = Words { dialect, from, to };
    let Some(mut table) = present.tables.remove(from) else {
        return Ok(None);
    };
    for (name, column) in &mut table.columns {
        keep_sequence(column, from, name);
    }
    // Its parts of a parent's indexes are called after it.
    for part in table.parts.0.values_mut() {
        if let Some(rest) = part.strip_prefix(from).filter(|rest| rest.starts_with('_')) {
            *part = format!("{to}{rest}");
        }
    }
    let usual_key = table.primary_key.as_ref().map(|key| key.name.is_none());
    present.tables.insert(to.to_owned(), table);
    let written = plan::written_as_parent(desired, (schema, to));
    for (owner, other) in &mut current.schemas {
        let own = owner == schema;
        for table in other.tables.values_mut() {
            for key in table.foreign_keys.values_mut() {
                if key.table == from && (key.schema == schema || (own && key.schema.is_empty())) {
                    to.clone_into(&mut key.table);
                }
            }
            let is_child = plan::rename_parent(table, (schema, from), &written);
            if is_child
                && usual_key == Some(true)
                && let Some(part) = table.parts.0.remove(&format!("{from}_pkey"))
            {
                table.parts.0.insert(format!("{to}_pkey"), part);
            }
            if own {
                words.in_expressions(table);
                renew_names(table);
            }
        }
        words.in_needs(other, schema);
        if own {
            words.in_objects(other);
            move_what_is_of_it(other, from, to);
        }
    }
    Ok(Some(Rename {
        schema: schema.to_owned(),
        table: to.to_owned(),
        column: None,
        from: from.to_owned(),
    }))
}

fn rename_column(
    current: &mut Catalog,
    desired: &Catalog,
    schema: &str,
    table: &str,
    from: &str,
    to: &str,
) -> Result<Option<Rename>, String> {
    let dialect = current.engine.dialect;
    let wanted = desired.schemas.get(schema);
    let Some(present) = current.schemas.get_mut(schema) else {
        return Ok(None);
    };
    let Some(entry) = present.tables.get_mut(table) else {
        return Ok(None);
    };
    let Some(wanted) = wanted.and_then(|schema| schema.tables.get(table)) else {
        return Ok(None);
    };
    if !entry.columns.contains_key(from) {
        return Ok(None);
    }
    possible(
        (from, to),
        entry.columns.contains_key(to),
        wanted.columns.contains_key(from),
        wanted.columns.contains_key(to),
        "column",
    )?;
    let words = Words { dialect, from, to };
    entry.columns = std::mem::take(&mut entry.columns)
        .into_iter()
        .map(|(name, mut column)| {
            if name != from {
                return (name, column);
            }
            keep_sequence(&mut column, table, from);
            (to.to_owned(), column)
        })
        .collect::<IndexMap<_, _>>();
    let key = entry.primary_key.iter_mut();
    let parts = key.flat_map(|key| {
        swap(&mut key.include, from, to);
        &mut key.parts
    });
    for part in parts.chain(
        entry
            .indexes
            .values_mut()
            .flat_map(|index| &mut index.parts),
    ) {
        if part.column.as_deref() == Some(from) {
            part.column = Some(to.to_owned());
        }
    }
    for key in entry.foreign_keys.values_mut() {
        swap(&mut key.columns, from, to);
    }
    words.in_expressions(entry);
    renew_names(entry);
    for other in present.tables.values_mut() {
        for key in other.foreign_keys.values_mut() {
            if key.table == table && (key.schema.is_empty() || key.schema == schema) {
                swap(&mut key.referred, from, to);
            }
        }
    }
    let objects = present.objects.iter_mut().filter(|(kind, _)| {
        // The server keeps the old name for what it shows, and cannot be told otherwise: it is made again.
        !(dialect == Dialect::Postgres && **kind == ObjectKind::MaterializedView)
    });
    for object in objects.flat_map(|(_, objects)| objects.values_mut()) {
        let is_near = object.table.as_deref() == Some(table)
            || object
                .needs
                .iter()
                .any(|need| need.eq_ignore_ascii_case(table));
        // MySQL leaves views and triggers broken that name the column as it was; they are found to differ, and are made again.
        if is_near && !dialect.is_mysql_like() {
            object.definition = words.within(&object.definition);
        }
    }
    Ok(Some(Rename {
        schema: schema.to_owned(),
        table: table.to_owned(),
        column: Some(to.to_owned()),
        from: from.to_owned(),
    }))
}

fn possible(
    (from, to): (&str, &str),
    to_is_there: bool,
    from_is_wanted: bool,
    to_is_wanted: bool,
    kind: &str,
) -> Result<(), String> {
    if from_is_wanted {
        Err(format!(
            "the wanted schema still has the {kind} {from}; take the hint out, or the {kind}"
        ))
    } else if to_is_there {
        Err(format!(
            "the database has a {kind} {to} already, beside {from}; move what is needed, drop one of the two, then take the hint out"
        ))
    } else if !to_is_wanted {
        Err(format!(
            "the wanted schema has no {kind} {to}; write the name that it has there"
        ))
    } else {
        Ok(())
    }
}

/// The sequence of an identity column is called after its table and its column, and does not follow them.
fn keep_sequence(column: &mut Column, table: &str, name: &str) {
    let identity = column.identity.as_mut();
    if let Some(identity) = identity.filter(|identity| identity.kind != "serial") {
        let usual = || Identity::usual_sequence(table, name);
        identity.sequence.get_or_insert_with(usual);
    }
}

fn swap(names: &mut [String], from: &str, to: &str) {
    for name in names.iter_mut().filter(|name| *name == from) {
        to.clone_into(name);
    }
}

/// Triggers, policies and rules are known by their table's name too.
fn move_what_is_of_it(schema: &mut Schema, from: &str, to: &str) {
    for objects in schema.objects.values_mut() {
        let moved = std::mem::take(objects)
            .into_iter()
            .map(|(name, mut object)| {
                if object.table.as_deref() != Some(from) {
                    return (name, object);
                }
                object.table = Some(to.to_owned());
                let bare = name
                    .strip_prefix(from)
                    .and_then(|rest| rest.strip_prefix('.'));
                let renamed = bare.map(|bare| format!("{to}.{bare}"));
                (renamed.unwrap_or(name), object)
            });
        *objects = moved.collect();
    }
}

/// Constraints without a name are called after what they say.
fn renew_names(table: &mut Table) {
    table.checks = std::mem::take(&mut table.checks)
        .into_iter()
        .map(|(name, check)| {
            let renewed = name.starts_with("check (").then(|| check.nameless());
            (renewed.unwrap_or(name), check)
        })
        .collect();
    table.indexes = std::mem::take(&mut table.indexes)
        .into_iter()
        .map(|(name, index)| {
            let renewed = name.starts_with("unique (").then(|| index.nameless());
            (renewed.unwrap_or(name), index)
        })
        .collect();
    table.foreign_keys = std::mem::take(&mut table.foreign_keys)
        .into_iter()
        .map(|(name, key)| {
            let renewed = name.starts_with('(').then(|| key.nameless());
            (renewed.unwrap_or(name), key)
        })
        .collect();
}

#[cfg(test)]
mod tests;
