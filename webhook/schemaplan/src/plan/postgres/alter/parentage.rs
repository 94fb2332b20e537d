//! What a table's columns and checks need where it gets a parent, leaves one, or changes from one to another: those that it does not list are its parent's,
//! and the server takes and leaves them as they are.

use indexmap::IndexMap;

use super::columns::comment_on_column;
use super::{Subject, Work, statement};
use crate::catalog::{Column, Table};
use crate::plan::postgres::convert;
use crate::plan::postgres::text::{check, column, quote, sequence_of};

/// A child that leaves keeps its parent's checks, unless the parent gave them up before.
pub(super) fn give_up_checks(subject: &Subject<'_, '_>, work: &mut Work) {
    let (left, joined) = subject.parents;
    let theirs = left.into_iter().flat_map(|parent| &parent.checks);
    let gone = theirs.filter(|(name, check)| {
        let stays = joined.is_some_and(|parent| parent.checks.contains_key(*name));
        let is_own = |table: &Table| table.checks.contains_key(*name);
        let is_handed_down = !check.attributes.contains("NO INHERIT");
        is_handed_down && !stays && !is_own(subject.old) && !is_own(subject.new)
    });
    let actions = gone.map(|(name, _)| format!("DROP CONSTRAINT IF EXISTS {}", quote(name)));
    work.constraints_dropped.extend(actions);
}

/// A table's columns and those of its parents.
fn with_columns_of(table: &Table, parent: Option<&Table>) -> IndexMap<String, Column> {
    let mut columns = table.columns.clone();
    for (name, theirs) in parent.into_iter().flat_map(|parent| &parent.columns) {
        // Comments are not handed down, and a sequence stays its owner's.
        columns.entry(name.clone()).or_insert_with(|| Column {
            comment: None,
            identity: None,
            ..theirs.clone()
        });
    }
    columns
}

/// The server hands down no check to a table that is there: it wants to find it.
pub(super) fn take_on_checks(subject: &Subject<'_, '_>, work: &mut Work) {
    let (left, joined) = subject.parents;
    let is_there = |name: &String| {
        let had = left.is_some_and(|parent| parent.checks.contains_key(name));
        had || subject.old.checks.contains_key(name) || subject.new.checks.contains_key(name)
    };
    let theirs = joined.into_iter().flat_map(|parent| &parent.checks);
    let missing =
        theirs.filter(|(name, check)| !is_there(name) && !check.attributes.contains("NO INHERIT"));
    let actions = missing.map(|(name, theirs)| format!("ADD {}", check(name, theirs)));
    work.constraints_added.extend(actions);
}

/// The columns that a table has of the parents that it gives up go, and those that it is to have of others are there before it inherits. What it lists
/// itself, before and after, is changed elsewhere.
pub(super) fn columns_of_other_parents(subject: &Subject<'_, '_>, work: &mut Work) {
    let (left, joined) = subject.parents;
    let (old, new) = (subject.old, subject.new);
    let is_part = |table: &Table| table.options.contains_key("partition of");
    if is_part(old) || is_part(new) {
        return;
    }
    let (is, wanted) = (with_columns_of(old, left), with_columns_of(new, joined));
    for (name, column) in &is {
        if !wanted.contains_key(name) && !old.columns.contains_key(name) {
            let computed = column.generated.is_some();
            let dropped = if computed {
                &mut work.computed_dropped
            } else {
                &mut work.columns_dropped
            };
            dropped.push(format!("DROP COLUMN {}", quote(name)));
            work.destructive |= !computed;
        }
    }
    for (name, wanted) in &wanted {
        let Some(is) = is.get(name) else {
            if !new.columns.contains_key(name) {
                work.added
                    .push(format!("ADD COLUMN {}", column(name, wanted, false)));
            }
            continue;
        };
        let is_own = old.columns.contains_key(name) && new.columns.contains_key(name);
        let (was, will) = (&is.data_type, &wanted.data_type);
        if !is_own && was != will {
            work.changed.push(convert::change_type(name, was, will));
            work.destructive |= convert::loses(was, will);
        }
    }
}

/// What a table's columns need where it gets a parent, leaves one, or changes from one to another: those that it does not list are as its parent's.
pub(super) fn columns_of_another_parent(subject: &Subject<'_, '_>, work: &mut Work) -> Vec<String> {
    let (left, joined) = subject.parents;
    let (is, wanted) = (
        with_columns_of(subject.old, left),
        with_columns_of(subject.new, joined),
    );
    let mut actions = Vec::new();
    let mut gone: Vec<(&String, &Column)> = is.iter().collect();
    gone.retain(|(name, _)| !wanted.contains_key(*name));
    // What is computed goes before what it is computed from.
    gone.sort_by_key(|(_, column)| column.generated.is_none());
    for (name, _) in gone {
        actions.push(format!("DROP COLUMN {}", quote(name)));
        work.destructive = true;
    }
    for (name, wanted) in &wanted {
        let Some(is) = is.get(name) else {
            actions.push(format!("ADD COLUMN {}", column(name, wanted, false)));
            continue;
        };
        let head = format!("ALTER COLUMN {}", quote(name));
        // A sequence of its own is made when the table has been seen again.
        let keeps_default = wanted.identity.is_some() && wanted.identity != is.identity;
        let (was, will) = (&is.data_type, &wanted.data_type);
        let differs = is.default != wanted.default || was != will;
        if differs && is.default.is_some() && (wanted.default.is_none() || was != will) {
            actions.push(format!("{head} DROP DEFAULT"));
        }
        if was != will {
            actions.push(convert::change_type(name, was, will));
            work.destructive |= convert::loses(was, will);
        }
        if let Some(default) = wanted
            .default
            .as_ref()
            .filter(|_| differs && !keeps_default)
        {
            actions.push(format!("{head} SET DEFAULT {default}"));
        }
        if is.nullable != wanted.nullable {
            let verb = if wanted.nullable { "DROP" } else { "SET" };
            actions.push(format!("{head} {verb} NOT NULL"));
        }
        if is.comment != wanted.comment {
            comment_on_column(subject, name, wanted.comment.as_deref(), work);
        }
        // The numbers are another table's now, and the own sequence would stay with the column.
        let own = sequence_of(is).filter(|own| sequence_of(wanted).as_ref() != Some(own));
        let own = own.filter(|own| {
            differs && !subject.moved.contains(own) && !subject.adopted.contains(own)
        });
        if let Some(own) = own {
            let purpose = format!("number column {}.{name}", subject.name);
            work.after
                .push(statement(format!("DROP SEQUENCE IF EXISTS {own}"), purpose));
        }
    }
    actions
}
