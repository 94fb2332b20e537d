//! Partitions: they join a parent, leave it, and differ from it in what they say of its columns.

use crate::catalog::{Column, Table};
use crate::diff::TableChange;

use super::columns::comment_on_column;
use super::{Subject, Work, statement};
use crate::plan::postgres::text::quote;

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
        TableChange::CheckAdded { name, .. } => {
            !stays && left.is_some_and(|parent| parent.checks.contains_key(*name))
        }
        TableChange::CheckDropped { name, .. } => {
            !stays && joined.is_some_and(|parent| parent.checks.contains_key(*name))
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
                let bound = subject.new.options.get("partition bound");
                let bound = bound.map(String::as_str).unwrap_or_default();
                let sql = format!("ALTER TABLE {parent} ATTACH PARTITION {table} {bound}");
                work.after.push(statement(sql, purpose()));
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound",
            TableChange::ColumnDropped { .. }
            | TableChange::PrimaryKeyDropped { .. }
            | TableChange::IndexDropped { .. }
            | TableChange::ForeignKeyDropped { .. }
            | TableChange::CheckDropped { .. } => true,
            _ => false,
        },
        // What it had of its parent stays.
        (Some(parent), None) => match change {
            TableChange::OptionChanged { option, .. } if *option == "partition of" => {
                if subject.is_detached {
                    return true;
                }
                let sql = format!("ALTER TABLE {parent} DETACH PARTITION {table}");
                work.before.insert(0, statement(sql, purpose()));
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound",
            TableChange::ColumnAdded { name, .. } => subject
                .parents
                .0
                .is_some_and(|parent| parent.columns.contains_key(*name)),
            TableChange::PrimaryKeyAdded { new } => subject
                .parents
                .0
                .and_then(|parent| parent.primary_key.as_ref())
                .is_some_and(|key| key.parts == new.parts),
            TableChange::CheckAdded { name, .. } => subject
                .parents
                .0
                .is_some_and(|parent| parent.checks.contains_key(*name)),
            TableChange::ForeignKeyAdded { name, .. } => subject
                .parents
                .0
                .is_some_and(|parent| parent.foreign_keys.contains_key(*name)),
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
                let sql = format!("ALTER TABLE {new} ATTACH PARTITION {table} {bound}");
                work.before.push(statement(sql, purpose()));
                true
            }
            TableChange::OptionChanged { option, .. } => *option == "partition bound" && old != new,
            _ => as_its_parents(subject, change, subject.parents.1, work),
        },
    }
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
