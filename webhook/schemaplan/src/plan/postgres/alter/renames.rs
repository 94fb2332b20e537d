//! Indexes and constraints that are the same under another name: they are renamed, as making one again reads the whole table.

use std::collections::BTreeSet;

use crate::diff::TableChange;

use super::{Subject, Work, statement};
use crate::plan::postgres::text::{qualified, quote};

/// What only has another name, as pairs of the old name and the new one; the statements are in `work`.
pub(super) fn renames<'a>(subject: &Subject<'a, '_>, work: &mut Work) -> BTreeSet<&'a str> {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let table = qualified(subject.schema, subject.name);
    for added in subject.changes {
        let (to, from) = match added {
            TableChange::IndexAdded { name, new } => {
                let same = subject.changes.iter().find_map(|change| match change {
                    TableChange::IndexDropped { name, old }
                        if !taken.contains(name)
                            && !subject
                                .lifted
                                .contains(&(subject.schema, subject.name, *name))
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
