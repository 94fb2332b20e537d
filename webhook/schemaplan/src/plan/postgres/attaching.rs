//! Indexes and keys of partitions that become parts of their parent's where both stay.
//!
//! An index that a partition has of its own and that its parent's is to take in is not dropped: the server takes one that fits when it makes the parent's,
//! and attaches it to one made `ON ONLY` the parent. What is attached does not come off again without the whole, which is made again then.

use std::collections::BTreeSet;

use crate::catalog::{Index, PrimaryKey, Table};
use crate::diff::TableChange;
use crate::plan::Statement;

use super::objects::statement;
use super::parents::{parent_in, spelled, table_in};
use super::parts::{How, Whole, is_said_of_parts};
use super::text::{primary_key_name, qualified, quote};
use super::{TableName, Work, said};

/// The names of a table's schema, itself, and one of its indexes.
pub(super) type IndexName = (String, String, String);

impl Work<'_> {
    /// Finds what stays as a part, and what an index needs to get its parts.
    pub(super) fn join_indexes(&mut self) {
        let mut joined = BTreeSet::new();
        for (&(schema, name), (_, new, changes)) in &self.altered {
            let Some(parent) = new.options.get("partition of") else {
                continue;
            };
            let Some(above) = parent_in(self.desired, new) else {
                continue;
            };
            let own_name = table_in(self.desired, parent).map_or("", |((_, name), _)| name);
            let whole = |theirs: &str| whole_in(&above, own_name, theirs);
            let becomes = |own: &str, fits: &dyn Fn(Whole<'_>) -> bool| {
                let mut parts = new.parts.0.iter();
                parts.any(|(theirs, part)| part == own && whole(theirs).is_some_and(fits))
            };
            for change in changes {
                let own = match change {
                    TableChange::IndexDropped { name: own, old }
                        if !self.lifted.contains(&(schema, name, *own))
                            && becomes(own, &|whole| index_fits(old, whole)) =>
                    {
                        (*own).to_owned()
                    }
                    TableChange::PrimaryKeyDropped { old } => {
                        let own = primary_key_name(name, old);
                        if !becomes(&own, &|whole| key_fits(old, whole)) {
                            continue;
                        }
                        own
                    }
                    _ => continue,
                };
                joined.insert((schema.to_owned(), name.to_owned(), own));
            }
        }
        for (&(schema, name), (_, _, changes)) in &mut self.altered {
            let is_joined =
                |own: &str| joined.contains(&(schema.to_owned(), name.to_owned(), own.to_owned()));
            changes.retain(|change| match change {
                TableChange::IndexDropped { name, .. } => !is_joined(name),
                TableChange::PrimaryKeyDropped { old } => !is_joined(&primary_key_name(name, old)),
                _ => true,
            });
        }
        self.joined = joined;
        self.put_indexes_together();
    }

    /// Whether a partition, which is given as the server writes it, has this index already.
    pub(super) fn is_joined(&self, table: &str, index: &str) -> bool {
        let mut joined = self.joined.iter();
        joined.any(|(schema, name, own)| own == index && spelled((schema, name), table))
    }

    fn put_indexes_together(&mut self) {
        let mut together = Vec::new();
        for (&(schema, name), (_, _, changes)) in &self.altered {
            for change in changes {
                let (index, whole) = match change {
                    TableChange::IndexChanged { name, old, new } if is_alike(old, new) => {
                        ((*name).to_owned(), Whole::Index(new))
                    }
                    TableChange::PrimaryKeyChanged { old, new } if is_alike_key(old, new) => {
                        (primary_key_name(name, new), Whole::PrimaryKey(new))
                    }
                    _ => continue,
                };
                let mut statements = Vec::new();
                if self.put_together((schema, name), &index, whole, &mut statements) {
                    let full = (schema.to_owned(), name.to_owned(), index);
                    together.push((full, statements));
                }
            }
        }
        self.attached.extend(together);
    }

    /// What gives an index the parts that it is to have, as far down as there are partitions; false where it has to be made again.
    fn put_together(
        &self,
        above: TableName<'_>,
        name: &str,
        whole: Whole<'_>,
        statements: &mut Vec<Statement>,
    ) -> bool {
        for (schema, held) in &self.desired.schemas {
            for (table, wanted) in &held.tables {
                let parent = wanted.options.get("partition of");
                if !parent.is_some_and(|parent| spelled(above, parent)) {
                    continue;
                }
                let full = (schema.as_str(), table.as_str());
                let is = self.current.schemas.get(schema);
                let is = is.and_then(|held| held.tables.get(table));
                let stays = is.is_some_and(|is| is.options.get("partition of") == parent)
                    && !self.remade.contains(&full);
                let is_joined =
                    |own: &str| self.is_joined(&super::text::joined(schema, table), own);
                let has = is.filter(|_| stays).and_then(|is| is.parts.0.get(name));
                let purpose = format!("attach index {table}.{name}");
                let rename = |from: &str, to: &str| {
                    let from = qualified(schema, from);
                    let sql = format!("ALTER INDEX {from} RENAME TO {}", quote(to));
                    statement(sql, &format!("rename index {table}.{to}"))
                };
                let own = match (has, wanted.parts.0.get(name)) {
                    (None, None) if stays => continue,
                    // Nothing takes a part away, and a new partition has one of each.
                    (_, None) => return false,
                    (Some(is), Some(own)) => {
                        if is != own {
                            statements.push(rename(is, own));
                        }
                        own
                    }
                    (None, Some(own)) if !stays => {
                        if !is_joined(own) {
                            let Some(usual) = whole.usual_name(table) else {
                                return false;
                            };
                            if usual != *own {
                                statements.push(rename(&usual, own));
                            }
                        }
                        own
                    }
                    (None, Some(own)) => {
                        if !is_joined(own) {
                            let how = How {
                                only: wanted.options.contains_key("partition by"),
                                ..How::default()
                            };
                            let sql = whole.make(&qualified(schema, table), own, how);
                            statements.push(statement(sql, &purpose));
                        }
                        let sql = format!(
                            "ALTER INDEX {} ATTACH PARTITION {}",
                            qualified(above.0, name),
                            qualified(schema, own)
                        );
                        statements.push(statement(sql, &purpose));
                        own
                    }
                };
                if !self.put_together(full, own, whole, statements) {
                    return false;
                }
            }
        }
        true
    }
}

/// An index or key of a table by its name.
fn whole_in<'a>(table: &'a Table, table_name: &str, name: &str) -> Option<Whole<'a>> {
    let key = table.primary_key.as_ref();
    let key = key.filter(|key| primary_key_name(table_name, key) == name);
    let index = table.indexes.get(name).map(Whole::Index);
    key.map(Whole::PrimaryKey).or(index)
}

/// Whether the server takes a partition's index for a part.
fn index_fits(own: &Index, whole: Whole<'_>) -> bool {
    match whole {
        Whole::Index(index) => is_alike(own, index),
        Whole::PrimaryKey(key) => {
            own.constraint && own.unique && own.parts == key.parts && own.options.is_empty()
        }
    }
}

fn key_fits(own: &PrimaryKey, whole: Whole<'_>) -> bool {
    match whole {
        Whole::Index(index) => index.constraint && index.unique && index.parts == own.parts,
        Whole::PrimaryKey(key) => key.parts == own.parts && key.include == own.include,
    }
}

/// Whether two indexes are the same but for their parts, and what is said of them.
pub(super) fn is_alike(one: &Index, other: &Index) -> bool {
    let options = |index: &Index| {
        let mut options = index.options.clone();
        options.retain(|option, _| {
            option != "comment on constraint"
                && !said::is_statistics(option)
                && !is_said_of_parts(option)
        });
        options
    };
    (one.unique, one.constraint, &one.parts) == (other.unique, other.constraint, &other.parts)
        && options(one) == options(other)
}

/// Likewise of primary keys, which have one name.
pub(super) fn is_alike_key(one: &PrimaryKey, other: &PrimaryKey) -> bool {
    (&one.name, &one.parts, &one.include, &one.attributes)
        == (&other.name, &other.parts, &other.include, &other.attributes)
}
