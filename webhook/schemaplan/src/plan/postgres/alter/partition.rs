//! Partitions: they join a parent, leave it, and differ from it in what they say of its columns.

use crate::catalog::Table;
use crate::diff::TableChange;

use super::columns::comment_on_column;
use super::{Subject, Work, statement};
use crate::plan::postgres::text::quote;

/// Whether a change of columns or checks is only that they are a parent's now, or were.
fn inherited(subject: &Subject<'_, '_>, change: &TableChange<'_>) -> bool {
    let inherits = |table: &Table| table.options.contains_key("inherits");
    let (left, joined) = match subject.parents {
        (left, _) if !inherits(subject.new) => (left, None),
        (_, joined) if !inherits(subject.old) => (None, joined),
        _ => (None, None),
    };
    match change {
        TableChange::ColumnAdded { name, .. } => {
            left.is_some_and(|parent| parent.columns.contains_key(*name))
        }
        TableChange::ColumnDropped { name, .. } => {
            joined.is_some_and(|parent| parent.columns.contains_key(*name))
        }
        TableChange::CheckAdded { name, .. } => {
            left.is_some_and(|parent| parent.checks.contains_key(*name))
        }
        TableChange::CheckDropped { name, .. } => {
            joined.is_some_and(|parent| parent.checks.contains_key(*name))
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
    match (old, new) {
        (None, None) => inherited(subject, change),
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
        (Some(_), Some(_)) => {
            let theirs = |name: &str| {
                subject
                    .parents
                    .1
                    .and_then(|parent| parent.columns.get(name))
            };
            let (name, is, wanted) = match change {
                TableChange::ColumnAdded { name, new, .. } => (*name, theirs(name), Some(*new)),
                TableChange::ColumnDropped { name, old } => (*name, Some(*old), theirs(name)),
                TableChange::ColumnChanged { name, old, new, .. } => {
                    (*name, Some(*old), Some(*new))
                }
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
                    return true;
                }
                TableChange::OptionChanged { option, .. } => {
                    return *option == "partition bound" && old != new;
                }
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
    }
}
