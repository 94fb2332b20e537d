//! Columns: added, and changed one property at a time; and the sequences that number them.

use crate::catalog::{Column, Generated, Identity};
use crate::diff::ColumnChange;

use super::{Subject, Work, statement};
use crate::plan::postgres::convert;
use crate::plan::postgres::sequences::{
    Position, Range, count_otherwise, go_on, keep_position, position, seeing_all,
};
use crate::plan::postgres::text::{
    called, column, comment, generated_as_identity, is_plain_serial, literal, mentions,
    owned_sequence, qualified, quote, sequence_of,
};

pub(super) fn add_column<'a>(
    subject: &Subject<'a, '_>,
    name: &'a str,
    new: &'a Column,
    work: &mut Work,
) {
    let sequence = sequence_of(new);
    let moved = sequence.as_ref();
    let moved = moved.filter(|sequence| subject.moved.contains(*sequence));
    let serial = moved.is_none() && is_plain_serial(subject.name, name, new);
    if let Some(sequence) = moved {
        own_moved(subject, name, sequence, work);
    } else if let Some(sequence) = sequence.as_ref().filter(|_| !serial) {
        make_sequence(subject, name, new, sequence, work);
    }
    // A child keeps a column of its own that its parent gives up.
    let parent = subject.parents.0;
    let is_kept = subject.new.options.contains_key("inherits")
        && parent.is_some_and(|parent| parent.columns.contains_key(name));
    let unless = if is_kept { "IF NOT EXISTS " } else { "" };
    let is_behind = |generated: &Generated| {
        let mut columns = subject.new.columns.keys();
        columns.any(|column| {
            !subject.old.columns.contains_key(column) && mentions(&generated.expression, column)
        })
    };
    let place = if new.generated.as_ref().is_some_and(is_behind) {
        &mut work.computed_added
    } else {
        &mut work.added
    };
    place.push(format!("ADD COLUMN {unless}{}", column(name, new, serial)));
    if new.comment.is_some() {
        comment_on_column(subject, name, new.comment.as_deref(), work);
    }
}

pub(super) fn change_column<'a>(
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
    let is_identity = |column: &Column| {
        let identity = column.identity.as_ref();
        identity.is_some_and(|identity| identity.kind != "serial")
    };
    let is_given_up_before = sequences.0.is_some() && is_identity(new);
    if old.default.is_some() && (changed.default || changed.data_type) && !is_given_up_before {
        let renames = matches!(&sequences, (Some(_), Some(_)));
        if new.default.is_none() || (changed.data_type && !renames) {
            work.changed.push(format!("{head} DROP DEFAULT"));
        }
    }
    let is_plain = subject.plain_meanwhile.contains(name);
    if changed.generated && old.generated.is_some() && new.generated.is_none() && !is_plain {
        work.computed_dropped
            .push(format!("{head} DROP EXPRESSION"));
    }
    if changed.generated
        && let (Some(_), Some(generated)) = (&old.generated, &new.generated)
    {
        work.changed.push(format!(
            "{head} SET EXPRESSION AS ({})",
            generated.expression
        ));
    }
    if converts {
        let mut sql = format!("{head} TYPE {}", new.data_type);
        if let Some(collation) = &new.collation {
            sql = format!("{sql} COLLATE {collation}");
        }
        if changed.data_type {
            // A domain's values are those of what it is over.
            let base = |name: &'a String| {
                subject
                    .domains
                    .get(name)
                    .map_or(name.as_str(), String::as_str)
            };
            let (from, to) = (base(&old.data_type), base(&new.data_type));
            if !convert::is_implicit(from, to) {
                let using = convert::using(&quote(name), from, to);
                sql = format!("{sql} USING {using}");
                if to != new.data_type {
                    sql = format!("{sql}::{}", new.data_type);
                }
            }
            work.destructive |= convert::loses(from, to);
        }
        work.changed.push(sql);
    }
    if changed.identity || changed.default || (changed.data_type && sequences.0.is_some()) {
        change_identity(subject, name, (old, new), &sequences, work);
    }
    // An identity column has to have a value: that goes first.
    if changed.nullable && new.nullable {
        work.changed.push(format!("{head} DROP NOT NULL"));
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
pub(super) fn change_identity<'a>(
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
    let is_moved = |sequence: &String| subject.moved.contains(sequence);
    // A sequence that the column does not own takes over.
    if old.identity.is_some() && new.identity.is_none() && called(new) != sequences.0 {
        let kept = keep_position((subject.schema, subject.name), name);
        work.before
            .extend(called(new).map(|_| statement(kept, purpose())));
    }
    match (sequences.0.as_ref(), sequences.1.as_ref()) {
        (from, Some(to)) if is_moved(to) => {
            if kind(old).is_some() {
                work.changed.push(format!("{head} DROP IDENTITY"));
            }
            if let Some(default) = &new.default {
                work.changed.push(format!("{head} SET DEFAULT {default}"));
            }
            own_moved(subject, name, to, work);
            if let Some(from) = from.filter(|from| !is_moved(from)) {
                let sql = format!("DROP SEQUENCE {from}");
                work.after.push(statement(sql, purpose()));
            }
        }
        (Some(from), Some(to)) if is_moved(from) => {
            make_sequence(subject, name, new, to, work);
            if let Some(default) = &new.default {
                work.changed.push(format!("{head} SET DEFAULT {default}"));
            }
        }
        (Some(from), None) if is_moved(from) => {
            if kind(new).is_some() {
                work.changed.push(format!("{head} DROP DEFAULT"));
            }
        }
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
                let ranges = ((&*was, &*old.data_type), (&*is, &*new.data_type));
                let (counts, restarts) = count_otherwise(to, ranges.0, ranges.1, &purpose());
                work.after.extend(counts);
                if restarts {
                    go_on_behind_rows(subject, name, &literal(to), ranges.1, work);
                }
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
        (None, Some(to)) if subject.adopted.contains(to) => {
            if kind(old).is_some() {
                work.changed.push(format!("{head} DROP IDENTITY"));
            }
            if let Some(default) = &new.default {
                work.changed.push(format!("{head} SET DEFAULT {default}"));
            }
        }
        (None, Some(to)) => {
            // The sequence of an identity column has the name that the new one takes.
            if kind(old).is_some() {
                let table = qualified(subject.schema, subject.name);
                let sql = format!("ALTER TABLE {table} {head} DROP IDENTITY");
                work.before.push(statement(sql, purpose()));
            }
            make_sequence(subject, name, new, to, work);
            if let Some(default) = &new.default {
                work.changed.push(format!("{head} SET DEFAULT {default}"));
            }
            if let Some(identity) = &new.identity {
                go_on_counting(subject, name, (&literal(to), identity), (old, new), work);
            }
        }
        // The sequence of the identity takes the name.
        (Some(from), None) if kind(new).is_some() => {
            let table = qualified(subject.schema, subject.name);
            let sql = format!("ALTER TABLE {table} {head} DROP DEFAULT");
            work.before.push(statement(sql, purpose()));
            if !subject.adopted.contains(from) {
                let sql = format!("DROP SEQUENCE {from}");
                work.before.push(statement(sql, purpose()));
            }
        }
        (Some(from), None) if subject.adopted.contains(from) => {}
        (Some(from), None) => {
            let sql = format!("DROP SEQUENCE {from}");
            work.after.push(statement(sql, purpose()));
        }
        (None, None) => {}
    }
    match (kind(old), kind(new)) {
        (None, Some(identity)) => {
            work.changed
                .push(format!("{head} ADD {}", generated_as_identity(identity)));
            let sequence = owned_sequence((subject.schema, subject.name), name);
            go_on_counting(subject, name, (&sequence, identity), (old, new), work);
        }
        (Some(_), None) if sequences.1.is_some() => {}
        // A type that cannot count is refused as long as it does.
        (Some(_), None) if old.data_type != new.data_type => {
            let table = qualified(subject.schema, subject.name);
            let sql = format!("ALTER TABLE {table} {head} DROP IDENTITY");
            work.before.push(statement(sql, purpose()));
        }
        (Some(_), None) => work.changed.push(format!("{head} DROP IDENTITY")),
        (Some(was), Some(is)) if (&was.kind, &was.options) != (&is.kind, &is.options) => {
            let sequence = owned_sequence((subject.schema, subject.name), name) + "::regclass";
            let place = position(
                &sequence,
                (&was.options, &old.data_type),
                (&is.options, &new.data_type),
            );
            let restarts = was.options != is.options && place == Position::Restarts;
            work.changed.push(set_identity(&head, was, is, restarts));
            if let Position::AtLeast(sql) = place {
                work.before.push(statement(sql, purpose()));
            }
            if restarts {
                let range = (&*is.options, &*new.data_type);
                go_on_behind_rows(subject, name, &sequence, range, work);
            }
        }
        _ => {}
    }
}

pub(super) fn set_identity(head: &str, was: &Identity, is: &Identity, restarts: bool) -> String {
    let mut actions = Vec::new();
    if was.kind != is.kind {
        actions.push(format!("SET GENERATED {}", is.kind.to_uppercase()));
    }
    if was.options != is.options {
        let options = all_options(&is.options, None);
        actions.extend(options.into_iter().map(|option| format!("SET {option}")));
        if restarts {
            actions.push("RESTART".to_owned());
        }
    }
    format!("{head} {}", actions.join(" "))
}

/// Every option of a sequence with its value, where only those that differ from the default are written down.
pub(in crate::plan::postgres) fn all_options(
    options: &str,
    data_type: Option<&str>,
) -> Vec<String> {
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
    // With `AS` the server takes `NO MAXVALUE` of a sequence that turns round for the type's, and `NO MINVALUE` likewise.
    let (minimum, maximum) = if is_descending {
        (minimum, maximum.or(Some("-1")))
    } else {
        (minimum.or(Some("1")), maximum)
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

pub(super) fn make_sequence(
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

/// A sequence that another column had, or none.
fn own_moved(subject: &Subject<'_, '_>, name: &str, sequence: &str, work: &mut Work) {
    let purpose = format!("number column {}.{name}", subject.name);
    let sql = own_sequence(subject.schema, subject.name, name, sequence);
    work.after.push(statement(sql, purpose));
}

/// The sequence of a `serial` that is not one of the usual.
pub(in crate::plan::postgres) fn create_sequence(column: &Column, sequence: &str) -> String {
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

pub(in crate::plan::postgres) fn own_sequence(
    schema: &str,
    table: &str,
    column: &str,
    sequence: &str,
) -> String {
    let table = qualified(schema, table);
    format!(
        "ALTER SEQUENCE {sequence} OWNED BY {table}.{}",
        quote(column)
    )
}

/// One that begins anew goes on behind the rows that its new range has already.
fn go_on_behind_rows(
    subject: &Subject<'_, '_>,
    name: &str,
    sequence: &str,
    (options, data_type): (&str, &str),
    work: &mut Work,
) {
    let range = Range::of(options, data_type);
    number(subject, name, (sequence, &range, false), work);
}

/// A new sequence goes on where the one before it stood, and behind the rows.
fn go_on_counting(
    subject: &Subject<'_, '_>,
    name: &str,
    (sequence, identity): (&str, &Identity),
    (old, new): (&Column, &Column),
    work: &mut Work,
) {
    let counted = old.identity.is_some();
    if counted {
        let kept = keep_position((subject.schema, subject.name), name);
        // In front of what drops it.
        work.before
            .insert(0, statement(kept, behind_rows(subject, name)));
    }
    let range = Range::of(&identity.options, &new.data_type);
    number(subject, name, (sequence, &range, counted), work);
}

/// A sequence is set behind the rows when those of the partitions and children that join are there.
fn number(
    subject: &Subject<'_, '_>,
    name: &str,
    (sequence, range, counted): (&str, &Range, bool),
    work: &mut Work,
) {
    let table = (subject.schema, subject.name);
    let sql = go_on((table, name), sequence, range, counted);
    let one = statement(sql, behind_rows(subject, name));
    let joins = subject.has_children || subject.new.options.contains_key("partition by");
    let place = if joins {
        &mut work.late
    } else {
        &mut work.after
    };
    place.extend(seeing_all(table, subject.new, one));
}

fn behind_rows(subject: &Subject<'_, '_>, name: &str) -> String {
    format!("number column {}.{name} behind its rows", subject.name)
}

pub(super) fn comment_on_column(
    subject: &Subject<'_, '_>,
    name: &str,
    text: Option<&str>,
    work: &mut Work,
) {
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
