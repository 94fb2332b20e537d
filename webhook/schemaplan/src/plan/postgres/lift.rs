//! What is in the way: objects that use what changes, and foreign keys to keys that change. They are dropped early and made again.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Object, ObjectKind, Table};
use crate::diff::TableChange;
use crate::plan::Refusal;

use super::identities::owned_by;
use super::text::{joined, mentions, own_name, primary_key_name};
use super::{TableName, Work, alter, columns_of, is_made_by, rebuild, spelled, target};

impl<'a> Work<'a> {
    /// What uses something that changes is dropped and made again; so is what uses that.
    pub(super) fn lift_objects(&mut self) {
        let altered = self
            .altered
            .iter()
            .filter(|(name, (old, new, changes))| {
                alter::is_in_the_way(changes)
                    || !self.made_again(**name, (old, new), changes).is_empty()
            })
            .map(|((schema, name), _)| joined(schema, name));
        let replaced = self.dropped.keys().filter(|(schema, name)| {
            let mut made = self.made.keys();
            made.any(|(other, _, taken)| other == schema && taken == name)
                || self.remade.contains(&(*schema, *name))
        });
        let replaced: BTreeSet<String> = replaced
            .map(|(schema, name)| joined(schema, name))
            .collect();
        let mut touched = Touched {
            // What takes or gives its rows goes with them.
            types: replaced.clone(),
            tables: altered.chain(replaced).collect(),
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
                        let is_kept = *kind == ObjectKind::Composite
                            && rebuild::column_of(self.current, schema, name).is_some();
                        if !is_known && !is_kept && uses(&touched, schema, *kind, object) {
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
        let made_anew: BTreeSet<String> = self
            .rebuilt
            .iter()
            .map(|(schema, _, name)| joined(schema, name))
            .collect();
        // A function of a view's rows goes before the view, and one of a type before that is made anew; so does one whose body the server knows.
        let functions = self.unmade.iter().filter(|((schema, kind, _), function)| {
            let mut needs = function.needs.iter();
            matches!(
                kind,
                ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate
            ) && (needs.any(|need| touched.views.contains(need) || made_anew.contains(need))
                || (is_known_to_the_server(function) && uses(&touched, schema, *kind, function)))
        });
        let functions: Vec<_> = functions.map(|(&name, _)| name).collect();
        let called: BTreeSet<String> = functions
            .iter()
            .map(|(schema, _, name)| joined(schema, name))
            .collect();
        self.early_objects.extend(functions);
        let made_of_them = self.unmade.iter().filter(|((_, kind, _), object)| {
            matches!(kind, ObjectKind::Operator | ObjectKind::Cast)
                && object.needs.iter().any(|need| called.contains(need))
        });
        self.early_objects
            .extend(made_of_them.map(|(&name, _)| name));
    }

    /// What of a table calls a function that is dropped and made again goes first, and comes again.
    pub(super) fn lift_uses_of_functions(&mut self) {
        // Before, the server drops a column with the function that it was once computed by.
        let can_be_plain = self.current.engine.version.0 >= 15;
        let functions: Vec<(String, &'a str)> = self
            .again
            .iter()
            .chain(&self.early_objects)
            .filter(|(_, kind, _)| *kind == ObjectKind::Function)
            .map(|&(schema, _, name)| (joined(schema, name), own_name(name)))
            .collect();
        if functions.is_empty() {
            return;
        }
        self.lift_uses_in_domains(&functions);
        for (schema, held) in &self.current.schemas {
            for (table_name, table) in &held.tables {
                let used: Vec<&str> = functions
                    .iter()
                    .filter(|(key, _)| table.needs.contains(key))
                    .map(|(_, own)| *own)
                    .collect();
                if used.is_empty() {
                    continue;
                }
                if self
                    .dropped
                    .contains_key(&(schema.as_str(), table_name.as_str()))
                {
                    self.early.insert((schema, table_name));
                    continue;
                }
                let calls = |text: &str| used.iter().any(|name| mentions(text, name));
                for (name, column) in &table.columns {
                    if column.default.as_deref().is_some_and(calls) {
                        self.without_default.insert((schema, table_name, name));
                    }
                    let computed = column.generated.as_ref();
                    let is_computed = computed.is_some_and(|computed| calls(&computed.expression));
                    if is_computed && can_be_plain {
                        self.recomputed.insert((schema, table_name, name));
                    } else if is_computed {
                        self.refusals.push(Refusal {
                            object: format!("column {table_name}.{name}"),
                            reason: format!(
                                "it is computed by the function {}, which has to be made anew: give the new function another name, and the column its new expression",
                                used.join(", ")
                            ),
                        });
                    }
                }
                let checks = table.checks.iter();
                let checks = checks.filter(|(_, check)| calls(&check.expression));
                let indexes = table.indexes.iter();
                let indexes = indexes.filter(|(_, index)| is_made_by(index, &calls));
                let names = checks
                    .map(|(name, _)| name)
                    .chain(indexes.map(|(name, _)| name));
                self.lifted.extend(
                    names.map(|name| (schema.as_str(), table_name.as_str(), name.as_str())),
                );
            }
        }
        self.alter_recomputed();
    }

    /// A check of a table that goes may read an attribute that its column's type gives up.
    pub(super) fn lift_uses_of_attributes(&mut self) {
        let types: BTreeSet<String> = self
            .changed
            .keys()
            .filter(|(_, kind, _)| *kind == ObjectKind::Composite)
            .map(|(schema, _, name)| rebuild::spelled(schema, name))
            .collect();
        for (&(schema, table), (old, _, changes)) in &self.altered {
            let mut columns = old.columns.values();
            if !columns.any(|column| types.contains(&column.data_type)) {
                continue;
            }
            self.lifted
                .extend(changes.iter().filter_map(|change| match change {
                    TableChange::CheckDropped { name, .. }
                    | TableChange::CheckChanged { name, .. } => Some((schema, table, *name)),
                    _ => None,
                }));
        }
    }

    fn lift_uses_in_domains(&mut self, functions: &[(String, &'a str)]) {
        for (schema, held) in &self.current.schemas {
            let domains = held.objects.get(&ObjectKind::Domain).into_iter().flatten();
            for (name, domain) in domains {
                let full = (schema.as_str(), ObjectKind::Domain, name.as_str());
                if self.unmade.contains_key(&full) || self.rebuilt.contains(&full) {
                    continue;
                }
                let used = functions
                    .iter()
                    .filter(|(key, _)| domain.needs.contains(key));
                let used: Vec<&str> = used.map(|(_, own)| *own).collect();
                let calls = |part: &&String| used.iter().any(|own| mentions(part, own));
                let parts = domain.labels.iter().filter(calls);
                self.lifted_of_domains
                    .extend(parts.map(|part| (full, part.as_str())));
            }
        }
    }

    /// Tables, views, sequences and indexes of a schema share their names: what gives one up goes before what takes it.
    pub(super) fn lift_names(&mut self) {
        let mut taken: BTreeSet<(&str, String)> = BTreeSet::new();
        for (&(schema, name), table) in &self.created {
            taken.insert((schema, name.to_owned()));
            taken.extend(index_names(name, table).map(|index| (schema, index)));
            let columns = table.columns.iter();
            let owned = columns.filter_map(|(column, it)| owned_by(name, column, it));
            taken.extend(owned.map(|sequence| (schema, sequence)));
        }
        for &(schema, _, name) in self.made.keys() {
            taken.insert((schema, name.to_owned()));
        }
        for (&(schema, name), (_, _, changes)) in &self.altered {
            for change in changes {
                match change {
                    TableChange::IndexAdded { name, .. } => {
                        taken.insert((schema, (*name).to_owned()));
                    }
                    TableChange::PrimaryKeyAdded { new }
                    | TableChange::PrimaryKeyChanged { new, .. } => {
                        taken.insert((schema, primary_key_name(name, new)));
                    }
                    TableChange::ColumnAdded { name: column, new } => {
                        taken.extend(owned_by(name, column, new).map(|own| (schema, own)));
                    }
                    TableChange::ColumnChanged {
                        name: column,
                        old,
                        new,
                        ..
                    } if old.identity.is_none() => {
                        taken.extend(owned_by(name, column, new).map(|own| (schema, own)));
                    }
                    _ => {}
                }
            }
        }
        for (&(schema, table), (_, _, changes)) in &self.altered {
            for change in changes {
                if let TableChange::IndexDropped { name, .. } = change
                    && taken.contains(&(schema, (*name).to_owned()))
                {
                    self.lifted.insert((schema, table, name));
                }
            }
        }
        for &(schema, kind, name) in self.unmade.keys() {
            // A composite type has its name among the tables'.
            let is_relation = kind == ObjectKind::Sequence
                || kind == ObjectKind::Composite
                    && rebuild::column_of(self.current, schema, name).is_none();
            if is_relation && taken.contains(&(schema, name.to_owned())) {
                self.early_objects.insert((schema, kind, name));
            }
        }
        for (&(schema, name), table) in &self.dropped {
            let mut names = index_names(name, table).chain([name.to_owned()]);
            if names.any(|name| taken.contains(&(schema, name))) {
                self.early.insert((schema, name));
            }
        }
    }

    /// An index that a partition gives up goes before its parent gets one: the server would take the old one for a part of the new. So does
    /// one on a column that the parent is about to drop. A partition leaves a parent that goes early, or its rows would go too.
    pub(super) fn lift_keys_of_partitions(&mut self) {
        for (&(schema, table), (old, new, changes)) in &self.altered {
            let Some(parent) = old.options.get("partition of") else {
                continue;
            };
            if self.early.iter().any(|name| spelled(*name, parent)) {
                self.detached.insert((schema, table));
            }
            if new.options.get("partition of") != Some(parent) {
                continue;
            }
            for change in changes {
                match change {
                    TableChange::IndexDropped { name, .. } => {
                        self.lifted.insert((schema, table, name));
                    }
                    TableChange::PrimaryKeyDropped { .. } => {
                        self.lifted_primary_keys.insert((schema, table));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Foreign keys to a primary or unique key that goes or changes, and those between tables that go in a circle.
    pub(super) fn lift_foreign_keys(&mut self) {
        let mut keys: BTreeMap<TableName<'a>, Vec<BTreeSet<&'a str>>> = BTreeMap::new();
        for ((schema, name), (old, new, changes)) in &self.altered {
            let again = self.made_again((schema, name), (old, new), changes);
            let mut gone: Vec<BTreeSet<&'a str>> = Vec::new();
            let is_attached = |index: &str| {
                let full = ((*schema).to_owned(), (*name).to_owned(), index.to_owned());
                self.attached.contains_key(&full)
            };
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
                        if !is_attached(&primary_key_name(name, new))
                            && (&old.parts, &old.include, &old.attributes, &old.options)
                                != (&new.parts, &new.include, &new.attributes, &new.options) =>
                    {
                        gone.push(
                            old.parts
                                .iter()
                                .filter_map(|part| part.column.as_deref())
                                .collect(),
                        );
                    }
                    TableChange::IndexDropped { name, old }
                    | TableChange::IndexChanged { name, old, .. }
                        if old.unique && !is_attached(name) =>
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
        let converted = self.converted_columns();
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
                    let goes_early = self.early.contains(&target) && target != own;
                    let is_converted = |(schema, table): TableName<'_>, columns: &[String]| {
                        let mut columns = columns.iter();
                        columns.any(|column| converted.contains(&(schema, table, column)))
                    };
                    let meets_other_types =
                        is_converted(own, &key.columns) || is_converted(target, &key.referred);
                    if key_goes || circle || goes_early || meets_other_types {
                        self.lifted.insert((schema, table_name, name));
                    }
                }
            }
        }
    }
}

impl<'a> Work<'a> {
    /// The columns that get a type that cannot be compared with the old one: both ends of a foreign key change before it holds again.
    fn converted_columns(&self) -> BTreeSet<(&'a str, &'a str, &'a str)> {
        let is_integer = |name: &str| matches!(name, "smallint" | "integer" | "bigint");
        let is_text = |name: &str| name == "text" || name.starts_with("character varying");
        let mut converted = BTreeSet::new();
        for (&(schema, table), (_, _, changes)) in &self.altered {
            for change in changes {
                let TableChange::ColumnChanged {
                    name,
                    old,
                    new,
                    changed,
                } = change
                else {
                    continue;
                };
                let (old, new) = (&old.data_type, &new.data_type);
                let alike = is_integer(old) && is_integer(new) || is_text(old) && is_text(new);
                if changed.data_type && !alike {
                    converted.insert((schema, table, *name));
                }
            }
        }
        for &(type_schema, _, type_name) in &self.rebuilt {
            let spellings = rebuild::spellings(type_schema, type_name);
            for (schema, held) in &self.current.schemas {
                for (table, definition) in &held.tables {
                    let columns = definition.columns.iter();
                    let own =
                        columns.filter(|(_, column)| rebuild::is_of(&column.data_type, &spellings));
                    converted.extend(
                        own.map(|(name, _)| (schema.as_str(), table.as_str(), name.as_str())),
                    );
                }
            }
        }
        converted
    }
}

/// The names of a table's indexes, those behind its constraints among them.
fn index_names<'a>(name: &str, table: &'a Table) -> impl Iterator<Item = String> + use<'a> {
    let key = table.primary_key.as_ref();
    let key = key.map(|key| primary_key_name(name, key));
    key.into_iter().chain(table.indexes.keys().cloned())
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
            ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Aggregate
            | ObjectKind::Operator => self.functions.insert(name),
            ObjectKind::Composite => self.types.insert(name),
            _ => false,
        };
    }
}

/// Whether the server has read a function's body: it does not look into one in dollar quotes.
fn is_known_to_the_server(function: &Object) -> bool {
    !function.create.contains("\nAS $")
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
        // Its signature counts, and a body that is known.
        ObjectKind::Function | ObjectKind::Procedure => {
            needs(&touched.types)
                || needs(&touched.views)
                || (needs_any() && is_known_to_the_server(object))
        }
        ObjectKind::Aggregate | ObjectKind::Operator => {
            needs(&touched.functions) || needs(&touched.types) || needs(&touched.views)
        }
        // One that no column has.
        ObjectKind::Composite => needs(&touched.types),
        ObjectKind::EventTrigger => needs(&touched.functions),
        // Its lists of columns and its conditions are in the way.
        ObjectKind::Publication => {
            needs(&touched.tables) && object.labels.iter().any(|label| label.ends_with(')'))
        }
        _ => false,
    }
}
