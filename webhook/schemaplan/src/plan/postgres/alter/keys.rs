//! Constraints and indexes of a table that is there, and their comments.

use crate::catalog::{Check, Index, PrimaryKey};
use crate::plan::Statement;

use super::{Subject, Work, statement};
use crate::plan::postgres::parts::{self, Whole, comes_late};
use crate::plan::postgres::text::{
    check, comment, index_constraint, is_double, primary_key, primary_key_name, qualified, quote,
};

pub(super) fn drop_constraint(subject: &Subject<'_, '_>, name: &str, work: &mut Work) {
    if subject
        .lifted
        .contains(&(subject.schema, subject.name, name))
    {
        return;
    }
    work.constraints_dropped
        .push(format!("DROP CONSTRAINT {}", quote(name)));
}

pub(super) fn drop_index(subject: &Subject<'_, '_>, name: &str, old: &Index, work: &mut Work) {
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
        together: false,
        purpose: format!("drop index {}.{name}", subject.name),
    });
}

pub(super) fn add_index(subject: &Subject<'_, '_>, name: &str, new: &Index, work: &mut Work) {
    if new.constraint && comes_late(&new.options) {
        let table = (subject.schema, subject.name);
        let made = parts::create(table, name, Whole::Index(new), false, subject.is_joined);
        work.late.extend(made);
    } else if new.constraint && is_double(subject.new, name) {
        let table = qualified(subject.schema, subject.name);
        let sql = format!("ALTER TABLE {table} ADD {}", index_constraint(name, new));
        work.after.push(statement(
            sql,
            format!("create index {}.{name}", subject.name),
        ));
    } else if new.constraint {
        work.constraints_added
            .push(format!("ADD {}", index_constraint(name, new)));
    } else {
        let concurrently =
            subject.concurrently.0 && !subject.new.options.contains_key("partition by");
        let place = if subject.indexes_come_late {
            &mut work.late
        } else {
            &mut work.after
        };
        let table = (subject.schema, subject.name);
        let whole = Whole::Index(new);
        let made = parts::create(table, name, whole, concurrently, subject.is_joined);
        place.extend(made);
    }
    comment_on_index(subject, name, None, new, work);
}

/// A check that children are to have as well comes when they have what they say of it themselves: the server makes one of the two.
pub(super) fn add_check(subject: &Subject<'_, '_>, name: &str, new: &Check, work: &mut Work) {
    if subject.has_children {
        let table = qualified(subject.schema, subject.name);
        let sql = format!("ALTER TABLE {table} ADD {}", check(name, new));
        let purpose = format!("modify table {}", subject.name);
        work.backwards.push(statement(sql, purpose.clone()));
        if new.comment.is_some() {
            let what = format!("CONSTRAINT {} ON {table}", quote(name));
            let sql = comment(&what, new.comment.as_deref());
            work.backwards.push(statement(sql, purpose));
        }
        return;
    }
    work.constraints_added
        .push(format!("ADD {}", check(name, new)));
    if new.comment.is_some() {
        comment_on_constraint(subject, name, new.comment.as_deref(), work);
    }
}

pub(super) fn add_primary_key(subject: &Subject<'_, '_>, new: &PrimaryKey, work: &mut Work) {
    if comes_late(&new.options) {
        let table = (subject.schema, subject.name);
        let name = primary_key_name(subject.name, new);
        let whole = Whole::PrimaryKey(new);
        let made = parts::create(table, &name, whole, false, subject.is_joined);
        work.late.extend(made);
    } else {
        work.constraints_added
            .push(format!("ADD {}", primary_key(new)));
    }
}

pub(super) fn comment_on_index(
    subject: &Subject<'_, '_>,
    name: &str,
    old: Option<&Index>,
    new: &Index,
    work: &mut Work,
) {
    if old.and_then(|old| old.comment.as_ref()) != new.comment.as_ref() {
        let index = qualified(subject.schema, name);
        let sql = comment(&format!("INDEX {index}"), new.comment.as_deref());
        let place = if subject.indexes_come_late && !new.constraint {
            &mut work.late
        } else {
            &mut work.after
        };
        place.push(statement(sql, format!("comment on index {name}")));
    }
    let of = |index: &Index| index.options.get("comment on constraint").cloned();
    if old.and_then(of) != of(new) {
        comment_on_constraint(subject, name, of(new).as_deref(), work);
    }
}

pub(super) fn comment_on_constraint(
    subject: &Subject<'_, '_>,
    name: &str,
    text: Option<&str>,
    work: &mut Work,
) {
    let table = qualified(subject.schema, subject.name);
    let sql = comment(&format!("CONSTRAINT {} ON {table}", quote(name)), text);
    let index = subject.new.indexes.get(name).map(|index| &index.options);
    let key = subject.new.primary_key.as_ref();
    let key = key.filter(|key| primary_key_name(subject.name, key) == name);
    let options = index.or_else(|| key.map(|key| &key.options));
    let place = if options.is_some_and(comes_late) {
        &mut work.late
    } else {
        &mut work.after
    };
    place.push(statement(sql, format!("comment on constraint {name}")));
}
