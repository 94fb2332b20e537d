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

mod again;
mod alter;
mod attaching;
mod children;
mod computed;
mod convert;
mod dropping;
mod further;
mod identities;
mod lift;
mod making;
mod materialized;
mod node;
mod numbering;
mod objects;
mod outermost;
mod parents;
mod partitions;
mod parts;
mod rebuild;
mod remake;
mod said;
mod sequences;
mod steps;
mod table;
mod text;
mod types;
mod unlogged;
mod unmanaged;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, ForeignKey, Index, Object, ObjectKind, Sayings, Table};
use crate::diff::{Change, TableChange};
use crate::order::topological;
use crate::plan::{Plan, Refusal, Statement};
use crate::settings::Settings;

use self::alter::KeyName;
use self::attaching::IndexName;
pub(super) use self::identities::NamesOfSequences;
use self::objects::statement;
use self::parents::{parent_in, parents, spelled};
pub(crate) use self::parents::{rename_parent, written_as_parent};
use self::text::{comment, joined, own_name, qualified, quote};

/// A table by its schema's name and its own.
type TableName<'a> = (&'a str, &'a str);

/// An object by its schema, its kind and its name.
type ObjectName<'a> = (&'a str, ObjectKind, &'a str);

/// See [`crate::plan()`].
pub(super) fn plan(
    (current, desired): (&Catalog, &Catalog),
    changes: &[Change<'_>],
    sequences: NamesOfSequences,
    spoken_rights: &BTreeMap<String, Sayings>,
    settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let mut work = Work::new(current, desired, spoken_rights, settings);
    for change in changes {
        work.sort(change);
    }
    work.renames.extend(sequences.first);
    work.remake_tables();
    work.adopt_sequences();
    work.move_sequences();
    work.move_extensions();
    work.refuse_what_needs_unmanaged();
    let stay = work.keep_what_unmanaged_needs();
    work.names_of_other_kinds();
    work.how_objects_change();
    work.lift_what_stands_on_remade();
    work.lift_objects();
    work.refuse_what_would_go_later();
    work.lift_uses_of_types();
    work.lift_uses_of_functions();
    if !work.recomputed.is_empty() {
        work.lift_objects();
        work.lift_uses_of_functions();
    }
    work.lift_uses_of_attributes();
    work.lift_checks_of_parents();
    work.join_indexes();
    work.lift_names();
    work.lift_keys_of_partitions();
    work.leave_parents();
    work.lift_foreign_keys();
    work.lift_circles_of_unlogged();
    let mut statements = work.schemas();
    statements.extend(work.in_the_way());
    statements.extend(work.middle());
    statements.extend(work.outermost());
    let said = work.said(&statements);
    statements.extend(said);
    statements.extend(work.drops());
    statements.extend(work.asides.drain(..).rev());
    statements.extend(sequences.last);
    labels_used_at_once(&mut statements);
    work.refusals.extend(remake::in_one(&mut statements));
    if !work.refusals.is_empty() {
        return Err(work.refusals);
    }
    let mut not_managed = unmanaged::named(current, desired);
    not_managed.extend(stay);
    not_managed.extend(work.columns_of_both());
    Ok(Plan {
        statements,
        not_managed,
    })
}

/// The changes, sorted, and what follows from them.
struct Work<'a> {
    current: &'a Catalog,
    desired: &'a Catalog,
    /// What the wanted schema itself says of rights on its schemas, by their names.
    spoken_rights: &'a BTreeMap<String, Sayings>,
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
    /// Columns whose default is taken away first and said again, as it calls a function that is made again.
    without_default: BTreeSet<KeyName<'a>>,
    /// Columns that are computed by such a function, or with a type that is made anew: they are made plain first.
    recomputed: BTreeSet<KeyName<'a>>,
    /// Constraints of domains that call such a function, by the domain and in the words of its parts.
    lifted_of_domains: BTreeSet<(ObjectName<'a>, &'a str)>,
    /// What a type gains and loses before it is made anew.
    before_rebuilt: BTreeMap<ObjectName<'a>, Vec<Statement>>,
    /// What drops the types that stepped aside.
    asides: Vec<Statement>,
    /// Primary keys likewise, by table.
    lifted_primary_keys: BTreeSet<TableName<'a>>,
    /// Partitions that leave their parent before all else, because it is dropped then.
    detached: BTreeSet<TableName<'a>>,
    /// Indexes and keys that partitions have of their own, and that stay as parts of their parents'.
    joined: BTreeSet<IndexName>,
    /// What gives an index the parts that it is to have, where it is the same otherwise.
    attached: BTreeMap<IndexName, Vec<Statement>>,
    /// Tables that are dropped before all else, because something new has their name, or that of one of their indexes.
    early: BTreeSet<TableName<'a>>,
    /// Tables whose rows go aside meanwhile: they are dropped early and made again.
    remade: BTreeSet<TableName<'a>>,
    /// Sequences and types likewise.
    early_objects: BTreeSet<ObjectName<'a>>,
    /// Foreign keys that are added when all tables are there.
    late: BTreeSet<KeyName<'a>>,
    /// Sequences that a column owns on both sides, and calls on one.
    adopted: BTreeSet<String>,
    /// Sequences that are there on both sides, and owned by another column, or by none, on one: as the server writes their names.
    moved: BTreeSet<String>,
    /// By new table, the functions of its rows that it calls.
    calls_of_rows: BTreeMap<String, BTreeSet<String>>,
    /// What gives moved sequences an owner, when all tables are there.
    owners: Vec<Statement>,
    /// Types that are domains, and what they are over.
    domains: BTreeMap<String, String>,
    refusals: Vec<Refusal>,
}

impl<'a> Work<'a> {
    fn new(
        current: &'a Catalog,
        desired: &'a Catalog,
        spoken_rights: &'a BTreeMap<String, Sayings>,
        settings: &'a Settings,
    ) -> Self {
        Self {
            current,
            desired,
            spoken_rights,
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
            without_default: BTreeSet::new(),
            recomputed: BTreeSet::new(),
            lifted_of_domains: BTreeSet::new(),
            before_rebuilt: BTreeMap::new(),
            asides: Vec::new(),
            lifted_primary_keys: BTreeSet::new(),
            detached: BTreeSet::new(),
            joined: BTreeSet::new(),
            attached: BTreeMap::new(),
            early: BTreeSet::new(),
            remade: BTreeSet::new(),
            early_objects: BTreeSet::new(),
            late: BTreeSet::new(),
            adopted: BTreeSet::new(),
            moved: BTreeSet::new(),
            calls_of_rows: BTreeMap::new(),
            owners: Vec::new(),
            domains: domains(current, desired),
            refusals: Vec::new(),
        }
    }

    fn sort(&mut self, change: &Change<'a>) {
        match change {
            Change::SchemaAdded { schema, new } => {
                // Every database is made with this one.
                let unless = if *schema == "public" {
                    "IF NOT EXISTS "
                } else {
                    ""
                };
                self.schema_statements.push(statement(
                    format!("CREATE SCHEMA {unless}{}", quote(schema)),
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
            Change::SchemaChanged { schema, old, new } => {
                if old.comment != new.comment {
                    self.comment_on_schema(schema, new.comment.as_deref());
                }
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
                let held = self.current.schemas.get(*schema);
                let parts = held
                    .and_then(|held| held.tables.get(*to))
                    .map(|it| &it.parts.0);
                for part in parts.into_iter().flat_map(|parts| parts.values()) {
                    let rest = part.strip_prefix(to).filter(|rest| rest.starts_with('_'));
                    statements.extend(rest.map(|rest| {
                        let sql = format!(
                            "ALTER INDEX {} RENAME TO {}",
                            qualified(schema, &format!("{from}{rest}")),
                            quote(part)
                        );
                        statement(sql, &purpose)
                    }));
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

    /// An extension that goes from one schema into another moves, with all that is made of it.
    fn move_extensions(&mut self) {
        let moved: Vec<(ObjectName<'a>, ObjectName<'a>)> = self
            .made
            .keys()
            .filter(|(_, kind, _)| *kind == ObjectKind::Extension)
            .filter_map(|&to| {
                let mut gone = self.unmade.keys();
                let from = gone.find(|(_, kind, name)| (*kind, *name) == (to.1, to.2))?;
                Some((*from, to))
            })
            .collect();
        for (from, to) in moved {
            self.unmade.remove(&from);
            self.made.remove(&to);
            let (name, schema) = (quote(to.2), quote(to.0));
            let sql = format!("ALTER EXTENSION {name} SET SCHEMA {schema}");
            self.renames
                .push(statement(sql, &format!("move extension {}", to.2)));
        }
    }

    /// What of another kind, or of other arguments, takes a name goes first: routines share their names, and so do types.
    fn names_of_other_kinds(&mut self) {
        let mut rebuilt = Vec::new();
        for &(schema, kind, name) in self.unmade.keys() {
            let taker = self.made.keys().find(|&&(other_schema, other, taken)| {
                other_schema == schema
                    && (is_routine(kind) && is_routine(other) && own_name(taken) == own_name(name)
                        || is_type(kind) && is_type(other) && taken == name)
            });
            let Some(&(_, taker, _)) = taker else {
                continue;
            };
            let user = rebuild::column_of(self.current, schema, name).filter(|_| is_type(kind));
            // The multirange of a range keeps its name when the range steps aside.
            if user.is_some() && kind != ObjectKind::Range && taker != ObjectKind::Range {
                rebuilt.push(((schema, kind, name), (schema, taker, name)));
                continue;
            }
            self.early_objects.insert((schema, kind, name));
            if let Some(user) = user {
                self.refusals.push(Refusal {
                    object: format!("{kind} {name}"),
                    reason: format!(
                        "it is to be a type of another kind, and {user} is made of it: give the new type another name"
                    ),
                });
            }
        }
        for (old, new) in rebuilt {
            self.unmade.remove(&old);
            self.rebuilt.insert(new);
        }
        self.types_of_new_tables();
    }

    /// A table or a view is a type as well: one of that name, which it does not know, goes first, or steps aside while columns are made of it.
    fn types_of_new_tables(&mut self) {
        let views = self.made.keys().filter(|(_, kind, _)| is_view(*kind));
        let views = views.map(|&(schema, _, name)| (schema, name));
        let taken: BTreeSet<TableName<'a>> = self.created.keys().copied().chain(views).collect();
        let types = self.unmade.keys().copied();
        let types: Vec<ObjectName<'a>> = types
            .filter(|(schema, kind, name)| is_type(*kind) && taken.contains(&(*schema, *name)))
            .collect();
        for (schema, kind, name) in types {
            if rebuild::column_of(self.current, schema, name).is_none() {
                self.early_objects.insert((schema, kind, name));
                continue;
            }
            self.unmade.remove(&(schema, kind, name));
            let (first, last) = rebuild::step_aside(schema, name, &format!("drop {kind} {name}"));
            self.renames.push(first);
            self.asides.push(last);
        }
    }

    fn schemas(&mut self) -> Vec<Statement> {
        let mut statements = std::mem::take(&mut self.schema_statements);
        statements.append(&mut self.renames);
        statements
    }
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
            let label = label.map(|label| label.trim_end_matches('\''));
            label.is_some_and(|label| {
                let mut later = statements.iter().skip(index + 1);
                later
                    .any(|later| !later.sql.contains(" ADD VALUE ") && has_label(&later.sql, label))
            })
        })
        .collect();
    for (statement, used) in statements.iter_mut().zip(used) {
        statement.alone |= used;
    }
}

/// Whether a statement has a label, which is given with the quote before it: as a value, or within a list.
fn has_label(sql: &str, label: &str) -> bool {
    let word = label.get(1..).unwrap_or_default();
    let within = sql.match_indices(word).any(|(at, _)| {
        let before = sql.get(..at).and_then(|text| text.chars().next_back());
        let behind = sql.get(at + word.len()..);
        let behind = behind.and_then(|text| text.chars().next());
        matches!(before, Some('{' | ',' | '"')) && matches!(behind, Some('}' | ',' | '"'))
    });
    within && !word.is_empty() || sql.contains(&format!("{label}'"))
}

fn is_routine(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate
    )
}

fn is_view(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::View | ObjectKind::MaterializedView)
}

fn is_type(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Enum | ObjectKind::Domain | ObjectKind::Composite | ObjectKind::Range
    )
}

/// What domains are over, by their names as the server writes them.
fn domains(current: &Catalog, desired: &Catalog) -> BTreeMap<String, String> {
    let mut bases = BTreeMap::new();
    for (schema, held) in current.schemas.iter().chain(&desired.schemas) {
        let domains = held.objects.get(&ObjectKind::Domain);
        for (name, domain) in domains.into_iter().flatten() {
            for spelling in [rebuild::spelled(schema, name), qualified(schema, name)] {
                bases.insert(spelling, domain.definition.clone());
            }
        }
    }
    bases
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

/// Whether an expression or a condition of an index is one of those that `calls` knows.
fn is_made_by(index: &Index, calls: &impl Fn(&str) -> bool) -> bool {
    let mut parts = index.parts.iter();
    parts.any(|part| part.expression.as_deref().is_some_and(calls))
        || index.options.values().any(|option| calls(option))
}
