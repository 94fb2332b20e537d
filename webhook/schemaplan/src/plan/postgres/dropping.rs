//! What goes: what is in the way before anything changes, what is not wanted any more at the end. Users first.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Object, ObjectKind, Table};
use crate::order::topological;
use crate::plan::Statement;

use super::children::depth;
use super::objects::statement;
use super::text::{joined, mentions, own_name, primary_key_name, qualified, quote};
use super::{
    ObjectName, TableName, Work, in_order, is_made_by, is_view, objects, parents, spelled, target,
};

impl<'a> Work<'a> {
    /// Tables that go, in the order in which they can: those that refer before those referred to, as far as that can be.
    pub(super) fn drop_order(&self) -> Vec<TableName<'a>> {
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

    /// What goes before anything changes, users first.
    pub(super) fn in_the_way(&mut self) -> Vec<Statement> {
        let mut gone: Vec<(ObjectName<'a>, &'a Object)> = Vec::new();
        for (&name, &object) in &self.unmade {
            let is_early = objects::is_outermost(name.1) || self.early_objects.contains(&name);
            if is_early && objects::is_managed(object) {
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
        let views: BTreeSet<String> = order
            .iter()
            .filter(|((_, kind, _), _)| is_view(*kind))
            .map(|((schema, _, name), _)| joined(schema, name))
            .collect();
        // Triggers and policies first, as a view takes its own with it; then views, and functions of their rows; at last what tables use.
        let rank = |kind: ObjectKind, object: &Object| match kind {
            ObjectKind::Trigger
            | ObjectKind::Policy
            | ObjectKind::Rule
            | ObjectKind::Statistics => 0,
            kind if is_view(kind) || object.needs.iter().any(|need| views.contains(need)) => 1,
            _ => 2,
        };
        order.sort_by_key(|((_, kind, _), object)| rank(*kind, object));
        let (used_by_tables, outer): (Vec<_>, Vec<_>) = order
            .into_iter()
            .partition(|((_, kind, _), object)| rank(*kind, object) == 2);
        let drop = |((schema, kind, name), object): (ObjectName<'a>, &'a Object)| {
            objects::drop(schema, kind, name, object)
        };
        let tables = self
            .dropped
            .keys()
            .map(|(schema, name)| joined(schema, name));
        let unmade = self
            .unmade
            .keys()
            .map(|(schema, _, name)| joined(schema, name));
        let gone: BTreeSet<String> = tables.chain(unmade).collect();
        let mut statements: Vec<Statement> = outer
            .into_iter()
            .filter(|((schema, kind, _), object)| {
                // It goes with its table, unless it uses something else that goes, which would wait for it.
                let table = object.table.as_deref();
                let dropped = table.filter(|table| self.dropped.contains_key(&(*schema, *table)));
                dropped.is_none_or(|table| {
                    let own = joined(schema, table);
                    let mut needs = object.needs.iter().filter(|need| **need != own);
                    matches!(kind, ObjectKind::Policy | ObjectKind::Rule)
                        && needs.any(|need| gone.contains(need))
                })
            })
            .map(drop)
            .collect();
        for &(schema, table, name) in &self.lifted {
            let held = self
                .current
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table));
            if held.is_some_and(|table| table.foreign_keys.contains_key(name)) {
                statements.push(drop_constraint(schema, table, name));
            }
        }
        // The keys that they refer to; and checks, those of parents first.
        let mut lifted: Vec<_> = self.lifted.iter().copied().collect();
        lifted.sort_by_key(|(schema, table, _)| {
            let held = self.current.schemas.get(*schema);
            let table = held.and_then(|held| held.tables.get(*table));
            table.map_or(0, |table| depth(self.current, table))
        });
        for (schema, table, name) in lifted {
            let held = self
                .current
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table));
            if held.is_some_and(|table| table.foreign_keys.contains_key(name)) {
                continue;
            }
            let index = held.and_then(|table| table.indexes.get(name));
            if index.is_some_and(|index| !index.constraint) {
                let sql = format!("DROP INDEX {}", qualified(schema, name));
                statements.push(statement(sql, &format!("drop index {table}.{name}")));
            } else {
                statements.push(drop_constraint(schema, table, name));
            }
        }
        for &(schema, table) in &self.lifted_primary_keys {
            let key = self
                .current
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table)?.primary_key.as_ref());
            let name = key.map(|key| primary_key_name(table, key));
            statements.extend(name.map(|name| drop_constraint(schema, table, &name)));
        }
        for &(schema, table) in &self.detached {
            let held = self
                .current
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table));
            statements.extend(held.and_then(|held| detach((schema, table), held)));
        }
        for &(schema, table, column) in &self.without_default {
            let sql = format!(
                "ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT",
                qualified(schema, table),
                quote(column)
            );
            statements.push(statement(sql, &format!("modify table {table}")));
        }
        for &(schema, table, column) in &self.recomputed {
            let (table_shown, column) = (qualified(schema, table), quote(column));
            let sql = format!("ALTER TABLE {table_shown} ALTER COLUMN {column} DROP EXPRESSION");
            statements.push(statement(sql, &format!("modify table {table}")));
        }
        for &((schema, _, name), part) in &self.lifted_of_domains {
            statements.extend(objects::drop_domain_part(&qualified(schema, name), part));
        }
        // A table that calls one of these functions goes before it, all others behind them.
        let called: BTreeSet<String> = used_by_tables
            .iter()
            .map(|((schema, _, name), _)| joined(schema, name))
            .collect();
        let (callers, early): (Vec<_>, Vec<_>) = self
            .drop_order()
            .into_iter()
            .filter(|table| self.early.contains(table))
            .partition(|name| {
                let table = self
                    .dropped
                    .get(name)
                    .filter(|_| !self.remade.contains(name));
                table.is_some_and(|table| table.needs.iter().any(|need| called.contains(need)))
            });
        for table in callers {
            statements.extend(self.drop_table(table));
        }
        statements.extend(used_by_tables.into_iter().map(drop));
        statements.extend(self.set_rows_aside());
        for table in early {
            statements.extend(self.drop_table(table));
        }
        statements
    }

    /// What is not wanted any more, users first.
    pub(super) fn drops(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut unmade: Vec<(ObjectName<'a>, &'a Object)> = self
            .unmade
            .iter()
            .filter(|(name, object)| {
                !objects::is_outermost(name.1)
                    && !self.early_objects.contains(*name)
                    && objects::is_managed(object)
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
        // A function that takes or gives rows of a table that goes has to go first, behind aggregates of it; the others may be used by the table.
        let needs = |object: &Object, names: &BTreeSet<String>| {
            object.needs.iter().any(|need| names.contains(need))
        };
        let of_rows: BTreeSet<String> = order
            .iter()
            .filter(|((_, kind, _), object)| {
                matches!(kind, ObjectKind::Function | ObjectKind::Procedure) && needs(object, &gone)
            })
            .map(|((schema, _, name), _)| joined(schema, name))
            .collect();
        let (first, later): (Vec<_>, Vec<_>) =
            order
                .into_iter()
                .partition(|((schema, kind, name), object)| {
                    of_rows.contains(&joined(schema, name))
                        || *kind == ObjectKind::Aggregate
                            && (needs(object, &gone) || needs(object, &of_rows))
                });
        let drop = |((schema, kind, name), object): (ObjectName<'a>, &'a Object)| {
            objects::drop(schema, kind, name, object)
        };
        let called: Vec<_> = first.iter().map(|(name, _)| *name).collect();
        statements.extend(self.callers(&called));
        statements.extend(first.into_iter().map(drop));
        let order = self.drop_order().into_iter();
        for table in order.filter(|table| !self.early.contains(table)) {
            statements.extend(self.drop_table(table));
        }
        statements.extend(later.into_iter().map(drop));
        for schema in &self.schemas_dropped {
            statements.push(Statement {
                sql: format!("DROP SCHEMA {}", quote(schema)),
                destructive: true,
                alone: false,
                together: false,
                purpose: format!("drop schema {schema}"),
            });
        }
        statements
    }

    /// Checks and indexes of tables that go and call functions that have to go before them.
    fn callers(&self, functions: &[ObjectName<'a>]) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (&(schema, table), definition) in &self.dropped {
            let called = functions
                .iter()
                .filter(|(schema, _, name)| definition.needs.contains(&joined(schema, name)));
            let called: Vec<&str> = called.map(|(_, _, name)| own_name(name)).collect();
            let calls = |text: &str| called.iter().any(|name| mentions(text, name));
            if called.is_empty() || self.early.contains(&(schema, table)) {
                continue;
            }
            let checks = definition.checks.iter();
            let checks = checks.filter(|(_, check)| calls(&check.expression));
            statements.extend(checks.map(|(name, _)| drop_constraint(schema, table, name)));
            let indexes = definition.indexes.iter();
            for (name, index) in indexes.filter(|(_, index)| is_made_by(index, &calls)) {
                statements.push(if index.constraint {
                    drop_constraint(schema, table, name)
                } else {
                    let sql = format!("DROP INDEX {}", qualified(schema, name));
                    statement(sql, &format!("drop index {table}.{name}"))
                });
            }
        }
        statements
    }

    /// A partition whose parent is referred to is not dropped by the server: it leaves the parent first.
    fn drop_table(&self, (schema, name): TableName<'a>) -> Vec<Statement> {
        let table = self.dropped.get(&(schema, name)).copied();
        let is_referred = table.is_some_and(|table| self.is_referred_through(table));
        let detached = table
            .filter(|_| is_referred && !self.detached.contains(&(schema, name)))
            .and_then(|table| detach((schema, name), table));
        let dropped = Statement {
            sql: format!("DROP TABLE {}", qualified(schema, name)),
            destructive: true,
            alone: false,
            together: false,
            purpose: format!("drop table {name}"),
        };
        detached.into_iter().chain([dropped]).collect()
    }

    /// Whether a foreign key refers to a table that this one is a partition of, at any distance.
    fn is_referred_through(&self, partition: &Table) -> bool {
        let tables = || {
            self.current.schemas.iter().flat_map(|(schema, held)| {
                let tables = held.tables.iter();
                tables.map(move |(name, table)| ((schema.as_str(), name.as_str()), table))
            })
        };
        let mut of = partition.options.get("partition of");
        while let Some(parent) = of {
            let is_target = |(schema, _): TableName<'_>, table: &Table| {
                let mut keys = table.foreign_keys.values();
                keys.any(|key| spelled(target(schema, key), parent))
            };
            if tables().any(|(name, table)| is_target(name, table)) {
                return true;
            }
            of = tables()
                .find(|(name, _)| spelled(*name, parent))
                .and_then(|(_, table)| table.options.get("partition of"));
        }
        false
    }
}

fn detach((schema, name): TableName<'_>, table: &Table) -> Option<Statement> {
    let parent = table.options.get("partition of")?;
    let sql = format!(
        "ALTER TABLE {parent} DETACH PARTITION {}",
        qualified(schema, name)
    );
    Some(statement(sql, &format!("modify table {name}")))
}

fn drop_constraint(schema: &str, table: &str, name: &str) -> Statement {
    let sql = format!(
        "ALTER TABLE {} DROP CONSTRAINT {}",
        qualified(schema, table),
        quote(name)
    );
    statement(sql, &format!("drop constraint {table}.{name}"))
}
