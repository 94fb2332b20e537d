//! One table that both sides have: everything that can be is one `ALTER TABLE`, which the server does in one pass over the rows.
//!
//! The server takes the actions of an `ALTER TABLE` in an order of its own: drops, then types, then what is added. So a constraint can be
//! dropped and made again, and a default be taken away, its column's type changed and the default set again, in one statement.

use std::collections::BTreeSet;

use crate::catalog::{Column, Identity, Index, Table};
use crate::diff::{ColumnChange, TableChange};
use crate::plan::{Refusal, Statement};

use super::convert;
use super::text::{
    check, column, comment, create_index, foreign_key, generated_as_identity, index_constraint,
    is_plain_serial, mentions, primary_key, primary_key_name, qualified, quote, sequence_of,
};

/// A foreign key by its table's schema and name, and its own name.
pub(super) type KeyName<'a> = (&'a str, &'a str, &'a str);

/// A table, and what the rest of the plan does about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a, 'b> {
    pub(super) schema: &'a str,
    pub(super) name: &'a str,
    pub(super) old: &'a Table,
    pub(super) new: &'a Table,
    pub(super) changes: &'b [TableChange<'a>],
    /// Constraints and indexes that are gone before this: dropped before anything else.
    pub(super) lifted: &'b BTreeSet<KeyName<'a>>,
    /// Foreign keys that are added when all tables are there.
    pub(super) late: &'b BTreeSet<KeyName<'a>>,
    /// Whether indexes are made, and dropped, without blocking.
    pub(super) concurrently: (bool, bool),
    pub(super) version: (u32, u32),
    /// The table that it is a partition of: as it is, and as it will be.
    pub(super) parents: (Option<&'a Table>, Option<&'a Table>),
}

/// The statements while they are being collected.
#[derive(Debug, Default)]
struct Work {
    before: Vec<Statement>,
    /// Actions of the one `ALTER TABLE`: constraints, then columns, go; columns change; columns, then constraints, come.
    constraints_dropped: Vec<String>,
    columns_dropped: Vec<String>,
    changed: Vec<String>,
    added: Vec<String>,
    constraints_added: Vec<String>,
    destructive: bool,
    after: Vec<Statement>,
    refusals: Vec<Refusal>,
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
            TableChange::ColumnChanged { name, changed, .. } if changed.data_type => Some(*name),
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
        TableChange::ColumnChanged { changed, .. } => {
            changed.data_type || changed.collation || changed.generated
        }
        _ => false,
    })
}

/// The statements that change the table.
pub(super) fn alter(subject: Subject<'_, '_>) -> (Vec<Statement>, Vec<Refusal>) {
    let mut work = Work::default();
    let again = recomputed(subject.old, subject.new, subject.changes, subject.version);
    let renamed = renames(&subject, &mut work);
    let table = qualified(subject.schema, subject.name);
    for change in subject.changes {
        if !partition(&subject, &table, change, &mut work) {
            one(&subject, change, &again, &renamed, &mut work);
        }
    }
    add_again(&subject, &again, &mut work);
    let Work {
        before,
        constraints_dropped,
        columns_dropped,
        changed,
        added,
        constraints_added,
        destructive,
        after,
        refusals,
    } = work;
    let actions: Vec<String> = [
        constraints_dropped,
        columns_dropped,
        changed,
        added,
        constraints_added,
    ]
    .concat();
    let mut statements = before;
    if !actions.is_empty() {
        statements.push(Statement {
            sql: format!("ALTER TABLE {table} {}", actions.join(", ")),
            destructive,
            alone: false,
            purpose: format!("modify table {}", subject.name),
        });
    }
    statements.extend(after);
    (statements, refusals)
}

/// What a partition's change is when it joins its parent, leaves it, or only says more than that does; true when all is said.
fn partition<'a>(
    subject: &Subject<'a, '_>,
    table: &str,
    change: &TableChange<'a>,
    work: &mut Work,
) -> bool {
    let of = |table: &'a Table| table.options.get("partition of");
    let (old, new) = (of(subject.old), of(subject.new));
    let purpose = || format!("modify table {}", subject.name);
    match (old, new) {
        (None, None) => false,
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
                    for sql in [
                        format!("ALTER TABLE {old} DETACH PARTITION {table}"),
                        format!("ALTER TABLE {new} ATTACH PARTITION {table} {bound}"),
                    ] {
                        work.before.push(statement(sql, purpose()));
                    }
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

/// What only has another name, as pairs of the old name and the new one; the statements are in `work`.
fn renames<'a>(subject: &Subject<'a, '_>, work: &mut Work) -> BTreeSet<&'a str> {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let table = qualified(subject.schema, subject.name);
    for added in subject.changes {
        let (to, from) = match added {
            TableChange::IndexAdded { name, new } => {
                let same = subject.changes.iter().find_map(|change| match change {
                    TableChange::IndexDropped { name, old }
                        if !taken.contains(name)
                            && (old.unique, old.constraint, &old.parts, &old.options)
                                == (new.unique, new.constraint, &new.parts, &new.options)
                            && old.comment == new.comment =>
                    {
                        Some(*name)
                    }
                    _ => None,
                });
                (*name, same.map(|from| (from, !new.constraint)))
            }
            TableChange::ForeignKeyAdded { name, new } => {
                let same = subject.changes.iter().find_map(|change| match change {
                    TableChange::ForeignKeyDropped { name, old }
                        if old == new
                            && !taken.contains(name)
                            && !subject
                                .lifted
                                .contains(&(subject.schema, subject.name, *name)) =>
                    {
                        Some(*name)
                    }
                    _ => None,
                });
                (*name, same.map(|from| (from, false)))
            }
            TableChange::CheckAdded { name, new } => {
                let same = subject.changes.iter().find_map(|change| match change {
                    TableChange::CheckDropped { name, old }
                        if old == new && !taken.contains(name) =>
                    {
                        Some(*name)
                    }
                    _ => None,
                });
                (*name, same.map(|from| (from, false)))
            }
            _ => continue,
        };
        let Some((from, is_index)) = from else {
            continue;
        };
        taken.insert(from);
        taken.insert(to);
        let sql = if is_index {
            let index = qualified(subject.schema, from);
            format!("ALTER INDEX {index} RENAME TO {}", quote(to))
        } else {
            format!(
                "ALTER TABLE {table} RENAME CONSTRAINT {} TO {}",
                quote(from),
                quote(to)
            )
        };
        work.before.push(statement(
            sql,
            format!("rename {}.{from} to {to}", subject.name),
        ));
    }
    taken
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
        TableChange::ColumnAdded { name, new, .. } => add_column(subject, name, new, work),
        TableChange::ColumnDropped { name, old } => {
            work.columns_dropped
                .push(format!("DROP COLUMN {}", quote(name)));
            work.destructive |= old.generated.is_none();
        }
        TableChange::ColumnChanged {
            name,
            old,
            new,
            changed,
        } => {
            if again.contains(name) {
                work.columns_dropped
                    .push(format!("DROP COLUMN {}", quote(name)));
                work.destructive |= old.generated.is_none();
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
            work.constraints_added
                .push(format!("ADD {}", primary_key(new)));
            if new.comment.is_some() {
                let constraint = primary_key_name(subject.name, new);
                comment_on_constraint(subject, &constraint, new.comment.as_deref(), work);
            }
        }
        TableChange::PrimaryKeyDropped { old } => {
            drop_constraint(subject, &primary_key_name(subject.name, old), work);
        }
        TableChange::PrimaryKeyChanged { old, new } => {
            let same = (&old.parts, &old.include, &old.attributes)
                == (&new.parts, &new.include, &new.attributes);
            let (from, to) = (
                primary_key_name(subject.name, old),
                primary_key_name(subject.name, new),
            );
            if !same {
                drop_constraint(subject, &from, work);
                work.constraints_added
                    .push(format!("ADD {}", primary_key(new)));
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
            let but_comment = |index: &Index| {
                let mut index = index.clone();
                (index.comment, index.create) = (None, None);
                index.options.remove("comment on constraint");
                index
            };
            if but_comment(old) == but_comment(new) {
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
            let mut validated = (*old).clone();
            validated.comment.clone_from(&new.comment);
            if validated == **new {
                comment_on_constraint(subject, name, new.comment.as_deref(), work);
                return;
            }
            validated.attributes = without_not_valid(&old.attributes);
            if validated == **new && !is_lifted(name) {
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
            work.constraints_added
                .push(format!("ADD {}", check(name, new)));
            if new.comment.is_some() {
                comment_on_constraint(subject, name, new.comment.as_deref(), work);
            }
        }
        TableChange::CheckDropped { name, .. } if !renamed.contains(name) => {
            drop_constraint(subject, name, work);
        }
        TableChange::CheckChanged { name, old, new } => {
            if old.expression == new.expression {
                if without_not_valid(&old.attributes) == new.attributes
                    && old.attributes != new.attributes
                {
                    work.changed
                        .push(format!("VALIDATE CONSTRAINT {}", quote(name)));
                } else if old.attributes != new.attributes {
                    drop_constraint(subject, name, work);
                    work.constraints_added
                        .push(format!("ADD {}", check(name, new)));
                }
                if old.comment != new.comment {
                    comment_on_constraint(subject, name, new.comment.as_deref(), work);
                }
            } else {
                drop_constraint(subject, name, work);
                work.constraints_added
                    .push(format!("ADD {}", check(name, new)));
                if new.comment.is_some() {
                    comment_on_constraint(subject, name, new.comment.as_deref(), work);
                }
            }
        }
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

/// A constraint of several columns goes with a column that is dropped, and so does an index; those that stay are made again.
fn add_again(subject: &Subject<'_, '_>, again: &BTreeSet<&str>, work: &mut Work) {
    let dropped: BTreeSet<&str> = again.iter().copied().collect();
    if dropped.is_empty() {
        return;
    }
    let has = |text: &str| dropped.iter().any(|name| mentions(text, name));
    for (name, index) in &subject.new.indexes {
        let unchanged = subject.old.indexes.get(name).is_some_and(|old| {
            (old.unique, old.constraint, &old.parts, &old.options)
                == (index.unique, index.constraint, &index.parts, &index.options)
        });
        let uses = index.parts.iter().any(|part| {
            part.column
                .as_deref()
                .is_some_and(|column| dropped.contains(column))
                || part.expression.as_deref().is_some_and(has)
        }) || index.options.values().any(|option| has(option));
        if unchanged && uses {
            add_index(subject, name, index, work);
        }
    }
    for (name, definition) in &subject.new.checks {
        if subject.old.checks.get(name) == Some(definition) && has(&definition.expression) {
            work.constraints_added
                .push(format!("ADD {}", check(name, definition)));
        }
    }
    for (name, key) in &subject.new.foreign_keys {
        let uses = key
            .columns
            .iter()
            .any(|column| dropped.contains(column.as_str()));
        if uses && subject.old.foreign_keys.get(name) == Some(key) {
            work.constraints_added
                .push(format!("ADD {}", foreign_key(subject.schema, name, key)));
        }
    }
}

fn add_column<'a>(subject: &Subject<'a, '_>, name: &'a str, new: &'a Column, work: &mut Work) {
    let serial = is_plain_serial(subject.name, name, new);
    if !serial && let Some(sequence) = sequence_of(new) {
        make_sequence(subject, name, new, &sequence, work);
    }
    work.added
        .push(format!("ADD COLUMN {}", column(name, new, serial)));
    if new.comment.is_some() {
        comment_on_column(subject, name, new.comment.as_deref(), work);
    }
}

fn change_column<'a>(
    subject: &Subject<'a, '_>,
    name: &'a str,
    (old, new): (&'a Column, &'a Column),
    changed: ColumnChange,
    work: &mut Work,
) {
    let head = format!("ALTER COLUMN {}", quote(name));
    let sequences = (sequence_of(old), sequence_of(new));
    let converts = changed.data_type || changed.collation;
    // A default of the old type may not fit the new one; the server would keep it with a cast around it.
    if old.default.is_some() && (changed.default || changed.data_type) {
        let renames = matches!(&sequences, (Some(_), Some(_)));
        if new.default.is_none() || (changed.data_type && !renames) {
            work.changed.push(format!("{head} DROP DEFAULT"));
        }
    }
    if changed.generated && old.generated.is_some() && new.generated.is_none() {
        work.changed.push(format!("{head} DROP EXPRESSION"));
    }
    if changed.generated
        && let (Some(_), Some(generated)) = (&old.generated, &new.generated)
    {
        work.changed.push(format!(
            "{head} SET EXPRESSION AS ({})",
            generated.expression
        ));
    }
    if changed.nullable && new.nullable {
        work.changed.push(format!("{head} DROP NOT NULL"));
    }
    if converts {
        let mut sql = format!("{head} TYPE {}", new.data_type);
        if let Some(collation) = &new.collation {
            sql = format!("{sql} COLLATE {collation}");
        }
        if changed.data_type {
            if !convert::is_implicit(&old.data_type, &new.data_type) {
                let using = convert::using(&quote(name), &old.data_type, &new.data_type);
                sql = format!("{sql} USING {using}");
            }
            work.destructive |= convert::loses(&old.data_type, &new.data_type);
        }
        work.changed.push(sql);
    }
    if changed.identity || changed.default || (changed.data_type && sequences.0.is_some()) {
        change_identity(subject, name, (old, new), &sequences, work);
    }
    if sequences.1.is_none()
        && let Some(default) = &new.default
        && (changed.default || changed.data_type)
    {
        work.changed.push(format!("{head} SET DEFAULT {default}"));
    }
    if changed.nullable && !new.nullable {
        work.changed.push(format!("{head} SET NOT NULL"));
    }
    if changed.comment {
        comment_on_column(subject, name, new.comment.as_deref(), work);
    }
}

/// Numbers for new rows: identity columns, and `serial`, which is a sequence, a default and an owner.
fn change_identity<'a>(
    subject: &Subject<'a, '_>,
    name: &'a str,
    (old, new): (&'a Column, &'a Column),
    sequences: &(Option<String>, Option<String>),
    work: &mut Work,
) {
    let head = format!("ALTER COLUMN {}", quote(name));
    let kind = |column: &'a Column| {
        column
            .identity
            .as_ref()
            .filter(|identity| identity.kind != "serial")
    };
    let purpose = || format!("number column {}.{name}", subject.name);
    match (sequences.0.as_ref(), sequences.1.as_ref()) {
        (Some(from), Some(to)) => {
            if from != to {
                let last = to.rsplit('.').next().unwrap_or(to);
                let sql = format!("ALTER SEQUENCE {from} RENAME TO {last}");
                work.before.push(statement(sql, purpose()));
            }
            let options = |column: &Column| {
                let options = column.identity.as_ref();
                options.map(|identity| identity.options.clone())
            };
            // The sequence does not follow its column's type.
            if let (Some(was), Some(is)) = (options(old), options(new))
                && (was != is || old.data_type != new.data_type)
            {
                let sql = format!(
                    "ALTER SEQUENCE {to} {}",
                    all_options(&is, Some(&new.data_type)).join(" ")
                );
                work.after.push(statement(sql, purpose()));
            }
        }
        (None, Some(to)) if old.default == new.default => {
            let sql = own_sequence(subject.schema, subject.name, name, to);
            work.after.push(statement(sql, purpose()));
        }
        (Some(from), None) if old.default == new.default => {
            let sql = format!("ALTER SEQUENCE {from} OWNED BY NONE");
            work.after.push(statement(sql, purpose()));
        }
        (None, Some(to)) => {
            make_sequence(subject, name, new, to, work);
            if let Some(default) = &new.default {
                work.changed.push(format!("{head} SET DEFAULT {default}"));
            }
            if new
                .identity
                .as_ref()
                .is_some_and(|identity| identity.options.is_empty())
            {
                let text = to.replace('\'', "''");
                go_on_from_rows(subject, name, &format!("'{text}'"), work);
            }
        }
        (Some(from), None) => {
            let sql = format!("DROP SEQUENCE {from}");
            work.after.push(statement(sql, purpose()));
        }
        (None, None) => {}
    }
    match (kind(old), kind(new)) {
        (None, Some(identity)) => {
            work.changed.push(format!(
                "{head} ADD {}",
                generated_as_identity(&identity.kind, &identity.options)
            ));
            if identity.options.is_empty() {
                let table = qualified(subject.schema, subject.name).replace('\'', "''");
                let column = name.replace('\'', "''");
                let sequence = format!("pg_get_serial_sequence('{table}', '{column}')");
                go_on_from_rows(subject, name, &sequence, work);
            }
        }
        (Some(_), None) => work.changed.push(format!("{head} DROP IDENTITY")),
        (Some(was), Some(is)) if was != is => {
            work.changed
                .push(set_identity(&head, was, is, &new.data_type));
        }
        _ => {}
    }
}

fn set_identity(head: &str, was: &Identity, is: &Identity, _data_type: &str) -> String {
    let mut actions = Vec::new();
    if was.kind != is.kind {
        actions.push(format!("SET GENERATED {}", is.kind.to_uppercase()));
    }
    if was.options != is.options {
        let options = all_options(&is.options, None);
        actions.extend(options.into_iter().map(|option| format!("SET {option}")));
    }
    format!("{head} {}", actions.join(" "))
}

/// Every option of a sequence with its value, where only those that differ from the default are written down.
pub(super) fn all_options(options: &str, data_type: Option<&str>) -> Vec<String> {
    let words: Vec<&str> = options.split_whitespace().collect();
    let value = |name: &[&str]| {
        words
            .windows(name.len() + 1)
            .find(|window| window.starts_with(name))
            .and_then(|window| window.last().copied())
    };
    let is_descending = value(&["INCREMENT", "BY"]).is_some_and(|by| by.starts_with('-'));
    let minimum = value(&["MINVALUE"]);
    let maximum = value(&["MAXVALUE"]);
    let start = match (value(&["START", "WITH"]), is_descending) {
        (Some(start), _) => Some(start.to_owned()),
        (None, false) => Some(minimum.unwrap_or("1").to_owned()),
        (None, true) => Some(maximum.unwrap_or("-1").to_owned()),
    };
    let or_none = |words: &str, value: Option<&str>| match value {
        Some(value) => format!("{words} {value}"),
        None => format!("NO {words}"),
    };
    let mut all = Vec::new();
    if let Some(data_type) = value(&["AS"]).or(data_type) {
        all.push(format!("AS {data_type}"));
    }
    all.push(format!(
        "INCREMENT BY {}",
        value(&["INCREMENT", "BY"]).unwrap_or("1")
    ));
    all.push(or_none("MINVALUE", minimum));
    all.push(or_none("MAXVALUE", maximum));
    all.extend(start.map(|start| format!("START WITH {start}")));
    all.push(format!("CACHE {}", value(&["CACHE"]).unwrap_or("1")));
    all.push(if words.contains(&"CYCLE") {
        "CYCLE".to_owned()
    } else {
        "NO CYCLE".to_owned()
    });
    all
}

fn make_sequence(
    subject: &Subject<'_, '_>,
    name: &str,
    new: &Column,
    sequence: &str,
    work: &mut Work,
) {
    let purpose = || format!("number column {}.{name}", subject.name);
    work.before
        .push(statement(create_sequence(new, sequence), purpose()));
    work.after.push(statement(
        own_sequence(subject.schema, subject.name, name, sequence),
        purpose(),
    ));
}

/// The sequence of a `serial` that is not one of the usual.
pub(super) fn create_sequence(column: &Column, sequence: &str) -> String {
    let options = column
        .identity
        .as_ref()
        .map(|identity| identity.options.as_str())
        .unwrap_or_default();
    let of_type = if options.starts_with("AS ") || options.contains(" AS ") {
        String::new()
    } else {
        format!(" AS {}", column.data_type)
    };
    format!("CREATE SEQUENCE {sequence}{of_type} {options}")
        .trim_end()
        .to_owned()
}

pub(super) fn own_sequence(schema: &str, table: &str, column: &str, sequence: &str) -> String {
    let table = qualified(schema, table);
    format!(
        "ALTER SEQUENCE {sequence} OWNED BY {table}.{}",
        quote(column)
    )
}

/// A new sequence on a column with rows goes on behind the largest.
fn go_on_from_rows(subject: &Subject<'_, '_>, name: &str, sequence: &str, work: &mut Work) {
    let table = qualified(subject.schema, subject.name);
    let column = quote(name);
    let sql =
        format!("SELECT setval({sequence}, max({column})) FROM {table} HAVING max({column}) > 0");
    work.after.push(statement(
        sql,
        format!("number column {}.{name} behind its rows", subject.name),
    ));
}

fn drop_constraint(subject: &Subject<'_, '_>, name: &str, work: &mut Work) {
    if subject
        .lifted
        .contains(&(subject.schema, subject.name, name))
    {
        return;
    }
    work.constraints_dropped
        .push(format!("DROP CONSTRAINT {}", quote(name)));
}

fn drop_index(subject: &Subject<'_, '_>, name: &str, old: &Index, work: &mut Work) {
    if old.constraint {
        drop_constraint(subject, name, work);
        return;
    }
    if subject
        .lifted
        .contains(&(subject.schema, subject.name, name))
    {
        return;
    }
    let concurrently = subject.concurrently.1 && !subject.old.options.contains_key("partition by");
    let word = if concurrently { "CONCURRENTLY " } else { "" };
    work.before.push(Statement {
        sql: format!("DROP INDEX {word}{}", qualified(subject.schema, name)),
        destructive: false,
        alone: concurrently,
        purpose: format!("drop index {}.{name}", subject.name),
    });
}

fn add_index(subject: &Subject<'_, '_>, name: &str, new: &Index, work: &mut Work) {
    if new.constraint {
        work.constraints_added
            .push(format!("ADD {}", index_constraint(name, new)));
    } else {
        let concurrently =
            subject.concurrently.0 && !subject.new.options.contains_key("partition by");
        let table = qualified(subject.schema, subject.name);
        work.after.push(Statement {
            sql: create_index(&table, name, new, concurrently),
            destructive: false,
            alone: concurrently,
            purpose: format!("create index {}.{name}", subject.name),
        });
    }
    comment_on_index(subject, name, None, new, work);
}

fn comment_on_index(
    subject: &Subject<'_, '_>,
    name: &str,
    old: Option<&Index>,
    new: &Index,
    work: &mut Work,
) {
    if old.and_then(|old| old.comment.as_ref()) != new.comment.as_ref() {
        let index = qualified(subject.schema, name);
        let sql = comment(&format!("INDEX {index}"), new.comment.as_deref());
        work.after
            .push(statement(sql, format!("comment on index {name}")));
    }
    let of = |index: &Index| index.options.get("comment on constraint").cloned();
    if old.and_then(of) != of(new) {
        comment_on_constraint(subject, name, of(new).as_deref(), work);
    }
}

fn comment_on_constraint(
    subject: &Subject<'_, '_>,
    name: &str,
    text: Option<&str>,
    work: &mut Work,
) {
    let table = qualified(subject.schema, subject.name);
    let sql = comment(&format!("CONSTRAINT {} ON {table}", quote(name)), text);
    work.after
        .push(statement(sql, format!("comment on constraint {name}")));
}

fn comment_on_column(subject: &Subject<'_, '_>, name: &str, text: Option<&str>, work: &mut Work) {
    let column = format!(
        "{}.{}",
        qualified(subject.schema, subject.name),
        quote(name)
    );
    let sql = comment(&format!("COLUMN {column}"), text);
    work.after.push(statement(
        sql,
        format!("comment on column {}.{name}", subject.name),
    ));
}

fn change_option(
    subject: &Subject<'_, '_>,
    option: &str,
    (old, new): (Option<&str>, Option<&str>),
    work: &mut Work,
) {
    let table = qualified(subject.schema, subject.name);
    let purpose = format!("modify table {}", subject.name);
    let yes = |yes: &'static str, no: &'static str| if new.is_some() { yes } else { no };
    let refuse = |reason: String| Refusal {
        object: format!("table {}", subject.name),
        reason,
    };
    match option {
        "unlogged" => {
            let sql = format!("ALTER TABLE {table} SET {}", yes("UNLOGGED", "LOGGED"));
            work.after.push(statement(sql, purpose));
        }
        "with" => {
            let settings = |text: Option<&str>| -> Vec<(String, String)> {
                let all = text.unwrap_or_default().split(", ");
                all.filter_map(|setting| setting.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect()
            };
            let (was, is) = (settings(old), settings(new));
            let set: Vec<String> = is
                .iter()
                .filter(|setting| !was.contains(setting))
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let reset: Vec<String> = was
                .iter()
                .filter(|(name, _)| is.iter().all(|(kept, _)| kept != name))
                .map(|(name, _)| name.clone())
                .collect();
            if !set.is_empty() {
                work.changed.push(format!("SET ({})", set.join(", ")));
            }
            if !reset.is_empty() {
                work.changed.push(format!("RESET ({})", reset.join(", ")));
            }
        }
        "row level security" => work
            .changed
            .push(format!("{} ROW LEVEL SECURITY", yes("ENABLE", "DISABLE"))),
        "force row level security" => work
            .changed
            .push(format!("{} ROW LEVEL SECURITY", yes("FORCE", "NO FORCE"))),
        "replica identity" => {
            let sql = format!(
                "ALTER TABLE {table} REPLICA IDENTITY {}",
                new.unwrap_or("DEFAULT")
            );
            work.after.push(statement(sql, purpose));
        }
        "tablespace" => {
            let sql = format!(
                "ALTER TABLE {table} SET TABLESPACE {}",
                quote(new.unwrap_or("pg_default"))
            );
            work.after.push(statement(sql, purpose));
        }
        "using" if subject.version.0 >= 15 => {
            let sql = format!(
                "ALTER TABLE {table} SET ACCESS METHOD {}",
                quote(new.unwrap_or("heap"))
            );
            work.after.push(statement(sql, purpose));
        }
        "partition bound" if old.is_some() && new.is_some() => {
            // The bound of a partition cannot be changed; it can leave and come back in one transaction, and its rows are looked at.
            let parent = subject.old.options.get("partition of");
            let parent = parent.map(String::as_str).unwrap_or_default();
            for sql in [
                format!("ALTER TABLE {parent} DETACH PARTITION {table}"),
                format!(
                    "ALTER TABLE {parent} ATTACH PARTITION {table} {}",
                    new.unwrap_or_default()
                ),
            ] {
                work.before.push(statement(sql, purpose.clone()));
            }
        }
        "partition bound" => {}
        "partition by" => work.refusals.push(refuse(format!(
            "the partition key cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
        other if other.starts_with("storage of ") => {
            let column = other.trim_start_matches("storage of ");
            let stays = subject
                .new
                .columns
                .keys()
                .any(|name| quote(name) == column);
            if stays {
                let storage = new.unwrap_or("EXTENDED");
                let sql = format!("ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE {storage}");
                work.after.push(statement(sql, purpose));
            }
        }
        other => work.refusals.push(refuse(format!(
            "\"{other}\" cannot be changed from {} to {} in place: make a new table, copy the rows, and drop this one",
            old.unwrap_or("none"),
            new.unwrap_or("none")
        ))),
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
