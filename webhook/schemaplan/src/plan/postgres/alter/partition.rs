//! Partitions: they join a parent, leave it, and differ from it in what they say of its columns.

use crate::catalog::{Column, Table};
use crate::diff::TableChange;

use super::columns::comment_on_column;
use super::keys::{add_index, drop_index};
use super::parentage::{columns_of_another_parent, take_on_checks};
use super::{Subject, Work, statement};
use crate::plan::postgres::attaching::is_alike;
use crate::plan::postgres::parts::has_parts;
use crate::plan::postgres::text::{primary_key_name, qualified, quote, unquoted};

/// Whether a change of columns or checks is only that they are a parent's now, or were; what is said of such a column may still differ from the parent's.
fn inherited<'a>(subject: &Subject<'a, '_>, change: &TableChange<'a>, work: &mut Work) -> bool {
    let inherits = |table: &Table| table.options.get("inherits").cloned();
    let stays = inherits(subject.old) == inherits(subject.new);
    let (left, joined) = subject.parents;
    let has = |parent: Option<&Table>, name: &str| {
        parent.is_some_and(|parent| parent.columns.contains_key(name))
    };
    match change {
        // One that the parent gives up while the child keeps it is the child's own.
        TableChange::ColumnAdded { name, .. } if stays => {
            has(left, name) && has(joined, name) && as_its_parents(subject, change, joined, work)
        }
        TableChange::ColumnAdded { name, .. } => {
            has(left, name) && as_its_parents(subject, change, left, work)
        }
        TableChange::ColumnDropped { name, .. } => {
            has(joined, name) && as_its_parents(subject, change, joined, work)
        }
        // Its type is the parent's, and changes with that.
        TableChange::ColumnChanged { name, old, new, .. }
            if stays && (&old.data_type, &old.collation) != (&new.data_type, &new.collation) =>
        {
            let is_theirs = |parent: Option<&Table>, own: &Column| {
                let theirs = parent.and_then(|parent| parent.columns.get(*name));
                theirs.is_some_and(|theirs| {
                    (&theirs.data_type, &theirs.collation) == (&own.data_type, &own.collation)
                })
            };
            is_theirs(left, old)
                && is_theirs(joined, new)
                && as_its_parents(subject, change, joined, work)
        }
        TableChange::CheckAdded { name, .. } => {
            !stays && left.is_some_and(|parent| parent.checks.contains_key(*name))
        }
        _ => false,
    }
}

/// Whether a change of columns comes with that of the type that the table is of.
fn is_of_its_type(subject: &Subject<'_, '_>, change: &TableChange<'_>) -> bool {
    let of = |table: &Table| table.options.get("of").cloned();
    let is_typed = of(subject.old).is_some() && of(subject.old) == of(subject.new);
    is_typed
        && match change {
            TableChange::ColumnAdded { .. } | TableChange::ColumnDropped { .. } => true,
            TableChange::ColumnChanged { old, new, .. } => {
                let data_type = new.data_type.clone();
                let typed = Column {
                    data_type,
                    collation: new.collation.clone(),
                    ..(*old).clone()
                };
                typed == **new
            }
            _ => false,
        }
}

/// What a partition's change is when it joins its parent, leaves it, or only says more than that does; true when all is said.
pub(super) fn partition<'a>(
    subject: &Subject<'a, '_>,
    table: &str,
    change: &TableChange<'a>,
    work: &mut Work,
) -> bool {
    let of = |table: &'a Table| table.options.get("partition of");
    let (old, new) = (of(subject.old), of(subject.new));
    let purpose = || format!("modify table {}", subject.name);
    if is_of_its_type(subject, change) {
        return true;
    }
    match (old, new) {
        (None, None) => inherited(subject, change, work),
        // Its columns and keys become the parent's; the server looks whether they fit.
        (None, Some(parent)) => match change {
            TableChange::OptionChanged { option, .. } if *option == "partition of" => {
                let actions = columns_of_another_parent(subject, work);
                work.changed.extend(actions);
                take_on_checks(subject, work);
                let bound = subject.new.options.get("partition bound");
                let bound = bound.map(String::as_str).unwrap_or_default();
                let sql = format!("ALTER TABLE {parent} ATTACH PARTITION {table} {bound}");
                // Its own indexes come behind, or the parent's would take them.
                work.after.insert(0, statement(sql, purpose()));
                keep_own_indexes(subject, work);
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound",
            TableChange::ColumnAdded { .. }
            | TableChange::ColumnChanged { .. }
            | TableChange::ColumnDropped { .. }
            | TableChange::PrimaryKeyDropped { .. }
            | TableChange::IndexDropped { .. }
            | TableChange::ForeignKeyDropped { .. }
            | TableChange::CheckDropped { .. } => true,
            _ => false,
        },
        // What it had of its parent stays.
        (Some(parent), None) => match change {
            TableChange::OptionChanged { option, .. } if *option == "partition of" => {
                let actions = columns_of_another_parent(subject, work);
                work.changed.extend(actions);
                give_up_what_was_the_parents(subject, work);
                if subject.is_detached {
                    return true;
                }
                let sql = format!("ALTER TABLE {parent} DETACH PARTITION {table}");
                work.before.insert(0, statement(sql, purpose()));
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound",
            TableChange::ColumnAdded { .. }
            | TableChange::ColumnChanged { .. }
            | TableChange::ColumnDropped { .. } => true,
            TableChange::PrimaryKeyAdded { new } => subject
                .parents
                .0
                .and_then(|parent| parent.primary_key.as_ref())
                .is_some_and(|key| key.parts == new.parts),
            TableChange::IndexAdded { new, .. } => subject.parents.0.is_some_and(|parent| {
                let mut theirs = parent.indexes.values();
                theirs.any(|theirs| is_alike(theirs, new))
            }),
            TableChange::CheckAdded { name, .. } => subject
                .parents
                .0
                .is_some_and(|parent| parent.checks.contains_key(*name)),
            TableChange::ForeignKeyAdded { name, new } => {
                let theirs = subject.parents.0.map(|parent| &parent.foreign_keys);
                let mut theirs = theirs.into_iter().flatten();
                theirs.any(|(parents, key)| {
                    part_of(subject.old, parents).unwrap_or(parents) == *name && key == *new
                })
            }
            _ => false,
        },
        // A column is listed where it is not as its parent's.
        (Some(_), Some(_)) => match change {
            TableChange::OptionChanged { option, old, new } if *option == "partition of" => {
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                let bound = subject.new.options.get("partition bound");
                let bound = bound.map(String::as_str).unwrap_or_default();
                if !subject.is_detached {
                    let sql = format!("ALTER TABLE {old} DETACH PARTITION {table}");
                    work.before.push(statement(sql, purpose()));
                }
                let actions = columns_of_another_parent(subject, work);
                if !actions.is_empty() {
                    let sql = format!("ALTER TABLE {table} {}", actions.join(", "));
                    work.before.push(statement(sql, purpose()));
                }
                let sql = format!("ALTER TABLE {new} ATTACH PARTITION {table} {bound}");
                work.before.push(statement(sql, purpose()));
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound" && old != new,
            TableChange::ColumnAdded { .. }
            | TableChange::ColumnChanged { .. }
            | TableChange::ColumnDropped { .. }
                if old != new =>
            {
                true
            }
            // The parent's takes it in.
            TableChange::CheckDropped { name, old } => subject
                .parents
                .1
                .is_some_and(|parent| parent.checks.get(*name) == Some(*old)),
            TableChange::ForeignKeyDropped { name, old } => {
                let (left, joined) = subject.parents;
                let mut theirs = joined.into_iter().flat_map(|parent| &parent.foreign_keys);
                let is_new = |name: &String| {
                    !left.is_some_and(|parent| parent.foreign_keys.contains_key(name))
                };
                !subject
                    .lifted
                    .contains(&(subject.schema, subject.name, *name))
                    && theirs.any(|(name, key)| key == *old && is_new(name))
            }
            _ => as_its_parents(subject, change, subject.parents.1, work),
        },
    }
}

/// An index that stays a partition's own goes before it gets a parent that has one alike, and comes again.
fn keep_own_indexes(subject: &Subject<'_, '_>, work: &mut Work) {
    let theirs = subject.parents.1.map(|parent| &parent.indexes);
    for (name, index) in &subject.new.indexes {
        let Some(old) = subject
            .old
            .indexes
            .get(name)
            .filter(|old| is_alike(old, index))
        else {
            continue;
        };
        let mut theirs = theirs.into_iter().flat_map(|theirs| theirs.values());
        if !index.constraint && theirs.any(|theirs| is_alike(theirs, index)) {
            drop_index(subject, name, old, work);
            add_index(subject, name, index, work);
        }
    }
}

/// How a partition's part of something of its parent's is called.
fn part_of<'a>(partition: &'a Table, parents: &str) -> Option<&'a str> {
    partition.parts.0.get(parents).map(String::as_str)
}

/// A table that has left its parent has kept the keys, checks and indexes that it had of it, by the names that the server gives.
fn give_up_what_was_the_parents(subject: &Subject<'_, '_>, work: &mut Work) {
    let Some(left) = subject.parents.0 else {
        return;
    };
    let (old, new) = (subject.old, subject.new);
    let mut constraints: Vec<String> = Vec::new();
    if let Some(key) = left
        .primary_key
        .as_ref()
        .filter(|_| old.primary_key.is_none() && new.primary_key.is_none())
    {
        let parent = old.options.get("partition of").map(|of| unquoted(of));
        let parent = parent.unwrap_or_default();
        let parent = parent.rsplit('.').next().unwrap_or_default();
        let own = part_of(old, &primary_key_name(parent, key)).map(str::to_owned);
        constraints.push(own.unwrap_or_else(|| format!("{}_pkey", subject.name)));
    }
    let checks = left.checks.keys();
    constraints.extend(
        checks
            .filter(|name| !new.checks.contains_key(*name))
            .cloned(),
    );
    for (name, key) in &left.foreign_keys {
        let own = part_of(old, name).unwrap_or(name);
        // One that is wanted otherwise is dropped before it comes.
        if new.foreign_keys.get(own) != Some(key) {
            constraints.push(own.to_owned());
        }
    }
    for (parents, theirs) in &left.indexes {
        let own = part_of(old, parents);
        if own.is_none() && has_parts(theirs) {
            continue;
        }
        let columns: Option<Vec<&str>> = theirs
            .parts
            .iter()
            .map(|part| part.column.as_deref())
            .collect();
        let mut come = new
            .indexes
            .iter()
            .filter(|(name, _)| !old.indexes.contains_key(*name));
        let stays = come.find(|(_, own)| is_alike(theirs, own));
        if let Some((name, _)) = stays {
            if let Some(own) = own.filter(|own| own != name) {
                let (from, to) = (quote(own), quote(name));
                let sql = if theirs.constraint {
                    let table = qualified(subject.schema, subject.name);
                    format!("ALTER TABLE {table} RENAME CONSTRAINT {from} TO {to}")
                } else {
                    let index = qualified(subject.schema, own);
                    format!("ALTER INDEX {index} RENAME TO {to}")
                };
                work.before
                    .push(statement(sql, format!("rename index {own}")));
            }
            continue;
        }
        let ending = if theirs.constraint { "key" } else { "idx" };
        let usual =
            columns.map(|columns| format!("{}_{}_{ending}", subject.name, columns.join("_")));
        let Some(name) = own.map(str::to_owned).or(usual) else {
            continue;
        };
        if old.indexes.contains_key(&name) {
            continue;
        }
        if theirs.constraint {
            constraints.push(name);
        } else {
            let sql = format!("DROP INDEX IF EXISTS {}", qualified(subject.schema, &name));
            let purpose = format!("drop index {}.{name}", subject.name);
            work.before.push(statement(sql, purpose));
        }
    }
    let constraints = constraints.iter();
    let actions = constraints.map(|name| format!("DROP CONSTRAINT IF EXISTS {}", quote(name)));
    work.constraints_dropped.extend(actions);
}

/// What changes of a column that is the parent's: only what differs from that is listed.
fn as_its_parents<'a>(
    subject: &Subject<'a, '_>,
    change: &TableChange<'a>,
    parent: Option<&Table>,
    work: &mut Work,
) -> bool {
    let theirs = |name: &str| parent.and_then(|parent| parent.columns.get(name));
    let (name, is, wanted) = match change {
        TableChange::ColumnAdded { name, new } => (*name, theirs(name), Some(*new)),
        TableChange::ColumnDropped { name, old } => (*name, Some(*old), theirs(name)),
        TableChange::ColumnChanged { name, old, new, .. } => (*name, Some(*old), Some(*new)),
        _ => return false,
    };
    let (Some(is), Some(wanted)) = (is, wanted) else {
        return true;
    };
    let head = format!("ALTER COLUMN {}", quote(name));
    if is.nullable != wanted.nullable {
        let verb = if wanted.nullable { "DROP" } else { "SET" };
        work.changed.push(format!("{head} {verb} NOT NULL"));
    }
    if is.default != wanted.default {
        work.changed.push(match &wanted.default {
            Some(default) => format!("{head} SET DEFAULT {default}"),
            None => format!("{head} DROP DEFAULT"),
        });
    }
    if is.comment != wanted.comment {
        comment_on_column(subject, name, wanted.comment.as_deref(), work);
    }
    true
}
