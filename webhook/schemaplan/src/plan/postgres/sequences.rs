//! Sequences that are there on both sides, and belong to somebody else on one of them: they keep what they have counted to.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Column, Object, ObjectKind};

use super::objects::{owner, statement};
use super::text::{joined, qualified, quote, sequence_of};
use super::{ObjectName, Work, alter};

/// A column that owns a sequence and calls it: its schema, its table, its name.
type Owner<'a> = (&'a str, &'a str, &'a str);

impl<'a> Work<'a> {
    /// A sequence that a column's default calls on both sides, and that the column owns on one of them, is no new sequence.
    pub(super) fn adopt_sequences(&mut self) {
        let mut adopted: BTreeSet<String> = BTreeSet::new();
        for (old, new, _) in self.altered.values() {
            for (name, column) in &new.columns {
                let Some(before) = old.columns.get(name) else {
                    continue;
                };
                if before.default == column.default && before.identity != column.identity {
                    adopted.extend(sequence_of(before));
                    adopted.extend(sequence_of(column));
                }
            }
        }
        self.adopted = self.sequences_kept();
        adopted.extend(self.adopted.iter().cloned());
        self.change_adopted(&adopted);
        let is_adopted = |(schema, kind, name): &ObjectName<'_>| {
            *kind == ObjectKind::Sequence
                && [joined(schema, name), qualified(schema, name)]
                    .iter()
                    .any(|spelling| adopted.contains(spelling))
        };
        self.made.retain(|name, _| !is_adopted(name));
        self.unmade.retain(|name, _| !is_adopted(name));
    }

    /// An adopted sequence may count otherwise from now on: that of a `serial` is of its column's type, one by hand is a bigint.
    fn change_adopted(&mut self, adopted: &BTreeSet<String>) {
        let (old, new) = (owned(self.current), owned(self.desired));
        let by_hand = |objects: &BTreeMap<ObjectName<'a>, &'a Object>, sequence: &String| {
            let mut objects = objects.iter();
            let found = objects.find(|((schema, kind, name), _)| {
                *kind == ObjectKind::Sequence
                    && [joined(schema, name), qualified(schema, name)].contains(sequence)
            });
            found.map(|(_, object)| object.definition.clone())
        };
        let serial = |owned: &BTreeMap<String, (Owner<'_>, &Column)>, sequence: &String| {
            owned.get(sequence).map(|(_, column)| definition(column))
        };
        for sequence in adopted {
            let changed = match (
                by_hand(&self.unmade, sequence),
                by_hand(&self.made, sequence),
            ) {
                (None, Some(after)) => serial(&old, sequence).map(|before| (before, after)),
                (Some(before), None) => serial(&new, sequence).map(|after| (before, after)),
                _ => None,
            };
            if let Some((_, after)) = changed.filter(|(before, after)| before != after) {
                let options = alter::all_options(&after, Some("bigint")).join(" ");
                let sql = format!("ALTER SEQUENCE {sequence} {options}");
                self.renames
                    .push(statement(sql, &format!("modify sequence {sequence}")));
            }
        }
    }

    /// The sequences that go on being owned by a column that calls them on one side only.
    fn sequences_kept(&self) -> BTreeSet<String> {
        let mut kept = BTreeSet::new();
        for (&(schema, _), (old, new, _)) in &self.altered {
            for (name, column) in &new.columns {
                let Some(before) = old.columns.get(name) else {
                    continue;
                };
                let (objects, spelled) = match (sequence_of(before), sequence_of(column)) {
                    (Some(was), None) => (&self.made, was),
                    (None, Some(is)) => (&self.unmade, is),
                    _ => continue,
                };
                let is_owned = objects
                    .iter()
                    .any(|(&(its_schema, kind, sequence), object)| {
                        let mut names =
                            [joined(schema, sequence), qualified(schema, sequence)].into_iter();
                        let owner = object.labels.first();
                        kind == ObjectKind::Sequence
                            && its_schema == schema
                            && names.any(|name| name == spelled)
                            && owner
                                .is_some_and(|owner| owner.ends_with(&format!(".{}", quote(name))))
                    });
                if is_owned {
                    kept.insert(spelled);
                }
            }
        }
        kept
    }

    /// A sequence that goes from one column to another, or from a column to none, or the other way.
    pub(super) fn move_sequences(&mut self) {
        let (old, new) = (owned(self.current), owned(self.desired));
        let spelled = |schema: &str, name: &str| [joined(schema, name), qualified(schema, name)];
        let find = |objects: &BTreeMap<ObjectName<'a>, &'a Object>, sequence: &str| {
            let mut objects = objects.iter();
            let found = objects.find(|((schema, kind, name), _)| {
                *kind == ObjectKind::Sequence
                    && spelled(schema, name).iter().any(|one| one == sequence)
            });
            found.map(|(name, object)| (*name, *object))
        };
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for sequence in names {
            let (was, is) = (old.get(sequence), new.get(sequence));
            let (made, unmade) = (find(&self.made, sequence), find(&self.unmade, sequence));
            let before = match (was, unmade) {
                (Some((_, column)), _) => definition(column),
                (None, Some((_, object))) => object.definition.clone(),
                (None, None) => continue,
            };
            let after = match (is, made) {
                (Some((_, column)), _) => definition(column),
                (None, Some((_, object))) => object.definition.clone(),
                (None, None) => continue,
            };
            let is_owned_alike = was.map(|(owner, _)| owner) == is.map(|(owner, _)| owner);
            if is_owned_alike || self.adopted.contains(sequence) {
                continue;
            }
            self.moved.insert(sequence.clone());
            let purpose = format!("move sequence {sequence}");
            if was.is_some() || unmade.is_some_and(|(_, object)| !object.labels.is_empty()) {
                let sql = format!("ALTER SEQUENCE {sequence} OWNED BY NONE");
                self.renames.push(statement(sql, &purpose));
            }
            if before != after {
                let options = alter::all_options(&after, Some("bigint")).join(" ");
                let sql = format!("ALTER SEQUENCE {sequence} {options}");
                self.renames.push(statement(sql, &purpose));
            }
            if let Some((name, object)) = made {
                self.made.remove(&name);
                if !object.labels.is_empty() {
                    let shown = qualified(name.0, name.2);
                    self.owners.push(owner(&shown, &purpose, object));
                }
            }
            if let Some((name, _)) = unmade {
                self.unmade.remove(&name);
            }
        }
    }
}

/// The sequences that columns own and call, as the server writes their names.
fn owned(catalog: &Catalog) -> BTreeMap<String, (Owner<'_>, &Column)> {
    let tables = catalog.schemas.iter().flat_map(|(schema, held)| {
        let tables = held.tables.iter();
        tables.map(move |(name, table)| (schema.as_str(), name.as_str(), table))
    });
    let columns = tables.flat_map(|(schema, table, definition)| {
        let columns = definition.columns.iter();
        columns.filter_map(move |(name, column)| {
            Some((
                sequence_of(column)?,
                ((schema, table, name.as_str()), column),
            ))
        })
    });
    columns.collect()
}

/// What a column's sequence is, in the words of a sequence of its own.
fn definition(column: &Column) -> String {
    let options = column
        .identity
        .as_ref()
        .map_or("", |identity| &identity.options);
    if column.data_type == "bigint" || options.starts_with("AS ") {
        return options.to_owned();
    }
    format!("AS {} {options}", column.data_type)
        .trim_end()
        .to_owned()
}
