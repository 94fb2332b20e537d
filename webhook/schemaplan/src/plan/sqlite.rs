//! SQLite: in place where it can be, a table rebuilt where it cannot.
//!
//! What `ALTER TABLE` can do (add a plain column, drop one that nothing uses, rename) is done by it (`alter`). Everything else is SQLite's documented way
//! (<https://sqlite.org/lang_altertable.html#otheralter>): a new table is made by the wanted text, the rows are copied, the old table is dropped, the
//! new one takes its name (`rebuild`). Dropping a table deletes rows that refer to it while foreign keys are enforced, hence the pragma around
//! such a plan; it counts outside a transaction only, so both its statements stand alone.
//!
//! Where views or triggers stay that this plan knows nothing of (they are excluded, or speak of other tables and may be broken for a long time), tables
//! are rebuilt under `legacy_alter_table`, which does not look at them.
//!
//! Views and triggers that speak of a table which is dropped, rebuilt or loses a column are dropped before and made again afterwards: SQLite checks
//! all of them when it renames. Renames are left to SQLite, which rewrites what refers to the name.
//!
//! A virtual table cannot be changed: it goes and comes again, empty. Whatever fills it has to do so again.
//!
//! **Order**: triggers and views dropped, virtual tables dropped, tables renamed, indexes dropped, tables made, tables changed, tables dropped, virtual
//! tables made, indexes made, views made, triggers made.

use std::collections::BTreeSet;
use std::iter;

use tidegate_sqlplan::SqliteTable;

use crate::catalog::{Catalog, Object, ObjectKind, Schema, Table};
use crate::diff::{Change, TableChange};
use crate::order;
use crate::plan::{Plan, Refusal, Statement};
use crate::settings::{RenameHint, Settings};

mod affinity;
mod alter;
mod rebuild;

/// See [`crate::plan()`].
pub(super) fn plan(
    current: &Catalog,
    desired: &Catalog,
    changes: &[Change<'_>],
    settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let none = const { &Schema::empty() };
    let mut planner = Planner {
        current: current.schemas.get("").unwrap_or(none),
        desired: desired.schemas.get("").unwrap_or(none),
        ..Planner::new(none)
    };
    for change in changes {
        planner.change(change);
    }
    planner.finish(!settings.exclude.is_empty())
}

/// Hints for names that differ in upper and lower case only, which to SQLite are one name. They are not said to it.
pub(super) fn respelled(current: &Catalog, desired: &Catalog) -> Vec<RenameHint> {
    let tables = |catalog: &Catalog| catalog.schemas.get("").map(|schema| schema.tables.clone());
    let (Some(current), Some(desired)) = (tables(current), tables(desired)) else {
        return Vec::new();
    };
    let mut hints = Vec::new();
    for (name, table) in &current {
        let wanted = desired
            .get_key_value(name)
            .or_else(|| desired.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)));
        let Some((wanted_name, wanted)) = wanted else {
            continue;
        };
        if wanted_name != name && !current.contains_key(wanted_name) {
            hints.push(RenameHint {
                from: name.clone(),
                to: wanted_name.clone(),
            });
        }
        for column in table.columns.keys() {
            if wanted.columns.contains_key(column) {
                continue;
            }
            let mut free = wanted
                .columns
                .keys()
                .filter(|it| !table.columns.contains_key(*it));
            if let Some(respelled) = free.find(|it| it.eq_ignore_ascii_case(column)) {
                hints.push(RenameHint {
                    from: format!("{wanted_name}.{column}"),
                    to: respelled.clone(),
                });
            }
        }
    }
    hints
}

/// Statements by the place they have in the order.
struct Planner<'a> {
    current: &'a Schema,
    desired: &'a Schema,
    renamed: Vec<Statement>,
    indexes_dropped: Vec<Statement>,
    made: Vec<&'a str>,
    changed: Vec<Statement>,
    dropped: Vec<Statement>,
    indexes_made: Vec<Statement>,
    virtual_dropped: Vec<Statement>,
    virtual_made: Vec<Statement>,
    /// Objects that change themselves.
    objects_dropped: Vec<(ObjectKind, &'a str, &'a Object)>,
    objects_made: Vec<(ObjectKind, &'a str, &'a Object)>,
    /// Tables, in lower case, whose views and triggers have to go for a while.
    touched: BTreeSet<String>,
    rebuilt: Vec<Statement>,
    /// Rows must not be deleted with the table they refer to.
    unenforced: bool,
    refusals: Vec<Refusal>,
}

impl<'a> Planner<'a> {
    const fn new(none: &'a Schema) -> Self {
        Self {
            current: none,
            desired: none,
            renamed: Vec::new(),
            indexes_dropped: Vec::new(),
            made: Vec::new(),
            changed: Vec::new(),
            dropped: Vec::new(),
            indexes_made: Vec::new(),
            virtual_dropped: Vec::new(),
            virtual_made: Vec::new(),
            objects_dropped: Vec::new(),
            objects_made: Vec::new(),
            touched: BTreeSet::new(),
            rebuilt: Vec::new(),
            unenforced: false,
            refusals: Vec::new(),
        }
    }

    fn change(&mut self, change: &Change<'a>) {
        match change {
            Change::TableAdded { table, .. } => self.made.push(table),
            Change::TableDropped { table, .. } => {
                self.touched.insert(table.to_lowercase());
                self.unenforced = true;
                self.dropped.push(Statement {
                    sql: format!("DROP TABLE {}", quoted(table)),
                    destructive: true,
                    ..said(format!("drop table {table}"))
                });
            }
            Change::TableRenamed { from, to, .. } => self.renamed.push(Statement {
                sql: format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to)),
                ..said(format!("rename table {from} to {to}"))
            }),
            Change::TableChanged {
                table,
                old,
                new,
                changes,
                ..
            } => self.table(table, old, new, changes),
            Change::ObjectAdded {
                kind: ObjectKind::VirtualTable,
                name,
                new,
                ..
            } => self.virtual_made.push(made_virtual(name, new)),
            Change::ObjectDropped {
                kind: ObjectKind::VirtualTable,
                name,
                ..
            } => {
                self.touched.insert(name.to_lowercase());
                self.virtual_dropped.push(dropped_virtual(name));
            }
            Change::ObjectChanged {
                kind: ObjectKind::VirtualTable,
                name,
                new,
                ..
            } => {
                self.touched.insert(name.to_lowercase());
                self.virtual_dropped.push(dropped_virtual(name));
                self.virtual_made.push(made_virtual(name, new));
            }
            Change::ObjectAdded {
                kind, name, new, ..
            } => self.objects_made.push((*kind, name, new)),
            Change::ObjectDropped {
                kind, name, old, ..
            } => self.objects_dropped.push((*kind, name, old)),
            Change::ObjectChanged {
                kind,
                name,
                old,
                new,
                ..
            } => {
                self.objects_dropped.push((*kind, name, old));
                self.objects_made.push((*kind, name, new));
            }
            // There is one schema, and it has neither name nor properties.
            Change::SchemaAdded { .. }
            | Change::SchemaDropped { .. }
            | Change::SchemaChanged { .. } => {}
        }
    }

    fn table(
        &mut self,
        name: &'a str,
        old: &'a Table,
        new: &'a Table,
        changes: &[TableChange<'a>],
    ) {
        let read = |table: &Table| table.create.as_deref().and_then(SqliteTable::read);
        let Some(written) = read(new) else {
            self.refusals.push(Refusal {
                object: format!("table {name}"),
                reason: "its text cannot be read; write it more plainly".to_owned(),
            });
            return;
        };
        for change in changes {
            if let TableChange::ColumnRenamed { from, to } = change {
                self.renamed.push(Statement {
                    sql: format!(
                        "ALTER TABLE {} RENAME COLUMN {} TO {}",
                        quoted(name),
                        quoted(from),
                        quoted(to)
                    ),
                    ..said(format!("rename column {name}.{from} to {to}"))
                });
            }
        }
        if let Some(statements) = alter::in_place(name, old, &written, changes) {
            if statements.iter().any(|statement| statement.destructive) {
                self.touched.insert(name.to_lowercase());
            }
            self.changed.extend(statements);
            self.indexes(name, changes);
            return;
        }
        let taken = |name: &str| is_taken(self.current, name) || is_taken(self.desired, name);
        match rebuild::rebuild(name, old, new, &written, changes, taken) {
            Ok(rebuilt) => {
                self.touched.insert(name.to_lowercase());
                self.unenforced = true;
                self.rebuilt.extend(rebuilt.statements);
                self.indexes_made.extend(rebuilt.indexes);
            }
            Err(refusal) => self.refusals.push(refusal),
        }
    }

    /// Indexes of a table that is there and stays.
    fn indexes(&mut self, table: &str, changes: &[TableChange<'a>]) {
        for change in changes {
            let (dropped, made) = match change {
                TableChange::IndexAdded { name, new } => (None, Some((*name, *new))),
                TableChange::IndexDropped { name, .. } => (Some(*name), None),
                TableChange::IndexChanged { name, new, .. } => (Some(*name), Some((*name, *new))),
                _ => continue,
            };
            self.indexes_dropped.extend(dropped.map(|name| Statement {
                sql: format!("DROP INDEX {}", quoted(name)),
                ..said(format!("drop index {name} of {table}"))
            }));
            self.indexes_made
                .extend(made.and_then(|(name, index)| made_index(table, name, index)));
        }
    }

    /// What is dropped for a while because something that it needs changes: as it is now, and as it will be.
    fn bystanders(&mut self) {
        let none = const { &std::collections::BTreeMap::new() };
        let of = |schema: &'a Schema, kind| schema.objects.get(&kind).unwrap_or(none);
        loop {
            let before = self.objects_dropped.len();
            for kind in [ObjectKind::View, ObjectKind::Trigger] {
                for (name, object) in of(self.current, kind) {
                    let is_dropped = self
                        .objects_dropped
                        .iter()
                        .any(|(other, it, _)| (*other, *it) == (kind, name.as_str()));
                    let needs = |need: &String| {
                        self.touched.contains(need)
                            || self.objects_dropped.iter().any(|(kind, name, _)| {
                                *kind == ObjectKind::View && name.eq_ignore_ascii_case(need)
                            })
                    };
                    let owner = object.table.as_ref().map(|table| table.to_lowercase());
                    if is_dropped
                        || object.create.is_empty()
                        || !object.needs.iter().chain(&owner).any(needs)
                    {
                        continue;
                    }
                    self.objects_dropped.push((kind, name, object));
                    if let Some((name, object)) = of(self.desired, kind).get_key_value(name) {
                        self.objects_made.push((kind, name, object));
                    }
                }
            }
            if self.objects_dropped.len() == before {
                return;
            }
        }
    }

    /// Whether views or triggers are there that this plan does not drop.
    fn leaves_users(&self) -> bool {
        let mut users = [ObjectKind::View, ObjectKind::Trigger]
            .into_iter()
            .flat_map(|kind| {
                let objects = self.current.objects.get(&kind).into_iter();
                objects
                    .flat_map(move |objects| objects.keys().map(move |name| (kind, name.as_str())))
            });
        users.any(|user| {
            let mut dropped = self.objects_dropped.iter();
            !dropped.any(|(kind, name, _)| (*kind, *name) == user)
        })
    }

    fn finish(mut self, is_partial: bool) -> Result<Plan, Vec<Refusal>> {
        if !self.refusals.is_empty() {
            return Err(self.refusals);
        }
        self.bystanders();
        let mut statements = Vec::new();
        // Users first.
        for (kind, name, object) in order::objects(&self.objects_dropped).into_iter().rev() {
            let bare = bare_name(name, object);
            statements.push(Statement {
                sql: format!("DROP {} {}", kind.as_str().to_uppercase(), quoted(bare)),
                ..said(format!("drop {kind} {bare}"))
            });
        }
        statements.append(&mut self.virtual_dropped);
        statements.append(&mut self.renamed);
        statements.append(&mut self.indexes_dropped);
        for name in order::tables(self.desired, self.made.iter().copied()).names {
            let Some(table) = self.desired.tables.get(name) else {
                continue;
            };
            statements.extend(table.create.clone().map(|sql| Statement {
                sql,
                ..said(format!("create table {name}"))
            }));
            let indexes = table.indexes.iter();
            let indexes = indexes.filter_map(|(index, made)| made_index(name, index, made));
            self.indexes_made.extend(indexes);
        }
        statements.append(&mut self.changed);
        if !self.rebuilt.is_empty() && (is_partial || self.leaves_users()) {
            self.rebuilt.insert(0, switch("legacy_alter_table", "on"));
            self.rebuilt.push(switch("legacy_alter_table", "off"));
        }
        statements.append(&mut self.rebuilt);
        statements.append(&mut self.dropped);
        statements.append(&mut self.virtual_made);
        statements.append(&mut self.indexes_made);
        for (kind, name, object) in order::objects(&self.objects_made) {
            let bare = bare_name(name, object);
            statements.push(Statement {
                sql: object.create.clone(),
                ..said(format!("create {kind} {bare}"))
            });
        }
        if self.unenforced {
            let alone = |to| Statement {
                alone: true,
                ..switch("foreign_keys", to)
            };
            statements.insert(0, alone("off"));
            statements.push(alone("on"));
        }
        Ok(Plan {
            statements,
            ..Plan::default()
        })
    }
}

/// Whether something has the name that a table could have: tables, views and indexes share theirs.
fn is_taken(schema: &Schema, name: &str) -> bool {
    let tables = schema.tables.iter();
    let mut tables = tables.flat_map(|(table, it)| iter::once(table).chain(it.indexes.keys()));
    let is_it = |it: &String| it.eq_ignore_ascii_case(name);
    let of = |kind| schema.objects.get(&kind).into_iter().flatten();
    let mut objects = [ObjectKind::View, ObjectKind::VirtualTable].into_iter();
    tables.any(is_it) || objects.any(|kind| of(kind).any(|(name, _)| is_it(name)))
}

fn switch(pragma: &str, to: &str) -> Statement {
    Statement {
        sql: format!("PRAGMA {pragma} = {to}"),
        ..said(format!("switch {pragma} {to}"))
    }
}

/// A statement that is only known by its purpose yet.
fn said(purpose: String) -> Statement {
    Statement {
        purpose,
        ..Statement::default()
    }
}

fn made_virtual(name: &str, table: &Object) -> Statement {
    Statement {
        sql: table.create.clone(),
        ..said(format!("create virtual table {name}"))
    }
}

fn dropped_virtual(name: &str) -> Statement {
    Statement {
        sql: format!("DROP TABLE {}", quoted(name)),
        destructive: true,
        ..said(format!("drop virtual table {name}"))
    }
}

/// None for one that its table's text makes.
fn made_index(table: &str, name: &str, index: &crate::catalog::Index) -> Option<Statement> {
    let sql = index.create.clone()?;
    Some(Statement {
        sql,
        ..said(format!("create index {name} of {table}"))
    })
}

/// A trigger's key has its table before it.
fn bare_name<'a>(name: &'a str, object: &Object) -> &'a str {
    let rest = object
        .table
        .as_deref()
        .and_then(|table| name.strip_prefix(table));
    rest.and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
