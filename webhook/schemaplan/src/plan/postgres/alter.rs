//! One table that both sides have: everything that can be is one `ALTER TABLE`, which the server does in one pass over the rows.
//!
//! The server takes the actions of an `ALTER TABLE` in an order of its own: drops, then types, then what is added. So a constraint can be
//! dropped and made again, and a default be taken away, its column's type changed and the default set again, in one statement.

mod again;
mod columns;
mod keys;
mod options;
mod parentage;
mod partition;
mod renames;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{ForeignKey, Index, Table};
use crate::diff::TableChange;
use crate::plan::{Refusal, Statement};

use self::again::{
    add_again, is_of, is_of_columns, is_on, mark_again, name_parts_again, name_parts_of_key_again,
    set_again, uses,
};
use self::columns::{add_column, change_column};
use self::keys::{
    add_check, add_index, add_primary_key, comment_on_constraint, comment_on_index,
    drop_constraint, drop_index,
};
use self::options::change_option;
use self::partition::partition;
use self::renames::renames;
use super::attaching::{IndexName, is_alike, is_alike_key};
use super::parts::is_said_of_parts;
use super::text::{comment, foreign_key, mentions, primary_key_name, qualified, quote};

pub(super) use self::columns::{all_options, create_sequence, own_sequence};
pub(super) use self::options::{new_column_settings, set_and_reset};

/// A foreign key by its table's schema and name, and its own name.
pub(super) type KeyName<'a> = (&'a str, &'a str, &'a str);

/// A table, and what the rest of the plan does about it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a, 'b> {
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    pub(super) old: &'a Table,
    pub(super) new: &'a Table,
    pub(super) changes: &'b [TableChange<'a>],
    /// Columns that it gives up and its children keep.
    pub(super) kept_by_children: &'b BTreeSet<&'a str>,
    /// Columns that are dropped and made again.
    pub(super) again: &'b BTreeSet<&'a str>,
    /// Columns that were computed, and have been made plain before this.
    pub(super) plain_meanwhile: &'b BTreeSet<&'a str>,
    /// Constraints and indexes that are gone before this: dropped before anything else.
    pub(super) lifted: &'b BTreeSet<KeyName<'a>>,
    /// Whether its primary key is, and whether it has left its parent.
    pub(super) without_primary_key: bool,
    pub(super) is_detached: bool,
    /// What gives indexes their parts, by the names of schema, table and index; and whether a partition, as the server writes it, has such a part.
    pub(super) attached: &'b BTreeMap<IndexName, Vec<Statement>>,
    pub(super) is_joined: &'b dyn Fn(&str, &str) -> bool,
    /// Whether tables that are there are to inherit from it.
    pub(super) has_children: bool,
    /// Whether its indexes are made when its partitions have theirs.
    pub(super) indexes_come_late: bool,
    /// Foreign keys that are added when all tables are there.
    pub(super) late: &'b BTreeSet<KeyName<'a>>,
    /// Sequences that a column owns on both sides, and calls on one, as the server writes their names.
    pub(super) adopted: &'b BTreeSet<String>,
    /// Sequences that were somebody else's before, likewise.
    pub(super) moved: &'b BTreeSet<String>,
    /// Types that are domains, and what they are over.
    pub(super) domains: &'b BTreeMap<String, String>,
    /// Whether indexes are made, and dropped, without blocking.
    pub(super) concurrently: (bool, bool),
    pub(super) version: (u32, u32),
    /// The table that it is a partition of: as it is, and as it will be.
    pub(super) parents: (Option<&'b Table>, Option<&'b Table>),
}

/// The statements while they are being collected.
#[derive(Debug, Default)]
struct Work {
    before: Vec<Statement>,
    /// Actions of the one `ALTER TABLE`: constraints, then columns, go, those that are computed before those that they are computed from; columns change;
    /// columns, then constraints, come.
    constraints_dropped: Vec<String>,
    computed_dropped: Vec<String>,
    columns_dropped: Vec<String>,
    changed: Vec<String>,
    added: Vec<String>,
    /// Behind the new columns that they are computed from.
    computed_added: Vec<String>,
    constraints_added: Vec<String>,
    destructive: bool,
    after: Vec<Statement>,
    late: Vec<Statement>,
    backwards: Vec<Statement>,
    refusals: Vec<Refusal>,
}

/// What changes a table.
#[derive(Debug, Default)]
pub(super) struct Altered {
    pub(super) statements: Vec<Statement>,
    /// For when all tables are there.
    pub(super) late: Vec<Statement>,
    /// Likewise, and behind that of the tables that come later.
    pub(super) backwards: Vec<Statement>,
    pub(super) refusals: Vec<Refusal>,
}

/// The columns that are dropped and added again, because what computes them cannot be changed in place, or stands in the way of a change.
pub(super) fn recomputed<'a>(
    old: &'a Table,
    new: &'a Table,
    changes: &[TableChange<'a>],
    version: (u32, u32),
) -> BTreeSet<&'a str> {
    let converted: Vec<&str> = changes
        .iter()
        .filter_map(|change| match change {
            TableChange::ColumnChanged { name, changed, .. }
                if changed.data_type || changed.collation =>
            {
                Some(*name)
            }
            TableChange::ColumnDropped { name, .. } => Some(*name),
            _ => None,
        })
        .collect();
    new.columns
        .iter()
        .filter_map(|(name, column)| {
            let before = old.columns.get(name)?;
            let again = match (&before.generated, &column.generated) {
                (None, None) => false,
                (None, Some(_)) => true,
                (Some(_), None) => version.0 < 13,
                (Some(was), Some(is)) => {
                    was.stored != is.stored
                        || (was.expression != is.expression && version.0 < 17)
                        || before.data_type != column.data_type
                        || converted.iter().any(|name| mentions(&was.expression, name))
                }
            };
            again.then_some(name.as_str())
        })
        .collect()
}

/// Whether views and the like that use the table are in the way of its changes.
pub(super) fn is_in_the_way(changes: &[TableChange<'_>]) -> bool {
    changes.iter().any(|change| match change {
        TableChange::ColumnDropped { .. } => true,
        // One that groups by the key shows the other columns as well.
        TableChange::PrimaryKeyDropped { .. } => true,
        TableChange::PrimaryKeyChanged { old, new } => old.parts != new.parts,
        TableChange::ColumnChanged { changed, .. } => {
            changed.data_type || changed.collation || changed.generated
        }
        _ => false,
    })
}

/// The statements that change the table.
pub(super) fn alter(subject: Subject<'_, '_>) -> Altered {
    let mut work = Work::default();
    let again = subject.again.clone();
    let renamed = renames(&subject, &mut work);
    let table = qualified(subject.schema, subject.name);
    for change in subject.changes {
        if !partition(&subject, &table, change, &mut work) {
            one(&subject, change, &again, &renamed, &mut work);
        }
    }
    for name in again.iter().filter(|name| !is_changed(&subject, name)) {
        if let Some((name, column)) = subject.new.columns.get_key_value(*name) {
            drop_column(&subject, name, &mut work);
            add_column(&subject, name, column, &mut work);
        }
    }
    set_again(&subject, &again, &mut work);
    add_again(&subject, &again, &mut work);
    name_parts_again(&subject, &mut work);
    name_parts_of_key_again(&subject, &mut work);
    mark_again(&subject, &again, &mut work);
    let Work {
        before,
        constraints_dropped,
        computed_dropped,
        columns_dropped,
        changed,
        added,
        computed_added,
        constraints_added,
        destructive,
        after,
        late,
        backwards,
        refusals,
    } = work;
    let actions: Vec<String> = [
        constraints_dropped,
        computed_dropped,
        columns_dropped,
        changed,
        added,
        computed_added,
        constraints_added,
    ]
    .concat();
    let mut statements = before;
    if !actions.is_empty() {
        statements.push(Statement {
            sql: format!("ALTER TABLE {table} {}", actions.join(", ")),
            destructive,
            alone: false,
            together: false,
            purpose: format!("modify table {}", subject.name),
        });
    }
    statements.extend(after);
    Altered {
        statements,
        late,
        backwards,
        refusals,
    }
}

impl<'b> Subject<'_, 'b> {
    /// What gives one of its indexes the parts that it is to have.
    fn attached(&self, index: &str) -> Option<&'b Vec<Statement>> {
        let full = (
            self.schema.to_owned(),
            self.name.to_owned(),
            index.to_owned(),
        );
        self.attached.get(&full)
    }
}

/// Whether two indexes are the same but for what is said of them.
fn only_comments_differ(old: &Index, new: &Index) -> bool {
    let parts = |index: &Index| {
        let mut options = index.options.clone();
        options.retain(|option, _| is_said_of_parts(option));
        options
    };
    is_alike(old, new) && parts(old) == parts(new)
}

fn drop_column(subject: &Subject<'_, '_>, name: &str, work: &mut Work) {
    let before = subject.old.columns.get(name);
    let is_computed = before.is_some_and(|column| column.generated.is_some());
    let dropped = if is_computed {
        &mut work.computed_dropped
    } else {
        &mut work.columns_dropped
    };
    dropped.push(format!("DROP COLUMN {}", quote(name)));
}

fn is_changed(subject: &Subject<'_, '_>, column: &str) -> bool {
    let mut changes = subject.changes.iter();
    changes
        .any(|change| matches!(change, TableChange::ColumnChanged { name, .. } if *name == column))
}

/// Whether a table's rows are told apart by a column.
pub(super) fn is_in_partition_key(table: &Table, column: &str) -> bool {
    let key = table.options.get("partition by");
    key.is_some_and(|key| mentions(key, column))
}

pub(super) fn part_of_key(table: &str, column: &str) -> Refusal {
    Refusal {
        object: format!("column {table}.{column}"),
        reason: "it is part of the partition key, and its type cannot be changed in place: make a new table, copy the rows, and drop this one".to_owned(),
    }
}

/// Whether a foreign key is to hold for the rows from before, and that is all.
pub(super) fn is_validated(old: &ForeignKey, new: &ForeignKey) -> bool {
    old != new
        && old.attributes != new.attributes
        && ForeignKey {
            attributes: without_not_valid(&old.attributes),
            comment: new.comment.clone(),
            ..old.clone()
        } == *new
}

fn one<'a>(
    subject: &Subject<'a, '_>,
    change: &TableChange<'a>,
    again: &BTreeSet<&str>,
    renamed: &BTreeSet<&str>,
    work: &mut Work,
) {
    let table = qualified(subject.schema, subject.name);
    let is_lifted = |name: &'a str| {
        subject
            .lifted
            .contains(&(subject.schema, subject.name, name))
    };
    let is_late = |name: &'a str| subject.late.contains(&(subject.schema, subject.name, name));
    match change {
        TableChange::ColumnAdded { name, new } => add_column(subject, name, new, work),
        TableChange::ColumnDropped { name, .. } if subject.kept_by_children.contains(name) => {
            let sql = format!("ALTER TABLE ONLY {table} DROP COLUMN {}", quote(name));
            let purpose = format!("modify table {}", subject.name);
            work.before.push(Statement {
                destructive: true,
                ..statement(sql, purpose)
            });
        }
        TableChange::ColumnDropped { name, old } => {
            drop_column(subject, name, work);
            work.destructive |= old.generated.is_none();
        }
        TableChange::ColumnChanged {
            name,
            old,
            new,
            changed,
        } => {
            if is_in_partition_key(subject.old, name) && (changed.data_type || changed.collation) {
                work.refusals.push(part_of_key(subject.name, name));
            } else if again.contains(name) {
                drop_column(subject, name, work);
                // What is computed anew is not lost.
                work.destructive |= old.generated.is_none() || new.generated.is_none();
                add_column(subject, name, new, work);
            } else {
                change_column(subject, name, (old, new), *changed, work);
            }
        }
        TableChange::ColumnRenamed { .. } => {}
        TableChange::IndexRenamed { from, to } => {
            let sql = format!(
                "ALTER INDEX {} RENAME TO {}",
                qualified(subject.schema, from),
                quote(to)
            );
            work.before
                .push(statement(sql, format!("rename index {from}")));
        }
        TableChange::PrimaryKeyAdded { new } => {
            add_primary_key(subject, new, work);
            if new.comment.is_some() {
                let constraint = primary_key_name(subject.name, new);
                comment_on_constraint(subject, &constraint, new.comment.as_deref(), work);
            }
        }
        TableChange::PrimaryKeyDropped { .. } if subject.without_primary_key => {}
        TableChange::PrimaryKeyDropped { old } => {
            drop_constraint(subject, &primary_key_name(subject.name, old), work);
        }
        TableChange::PrimaryKeyChanged { old, new } => {
            let (from, to) = (
                primary_key_name(subject.name, old),
                primary_key_name(subject.name, new),
            );
            let goes_with_column = is_of(new, again);
            let stays = is_alike_key(old, new) && !goes_with_column;
            let attached = subject.attached(&to).filter(|_| stays);
            let same = attached.is_some()
                || (&old.parts, &old.include, &old.attributes, &old.options)
                    == (&new.parts, &new.include, &new.attributes, &new.options);
            let same = same && !goes_with_column;
            work.late.extend(attached.into_iter().flatten().cloned());
            if !same {
                drop_constraint(subject, &from, work);
                add_primary_key(subject, new, work);
            } else if from != to {
                let sql = format!(
                    "ALTER TABLE {table} RENAME CONSTRAINT {} TO {}",
                    quote(&from),
                    quote(&to)
                );
                work.before
                    .push(statement(sql, format!("rename {from} to {to}")));
            }
            if old.comment != new.comment || (!same && new.comment.is_some()) {
                comment_on_constraint(subject, &to, new.comment.as_deref(), work);
            }
        }
        TableChange::IndexAdded { name, new } if !renamed.contains(name) => {
            add_index(subject, name, new, work);
        }
        TableChange::IndexDropped { name, old } if !renamed.contains(name) => {
            drop_index(subject, name, old, work);
        }
        TableChange::IndexChanged { name, old, new } => {
            let goes_with_column = uses(new, again);
            let stays = is_alike(old, new) && !goes_with_column;
            if let Some(attached) = subject.attached(name).filter(|_| stays) {
                work.late.extend(attached.iter().cloned());
                comment_on_index(subject, name, Some(old), new, work);
            } else if only_comments_differ(old, new) && !goes_with_column {
                comment_on_index(subject, name, Some(old), new, work);
            } else {
                drop_index(subject, name, old, work);
                add_index(subject, name, new, work);
            }
        }
        TableChange::ForeignKeyAdded { name, new } if !renamed.contains(name) && !is_late(name) => {
            work.constraints_added
                .push(format!("ADD {}", foreign_key(subject.schema, name, new)));
            if new.comment.is_some() {
                comment_on_constraint(subject, name, new.comment.as_deref(), work);
            }
        }
        TableChange::ForeignKeyDropped { name, .. } if !renamed.contains(name) => {
            drop_constraint(subject, name, work);
        }
        TableChange::ForeignKeyChanged { name, old, new } => {
            let goes_with_column = is_on(new, again);
            let mut validated = (*old).clone();
            validated.comment.clone_from(&new.comment);
            if validated == **new && !goes_with_column {
                comment_on_constraint(subject, name, new.comment.as_deref(), work);
                return;
            }
            if is_validated(old, new) && !is_lifted(name) && !goes_with_column {
                work.changed
                    .push(format!("VALIDATE CONSTRAINT {}", quote(name)));
                return;
            }
            drop_constraint(subject, name, work);
            if !is_late(name) {
                work.constraints_added
                    .push(format!("ADD {}", foreign_key(subject.schema, name, new)));
                if new.comment.is_some() {
                    comment_on_constraint(subject, name, new.comment.as_deref(), work);
                }
            }
        }
        TableChange::CheckAdded { name, new } if !renamed.contains(name) => {
            add_check(subject, name, new, work);
        }
        TableChange::CheckDropped { name, .. } if !renamed.contains(name) => {
            drop_constraint(subject, name, work);
        }
        TableChange::CheckChanged { name, old, new } => {
            let mut columns = again.iter();
            let goes_with_column = columns.any(|column| mentions(&old.expression, column));
            if old.expression == new.expression && !goes_with_column {
                if without_not_valid(&old.attributes) == new.attributes
                    && old.attributes != new.attributes
                {
                    work.changed
                        .push(format!("VALIDATE CONSTRAINT {}", quote(name)));
                } else if old.attributes != new.attributes {
                    drop_constraint(subject, name, work);
                    add_check(subject, name, new, work);
                    return;
                }
                if old.comment != new.comment {
                    comment_on_constraint(subject, name, new.comment.as_deref(), work);
                }
            } else {
                drop_constraint(subject, name, work);
                add_check(subject, name, new, work);
            }
        }
        // It is said of the column when that is there again.
        TableChange::OptionChanged { option, .. } if is_of_columns(option, again) => {}
        TableChange::OptionChanged { option, old, new } => {
            change_option(subject, option, (*old, *new), work);
        }
        TableChange::CommentChanged { new, .. } => {
            let sql = comment(&format!("TABLE {table}"), *new);
            work.after
                .push(statement(sql, format!("comment on table {}", subject.name)));
        }
        _ => {}
    }
}

fn without_not_valid(attributes: &str) -> String {
    attributes.replace("NOT VALID", "").trim().to_owned()
}

fn statement(sql: String, purpose: String) -> Statement {
    Statement {
        sql,
        purpose,
        ..Statement::default()
    }
}
