//! Foreign keys to tables that are not there.
//!
//! A wanted text may have one, as the server that reads it does not look (dumps say `foreign_key_checks = 0` themselves). The real database takes none:
//! the statement would fail after those before it have stayed. So it is said before any of them runs. Whoever excludes tables may have excluded the one
//! that is meant, and tables of other databases are not known here; both are left to the server.

use super::Name;
use crate::catalog::{Catalog, ForeignKey, Table};
use crate::diff::{Change, TableChange};
use crate::plan::Refusal;
use crate::settings::Settings;

/// One for each foreign key that would come and refers to nothing.
pub(super) fn refused(
    changes: &[Change<'_>],
    current: &Catalog,
    desired: &Catalog,
    settings: &Settings,
) -> Vec<Refusal> {
    if !settings.exclude.is_empty() {
        return Vec::new();
    }
    let mut refusals = Vec::new();
    let mut look = |(schema, table): Name<'_>, name: &str, key: &ForeignKey| {
        let referred = if key.schema.is_empty() {
            schema
        } else {
            &key.schema
        };
        let knows = |catalog: &Catalog| {
            let content = catalog.schemas.get(referred);
            let mut tables = content.iter().flat_map(|content| content.tables.keys());
            tables.any(|it| it.eq_ignore_ascii_case(&key.table))
        };
        let is_known = desired.schemas.contains_key(referred);
        if is_known && !knows(desired) && !knows(current) {
            refusals.push(Refusal {
                object: format!("table {table}"),
                reason: format!(
                    "its foreign key {name} refers to table {}, which neither the wanted schema nor the database has; add the table or leave the key out",
                    key.table
                ),
            });
        }
    };
    let mut look_at_all = |name: Name<'_>, table: &Table| {
        for (key_name, key) in &table.foreign_keys {
            look(name, key_name, key);
        }
    };
    for change in changes {
        match change {
            Change::SchemaAdded { schema, new } => {
                for (name, table) in &new.tables {
                    look_at_all((schema, name), table);
                }
            }
            Change::TableAdded { schema, table, new } => look_at_all((schema, table), new),
            _ => {}
        }
    }
    for change in changes {
        let Change::TableChanged {
            schema,
            table,
            changes,
            ..
        } = change
        else {
            continue;
        };
        for change in changes {
            if let TableChange::ForeignKeyAdded { name, new }
            | TableChange::ForeignKeyChanged { name, new, .. } = change
            {
                look((schema, table), name, new);
            }
        }
    }
    refusals
}
