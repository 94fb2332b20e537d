//! `PostgreSQL`.
//!
//! Nearly everything is transactional here, so the order is chosen for what the server allows, not for where a plan may stop:
//!
//! 1. schemas; renames;
//! 2. what is in the way goes: triggers, policies, rules and views that change, or that use what changes; foreign keys to keys that change;
//!    functions whose signature changes;
//! 3. extensions, types, sequences, functions and tables, made or changed, each behind what it needs; then foreign keys that close a cycle;
//! 4. views, triggers, policies, rules and statistics, made or made again;
//! 5. tables, functions, sequences, types, extensions and schemas that are not wanted, users first.

mod alter;
mod convert;
mod objects;
mod rebuild;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, ForeignKey, Index, Object, ObjectKind, Table};
use crate::diff::{Change, TableChange};
use crate::order::topological;
use crate::plan::{Plan, Refusal, Statement};
use crate::settings::Settings;

use self::alter::{KeyName, Subject};
use self::objects::{How, statement};
use self::text::{
    check, comment, create_index, create_table, foreign_key, is_plain_serial, joined,
    primary_key_name, qualified, quote, sequence_of,
};

/// A table by its schema's name and its own.
type TableName<'a> = (&'a str, &'a str);

/// An object by its schema, its kind and its name.
type ObjectName<'a> = (&'a str, ObjectKind, &'a str);

/// See [`crate::plan()`].
pub(super) fn plan(
    current: &Catalog,
    desired: &Catalog,
    changes: &[Change<'_>],
    settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let mut work = Work::new(current, desired, settings);
    for change in changes {
        work.sort(change);
    }
    work.adopt_sequences();
    work.how_objects_change();
    work.lift_objects();
    work.lift_foreign_keys();
    let mut statements = work.schemas();
    statements.extend(work.in_the_way());
    statements.extend(work.middle());
    statements.extend(work.outermost());
    statements.extend(work.drops());
    if !work.refusals.is_empty() {
        return Err(work.refusals);
    }
    labels_used_at_once(&mut statements);
    Ok(Plan {
        statements,
        not_managed: not_managed(current, desired),
    })
}

/// The changes, sorted, and what follows from them.
struct Work<'a> {
    current: &'a Catalog,
    desired: &'a Catalog,
    settings: &'a Settings,
    schema_statements: Vec<Statement>,
    schemas_dropped: Vec<&'a str>,
    renames: Vec<Statement>,
    created: BTreeMap<TableName<'a>, &'a Table>,
    altered: BTreeMap<TableName<'a>, (&'a Table, &'a Table, Vec<TableChange<'a>>)>,
    dropped: BTreeMap<TableName<'a>, &'a Table>,
    made: BTreeMap<ObjectName<'a>, &'a Object>,
    changed: BTreeMap<ObjectName<'a>, (&'a Object, &'a Object)>,
    unmade: BTreeMap<ObjectName<'a>, &'a Object>,
    /// In place; made of `changed`.
    in_place: BTreeMap<ObjectName<'a>, Vec<Statement>>,
    rebuilt: BTreeSet<ObjectName<'a>>,
    /// What is dropped early and made again though it may not differ itself.
    again: BTreeSet<ObjectName<'a>>,
    /// Constraints and indexes that are dropped before all else.
    lifted: BTreeSet<KeyName<'a>>,
    /// Foreign keys that are added when all tables are there.
    late: BTreeSet<KeyName<'a>>,
    refusals: Vec<Refusal>,
}

impl<'a> Work<'a> {
    fn new(current: &'a Catalog, desired: &'a Catalog, settings: &'a Settings) -> Self {
        Self {
            current,
            desired,
            settings,
            schema_statements: Vec::new(),
            schemas_dropped: Vec::new(),
            renames: Vec::new(),
            created: BTreeMap::new(),
            altered: BTreeMap::new(),
            dropped: BTreeMap::new(),
            made: BTreeMap::new(),
            changed: BTreeMap::new(),
            unmade: BTreeMap::new(),
            in_place: BTreeMap::new(),
            rebuilt: BTreeSet::new(),
            again: BTreeSet::new(),
            lifted: BTreeSet::new(),
            late: BTreeSet::new(),
            refusals: Vec::new(),
        }
    }

    fn sort(&mut self, change: &Change<'a>) {
        match change {
            Change::SchemaAdded { schema, new } => {
                self.schema_statements.push(statement(
                    format!("CREATE SCHEMA {}", quote(schema)),
                    &format!("create schema {schema}"),
                ));
                if new.comment.is_some() {
                    self.comment_on_schema(schema, new.comment.as_deref());
                }
                let tables = new.tables.iter();
                self.created
                    .extend(tables.map(|(name, table)| ((*schema, name.as_str()), table)));
                self.made.extend(all(schema, &new.objects));
            }
            Change::SchemaDropped { schema, old } => {
                self.schemas_dropped.push(schema);
                let tables = old.tables.iter();
                self.dropped
                    .extend(tables.map(|(name, table)| ((*schema, name.as_str()), table)));
                self.unmade.extend(all(schema, &old.objects));
            }
            Change::SchemaChanged { schema, new, .. } => {
                self.comment_on_schema(schema, new.comment.as_deref());
            }
            Change::TableAdded { schema, table, new } => {
                self.created.insert((schema, table), new);
            }
            Change::TableDropped { schema, table, old } => {
                self.dropped.insert((schema, table), old);
            }
            Change::TableChanged {
                schema,
                table,
                old,
                new,
                changes,
            } => {
                for change in changes {
                    if let TableChange::ColumnRenamed { from, to } = change {
                        let sql = format!(
                            "ALTER TABLE {} RENAME COLUMN {} TO {}",
                            qualified(schema, table),
                            quote(from),
                            quote(to)
                        );
                        self.renames.push(statement(
                            sql,
                            &format!("rename column {table}.{from} to {to}"),
                        ));
                    }
                }
                self.altered
                    .insert((schema, table), (old, new, changes.clone()));
            }
            Change::TableRenamed { schema, from, to } => {
                let table = qualified(schema, to);
                let purpose = format!("rename table {from} to {to}");
                let rename = format!(
                    "ALTER TABLE {} RENAME TO {}",
                    qualified(schema, from),
                    quote(to)
                );
                let mut statements = vec![statement(rename, &purpose)];
                // The key's name does not follow by itself, and the catalog says that it is the usual one.
                let key = self
                    .current
                    .schemas
                    .get(*schema)
                    .and_then(|held| held.tables.get(*to)?.primary_key.as_ref());
                if key.is_some_and(|key| key.name.is_none()) {
                    let sql = format!(
                        "ALTER TABLE {table} RENAME CONSTRAINT {} TO {}",
                        quote(&format!("{from}_pkey")),
                        quote(&format!("{to}_pkey"))
                    );
                    statements.push(statement(sql, &purpose));
                }
                self.renames.splice(0..0, statements);
            }
            Change::ObjectAdded {
                schema,
                kind,
                name,
                new,
            } => {
                self.made.insert((schema, *kind, name), new);
            }
            Change::ObjectDropped {
                schema,
                kind,
                name,
                old,
            } => {
                self.unmade.insert((schema, *kind, name), old);
            }
            Change::ObjectChanged {
                schema,
                kind,
                name,
                old,
                new,
            } => {
                self.changed.insert((schema, *kind, name), (old, new));
            }
        }
    }

    fn comment_on_schema(&mut self, schema: &str, text: Option<&str>) {
        let sql = comment(&format!("SCHEMA {}", quote(schema)), text);
        self.schema_statements
            .push(statement(sql, &format!("comment on schema {schema}")));
    }

    /// A sequence that a column's default calls on both sides, and that the column owns on one of them, is no new sequence.
    fn adopt_sequences(&mut self) {
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
        let is_adopted = |(schema, kind, name): &ObjectName<'_>| {
            *kind == ObjectKind::Sequence
                && [joined(schema, name), qualified(schema, name)]
                    .iter()
                    .any(|spelling| adopted.contains(spelling))
        };
        self.made.retain(|name, _| !is_adopted(name));
        self.unmade.retain(|name, _| !is_adopted(name));
    }

    fn how_objects_change(&mut self) {
        for (&(schema, kind, name), (old, new)) in &self.changed {
            if !objects::is_managed(old) || !objects::is_managed(new) {
                continue;
            }
            let version = self.desired.engine.version;
            match objects::change(schema, kind, name, old, new, version) {
                How::Altered(statements) => {
                    self.in_place.insert((schema, kind, name), statements);
                }
                How::Again => {
                    self.again.insert((schema, kind, name));
                }
                How::Rebuilt => {
                    self.rebuilt.insert((schema, kind, name));
                }
                How::Refused(refusal) => self.refusals.push(refusal),
            }
        }
    }

    /// What uses something that changes is dropped and made again; so is what uses that.
    fn lift_objects(&mut self) {
        let altered = self
            .altered
            .iter()
            .filter(|(_, (old, new, changes))| {
                alter::is_in_the_way(changes)
                    || !alter::recomputed(old, new, changes, self.desired.engine.version).is_empty()
            })
            .map(|((schema, name), _)| joined(schema, name))
            .collect();
        let mut touched = Touched {
            tables: altered,
            ..Touched::default()
        };
        for &(schema, _, name) in &self.rebuilt {
            let key = joined(schema, name);
            for (table_schema, held) in &self.current.schemas {
                let tables = held.tables.iter();
                touched.tables.extend(
                    tables
                        .filter(|(_, table)| table.needs.contains(&key))
                        .map(|(table, _)| joined(table_schema, table)),
                );
            }
            touched.types.insert(key);
        }
        for (schema, kind, name) in self.again.iter().chain(self.unmade.keys()) {
            touched.add(*kind, joined(schema, name));
        }
        loop {
            let mut more = Vec::new();
            for (schema, held) in &self.current.schemas {
                for (kind, objects) in &held.objects {
                    for (name, object) in objects {
                        let full = (schema.as_str(), *kind, name.as_str());
                        let is_known =
                            self.again.contains(&full) || self.unmade.contains_key(&full);
                        if !is_known && uses(&touched, schema, *kind, object) {
                            more.push(full);
                        }
                    }
                }
            }
            if more.is_empty() {
                break;
            }
            for (schema, kind, name) in more {
                touched.add(kind, joined(schema, name));
                self.in_place.remove(&(schema, kind, name));
                self.again.insert((schema, kind, name));
            }
        }
    }

    /// Foreign keys to a primary or unique key that goes or changes, and those between tables that go in a circle.
    fn lift_foreign_keys(&mut self) {
        let mut keys: BTreeMap<TableName<'a>, Vec<BTreeSet<&'a str>>> = BTreeMap::new();
        for ((schema, name), (old, new, changes)) in &self.altered {
            let again = alter::recomputed(old, new, changes, self.desired.engine.version);
            let mut gone: Vec<BTreeSet<&'a str>> = Vec::new();
            for change in changes {
                match change {
                    TableChange::PrimaryKeyDropped { old } => {
                        gone.push(
                            old.parts
                                .iter()
                                .filter_map(|part| part.column.as_deref())
                                .collect(),
                        );
                    }
                    TableChange::PrimaryKeyChanged { old, new }
                        if (&old.parts, &old.include, &old.attributes)
                            != (&new.parts, &new.include, &new.attributes) =>
                    {
                        gone.push(
                            old.parts
                                .iter()
                                .filter_map(|part| part.column.as_deref())
                                .collect(),
                        );
                    }
                    TableChange::IndexDropped { old, .. }
                    | TableChange::IndexChanged { old, .. }
                        if old.unique =>
                    {
                        gone.push(columns_of(old));
                    }
                    _ => {}
                }
            }
            gone.extend(again.into_iter().map(|column| BTreeSet::from([column])));
            if !gone.is_empty() {
                keys.insert((schema, name), gone);
            }
        }
        let order = self.drop_order();
        let place: BTreeMap<TableName<'a>, usize> = order
            .iter()
            .enumerate()
            .map(|(place, name)| (*name, place))
            .collect();
        for (schema, held) in &self.current.schemas {
            for (table_name, table) in &held.tables {
                let own = (schema.as_str(), table_name.as_str());
                for (name, key) in &table.foreign_keys {
                    let target = target(schema, key);
                    let referred: BTreeSet<&str> =
                        key.referred.iter().map(String::as_str).collect();
                    let key_goes = keys
                        .get(&target)
                        .is_some_and(|gone| gone.contains(&referred));
                    let circle = match (place.get(&own), place.get(&target)) {
                        (Some(own), Some(target)) => target < own,
                        _ => false,
                    };
                    if key_goes || circle {
                        self.lifted.insert((schema, table_name, name));
                    }
                }
            }
        }
    }

    /// Tables that go, in the order in which they can: those that refer before those referred to, as far as that can be.
    fn drop_order(&self) -> Vec<TableName<'a>> {
        let edges: BTreeMap<TableName<'a>, Vec<TableName<'a>>> = self
            .dropped
            .iter()
            .map(|(&(schema, name), table)| {
                let keys = table.foreign_keys.values().map(|key| target(schema, key));
                let parents = parents(table).into_iter().filter_map(|parent| {
                    self.dropped
                        .keys()
                        .find(|name| spelled(**name, &parent))
                        .copied()
                });
                let needed = keys
                    .chain(parents)
                    .filter(|needed| *needed != (schema, name) && self.dropped.contains_key(needed))
                    .collect();
                ((schema, name), needed)
            })
            .collect();
        let mut order = topological(&edges);
        order.reverse();
        order
    }

    fn schemas(&mut self) -> Vec<Statement> {
        let mut statements = std::mem::take(&mut self.schema_statements);
        statements.append(&mut self.renames);
        statements
    }

    /// What goes before anything changes, users first.
    fn in_the_way(&mut self) -> Vec<Statement> {
        let mut gone: Vec<(ObjectName<'a>, &'a Object)> = Vec::new();
        for (&name, &object) in &self.unmade {
            if objects::is_outermost(name.1) && objects::is_managed(object) {
                gone.push((name, object));
            }
        }
        for &(schema, kind, name) in &self.again {
            let old = self
                .current
                .schemas
                .get(schema)
                .and_then(|held| held.objects.get(&kind)?.get(name));
            gone.extend(old.map(|old| ((schema, kind, name), old)));
        }
        gone.sort_by_key(|(name, _)| (name.1, name.0, name.2));
        let mut order = in_order(&gone);
        order.reverse();
        // Triggers and policies first, as a view takes its own with it.
        order.sort_by_key(|((_, kind, _), _)| match kind {
            ObjectKind::Trigger
            | ObjectKind::Policy
            | ObjectKind::Rule
            | ObjectKind::Statistics => 0,
            ObjectKind::View | ObjectKind::MaterializedView => 1,
            _ => 2,
        });
        let mut statements: Vec<Statement> = order
            .into_iter()
            .filter(|((schema, _, _), object)| {
                // It goes with its table.
                !object
                    .table
                    .as_deref()
                    .is_some_and(|table| self.dropped.contains_key(&(*schema, table)))
            })
            .map(|((schema, kind, name), object)| objects::drop(schema, kind, name, object))
            .collect();
        for (schema, table, name) in &self.lifted {
            statements.push(statement(
                format!(
                    "ALTER TABLE {} DROP CONSTRAINT {}",
                    qualified(schema, table),
                    quote(name)
                ),
                &format!("drop foreign key {table}.{name}"),
            ));
        }
        statements
    }

    /// Types, sequences, functions and tables, each behind what it needs.
    fn middle(&mut self) -> Vec<Statement> {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        for (&(schema, kind, name), &object) in &self.made {
            if !objects::is_outermost(kind) && objects::is_managed(object) {
                nodes.push(Node::object((schema, kind, name), object));
            }
        }
        for (&(schema, kind, name), (_, new)) in &self.changed {
            if !objects::is_outermost(kind) && objects::is_managed(new) {
                nodes.push(Node::object((schema, kind, name), new));
            }
        }
        for &(schema, kind, name) in &self.again {
            let is_changed = self.changed.contains_key(&(schema, kind, name));
            let new = self
                .desired
                .schemas
                .get(schema)
                .and_then(|held| held.objects.get(&kind)?.get(name));
            if !objects::is_outermost(kind) && !is_changed {
                nodes.extend(new.map(|new| Node::object((schema, kind, name), new)));
            }
        }
        for (&(schema, name), &table) in &self.created {
            nodes.push(Node::table((schema, name), table));
        }
        for (&(schema, name), (_, new, _)) in &self.altered {
            nodes.push(Node::table((schema, name), new));
        }
        nodes.sort_by(|one, other| one.rank().cmp(&other.rank()));
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
        for index in order {
            let Some(node) = nodes.get(index) else {
                continue;
            };
            match node.what {
                What::Object(name, object) => {
                    statements.extend(self.object(name, object, &mut owners));
                }
                What::Table(name, table) => statements.extend(self.table(name, table)),
            }
        }
        statements.extend(owners);
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
        statements
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
                if let TableChange::ForeignKeyAdded { name, .. }
                | TableChange::ForeignKeyChanged { name, .. } = change
                {
                    added.insert((schema, table, *name));
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
        });
        let constraint = table
            .indexes
            .values()
            .any(|index| index.constraint && columns_of(index) == referred);
        !primary && !constraint
    }

    fn object(
        &mut self,
        (schema, kind, name): ObjectName<'a>,
        object: &'a Object,
        owners: &mut Vec<Statement>,
    ) -> Vec<Statement> {
        if self.rebuilt.contains(&(schema, kind, name)) {
            let built = rebuild::rebuild(
                self.current,
                self.desired,
                (schema, kind, name),
                object,
                &mut self.lifted,
            );
            return built.unwrap_or_else(|refusal| {
                self.refusals.push(refusal);
                Vec::new()
            });
        }
        if let Some(statements) = self.in_place.remove(&(schema, kind, name)) {
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

    fn table(&mut self, (schema, name): TableName<'a>, table: &'a Table) -> Vec<Statement> {
        if let Some((old, new, changes)) = self.altered.get(&(schema, name)) {
            let (statements, refusals) = alter::alter(Subject {
                schema,
                name,
                old,
                new,
                changes,
                lifted: &self.lifted,
                late: &self.late,
                concurrently: (
                    self.settings.concurrent_index_create,
                    self.settings.concurrent_index_drop,
                ),
                version: self.desired.engine.version,
                parents: (parent_in(self.current, old), parent_in(self.desired, new)),
            });
            self.refusals.extend(refusals);
            return statements;
        }
        let is_inline = |key: &str| {
            let invalid = table
                .foreign_keys
                .get(key)
                .is_some_and(|key| key.attributes.contains("NOT VALID"));
            !invalid && !self.late.iter().any(|late| *late == (schema, name, key))
        };
        new_table(schema, name, table, is_inline)
    }

    /// Views, triggers and the like, behind what they need.
    fn outermost(&mut self) -> Vec<Statement> {
        let mut wanted: Vec<(ObjectName<'a>, &'a Object)> = Vec::new();
        for (&name, &object) in &self.made {
            if objects::is_outermost(name.1) && objects::is_managed(object) {
                wanted.push((name, object));
            }
        }
        for (&name, (_, new)) in &self.changed {
            if objects::is_outermost(name.1) && objects::is_managed(new) {
                wanted.push((name, new));
            }
        }
        for &(schema, kind, name) in &self.again {
            let is_changed = self.changed.contains_key(&(schema, kind, name));
            let new = self
                .desired
                .schemas
                .get(schema)
                .and_then(|held| held.objects.get(&kind)?.get(name));
            if objects::is_outermost(kind) && !is_changed {
                wanted.extend(new.map(|new| ((schema, kind, name), new)));
            }
        }
        wanted.sort_by_key(|(name, _)| (name.1, name.0, name.2));
        let mut statements = Vec::new();
        for ((schema, kind, name), object) in in_order(&wanted) {
            if let Some(in_place) = self.in_place.remove(&(schema, kind, name)) {
                statements.extend(in_place);
            } else {
                statements.extend(objects::create(schema, kind, name, object));
            }
        }
        statements
    }

    /// What is not wanted any more, users first.
    fn drops(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut unmade: Vec<(ObjectName<'a>, &'a Object)> = self
            .unmade
            .iter()
            .filter(|((_, kind, _), object)| {
                !objects::is_outermost(*kind) && objects::is_managed(object)
            })
            .map(|(&name, &object)| (name, object))
            .collect();
        unmade.sort_by_key(|(name, _)| (name.1, name.0, name.2));
        let mut order = in_order(&unmade);
        order.reverse();
        let gone: BTreeSet<String> = self
            .dropped
            .keys()
            .map(|(schema, name)| joined(schema, name))
            .collect();
        // A function that takes or gives rows of a table that goes has to go first; the others may be used by the table.
        let (first, later): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|((_, kind, _), object)| {
                matches!(kind, ObjectKind::Function | ObjectKind::Procedure)
                    && object.needs.iter().any(|need| gone.contains(need))
            });
        let drop = |((schema, kind, name), object): (ObjectName<'a>, &'a Object)| {
            objects::drop(schema, kind, name, object)
        };
        statements.extend(first.into_iter().map(drop));
        for (schema, name) in self.drop_order() {
            statements.push(Statement {
                sql: format!("DROP TABLE {}", qualified(schema, name)),
                destructive: true,
                alone: false,
                purpose: format!("drop table {name}"),
            });
        }
        statements.extend(later.into_iter().map(drop));
        for schema in &self.schemas_dropped {
            statements.push(Statement {
                sql: format!("DROP SCHEMA {}", quote(schema)),
                destructive: true,
                alone: false,
                purpose: format!("drop schema {schema}"),
            });
        }
        statements
    }
}

/// Something to make or change between the drops.
struct Node<'a> {
    key: String,
    needs: Vec<String>,
    what: What<'a>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Object(ObjectName<'a>, &'a Object),
    Table(TableName<'a>, &'a Table),
}

impl<'a> Node<'a> {
    fn object(name: ObjectName<'a>, object: &'a Object) -> Self {
        Self {
            key: joined(name.0, name.2),
            needs: object.needs.clone(),
            what: What::Object(name, object),
        }
    }

    fn table(name: TableName<'a>, table: &'a Table) -> Self {
        let keys = table.foreign_keys.values().map(|key| {
            let (schema, table) = target(name.0, key);
            joined(schema, table)
        });
        // `regclass` quotes what it must; both spellings are of a name that is a word.
        let parents = parents(table)
            .into_iter()
            .map(|parent| parent.replace('"', ""));
        Self {
            key: joined(name.0, name.1),
            needs: table
                .needs
                .iter()
                .cloned()
                .chain(parents)
                .chain(keys)
                .collect(),
            what: What::Table(name, table),
        }
    }

    fn rank(&self) -> (usize, &str) {
        let rank = match &self.what {
            What::Object((_, kind, _), _) => *kind as usize,
            What::Table(..) => usize::MAX,
        };
        (rank, &self.key)
    }
}

/// A new table with what cannot be said in `CREATE TABLE`.
fn new_table(
    schema: &str,
    name: &str,
    table: &Table,
    is_inline: impl Fn(&str) -> bool,
) -> Vec<Statement> {
    let purpose = format!("create table {name}");
    let shown = qualified(schema, name);
    let mut before = Vec::new();
    let mut after = Vec::new();
    for (column_name, column) in &table.columns {
        if let Some(sequence) = sequence_of(column)
            && !is_plain_serial(name, column_name, column)
        {
            before.push(alter::create_sequence(column, &sequence));
            after.push(alter::own_sequence(schema, name, column_name, &sequence));
        }
    }
    let mut sql = before;
    sql.push(create_table(schema, name, table, is_inline));
    sql.extend(after);
    for (check_name, definition) in &table.checks {
        if definition.attributes.contains("NOT VALID") {
            sql.push(format!(
                "ALTER TABLE {shown} ADD {}",
                check(check_name, definition)
            ));
        }
    }
    for (index_name, index) in &table.indexes {
        if !index.constraint {
            sql.push(create_index(&shown, index_name, index, false));
        }
    }
    for (option, value) in &table.options {
        match option.as_str() {
            "row level security" => {
                sql.push(format!("ALTER TABLE {shown} ENABLE ROW LEVEL SECURITY"));
            }
            "force row level security" => {
                sql.push(format!("ALTER TABLE {shown} FORCE ROW LEVEL SECURITY"));
            }
            "replica identity" => sql.push(format!("ALTER TABLE {shown} REPLICA IDENTITY {value}")),
            other => {
                if let Some(column) = other.strip_prefix("storage of ") {
                    sql.push(format!(
                        "ALTER TABLE {shown} ALTER COLUMN {column} SET STORAGE {value}"
                    ));
                }
            }
        }
    }
    if table.comment.is_some() {
        sql.push(comment(&format!("TABLE {shown}"), table.comment.as_deref()));
    }
    for (column_name, column) in &table.columns {
        if column.comment.is_some() {
            let column_shown = format!("COLUMN {shown}.{}", quote(column_name));
            sql.push(comment(&column_shown, column.comment.as_deref()));
        }
    }
    for (index_name, index) in &table.indexes {
        if index.comment.is_some() {
            let index_shown = format!("INDEX {}", qualified(schema, index_name));
            sql.push(comment(&index_shown, index.comment.as_deref()));
        }
    }
    let constraint = |name: &str| format!("CONSTRAINT {} ON {shown}", quote(name));
    let key = table.primary_key.as_ref();
    let key = key.map(|key| (primary_key_name(name, key), key.comment.as_deref()));
    let commented = table
        .checks
        .iter()
        .map(|(name, check)| (name.clone(), check.comment.as_deref()))
        .chain(key)
        .chain(table.indexes.iter().map(|(name, index)| {
            let text = index.options.get("comment on constraint");
            (name.clone(), text.map(String::as_str))
        }));
    for (constraint_name, text) in commented {
        if text.is_some() {
            sql.push(comment(&constraint(&constraint_name), text));
        }
    }
    sql.into_iter()
        .map(|sql| statement(sql, &purpose))
        .collect()
}

fn add_key(schema: &str, table: &str, name: &str, key: &ForeignKey) -> Vec<Statement> {
    let purpose = format!("add foreign key {table}.{name}");
    let shown = qualified(schema, table);
    let mut statements = vec![statement(
        format!("ALTER TABLE {shown} ADD {}", foreign_key(schema, name, key)),
        &purpose,
    )];
    if key.comment.is_some() {
        let sql = comment(
            &format!("CONSTRAINT {} ON {shown}", quote(name)),
            key.comment.as_deref(),
        );
        statements.push(statement(sql, &purpose));
    }
    statements
}

/// A new label of an enumeration cannot be used before it is committed; where the plan does so it is committed first.
fn labels_used_at_once(statements: &mut [Statement]) {
    let used: Vec<bool> = statements
        .iter()
        .enumerate()
        .map(|(index, statement)| {
            let label = statement
                .sql
                .split_once(" ADD VALUE ")
                .filter(|_| statement.sql.starts_with("ALTER TYPE "))
                .map(|(_, label)| label.split("' ").next().unwrap_or(label));
            label.is_some_and(|label| {
                let label = format!("{}'", label.trim_end_matches('\''));
                statements
                    .iter()
                    .skip(index + 1)
                    .any(|later| !later.sql.contains(" ADD VALUE ") && later.sql.contains(&label))
            })
        })
        .collect();
    for (statement, used) in statements.iter_mut().zip(used) {
        statement.alone |= used;
    }
}

/// What there is that can only be named.
fn not_managed(current: &Catalog, desired: &Catalog) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (catalog, otherwise) in [(current, "is there"), (desired, "is wanted")] {
        for (schema, held) in &catalog.schemas {
            for (kind, objects) in &held.objects {
                for (name, object) in objects {
                    if !objects::is_managed(object) {
                        let what = if *kind == ObjectKind::Other {
                            joined(schema, name)
                        } else {
                            format!("{kind} {}", joined(schema, name))
                        };
                        names.insert(format!("{what} {otherwise} and is not managed"));
                    }
                }
            }
        }
    }
    names.into_iter().collect()
}

/// Behind what they need; those given are in the order of kinds.
fn in_order<'a>(objects: &[(ObjectName<'a>, &'a Object)]) -> Vec<(ObjectName<'a>, &'a Object)> {
    let by_key: BTreeMap<String, usize> = objects
        .iter()
        .enumerate()
        .map(|(index, ((schema, _, name), _))| (joined(schema, name), index))
        .collect();
    let edges: BTreeMap<usize, Vec<usize>> = objects
        .iter()
        .enumerate()
        .map(|(index, ((schema, _, _), object))| {
            // A trigger, rule or policy stands on its table, which may be a view.
            let table = object.table.iter().map(|table| joined(schema, table));
            let needed = object.needs.iter().cloned().chain(table);
            let needed = needed.filter_map(|need| by_key.get(&need).copied());
            (index, needed.filter(|needed| *needed != index).collect())
        })
        .collect();
    topological(&edges)
        .into_iter()
        .filter_map(|index| objects.get(index).copied())
        .collect()
}

/// What changes in a way that the server does not allow while something uses it, by the names of `needs`.
#[derive(Debug, Default)]
struct Touched {
    tables: BTreeSet<String>,
    views: BTreeSet<String>,
    types: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl Touched {
    fn add(&mut self, kind: ObjectKind, name: String) {
        match kind {
            ObjectKind::View | ObjectKind::MaterializedView => self.views.insert(name),
            ObjectKind::Function | ObjectKind::Procedure => self.functions.insert(name),
            _ => false,
        };
    }
}

/// Whether an object is in the way of a change to what is `touched`.
fn uses(touched: &Touched, schema: &str, kind: ObjectKind, object: &Object) -> bool {
    let needs = |names: &BTreeSet<String>| object.needs.iter().any(|need| names.contains(need));
    let needs_any = || {
        [
            &touched.tables,
            &touched.views,
            &touched.types,
            &touched.functions,
        ]
        .into_iter()
        .any(needs)
    };
    let table = object.table.as_deref().map(|table| joined(schema, table));
    let is_on =
        |names: &BTreeSet<String>| table.as_ref().is_some_and(|table| names.contains(table));
    match kind {
        ObjectKind::View | ObjectKind::MaterializedView => needs_any(),
        ObjectKind::Policy | ObjectKind::Rule | ObjectKind::Statistics => {
            needs_any() || is_on(&touched.tables) || is_on(&touched.views)
        }
        // The server looks at the columns of a trigger's condition and of its `UPDATE OF`.
        ObjectKind::Trigger => {
            needs(&touched.functions)
                || is_on(&touched.views)
                || (is_on(&touched.tables)
                    && (object.create.contains(" WHEN (") || object.create.contains(" UPDATE OF ")))
        }
        // Its signature counts; a body in dollar quotes is not looked into.
        ObjectKind::Function | ObjectKind::Procedure => {
            needs(&touched.types)
                || needs(&touched.views)
                || (needs_any() && !object.create.contains("\nAS $"))
        }
        _ => false,
    }
}

fn all<'a>(
    schema: &'a str,
    objects: &'a BTreeMap<ObjectKind, BTreeMap<String, Object>>,
) -> impl Iterator<Item = (ObjectName<'a>, &'a Object)> {
    objects.iter().flat_map(move |(kind, objects)| {
        objects
            .iter()
            .map(move |(name, object)| ((schema, *kind, name.as_str()), object))
    })
}

fn target<'a>(schema: &'a str, key: &'a ForeignKey) -> TableName<'a> {
    let schema = if key.schema.is_empty() {
        schema
    } else {
        &key.schema
    };
    (schema, &key.table)
}

fn columns_of(index: &Index) -> BTreeSet<&str> {
    index
        .parts
        .iter()
        .filter_map(|part| part.column.as_deref())
        .collect()
}

/// The tables that it is a part of, or inherits from, as the server writes them.
fn parents(table: &Table) -> Vec<String> {
    let names = ["partition of", "inherits"]
        .iter()
        .filter_map(|option| table.options.get(*option));
    names
        .flat_map(|names| names.split(", "))
        .map(str::to_owned)
        .collect()
}

/// The table that it is a partition of.
fn parent_in<'a>(catalog: &'a Catalog, table: &Table) -> Option<&'a Table> {
    let written = table.options.get("partition of")?;
    catalog.schemas.iter().find_map(|(schema, held)| {
        let mut tables = held.tables.iter();
        tables
            .find(|(name, _)| spelled((schema, name), written))
            .map(|(_, table)| table)
    })
}

fn spelled((schema, name): TableName<'_>, written: &str) -> bool {
    written.replace('"', "") == joined(schema, name)
}
