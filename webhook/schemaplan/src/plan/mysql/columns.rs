//! What becomes of a column within an `ALTER TABLE`: how it is written, where it stands, and whether what it holds can be kept.

use std::collections::BTreeSet;

use crate::catalog::{Column, Generated, Table};
use crate::diff::{ColumnChange, TableChange};

use super::alter::{Action, Alter};
use super::narrow::{narrows, narrows_charset};
use super::text::{collation_of, column, period, quote, row_bound};

impl<'a> Alter<'a> {
    /// The columns whose text is of another collation afterwards, also where it is the table's that changes. What was left out of the changes is
    /// left alone.
    pub(super) fn converted(&self) -> BTreeSet<&'a str> {
        let of_table = self.changes.iter().any(|change| {
            matches!(
                change,
                TableChange::OptionChanged {
                    option: "collation",
                    ..
                }
            )
        });
        let of_column = |column: &str| {
            self.changes.iter().any(|change| {
                matches!(change, TableChange::ColumnChanged { name, .. } if *name == column)
            })
        };
        let both = self
            .new
            .columns
            .iter()
            .filter_map(|(name, new)| Some((name.as_str(), self.old.columns.get(name)?, new)));
        both.filter(|(name, old, new)| {
            let collation = collation_of(self.new, new);
            collation.is_some()
                && collation_of(self.old, old) != collation
                && (of_table || of_column(name))
        })
        .map(|(name, ..)| name)
        .collect()
    }

    /// Whether the table has versions from now on. Which columns have none can only be said afterwards.
    pub(super) fn gains_versions(&self) -> bool {
        let option = "system versioning";
        let of_table = |change: &TableChange<'_>| matches!(change, TableChange::OptionChanged { option: it, .. } if *it == option);
        let begins = self.changes.iter().any(of_table) || self.names_versions();
        begins && self.new.options.contains_key(option)
    }

    /// Whether the columns of a table's versions get names, which they can only as versions begin: those from before have to go first, all of them.
    pub(super) fn names_versions(&self) -> bool {
        let has = |table: &Table| table.options.contains_key("system versioning");
        let comes = |change: &TableChange<'_>| matches!(change, TableChange::ColumnAdded { new, .. } if row_bound(new).is_some());
        has(self.old)
            && has(self.new)
            && period(self.old).is_none()
            && self.changes.iter().any(comes)
    }

    /// What has to wait until the combined statement has run.
    pub(super) fn afterwards(&self) -> Vec<Action> {
        let columns = self.new.columns.iter();
        let held = columns.filter_map(|(name, new)| {
            let old = self.old.columns.get(name)?;
            self.as_stored(old, new)?;
            let definition = self.definition(name, new);
            Some(Action {
                sql: format!("MODIFY COLUMN {definition}"),
                destructive: narrows(&old.data_type, &new.data_type),
                purpose: format!("keep what column {name} was computed as"),
            })
        });
        held.chain(self.unversioned()).collect()
    }

    fn unversioned(&self) -> Vec<Action> {
        if !self.gains_versions() {
            return Vec::new();
        }
        let columns = self.new.columns.iter();
        let columns = columns.filter(|(_, column)| column.unversioned);
        columns
            .map(|(name, new)| {
                let own = new.collation.as_deref();
                let own = own.and_then(|_| collation_of(self.new, new));
                let definition = column(self.dialect, self.new, name, new, own);
                Action::new(
                    format!("MODIFY COLUMN {definition}"),
                    format!("change column {name}"),
                )
            })
            .collect()
    }

    fn definition(&self, name: &str, new: &Column) -> String {
        // Where the table's own changes it is said, so that the order within the statement does not matter.
        let said = self.old.options.get("collation") != self.new.options.get("collation");
        let collation = collation_of(self.new, new).filter(|_| said || new.collation.is_some());
        let new = Column {
            unversioned: new.unversioned && !self.gains_versions(),
            ..new.clone()
        };
        column(self.dialect, self.new, name, &new, collation)
    }

    /// Where a column stands that is added: behind the one before it that is there by then.
    fn position(&self, name: &str) -> String {
        let is_there = |column: &str| {
            let is_added = |change: &TableChange<'_>| matches!(change, TableChange::ColumnAdded { name, .. } if *name == column);
            self.old.columns.contains_key(column) || self.changes.iter().any(is_added)
        };
        let before = self.new.columns.keys().take_while(|column| *column != name);
        let before = before.filter(|column| is_there(column)).last();
        before.map_or_else(
            || " FIRST".to_owned(),
            |before| format!(" AFTER {}", quote(before)),
        )
    }

    pub(super) fn add_column(&self, name: &str, new: &Column) -> Action {
        let mut sql = format!("ADD COLUMN {}", self.definition(name, new));
        let behind = self
            .new
            .columns
            .keys()
            .skip_while(|column| *column != name)
            .any(|column| self.old.columns.contains_key(column));
        if behind {
            sql += &self.position(name);
        }
        Action::new(sql, format!("add column {name}"))
    }

    pub(super) fn change_column(&self, name: &str, old: &Column, new: &Column) -> Vec<Action> {
        let changed = ColumnChange::between(old, new);
        let purpose = format!("change column {name}");
        if changed.generated && !Self::generated_in_place(old, new) {
            let drop = drop_column(name, old);
            let stored = self.as_stored(old, new);
            // What is computed from now on was written by hand, or the other way; only what is computed in both ways, or stored before, can be kept.
            let destructive = stored.is_none() && new.generated.is_none();
            let definition = self.definition(name, stored.as_ref().unwrap_or(new));
            let sql = format!("ADD COLUMN {definition}{}", self.position(name));
            let drop = Action {
                purpose,
                destructive: drop.destructive || destructive,
                ..drop
            };
            return vec![drop, Action::new(sql, String::new())];
        }
        let filled = fills(old, new);
        let purpose = match filled {
            Some(value) => format!("{purpose}, in which NULL becomes {value}"),
            None => purpose,
        };
        let destructive = if new.generated.is_some() {
            // What was written by hand is computed from now on.
            old.generated.is_none()
        } else if filled.is_some() {
            true
        } else {
            // A counter has no negative numbers, so that it does not lose them either.
            let counted = old.auto_increment && !old.data_type.contains("unsigned");
            let held = if counted {
                format!("{} unsigned", old.data_type)
            } else {
                old.data_type.clone()
            };
            (old.data_type != new.data_type && narrows(&held, &new.data_type))
                || narrows_charset(collation_of(self.old, old), collation_of(self.new, new))
        };
        vec![Action {
            sql: format!("MODIFY COLUMN {}", self.definition(name, new)),
            destructive,
            purpose,
        }]
    }

    /// A column that was computed when it was read, and is to hold what is written: as one that holds what is computed, which can go on from there. None for
    /// any other, and where what it is computed of goes with the same statement.
    fn as_stored(&self, old: &Column, new: &Column) -> Option<Column> {
        let computed = old
            .generated
            .as_ref()
            .filter(|generated| !generated.stored)?;
        let loses = |change: &TableChange<'_>| matches!(change, TableChange::ColumnDropped { name, .. } if computed.expression.contains(*name));
        let is_kept = new.generated.is_none() && !self.changes.iter().any(loses);
        is_kept.then(|| Column {
            generated: Some(Generated {
                stored: true,
                ..computed.clone()
            }),
            ..old.clone()
        })
    }

    /// Whether `MODIFY` can bring the change about: what is computed when read cannot become anything else, nor anything else it.
    pub(super) fn generated_in_place(old: &Column, new: &Column) -> bool {
        match (&old.generated, &new.generated) {
            (Some(old), Some(new)) => old.stored == new.stored,
            (Some(old), None) => old.stored,
            (None, Some(new)) => new.stored,
            (None, None) => true,
        }
    }
}

/// What MariaDB makes of a NULL where one is not allowed any more, and says nothing; of all other types it refuses to make one that is not.
fn fills(old: &Column, new: &Column) -> Option<&'static str> {
    if !old.nullable || new.nullable || old.generated.is_some() || new.generated.is_some() {
        return None;
    }
    if new.auto_increment {
        Some("0")
    } else {
        new.data_type
            .starts_with("timestamp")
            .then_some("the present time")
    }
}

pub(super) fn drop_column(name: &str, old: &Column) -> Action {
    let sql = format!("DROP COLUMN {}", quote(name));
    let purpose = format!("drop column {name}");
    // What is computed when read is kept nowhere.
    if old
        .generated
        .as_ref()
        .is_some_and(|generated| !generated.stored)
    {
        Action::new(sql, purpose)
    } else {
        Action::destructive(sql, purpose)
    }
}
