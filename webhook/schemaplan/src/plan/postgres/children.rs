//! Tables that inherit from others, and what is theirs and their parents' at once.
//!
//! A child has its parents' columns and checks, and may say them itself as well: it keeps those when the parent gives them up. The server makes one of the
//! two, and which it was is told by no statement afterwards: a check that a child is to have of its parent only goes from both and comes again with the
//! parent's; a column, which would lose its values, stays as it is, and that is said.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Table};
use crate::diff::TableChange;

use super::alter::KeyName;
use super::parents::{above, inherits, parent_in, parents, spelled, table_in};
use super::text::joined;
use super::{TableName, Work};

impl<'a> Work<'a> {
    /// Whether tables that are there are to inherit from a table.
    pub(super) fn has_children(&self, name: TableName<'_>) -> bool {
        self.desired.schemas.iter().any(|(schema, held)| {
            let mut tables = held.tables.iter();
            tables.any(|(child, table)| {
                inherits(table).any(|parent| spelled(name, parent))
                    && !self
                        .created
                        .contains_key(&(schema.as_str(), child.as_str()))
            })
        })
    }

    /// A check that a child has of its own and is to have of its parents only: theirs goes first, and comes again when the child has given up its own.
    pub(super) fn lift_checks_of_parents(&mut self) {
        let mut lifted: Vec<KeyName<'a>> = Vec::new();
        let mut kept: BTreeSet<KeyName<'a>> = BTreeSet::new();
        for (&(schema, name), (_, new, changes)) in &self.altered {
            if !new.options.contains_key("inherits") {
                continue;
            }
            for change in changes {
                let TableChange::CheckDropped { name: check, .. } = change else {
                    continue;
                };
                let above = with_check(self.desired, new, check);
                let is_new = |name: &TableName<'a>| self.created.contains_key(name);
                if above.iter().any(is_new) {
                    kept.insert((schema, name, check));
                }
                lifted.extend(above.into_iter().filter_map(|(schema, name)| {
                    let held = |catalog: &'a Catalog| {
                        catalog
                            .schemas
                            .get(schema)?
                            .tables
                            .get(name)?
                            .checks
                            .get_key_value(*check)
                    };
                    let (own, is) = held(self.current)?;
                    (held(self.desired)?.1 == is).then_some((schema, name, own.as_str()))
                }));
            }
        }
        lifted.extend(self.checks_to_join());
        for (&(schema, name), (_, _, changes)) in &mut self.altered {
            changes.retain(|change| match change {
                TableChange::CheckDropped { name: check, .. } => {
                    !kept.contains(&(schema, name, check))
                }
                _ => true,
            });
        }
        self.lifted.extend(lifted);
    }

    /// Checks of parents that a child joins without them: the server wants to find them there, or hands them down when it is there.
    fn checks_to_join(&self) -> Vec<KeyName<'a>> {
        let mut checks = Vec::new();
        for (old, new, _) in self.altered.values() {
            let inherits = |table: &'a Table| table.options.get("inherits");
            if inherits(old) == inherits(new) {
                continue;
            }
            let had = above(self.current, old);
            for (schema, name) in above(self.desired, new) {
                let held = |catalog: &'a Catalog| catalog.schemas.get(schema)?.tables.get(name);
                let (Some(is), Some(wanted)) = (held(self.current), held(self.desired)) else {
                    continue;
                };
                let theirs = is.checks.iter().filter(|(check, definition)| {
                    wanted.checks.get(*check) == Some(*definition)
                        && !old.checks.contains_key(*check)
                        && !definition.attributes.contains("NO INHERIT")
                        && !had.contains(&(schema, name))
                });
                checks.extend(theirs.map(|(check, _)| (schema, name, check.as_str())));
            }
        }
        checks
    }

    /// What differs in whose columns are, and stays so.
    pub(super) fn columns_of_both(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (schema, held) in &self.desired.schemas {
            for (name, wanted) in &held.tables {
                let is = self.current.schemas.get(schema);
                let Some(is) = is.and_then(|held| held.tables.get(name)) else {
                    continue;
                };
                if !wanted.options.contains_key("inherits") {
                    continue;
                }
                let was_above = parent_in(self.current, is);
                let had = |column: &String| {
                    let of_parent = was_above.as_ref();
                    of_parent.is_some_and(|parent| parent.columns.contains_key(column))
                };
                let above = parent_in(self.desired, wanted);
                for column in above.iter().flat_map(|parent| parent.columns.keys()) {
                    let is_own = is.merged.0.contains(column)
                        || is.columns.contains_key(column) && !had(column);
                    let shown = joined(schema, name);
                    match (is_own, wanted.merged.0.contains(column)) {
                        (true, false) => notes.push(format!(
                            "column {shown}.{column} is wanted as inherited only and is the table's own as well, which no statement changes"
                        )),
                        (false, true) if !self.is_given_up_above(wanted, column) => {
                            notes.push(format!(
                                "column {shown}.{column} is wanted as the table's own as well and is inherited only, which no statement changes"
                            ));
                        }
                        _ => {}
                    }
                }
            }
        }
        notes
    }

    /// Whether a parent of a table gives up a column, which is the children's own then.
    fn is_given_up_above(&self, table: &Table, column: &str) -> bool {
        inherits(table).any(|parent| {
            self.changes(parent, |change| {
                matches!(change, TableChange::ColumnDropped { name, .. } if *name == column)
            })
        })
    }
}

/// The tables above a table that say a check.
fn with_check<'a>(catalog: &'a Catalog, table: &Table, check: &str) -> Vec<TableName<'a>> {
    let mut names = Vec::new();
    for parent in parents(table) {
        let Some((name, parent)) = table_in(catalog, &parent) else {
            continue;
        };
        let own = parent.checks.get(check);
        if own.is_some_and(|check| !check.attributes.contains("NO INHERIT")) {
            names.push(name);
        }
        names.extend(with_check(catalog, parent, check));
    }
    names
}

/// How many tables are above a table.
pub(super) fn depth(catalog: &Catalog, table: &Table) -> usize {
    let parents = parents(table).into_iter();
    let above = parents.filter_map(|parent| table_in(catalog, &parent));
    above
        .map(|(_, parent)| 1 + depth(catalog, parent))
        .max()
        .unwrap_or_default()
}
