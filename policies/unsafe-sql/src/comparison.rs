//! The old desired schema against the new, as the rules see it.

use tidegate_sqlplan::{Change, Column, Dialect, Schema, SqlProblem, Table, TableChange};

/// What becoming the new text means for a database that is as the old text says.
pub(crate) struct Comparison<'a> {
    /// Whose SQL it is.
    pub(crate) dialect: Dialect,
    /// The tables and more of the old text; nothing when the object is new.
    pub(crate) old: &'a Schema,
    /// The tables and more of the new text.
    pub(crate) new: &'a Schema,
    /// Whether new indexes are built without blocking; none where nothing here says.
    pub(crate) concurrently: Option<bool>,
    /// What is wrong with the old text.
    pub(crate) old_problems: &'a [SqlProblem],
    /// Whether all of the new text was understood.
    pub(crate) understood: bool,
    /// The differences.
    pub(crate) changes: &'a [Change<'a>],
}

/// One difference within a table that is in both schemas.
pub(crate) struct Changed<'a> {
    /// The table as it was.
    pub(crate) old: &'a Table,
    /// The table as it is to be.
    pub(crate) new: &'a Table,
    /// What differs.
    pub(crate) change: &'a TableChange<'a>,
}

impl<'a> Changed<'a> {
    /// The column that this dropped one may have become: the only new one of the same type.
    pub(crate) fn column_after(&self, dropped: &Column) -> Option<&'a Column> {
        let mut candidates = self.new.columns.iter().filter(|column| {
            self.old.column(&column.name).is_none()
                && column.data_type == dropped.data_type
                && column.nullable == dropped.nullable
        });
        candidates.next().filter(|_| candidates.next().is_none())
    }

    /// Whether all of these columns were there before.
    pub(crate) fn has_had(&self, columns: &[String]) -> bool {
        columns.iter().all(|name| self.old.column(name).is_some())
    }

    /// Whether one of these columns is new and holds NULL in every row, so that no two rows agree in it.
    pub(crate) fn has_empty(&self, columns: &[String]) -> bool {
        columns.iter().any(|name| {
            let new = self.new.column(name);
            self.old.column(name).is_none()
                && new.is_some_and(|column| {
                    column.nullable && column.default.is_none() && column.generated.is_none()
                })
        })
    }
}

impl<'a> Comparison<'a> {
    /// The differences within tables that are in both schemas.
    pub(crate) fn in_tables(&self) -> impl Iterator<Item = Changed<'a>> {
        self.changes.iter().filter_map(|change| match change {
            Change::TableChanged { old, new, change } => Some(Changed { old, new, change }),
            _ => None,
        })
    }

    /// The table that this dropped one may have become: the only new one with the same columns.
    pub(crate) fn table_after(&self, dropped: &Table) -> Option<&'a Table> {
        let names = |table: &Table| {
            let mut names: Vec<String> = table
                .columns
                .iter()
                .map(|column| column.name.to_lowercase())
                .collect();
            names.sort();
            names
        };
        let wanted = names(dropped);
        let mut candidates = self.changes.iter().filter_map(|change| match change {
            Change::TableAdded { table } if names(table) == wanted => Some(*table),
            _ => None,
        });
        candidates.next().filter(|_| candidates.next().is_none())
    }
}
