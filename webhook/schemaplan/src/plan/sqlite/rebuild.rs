//! A table made anew with the rows of the old one.

use std::ops::Range;

use tidegate_sqlplan::SqliteTable;

use super::{affinity, made_index, quoted, quoted_text, said};
use crate::catalog::Table;
use crate::diff::{self, TableChange};
use crate::plan::{Refusal, Statement};

/// What makes it.
pub(super) struct Rebuilt {
    pub(super) statements: Vec<Statement>,
    /// Made when all tables are there.
    pub(super) indexes: Vec<Statement>,
}

/// Makes the table by its wanted text. What `policy.diff.skip` leaves out cannot be left out of a table that is made anew, but for dropped columns, which
/// are kept, and indexes.
pub(super) fn rebuild(
    table: &str,
    old: &Table,
    new: &Table,
    written: &SqliteTable,
    changes: &[TableChange<'_>],
    is_taken: impl Fn(&str) -> bool,
) -> Result<Rebuilt, Refusal> {
    let refuse = |reason: String| Refusal {
        object: format!("table {table}"),
        reason,
    };
    let unreadable = || refuse("its text cannot be read; write it more plainly".to_owned());
    if let Some(skipped) = diff::table(old, new)
        .iter()
        .find(|change| !changes.contains(change) && !can_be_left_out(change))
    {
        let what = skipped.in_words();
        return Err(refuse(format!(
            "it has to be made anew, and then `{what}` cannot be left out, as policy.diff.skip has it"
        )));
    }
    let kept: Vec<&str> = old
        .columns
        .keys()
        .filter(|name| !new.columns.contains_key(*name))
        .filter(|name| !changes.iter().any(|change| matches!(change, TableChange::ColumnDropped { name: dropped, .. } if dropped == name)))
        .map(String::as_str)
        .collect();
    let lost: Vec<&str> = changes
        .iter()
        .filter_map(|change| match change {
            TableChange::ColumnDropped { name, .. } => Some(*name),
            _ => None,
        })
        .collect();

    let mut temporary = format!("new_{table}");
    while is_taken(&temporary) {
        temporary = format!("new_{temporary}");
    }
    let create = new.create.as_deref().ok_or_else(unreadable)?;
    let create = text(create, written, &temporary, old, &kept).ok_or_else(unreadable)?;
    let mut statements = vec![Statement {
        sql: create,
        ..said(format!("rebuild table {table}: the new one"))
    }];
    statements.extend(copy(table, &temporary, old, new, written, &kept));
    let counts = |table: &Table| table.columns.values().any(|column| column.auto_increment);
    if counts(old) && counts(new) {
        let (from, to) = (quoted_text(table), quoted_text(&temporary));
        let purpose = || {
            said(format!(
                "rebuild table {table}: go on counting where it was"
            ))
        };
        statements.push(Statement {
            sql: format!("DELETE FROM sqlite_sequence WHERE name = {to}"),
            ..purpose()
        });
        statements.push(Statement {
            sql: format!("INSERT INTO sqlite_sequence (name, seq) SELECT {to}, seq FROM sqlite_sequence WHERE name = {from}"),
            ..purpose()
        });
    }
    let gone = gone(old, new, &lost);
    let what = format!("rebuild table {table}: the old one goes");
    statements.push(Statement {
        sql: format!("DROP TABLE {}", quoted(table)),
        destructive: gone.is_some(),
        ..said(match gone {
            Some(gone) => format!("{what}, and with it {gone}"),
            None => what,
        })
    });
    statements.push(Statement {
        sql: format!(
            "ALTER TABLE {} RENAME TO {}",
            quoted(&temporary),
            quoted(table)
        ),
        ..said(format!("rebuild table {table}: the new one takes its name"))
    });
    // Between the first and the last, the rows are twice there or under another name.
    for statement in statements.iter_mut().skip(1) {
        statement.together = true;
    }
    Ok(Rebuilt {
        statements,
        indexes: indexes(table, old, new, changes),
    })
}

/// What the new table does not have of what the old one held, in words.
fn gone(old: &Table, new: &Table, lost: &[&str]) -> Option<String> {
    let names = new.columns.iter().filter(|(name, column)| {
        let is_written = |table: &Table| {
            let column = table.columns.get(*name);
            column.is_some_and(|it| it.generated.is_none())
        };
        // What was written by hand is computed from now on, or becomes another value.
        is_written(old) && (column.generated.is_some() || affinity::narrows(old, new, name))
    });
    let held: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    let columns = (!lost.is_empty()).then(|| format!("column {}", lost.join(", ")));
    let held = (!held.is_empty()).then(|| format!("what column {} held", held.join(", ")));
    let gone: Vec<String> = columns.into_iter().chain(held).collect();
    (!gone.is_empty()).then(|| gone.join(" and "))
}

/// The wanted text under another name, with the columns that are kept behind the wanted ones.
fn text(
    create: &str,
    written: &SqliteTable,
    name: &str,
    old: &Table,
    kept: &[&str],
) -> Option<String> {
    let last = written.columns.last()?.at.end;
    let mut text = create.get(..written.name_at.start)?.to_owned();
    text.push_str(&quoted(name));
    text.push_str(&nameless(create, written, written.name_at.end..last)?);
    if !kept.is_empty() {
        let create = old.create.as_deref()?;
        let old = SqliteTable::read(create)?;
        for kept in kept {
            let column = old.columns.iter().find(|column| column.name == *kept)?;
            text.push_str(", ");
            text.push_str(&nameless(create, &old, column.at.clone())?);
        }
    }
    text.push_str(&nameless(create, written, last..create.len())?);
    Some(text)
}

/// A part of a table's text where no expression names the table, which has another name for now.
fn nameless(create: &str, written: &SqliteTable, part: Range<usize>) -> Option<String> {
    let mut text = String::new();
    let mut from = part.start;
    for own in &written.own_name_at {
        if part.start <= own.start && own.end <= part.end {
            text.push_str(create.get(from..own.start)?);
            from = own.end;
        }
    }
    text.push_str(create.get(from..part.end)?);
    Some(text)
}

fn copy(
    table: &str,
    temporary: &str,
    old: &Table,
    new: &Table,
    written: &SqliteTable,
    kept: &[&str],
) -> Option<Statement> {
    let mut into = Vec::new();
    let mut from = Vec::new();
    let mut filled = Vec::new();
    for (name, column) in &new.columns {
        let Some(before) = old.columns.get(name) else {
            continue;
        };
        if column.generated.is_some() {
            continue;
        }
        into.push(quoted(name));
        let is_numbered = |table: &Table| number_column(table) == Some(name.as_str());
        from.push(match &column.default {
            // A row that has no number is given the next one; a text in its place is refused.
            _ if before.nullable && is_numbered(new) && !is_numbered(old) => {
                format!("IFNULL({}, '')", quoted(name))
            }
            Some(default) if before.nullable && !column.nullable => {
                filled.push(name.as_str());
                format!("IFNULL({}, ({default}))", quoted(name))
            }
            _ => quoted(name),
        });
    }
    for name in kept {
        if old
            .columns
            .get(*name)
            .is_some_and(|it| it.generated.is_none())
        {
            into.push(quoted(name));
            from.push(quoted(name));
        }
    }
    if into.is_empty() {
        return None;
    }
    if let Some(name) = row_number(old, new) {
        into.insert(0, name.to_owned());
        from.insert(0, name.to_owned());
    }
    // A constraint that ignores or replaces would lose rows silently here.
    let resolves = written.columns.iter().any(|it| !it.attributes.is_empty())
        || written
            .all_constraints()
            .any(|it| it.attributes.contains("ON CONFLICT"));
    let verb = if resolves {
        "INSERT OR ABORT"
    } else {
        "INSERT"
    };
    let filled = match filled.as_slice() {
        [] => String::new(),
        names => format!(", NULL in {} as the default", names.join(", ")),
    };
    Some(Statement {
        sql: format!(
            "{verb} INTO {} ({}) SELECT {} FROM {}",
            quoted(temporary),
            into.join(", "),
            from.join(", "),
            quoted(table)
        ),
        ..said(format!("rebuild table {table}: its rows{filled}"))
    })
}

/// By which name a row's own number is copied, which others may keep: a full text index names rows by it. None where there is no such number, or a column
/// that is it.
fn row_number(old: &Table, new: &Table) -> Option<&'static str> {
    if number_column(new).is_some() || !has_row_numbers(old) || !has_row_numbers(new) {
        return None;
    }
    let is_free = |name: &&str| {
        let mut columns = old.columns.keys().chain(new.columns.keys());
        !columns.any(|column| column.eq_ignore_ascii_case(name))
    };
    ["rowid", "_rowid_", "oid"].into_iter().find(is_free)
}

fn has_row_numbers(table: &Table) -> bool {
    !table.options.contains_key("without rowid")
}

/// The column that is the row's own number: of type `INTEGER` in just this word, alone in the primary key, which does not fall (an old mistake that
/// SQLite keeps).
fn number_column(table: &Table) -> Option<&str> {
    let key = table.primary_key.as_ref()?;
    let [part] = key.parts.as_slice() else {
        return None;
    };
    let name = part.column.as_deref()?;
    let is_integer = table.columns.get(name)?.data_type == "integer";
    (is_integer && !part.descending && has_row_numbers(table)).then_some(name)
}

/// All went with the old table.
fn indexes(table: &str, old: &Table, new: &Table, changes: &[TableChange<'_>]) -> Vec<Statement> {
    let is_changed = |index: &str| {
        changes.iter().any(|change| match change {
            TableChange::IndexAdded { name, .. }
            | TableChange::IndexDropped { name, .. }
            | TableChange::IndexChanged { name, .. } => *name == index,
            _ => false,
        })
    };
    let same = diff::table(old, new);
    let is_skipped = |index: &str| {
        !is_changed(index)
            && same.iter().any(|change| match change {
                TableChange::IndexAdded { name, .. }
                | TableChange::IndexDropped { name, .. }
                | TableChange::IndexChanged { name, .. } => *name == index,
                _ => false,
            })
    };
    let wanted = new.indexes.iter().filter(|(name, _)| !is_skipped(name));
    let left = old.indexes.iter().filter(|(name, _)| is_skipped(name));
    wanted
        .chain(left)
        .filter_map(|(name, index)| made_index(table, name, index))
        .collect()
}

fn can_be_left_out(change: &TableChange<'_>) -> bool {
    match change {
        TableChange::ColumnDropped { .. } => true,
        TableChange::IndexAdded { new, .. } => !new.constraint,
        TableChange::IndexDropped { old, .. } => !old.constraint,
        TableChange::IndexChanged { old, new, .. } => !old.constraint && !new.constraint,
        _ => false,
    }
}
