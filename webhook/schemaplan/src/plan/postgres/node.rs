//! A thing that is made or changed between the drops, and what has to be there before it.

use crate::catalog::{Catalog, Object, Table};

use super::parents::above;
use super::text::joined;
use super::{ObjectName, TableName, target};

/// Something to make or change between the drops.
pub(super) struct Node<'a> {
    pub(super) key: String,
    pub(super) needs: Vec<String>,
    pub(super) what: What<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    Object(ObjectName<'a>, &'a Object),
    Table(TableName<'a>, &'a Table),
}

impl<'a> Node<'a> {
    pub(super) fn object(name: ObjectName<'a>, object: &'a Object) -> Self {
        Self {
            key: joined(name.0, name.2),
            needs: object.needs.clone(),
            what: What::Object(name, object),
        }
    }

    pub(super) fn table(name: TableName<'a>, table: &'a Table, desired: &Catalog) -> Self {
        let keys = table.foreign_keys.values().map(|key| {
            let (schema, table) = target(name.0, key);
            joined(schema, table)
        });
        let parents = above(desired, table).into_iter();
        let parents = parents.map(|(schema, parent)| joined(schema, parent));
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

    pub(super) fn rank(&self) -> (usize, &str) {
        let rank = match &self.what {
            What::Object((_, kind, _), _) => *kind as usize,
            What::Table(..) => usize::MAX,
        };
        (rank, &self.key)
    }
}
