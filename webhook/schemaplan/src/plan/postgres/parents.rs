//! The tables above a table: the one that it is a partition of, or those that it inherits from, and what it has of them.
//!
//! A catalog says of a table what is its own. What it has of its parents is theirs, and may be that of their parents: a partition of a partition has the
//! columns of the outermost table. So a parent is given here with all that it has.

use std::borrow::Cow;

use crate::catalog::{Catalog, Column, Index, PrimaryKey, Table};

use super::TableName;
use super::parts::is_said_of_parts;
use super::text::{joined, names, primary_key_name, unqualified, unquoted};

/// The tables that it is a part of, or inherits from, as the server writes them.
pub(super) fn parents(table: &Table) -> Vec<String> {
    let lists = ["partition of", "inherits"]
        .iter()
        .filter_map(|option| table.options.get(*option));
    lists
        .flat_map(|list| names(list))
        .map(str::to_owned)
        .collect()
}

/// The tables that it inherits from, likewise.
pub(super) fn inherits(table: &Table) -> impl Iterator<Item = &str> {
    let parents = table.options.get("inherits");
    parents.into_iter().flat_map(|parents| names(parents))
}

/// The table that it is a partition of, or inherits from; of several, the columns and checks of all. What a parent has of its own parents is in it.
pub(super) fn parent_in<'a>(catalog: &'a Catalog, table: &Table) -> Option<Cow<'a, Table>> {
    let parents = parents(table);
    let mut parents = parents
        .iter()
        .filter_map(|parent| with_parents(catalog, parent));
    let mut all = parents.next()?;
    for parent in parents {
        let all = all.to_mut();
        for (name, column) in &parent.columns {
            all.columns
                .entry(name.clone())
                .or_insert_with(|| column.clone());
        }
        for (name, check) in &parent.checks {
            all.checks
                .entry(name.clone())
                .or_insert_with(|| check.clone());
        }
    }
    Some(all)
}

/// The table that the server writes so.
pub(super) fn table_in<'a>(
    catalog: &'a Catalog,
    written: &str,
) -> Option<(TableName<'a>, &'a Table)> {
    let plain = unquoted(written);
    catalog.schemas.iter().find_map(|(schema, held)| {
        let own = if schema.is_empty() {
            plain.as_str()
        } else {
            plain.strip_prefix(schema.as_str())?.strip_prefix('.')?
        };
        let (name, table) = held.tables.get_key_value(own)?;
        Some(((schema.as_str(), name.as_str()), table))
    })
}

/// Gives a table's parent its new name, as it is `written`, if it is one. Whether it was.
pub(crate) fn rename_parent(table: &mut Table, from: TableName<'_>, written: &str) -> bool {
    let mut is_child = false;
    for option in ["partition of", "inherits"] {
        let Some(list) = table.options.get_mut(option) else {
            continue;
        };
        if names(list).any(|one| spelled(from, one)) {
            is_child = true;
            let parents = names(list).map(|one| if spelled(from, one) { written } else { one });
            *list = parents.collect::<Vec<_>>().join(", ");
        }
    }
    is_child
}

/// How the server of a catalog writes a table that is above others there.
pub(crate) fn written_as_parent(catalog: &Catalog, (schema, name): TableName<'_>) -> String {
    let held = catalog.schemas.values();
    let mut tables = held.flat_map(|schema| schema.tables.values());
    let written = tables.find_map(|table| {
        let mut parents = parents(table).into_iter();
        parents.find(|parent| spelled((schema, name), parent))
    });
    written.unwrap_or_else(|| joined(schema, name))
}

/// All tables above a table.
pub(super) fn above<'a>(catalog: &'a Catalog, table: &Table) -> Vec<TableName<'a>> {
    let mut names = Vec::new();
    for parent in parents(table) {
        if let Some((name, parent)) = table_in(catalog, &parent) {
            names.push(name);
            names.extend(above(catalog, parent));
        }
    }
    names
}

/// Whether the server writes the table so.
pub(super) fn spelled((schema, name): TableName<'_>, written: &str) -> bool {
    unquoted(written) == joined(schema, name)
}

/// A table and what it has of its parents.
fn with_parents<'a>(catalog: &'a Catalog, written: &str) -> Option<Cow<'a, Table>> {
    let ((_, name), table) = table_in(catalog, written)?;
    let Some(above) = parent_in(catalog, table) else {
        return Some(Cow::Borrowed(table));
    };
    let mut all = table.clone();
    for (name, column) in &above.columns {
        // Comments are not handed down, and a sequence stays its owner's.
        all.columns.entry(name.clone()).or_insert_with(|| Column {
            comment: None,
            identity: None,
            ..column.clone()
        });
    }
    let checks = above.checks.iter();
    for (name, check) in checks.filter(|(_, check)| !check.attributes.contains("NO INHERIT")) {
        all.checks
            .entry(name.clone())
            .or_insert_with(|| check.clone());
    }
    if let Some(parent) = table.options.get("partition of") {
        keys_of_parent(table, name, (parent, &above), &mut all);
    }
    Some(Cow::Owned(all))
}

/// The keys and indexes of a partition that are parts of its parent's, by the names that they have there.
fn keys_of_parent(table: &Table, name: &str, (parent, above): (&str, &Table), all: &mut Table) {
    let own = |theirs: &str| table.parts.0.get(theirs).cloned();
    let parent = unqualified(parent);
    if let Some(key) = &above.primary_key
        && let Some(own) = own(&primary_key_name(&parent, key))
        && all.primary_key.is_none()
    {
        all.primary_key = Some(PrimaryKey {
            name: Some(own).filter(|own| *own != format!("{name}_pkey")),
            comment: None,
            options: std::collections::BTreeMap::new(),
            ..key.clone()
        });
    }
    for (theirs, index) in &above.indexes {
        let Some(own) = own(theirs) else {
            continue;
        };
        let mut index = Index {
            comment: None,
            ..index.clone()
        };
        index
            .options
            .retain(|option, _| !is_said_of_parts(option) && option != "comment on constraint");
        all.indexes.entry(own).or_insert(index);
    }
    for (theirs, key) in &above.foreign_keys {
        let mut key = key.clone();
        key.comment = None;
        let own = own(theirs).unwrap_or_else(|| theirs.clone());
        all.foreign_keys.entry(own).or_insert(key);
    }
}
