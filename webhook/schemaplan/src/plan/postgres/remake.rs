//! Tables that become partitioned, or are no longer, or by another key, or by a column of another type, and partitions that become those of a table
//! that is another one in more than its name: the server changes none of that in place.
//!
//! The rows go aside into a copy, the table and its partitions are dropped and made as they are wanted, and the rows come back, each into the
//! partition that takes it. A row that none takes makes the server refuse all of it. All of that is one transaction, as nobody may see the table
//! without its rows, or lose them with a connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Column, ObjectKind, Table};
use crate::diff::TableChange;
use crate::plan::{Refusal, Statement};

use super::objects::statement;
use super::parents::inherits;
use super::sequences::{Range, go_on, keep_position};
use super::text::{joined, owned_sequence, qualified, quote};
use super::{TableName, Work, alter, convert, parent_in, rebuild, spelled};

/// What the copy's name ends in.
const ASIDE: &str = "__tidegate_rows";

/// What the statements that begin and end the detour are for.
const AWAY: &str = "set the rows aside of table";
const BACK: &str = "drop the copy of the rows of table";

impl<'a> Work<'a> {
    /// Finds them, with their partitions. One whose rows are a column's type, that has children, or whose rows may be hidden from who runs the plan,
    /// is left to be refused.
    pub(super) fn remake_tables(&mut self) {
        let altered = self.altered.iter();
        let tops = altered.filter(|(name, (old, new, changes))| {
            (changes_key(old, changes) || self.moves_to_another_kind(old, new))
                && self.can_be_made_again(**name)
        });
        let mut remade: BTreeSet<TableName<'a>> = tops.map(|(name, _)| *name).collect();
        loop {
            let is_within = |table: &Table| {
                let of = table.options.get("partition of");
                of.is_some_and(|of| remade.iter().any(|name| spelled(*name, of)))
            };
            let mut more = Vec::new();
            for (schema, held) in &self.current.schemas {
                for (name, table) in &held.tables {
                    let full = (schema.as_str(), name.as_str());
                    let wanted = table_in(self.desired, full);
                    if is_within(table) && wanted.is_some_and(is_within) && !remade.contains(&full)
                    {
                        more.push(full);
                    }
                }
            }
            // Those that go take no rows along: these come back by way of the parent.
            let gone = self.dropped.iter().filter(|(_, table)| is_within(table));
            self.early.extend(gone.map(|(name, _)| *name));
            if more.is_empty() {
                break;
            }
            remade.extend(more);
        }
        for &name in &remade {
            let (old, new) = (table_in(self.current, name), table_in(self.desired, name));
            if let (Some(old), Some(new)) = (old, new) {
                self.altered.remove(&name);
                self.dropped.insert(name, old);
                self.created.insert(name, new);
                self.early.insert(name);
            }
        }
        self.remade = remade;
    }

    /// Whether it becomes a partition of a table that is not as the one that it was a partition of, which goes: its keys and checks are the parent's.
    fn moves_to_another_kind(&self, old: &Table, new: &Table) -> bool {
        let parent = |catalog: &'a Catalog, table: &Table| {
            let of = table.options.get("partition of")?;
            catalog.schemas.iter().find_map(|(schema, held)| {
                let mut tables = held.tables.iter();
                let (name, table) = tables.find(|(name, _)| spelled((schema, name), of))?;
                Some(((schema.as_str(), name.as_str()), table))
            })
        };
        let (left, joined) = (parent(self.current, old), parent(self.desired, new));
        let (Some((left, was)), Some((joined, is))) = (left, joined) else {
            return false;
        };
        let says = |table: &'a Table| (&table.columns, &table.primary_key, &table.checks);
        left != joined && self.dropped.contains_key(&left) && says(was) != says(is)
    }

    fn can_be_made_again(&self, (schema, name): TableName<'a>) -> bool {
        let is_hidden = table_in(self.current, (schema, name))
            .is_some_and(|table| table.options.contains_key("force row level security"));
        let mut tables = self
            .current
            .schemas
            .values()
            .flat_map(|held| held.tables.values());
        let has_children =
            tables.any(|table| inherits(table).any(|parent| spelled((schema, name), parent)));
        !is_hidden && !has_children && rebuild::column_of(self.current, schema, name).is_none()
    }

    /// What stands on such a table goes with it and is made again; what publishes it likewise.
    pub(super) fn lift_what_stands_on_remade(&mut self) {
        for (schema, held) in &self.current.schemas {
            for (kind, objects) in &held.objects {
                for (name, object) in objects {
                    let full = (schema.as_str(), *kind, name.as_str());
                    let stands_on = object
                        .table
                        .as_deref()
                        .is_some_and(|table| self.remade.contains(&(schema, table)));
                    let mut remade = self.remade.iter();
                    let publishes = *kind == ObjectKind::Publication
                        && remade
                            .any(|(schema, name)| object.needs.contains(&joined(schema, name)));
                    if (stands_on || publishes) && !self.unmade.contains_key(&full) {
                        self.in_place.remove(&full);
                        self.again.insert(full);
                    }
                }
            }
        }
    }

    /// Those that are no partitions of another one: their rows are those of their partitions as well.
    fn tops(&self) -> impl Iterator<Item = (TableName<'a>, &'a Table, &'a Table)> {
        self.remade.iter().filter_map(|&name| {
            let old = table_in(self.current, name)?;
            let of = old.options.get("partition of");
            let is_within = of.is_some_and(|of| self.remade.iter().any(|name| spelled(*name, of)));
            let new = table_in(self.desired, name).filter(|_| !is_within)?;
            Some((name, old, new))
        })
    }

    pub(super) fn set_rows_aside(&self) -> Vec<Statement> {
        let away = self.tops().flat_map(|(top, old, new)| {
            let shared = shared_columns((self.current, old), (self.desired, new));
            let (schema, name) = top;
            let (table, purpose) = (qualified(schema, name), format!("{AWAY} {name}"));
            let mut away = Vec::new();
            if !shared.is_empty() {
                // What others wrote behind the copy would be dropped with the table.
                away.push(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"));
                away.push(format!(
                    "CREATE TABLE {} AS TABLE {table}",
                    aside(schema, name)
                ));
            }
            let counting = shared
                .iter()
                .filter(|(_, was, is)| was.identity.is_some() && is.identity.is_some());
            away.extend(counting.map(|(column, _, _)| keep_position(top, column)));
            let away = away.into_iter();
            away.map(move |sql| statement(sql, &purpose))
        });
        away.collect()
    }

    /// The tables that have to be there before the rows of each can come back.
    pub(super) fn awaited(&self) -> BTreeMap<TableName<'a>, BTreeSet<TableName<'a>>> {
        let tables = || self.created.keys().chain(self.altered.keys()).copied();
        let tops = self.tops().map(|(top, _, _)| {
            let mut tree = BTreeSet::from([top]);
            loop {
                let is_part = |name: &TableName<'a>| {
                    let table = table_in(self.desired, *name);
                    let of = table.and_then(|table| table.options.get("partition of"));
                    !tree.contains(name)
                        && of.is_some_and(|of| tree.iter().any(|name| spelled(*name, of)))
                };
                let more: Vec<TableName<'a>> = tables().filter(is_part).collect();
                if more.is_empty() {
                    break (top, tree);
                }
                tree.extend(more);
            }
        });
        tops.collect()
    }

    /// Whether a type is one that is made anew: the copy's columns are still of the old one.
    fn is_made_anew(&self, data_type: &str) -> bool {
        let mut rebuilt = self.rebuilt.iter();
        rebuilt
            .any(|(schema, _, name)| rebuild::is_of(data_type, &rebuild::spellings(schema, name)))
    }

    /// The rows of a table come back, and its numbers go on behind them.
    pub(super) fn bring_rows_back(&self, top: TableName<'a>) -> Vec<Statement> {
        let Some((_, old, new)) = self.tops().find(|(name, _, _)| *name == top) else {
            return Vec::new();
        };
        let shared = shared_columns((self.current, old), (self.desired, new));
        if shared.is_empty() {
            return Vec::new();
        }
        let (schema, name) = top;
        let (shown, aside) = (qualified(schema, name), aside(schema, name));
        let columns: Vec<String> = shared.iter().map(|(name, _, _)| quote(name)).collect();
        let values = shared.iter().map(|(name, was, is)| {
            let (column, was, is) = (quote(name), &was.data_type, &is.data_type);
            if was == is && self.is_made_anew(was) {
                let list = if was.ends_with("[]") { "[]" } else { "" };
                format!("{column}::text{list}::{is}")
            } else if was == is || convert::is_implicit(was, is) {
                column
            } else {
                convert::using(&column, was, is)
            }
        });
        let values: Vec<String> = values.collect();
        let kind = |column: &Column| {
            column
                .identity
                .as_ref()
                .map(|identity| identity.kind.clone())
        };
        let is_always =
            |(_, _, is): &(String, Column, Column)| kind(is).as_deref() == Some("always");
        let overriding = if shared.iter().any(is_always) {
            " OVERRIDING SYSTEM VALUE"
        } else {
            ""
        };
        let sql = format!(
            "INSERT INTO {shown} ({}){overriding} SELECT {} FROM {aside}",
            columns.join(", "),
            values.join(", ")
        );
        let mut statements = vec![statement(
            sql,
            &format!("bring the rows back of table {name}"),
        )];
        for (column, was, is) in &shared {
            if let Some(identity) = &is.identity {
                let range = Range::of(&identity.options, &is.data_type);
                let sequence = owned_sequence(top, column);
                let sql = go_on((top, column), &sequence, &range, was.identity.is_some());
                statements.push(statement(
                    sql,
                    &format!("number table {name} behind its rows"),
                ));
            }
        }
        statements.push(statement(
            format!("DROP TABLE {aside}"),
            &format!("{BACK} {name}"),
        ));
        statements
    }
}

/// All between the first statement of the detour and the last is one transaction; none where it cannot be.
pub(super) fn in_one(statements: &mut [Statement]) -> Option<Refusal> {
    let is = |what: &'static str| move |one: &Statement| one.purpose.starts_with(what);
    let first = statements.iter().position(is(AWAY))?;
    let last = statements.iter().rposition(is(BACK))?;
    let between = statements.get_mut(first + 1..=last)?;
    if let Some(alone) = between.iter().find(|one| one.alone) {
        return Some(Refusal {
            object: "partition key".to_owned(),
            reason: format!(
                "the table has to be made again in one transaction, and this cannot be within one: {}; do that first, or after it",
                alone.purpose
            ),
        });
    }
    for one in between {
        one.together = true;
    }
    None
}

fn changes_key(old: &Table, changes: &[TableChange<'_>]) -> bool {
    changes.iter().any(|change| match change {
        TableChange::OptionChanged { option, .. } => *option == "partition by",
        TableChange::ColumnChanged { name, changed, .. } => {
            (changed.data_type || changed.collation) && alter::is_in_partition_key(old, name)
        }
        _ => false,
    })
}

fn table_in<'a>(catalog: &'a Catalog, (schema, name): TableName<'_>) -> Option<&'a Table> {
    catalog.schemas.get(schema)?.tables.get(name)
}

fn aside(schema: &str, name: &str) -> String {
    qualified(schema, &format!("{}{ASIDE}", rebuild::truncated(name)))
}

/// The columns that both have and that are not computed, as they are and as they will be.
fn shared_columns(
    (current, old): (&Catalog, &Table),
    (desired, new): (&Catalog, &Table),
) -> Vec<(String, Column, Column)> {
    let (old, new) = (all_columns(current, old), all_columns(desired, new));
    let plain = new
        .into_iter()
        .filter(|(_, column)| column.generated.is_none());
    plain
        .filter_map(|(name, column)| {
            let was = old.iter().find(|(other, _)| *other == name)?.1.clone();
            Some((name, was, column))
        })
        .collect()
}

/// A partition lists only what is not as its parent's.
fn all_columns(catalog: &Catalog, table: &Table) -> Vec<(String, Column)> {
    let mut columns: Vec<(String, Column)> = table
        .columns
        .iter()
        .map(|(name, column)| (name.clone(), column.clone()))
        .collect();
    let parent = parent_in(catalog, table);
    let parents = parent.map(|parent| all_columns(catalog, &parent));
    for (name, column) in parents.into_iter().flatten() {
        if !columns.iter().any(|(own, _)| *own == name) {
            columns.push((name, column));
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Vec<Statement> {
        let purposes = [
            "create schema s".to_owned(),
            format!("{AWAY} t"),
            "create index t.i".to_owned(),
            format!("{BACK} t"),
            "drop table u".to_owned(),
        ];
        let statements = purposes
            .iter()
            .map(|purpose| statement(String::new(), purpose));
        statements.collect()
    }

    #[test]
    fn the_detour_is_one_transaction() {
        let mut statements = plan();
        assert_eq!(in_one(&mut statements), None);
        let together: Vec<bool> = statements.iter().map(|one| one.together).collect();
        assert_eq!(together, [false, false, true, true, false]);
    }

    #[test]
    fn what_cannot_be_within_a_transaction_is_not_within_the_detour() {
        let mut statements = plan();
        statements[2].alone = true;
        let refusal = in_one(&mut statements).map(|refusal| refusal.reason);
        assert_eq!(
            refusal.unwrap(),
            "the table has to be made again in one transaction, and this cannot be within one: create index t.i; do that first, or after it"
        );
    }
}
