//! What is made and changed, each behind what it needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{ForeignKey, IndexPart, Object, ObjectKind, Table};
use crate::diff::TableChange;
use crate::order::topological;
use crate::plan::Statement;

use super::alter::{KeyName, Subject};
use super::node::{Node, What};
use super::parents::inherits;
use super::parts::comes_late;
use super::steps::calls_of_rows;
use super::table::add_key;
use super::text::{joined, qualified};
use super::{
    ObjectName, TableName, Work, alter, columns_of, objects, parent_in, rebuild, spelled, target,
};

impl<'a> Work<'a> {
    /// Types, sequences, functions and tables, each behind what it needs.
    pub(super) fn middle(&mut self) -> Vec<Statement> {
        let mut nodes: Vec<Node<'a>> = self
            .objects_to_make(false)
            .into_iter()
            .map(|(name, object)| Node::object(name, object))
            .collect();
        for (&(schema, name), &table) in &self.created {
            nodes.push(Node::table((schema, name), table, self.desired));
        }
        for (&(schema, name), (_, new, changes)) in &self.altered {
            let mut node = Node::table((schema, name), new, self.desired);
            if changes
                .iter()
                .any(|change| matches!(change, TableChange::ColumnDropped { .. }))
            {
                node.needs.extend(self.leaving((schema, name)));
            }
            nodes.push(node);
        }
        nodes.sort_by(|one, other| one.rank().cmp(&other.rank()));
        // A table whose check calls a function of its own rows comes first, without the check.
        self.calls_of_rows = calls_of_rows(&nodes);
        for node in &mut nodes {
            let called = self.calls_of_rows.get(&node.key);
            node.needs
                .retain(|need| called.is_none_or(|called| !called.contains(need)));
        }
        let by_key: BTreeMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (node.key.as_str(), index))
            .collect();
        let edges: BTreeMap<usize, Vec<usize>> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let needs = node.needs.iter();
                let needed = needs.filter_map(|need| by_key.get(need.as_str()).copied());
                (index, needed.filter(|needed| *needed != index).collect())
            })
            .collect();
        let order = topological(&edges);
        let place: BTreeMap<usize, usize> = order
            .iter()
            .enumerate()
            .map(|(place, index)| (*index, place))
            .collect();
        // Foreign keys to a table that comes later, or to a key that is no part of `CREATE TABLE`.
        let mut late: Vec<(KeyName<'a>, &'a ForeignKey)> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let What::Table((schema, name), table) = node.what else {
                continue;
            };
            for (key_name, key) in &table.foreign_keys {
                let target = target(schema, key);
                let comes_later = target != (schema, name)
                    && by_key
                        .get(joined(target.0, target.1).as_str())
                        .is_some_and(|target| place.get(target) > place.get(&index));
                let full = (schema, name, key_name.as_str());
                let is_new = self.created.contains_key(&(schema, name));
                let invalid = is_new && key.attributes.contains("NOT VALID");
                if comes_later || invalid || self.refers_to_an_index(target, key) {
                    self.late.insert(full);
                    late.push((full, key));
                }
            }
        }
        let mut statements = Vec::new();
        let mut owners = Vec::new();
        let mut indexes = Vec::new();
        let mut backwards: Vec<Vec<Statement>> = Vec::new();
        let mut awaited = self.awaited();
        for index in order {
            let Some(node) = nodes.get(index) else {
                continue;
            };
            match node.what {
                What::Object(name, object) => {
                    statements.extend(self.object(name, object, &mut owners));
                }
                What::Table(name, table) => {
                    let (now, later, last) = self.table(name, table);
                    statements.extend(now);
                    indexes.extend(later);
                    backwards.push(last);
                    for (top, tree) in &mut awaited {
                        if tree.remove(&name) && tree.is_empty() {
                            statements.extend(self.bring_rows_back(*top));
                        }
                    }
                }
            }
        }
        statements.extend(owners);
        statements.append(&mut self.owners);
        statements.extend(self.go_on_behind_rows());
        statements.extend(indexes);
        statements.extend(self.marks_of_parts());
        statements.extend(backwards.into_iter().rev().flatten());
        let added = self.added_keys();
        for ((schema, table, name), key) in late {
            let is_again = self.lifted.contains(&(schema, table, name));
            if added.contains(&(schema, table, name)) || is_again {
                statements.extend(add_key(schema, table, name, key));
            }
        }
        // Lifted keys that do not differ themselves, and whose table has no other way to get them back.
        for &(schema, table, name) in &self.lifted {
            let key = self
                .desired
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table)?.foreign_keys.get(name));
            let handled = added.contains(&(schema, table, name))
                || self.late.contains(&(schema, table, name));
            if let Some(key) = key.filter(|_| !handled) {
                statements.extend(add_key(schema, table, name, key));
            }
        }
        statements.extend(self.spread_defaults());
        statements.extend(self.uses_of_functions());
        statements
    }

    /// Children that give up a parent: before that loses a column, which would go from them as well.
    fn leaving(&self, parent: TableName<'a>) -> Vec<String> {
        let altered = self.altered.iter();
        let leaving = altered.filter(|(_, (old, new, _))| {
            let is_of = |table| inherits(table).any(|written| spelled(parent, written));
            is_of(old) && !is_of(new)
        });
        leaving
            .map(|((schema, name), _)| joined(schema, name))
            .collect()
    }

    /// Foreign keys that are new or changed, of all tables.
    fn added_keys(&self) -> BTreeSet<KeyName<'a>> {
        let mut added = BTreeSet::new();
        for (&(schema, table), definition) in &self.created {
            let names = definition.foreign_keys.keys();
            added.extend(names.map(|name| (schema, table, name.as_str())));
        }
        for (&(schema, table), (_, _, changes)) in &self.altered {
            for change in changes {
                match change {
                    TableChange::ForeignKeyAdded { name, .. } => {
                        added.insert((schema, table, *name));
                    }
                    TableChange::ForeignKeyChanged { name, old, new }
                        if !alter::is_validated(old, new)
                            || self.lifted.contains(&(schema, table, *name)) =>
                    {
                        added.insert((schema, table, *name));
                    }
                    _ => {}
                }
            }
        }
        added
    }

    /// Whether a foreign key needs an index that is made behind its table.
    fn refers_to_an_index(&self, target: TableName<'a>, key: &ForeignKey) -> bool {
        let Some(table) = self
            .desired
            .schemas
            .get(target.0)
            .and_then(|held| held.tables.get(target.1))
        else {
            return false;
        };
        let referred: BTreeSet<&str> = key.referred.iter().map(String::as_str).collect();
        let primary = table.primary_key.as_ref().is_some_and(|key| {
            key.parts
                .iter()
                .filter_map(|part| part.column.as_deref())
                .collect::<BTreeSet<_>>()
                == referred
                && !comes_late(&key.options)
        });
        let constraint = table.indexes.values().any(|index| {
            index.constraint && columns_of(index) == referred && !comes_late(&index.options)
        });
        !primary && !constraint
    }

    fn object(
        &mut self,
        (schema, kind, name): ObjectName<'a>,
        object: &'a Object,
        owners: &mut Vec<Statement>,
    ) -> Vec<Statement> {
        if self.rebuilt.contains(&(schema, kind, name)) {
            let gone = self.again.iter().chain(&self.rebuilt).copied();
            let unmade = self.unmade.keys().copied();
            let built = rebuild::rebuild(
                self.current,
                self.desired,
                (schema, kind, name),
                object,
                &gone.chain(unmade).collect(),
                (&self.remade, &self.recomputed),
                &mut self.lifted,
            );
            let before = self.before_rebuilt.remove(&(schema, kind, name));
            return match built {
                Ok(mut built) => {
                    // Domains over the old type, and what goes at the end, may still use it. A composite type may itself use what goes.
                    if kind != ObjectKind::Composite {
                        self.asides.extend(built.pop());
                    }
                    before.into_iter().flatten().chain(built).collect()
                }
                Err(refusal) => {
                    self.refusals.push(refusal);
                    Vec::new()
                }
            };
        }
        if let Some(mut statements) = self.in_place.remove(&(schema, kind, name)) {
            let shown = qualified(schema, name);
            for (_, part) in self
                .lifted_of_domains
                .iter()
                .filter(|(full, _)| *full == (schema, kind, name))
            {
                let dropped = objects::drop_domain_part(&shown, part);
                statements.retain(|one| Some(&one.sql) != dropped.as_ref().map(|one| &one.sql));
            }
            let before = self.changed.get(&(schema, kind, name));
            let is_owned = kind == ObjectKind::Sequence && !object.labels.is_empty();
            if is_owned && before.is_some_and(|(before, _)| before.labels != object.labels) {
                let purpose = format!("modify sequence {name}");
                owners.push(objects::owner(&qualified(schema, name), &purpose, object));
            }
            return statements;
        }
        if self.changed.contains_key(&(schema, kind, name))
            && !self.again.contains(&(schema, kind, name))
        {
            return Vec::new();
        }
        if kind == ObjectKind::Sequence && !object.labels.is_empty() {
            let shown = qualified(schema, name);
            owners.push(objects::owner(
                &shown,
                &format!("create sequence {name}"),
                object,
            ));
        }
        objects::create(schema, kind, name, object)
    }

    /// Now, when all tables are there, and then in the opposite order.
    fn table(
        &mut self,
        (schema, name): TableName<'a>,
        table: &'a Table,
    ) -> (Vec<Statement>, Vec<Statement>, Vec<Statement>) {
        let indexes_come_late = table.options.contains_key("partition by")
            && (table
                .indexes
                .values()
                .any(|index| comes_late(&index.options))
                || self.has_keys_for_its_indexes((schema, name), table));
        if let Some((old, new, changes)) = self.altered.get(&(schema, name)) {
            let (was, is) = (parent_in(self.current, old), parent_in(self.desired, new));
            let altered = alter::alter(Subject {
                schema,
                name,
                old,
                new,
                changes,
                kept_by_children: &self.kept_by_children((schema, name), old),
                again: &self.made_again((schema, name), (old, new), changes),
                plain_meanwhile: &self.plain_meanwhile((schema, name)).collect(),
                lifted: &self.lifted,
                without_primary_key: self.lifted_primary_keys.contains(&(schema, name)),
                is_detached: self.detached.contains(&(schema, name)),
                attached: &self.attached,
                is_joined: &|table, index| self.is_joined(table, index),
                has_children: self.has_children((schema, name)),
                indexes_come_late,
                late: &self.late,
                adopted: &self.adopted,
                moved: &self.moved,
                domains: &self.domains,
                concurrently: (
                    self.settings.concurrent_index_create,
                    self.settings.concurrent_index_drop,
                ),
                version: self.desired.engine.version,
                parents: (was.as_deref(), is.as_deref()),
            });
            self.refusals.extend(altered.refusals);
            return (altered.statements, altered.late, altered.backwards);
        }
        let is_inline = |key: &str| {
            let invalid = table
                .foreign_keys
                .get(key)
                .is_some_and(|key| key.attributes.contains("NOT VALID"));
            !invalid && !self.late.contains(&(schema, name, key))
        };
        let parent = parent_in(self.desired, table);
        let parent = parent.as_deref();
        let (now, later) =
            self.new_table((schema, name), table, parent, is_inline, indexes_come_late);
        (now, later, Vec::new())
    }

    /// Whether a partition has a key of its own with the columns of one of the table's indexes: the server makes it a part of the index where it
    /// is there first, and otherwise makes a second one.
    fn has_keys_for_its_indexes(&self, name: TableName<'a>, table: &Table) -> bool {
        let partitions = |parent: TableName<'a>| {
            let tables = self.desired.schemas.iter().flat_map(|(schema, held)| {
                let tables = held.tables.iter();
                tables.map(move |(name, table)| ((schema.as_str(), name.as_str()), table))
            });
            tables.filter(move |(_, table)| {
                let of = table.options.get("partition of");
                of.is_some_and(|of| spelled(parent, of))
            })
        };
        let mut parents = vec![name];
        while let Some(parent) = parents.pop() {
            for (name, partition) in partitions(parent) {
                let primary = partition.primary_key.as_ref().map(|key| &key.parts);
                let constraints = partition.indexes.values().filter(|index| index.constraint);
                let mut keys = primary
                    .into_iter()
                    .chain(constraints.map(|index| &index.parts));
                let is_ours = |parts: &Vec<IndexPart>| {
                    let mut indexes = table.indexes.values();
                    indexes.any(|index| !index.constraint && index.parts == *parts)
                };
                if keys.any(is_ours) {
                    return true;
                }
                parents.push(name);
            }
        }
        false
    }
}
