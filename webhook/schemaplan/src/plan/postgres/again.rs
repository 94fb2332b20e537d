//! What does not differ itself and comes again, because something that it uses was made anew: checks, indexes and constraints of domains that were lifted,
//! defaults that were taken away, and what children say of their parents' columns.

use crate::catalog::Catalog;
use crate::diff::TableChange;
use crate::plan::Statement;

use super::objects::{self, statement};
use super::text::{check, comment, create_index, index_constraint, qualified, quote};
use super::{TableName, Work, parents, spelled};

impl<'a> Work<'a> {
    /// Lifted checks and indexes, and defaults, that do not differ themselves.
    pub(super) fn uses_of_functions(&self) -> Vec<Statement> {
        let table_in = |catalog: &'a Catalog, schema: &str, table: &str| {
            catalog
                .schemas
                .get(schema)
                .and_then(|held| held.tables.get(table))
        };
        let mut statements = Vec::new();
        for &(schema, table, name) in &self.lifted {
            let (Some(old), Some(new)) = (
                table_in(self.current, schema, table),
                table_in(self.desired, schema, table),
            ) else {
                continue;
            };
            let shown = qualified(schema, table);
            let purpose = format!("modify table {table}");
            if let Some(definition) = new.checks.get(name)
                && old.checks.get(name) == Some(definition)
            {
                let sql = format!("ALTER TABLE {shown} ADD {}", check(name, definition));
                statements.push(statement(sql, &purpose));
                if definition.comment.is_some() {
                    let what = format!("CONSTRAINT {} ON {shown}", quote(name));
                    let sql = comment(&what, definition.comment.as_deref());
                    statements.push(statement(sql, &purpose));
                }
            }
            // A unique constraint calls nothing: one that is lifted changes, and is made again there.
            if let Some(index) = new.indexes.get(name)
                && index.options.contains_key("exclude")
                && old.indexes.get(name) == Some(index)
            {
                let sql = format!("ALTER TABLE {shown} ADD {}", index_constraint(name, index));
                statements.push(statement(sql, &purpose));
                if let Some(said) = index.options.get("comment on constraint") {
                    let what = format!("CONSTRAINT {} ON {shown}", quote(name));
                    statements.push(statement(comment(&what, Some(said)), &purpose));
                }
            }
            // A foreign key may have the name of an index, and is what is lifted then.
            if let Some(index) = new.indexes.get(name)
                && !old.foreign_keys.contains_key(name)
                && !index.constraint
                && old.indexes.get(name) == Some(index)
            {
                let sql = create_index(&shown, name, index, false);
                statements.push(statement(sql, &purpose));
                if index.comment.is_some() {
                    let what = format!("INDEX {}", qualified(schema, name));
                    let sql = comment(&what, index.comment.as_deref());
                    statements.push(statement(sql, &purpose));
                }
            }
        }
        for &((schema, kind, name), part) in &self.lifted_of_domains {
            let held = self.desired.schemas.get(schema);
            let wanted = held.and_then(|held| held.objects.get(&kind)?.get(name));
            let stays = wanted.is_some_and(|wanted| wanted.labels.iter().any(|one| one == part));
            if stays {
                statements.push(objects::add_domain_part(&qualified(schema, name), part));
            }
        }
        for &(schema, table, column) in &self.without_default {
            let default = |catalog: &'a Catalog| {
                let columns = &table_in(catalog, schema, table)?.columns;
                columns.get(column)?.default.as_deref()
            };
            let wanted = default(self.desired);
            if let Some(wanted) = wanted.filter(|_| wanted == default(self.current)) {
                let sql = format!(
                    "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {wanted}",
                    qualified(schema, table),
                    quote(column)
                );
                statements.push(statement(sql, &format!("modify table {table}")));
                statements.extend(self.defaults_of_children((schema, table), column, Some(wanted)));
            }
        }
        statements
    }

    /// Everything that is new, changed or made again: the outermost kinds or the others.
    /// A default that is said of a parent spreads to its children, where they have one of their own too.
    pub(super) fn spread_defaults(&self) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (&parent, (_, _, changes)) in &self.altered {
            for change in changes {
                if let TableChange::ColumnChanged {
                    name,
                    old,
                    new,
                    changed,
                } = change
                    && (changed.default || changed.data_type && old.default.is_some())
                {
                    let default = new.default.as_deref();
                    statements.extend(self.defaults_of_children(parent, name, default));
                }
            }
        }
        statements
    }

    /// What children have of their own where their parent's default was just said, and what the children of those have.
    pub(super) fn defaults_of_children(
        &self,
        parent: TableName<'a>,
        column: &str,
        said: Option<&str>,
    ) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (schema, held) in &self.desired.schemas {
            for (name, table) in &held.tables {
                let child = (schema.as_str(), name.as_str());
                let is_child = parents(table).iter().any(|own| spelled(parent, own));
                if !is_child || self.says_default(child, column) {
                    continue;
                }
                let own = table.columns.get(column);
                let default = own.map_or(said, |own| own.default.as_deref());
                if default != said {
                    let action = default.map_or_else(
                        || "DROP DEFAULT".to_owned(),
                        |default| format!("SET DEFAULT {default}"),
                    );
                    let sql = format!(
                        "ALTER TABLE {} ALTER COLUMN {} {action}",
                        qualified(schema, name),
                        quote(column)
                    );
                    statements.push(statement(sql, &format!("modify table {name}")));
                }
                statements.extend(self.defaults_of_children(child, column, default));
            }
        }
        statements
    }

    /// Whether the table is made, or its column changed, behind its parent's.
    fn says_default(&self, table: TableName<'a>, column: &str) -> bool {
        let altered = self.altered.get(&table);
        let mut changes = altered.into_iter().flat_map(|(_, _, changes)| changes);
        self.created.contains_key(&table)
            || changes.any(|change| {
                matches!(change, TableChange::ColumnChanged { name, changed, .. } if *name == column && changed.default)
            })
    }
}
