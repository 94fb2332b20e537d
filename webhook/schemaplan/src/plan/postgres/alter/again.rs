//! What of a table does not differ itself and goes all the same, with a column or with an index, and comes again.

use std::collections::BTreeSet;

use crate::catalog::{ForeignKey, Index, PrimaryKey, Table};
use crate::diff::TableChange;

use super::keys::{add_check, add_index, add_primary_key, comment_on_constraint, drop_index};
use super::options::{change_option, new_column_settings, setting_of};
use super::{Subject, Work, statement};
use crate::plan::postgres::parts::{self, Whole, is_part};
use crate::plan::postgres::text::{foreign_key, mentions, primary_key_name, qualified, quote};

/// How a column is kept goes with it.
pub(super) fn set_again(subject: &Subject<'_, '_>, again: &BTreeSet<&str>, work: &mut Work) {
    let table = qualified(subject.schema, subject.name);
    let options = subject.new.options.iter();
    for (option, value) in options.filter(|(option, _)| is_of_columns(option, again)) {
        work.after.extend(
            new_column_settings(option, value)
                .into_iter()
                .map(|action| {
                    statement(
                        format!("ALTER TABLE {table} {action}"),
                        format!("modify table {}", subject.name),
                    )
                }),
        );
    }
}

/// Whether an option says how one of these columns is kept.
pub(super) fn is_of_columns(option: &str, columns: &BTreeSet<&str>) -> bool {
    setting_of(option).is_some_and(|(_, of)| columns.iter().any(|column| quote(column) == of))
}

/// A constraint of several columns goes with a column that is dropped, and so does an index; those that stay are made again.
pub(super) fn add_again(subject: &Subject<'_, '_>, again: &BTreeSet<&str>, work: &mut Work) {
    let dropped: BTreeSet<&str> = again.iter().copied().collect();
    if dropped.is_empty() {
        return;
    }
    let has = |text: &str| dropped.iter().any(|name| mentions(text, name));
    for (name, index) in &subject.new.indexes {
        let unchanged = subject.old.indexes.get(name).is_some_and(|old| {
            (old.unique, old.constraint, &old.parts, &old.options)
                == (index.unique, index.constraint, &index.parts, &index.options)
                && old.comment == index.comment
        });
        if unchanged && uses(index, again) {
            add_index(subject, name, index, work);
        }
    }
    if let Some(key) = &subject.new.primary_key
        && subject.old.primary_key.as_ref() == Some(key)
        && is_of(key, again)
    {
        add_primary_key(subject, key, work);
        if key.comment.is_some() {
            let constraint = primary_key_name(subject.name, key);
            comment_on_constraint(subject, &constraint, key.comment.as_deref(), work);
        }
    }
    for (name, definition) in &subject.new.checks {
        if subject.old.checks.get(name) == Some(definition) && has(&definition.expression) {
            add_check(subject, name, definition, work);
        }
    }
    for (name, key) in &subject.new.foreign_keys {
        if is_on(key, again) && subject.old.foreign_keys.get(name) == Some(key) {
            work.constraints_added
                .push(format!("ADD {}", foreign_key(subject.schema, name, key)));
            if key.comment.is_some() {
                comment_on_constraint(subject, name, key.comment.as_deref(), work);
            }
        }
    }
}

/// Whether a foreign key is of one of these columns.
pub(super) fn is_on(key: &ForeignKey, columns: &BTreeSet<&str>) -> bool {
    let mut own = key.columns.iter();
    own.any(|column| columns.contains(column.as_str()))
}

/// Whether a primary key is of one of these columns.
pub(super) fn is_of(key: &PrimaryKey, columns: &BTreeSet<&str>) -> bool {
    let mut parts = key.parts.iter().filter_map(|part| part.column.as_deref());
    parts.any(|column| columns.contains(column))
        || key
            .include
            .iter()
            .any(|column| columns.contains(column.as_str()))
}

/// Whether an index is of one of these columns, or reads it.
pub(super) fn uses(index: &Index, columns: &BTreeSet<&str>) -> bool {
    let reads = |text: &str| columns.iter().any(|name| mentions(text, name));
    let mut parts = index.parts.iter();
    parts.any(|part| {
        let column = part.column.as_deref();
        column.is_some_and(|column| columns.contains(column))
            || part.expression.as_deref().is_some_and(reads)
    }) || index.options.values().any(|option| reads(option))
}

/// The server makes the indexes of a column that gets another type anew, and forgets the names of their parts.
pub(super) fn name_parts_again(subject: &Subject<'_, '_>, work: &mut Work) {
    let converted: Vec<&str> = subject
        .changes
        .iter()
        .filter_map(|change| match change {
            TableChange::ColumnChanged { name, changed, .. }
                if changed.data_type || changed.collation =>
            {
                Some(*name)
            }
            _ => None,
        })
        .collect();
    let is_converted = |text: &str| converted.iter().any(|column| mentions(text, column));
    for (name, index) in subject
        .new
        .indexes
        .iter()
        .filter(|(_, index)| parts::has_parts(index))
    {
        let old = subject.old.indexes.get(name);
        let old = old.filter(|old| (&old.parts, &old.options) == (&index.parts, &index.options));
        let mut own = index.parts.iter();
        let uses = own.any(|part| {
            let column = part.column.as_deref();
            column.is_some_and(|column| converted.contains(&column))
                || part.expression.as_deref().is_some_and(is_converted)
        }) || index
            .options
            .iter()
            .any(|(option, text)| !is_part(option) && is_converted(text));
        if let Some(old) = old.filter(|_| uses) {
            if index.constraint {
                let named = parts::named_again(subject.schema, Whole::Index(index));
                work.late.extend(named);
                continue;
            }
            drop_index(subject, name, old, work);
            add_index(subject, name, index, work);
        }
    }
}

/// Likewise of the primary key.
pub(super) fn name_parts_of_key_again(subject: &Subject<'_, '_>, work: &mut Work) {
    let Some(key) = &subject.new.primary_key else {
        return;
    };
    let is_made_anew = subject.changes.iter().any(|change| match change {
        TableChange::ColumnChanged { name, changed, .. } => {
            let mut parts = key.parts.iter();
            (changed.data_type || changed.collation)
                && parts.any(|part| part.column.as_deref() == Some(*name))
        }
        _ => false,
    });
    if is_made_anew && subject.old.primary_key.as_ref() == Some(key) {
        let named = parts::named_again(subject.schema, Whole::PrimaryKey(key));
        work.late.extend(named);
    }
}

/// What is said of an index by its table goes with it, and is said again when it is made again.
pub(super) fn mark_again(subject: &Subject<'_, '_>, again: &BTreeSet<&str>, work: &mut Work) {
    for option in ["replica identity", "cluster on"] {
        let of = |table: &'_ Table| table.options.get(option).cloned();
        let marked = of(subject.new).filter(|marked| of(subject.old).as_ref() == Some(marked));
        let is_marked = |name: &str| {
            let names = marked.as_deref().unwrap_or_default();
            names.trim_start_matches("USING INDEX ") == quote(name)
        };
        let mut indexes = subject.new.indexes.iter();
        let goes_with_columns = indexes.any(|(name, index)| is_marked(name) && uses(index, again));
        let is_made_again = subject.changes.iter().any(
            |change| matches!(change, TableChange::IndexChanged { name, .. } if is_marked(name)),
        );
        if is_made_again || goes_with_columns {
            change_option(subject, option, (None, marked.as_deref()), work);
        }
    }
}
