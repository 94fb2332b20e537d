//! One table's changes as at most two `ALTER TABLE`: foreign keys that go, then everything else at once, because each may copy the table.
//!
//! A foreign key that goes and comes back under its name cannot do both in one statement; and a column that one holds on to cannot change its
//! type. So those go first, also where only the type changes, and come back with the rest, checked against the rows.

use std::collections::BTreeSet;

use tidegate_sqlplan::Dialect;

use crate::catalog::{Check, Column, Generated, Index, Table};
use crate::diff::{ColumnChange, TableChange};

use super::narrow::{narrows, narrows_charset};
use super::text::{
    OF_COLUMN, check, collation_of, column, dropped_check, foreign_key, ignored, index, literal,
    option, period, primary_key, quote,
};

/// One part of an `ALTER TABLE`.
#[derive(Debug, Clone)]
pub(super) struct Action {
    /// `DROP COLUMN ..`.
    pub(super) sql: String,
    /// Whether something can be lost.
    pub(super) destructive: bool,
    /// In a few words.
    pub(super) purpose: String,
}

impl Action {
    fn new(sql: String, purpose: String) -> Self {
        Self {
            sql,
            destructive: false,
            purpose,
        }
    }

    fn destructive(sql: String, purpose: String) -> Self {
        Self {
            destructive: true,
            ..Self::new(sql, purpose)
        }
    }
}

/// A table that both sides have.
#[derive(Debug)]
pub(super) struct Alter<'a> {
    pub(super) dialect: Dialect,
    pub(super) schema: &'a str,
    pub(super) old: &'a Table,
    pub(super) new: &'a Table,
    pub(super) changes: &'a [TableChange<'a>],
    /// Foreign keys that are the same on both sides and go for the time in which a column of theirs changes.
    pub(super) lifted: BTreeSet<&'a str>,
}

impl<'a> Alter<'a> {
    /// The names of the foreign keys that go first.
    pub(super) fn keys_dropped(&self) -> BTreeSet<&'a str> {
        let dropped = self.changes.iter().filter_map(|change| match change {
            TableChange::ForeignKeyDropped { name, .. }
            | TableChange::ForeignKeyChanged { name, .. } => Some(*name),
            _ => None,
        });
        dropped.chain(self.lifted.iter().copied()).collect()
    }

    /// The names of the foreign keys that come, or come back.
    pub(super) fn keys_added(&self) -> BTreeSet<&'a str> {
        let added = self.changes.iter().filter_map(|change| match change {
            TableChange::ForeignKeyAdded { name, .. }
            | TableChange::ForeignKeyChanged { name, .. } => Some(*name),
            _ => None,
        });
        added.chain(self.lifted.iter().copied()).collect()
    }

    /// The columns whose values are stored otherwise afterwards: no foreign key may hold on to them meanwhile.
    pub(super) fn touched(&self) -> BTreeSet<&'a str> {
        let changed = self.changes.iter().filter_map(|change| match change {
            TableChange::ColumnChanged {
                name,
                old,
                new,
                changed,
            } => (changed.data_type
                || changed.auto_increment
                || changed.generated
                || old.nullable != new.nullable)
                .then_some(*name),
            _ => None,
        });
        changed.chain(self.converted()).collect()
    }

    /// Whether it takes away something that a foreign key of another table may hold on to.
    pub(super) fn loosens(&self) -> bool {
        !self.touched().is_empty()
            || self.changes.iter().any(|change| {
                matches!(
                    change,
                    TableChange::ColumnDropped { .. }
                        | TableChange::IndexDropped { .. }
                        | TableChange::IndexChanged { .. }
                        | TableChange::PrimaryKeyDropped { .. }
                        | TableChange::PrimaryKeyChanged { .. }
                )
            })
    }

    /// The columns whose text is of another collation afterwards, also where it is the table's that changes. What was left out of the changes is
    /// left alone.
    fn converted(&self) -> BTreeSet<&'a str> {
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

    /// What the combined statement does, but for its foreign keys.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut drops = Vec::new();
        let mut columns = Vec::new();
        let mut adds = Vec::new();
        let mut options = Vec::new();
        let mut modified: BTreeSet<&str> = self.converted();
        for change in self.changes {
            match change {
                TableChange::ColumnAdded { name, new } => {
                    columns.push((*name, vec![self.add_column(name, new)]));
                }
                TableChange::ColumnDropped { name, old } => {
                    drops.push(drop_column(name, old));
                }
                TableChange::ColumnChanged { name, .. } => {
                    modified.insert(name);
                }
                TableChange::PrimaryKeyAdded { new } => adds.push(Action::new(
                    format!("ADD {}", primary_key(new)),
                    "add primary key".to_owned(),
                )),
                TableChange::PrimaryKeyDropped { .. } => drops.push(Action::new(
                    "DROP PRIMARY KEY".to_owned(),
                    "drop primary key".to_owned(),
                )),
                TableChange::PrimaryKeyChanged { new, .. } => {
                    drops.push(Action::new(
                        "DROP PRIMARY KEY".to_owned(),
                        "change primary key".to_owned(),
                    ));
                    adds.push(Action::new(
                        format!("ADD {}", primary_key(new)),
                        String::new(),
                    ));
                }
                TableChange::IndexAdded { name, new } => {
                    adds.push(self.add_index(name, new, format!("add index {name}")));
                }
                TableChange::IndexDropped { name, .. } => drops.push(Action::new(
                    format!("DROP INDEX {}", quote(name)),
                    format!("drop index {name}"),
                )),
                TableChange::IndexChanged { name, old, new } if only_ignored(old, new) => {
                    let word = ignored(self.dialect, new.options.contains_key("ignored"));
                    adds.push(Action::new(
                        format!("ALTER INDEX {} {word}", quote(name)),
                        format!("change index {name}"),
                    ));
                }
                TableChange::IndexChanged { name, new, .. } => {
                    drops.push(Action::new(
                        format!("DROP INDEX {}", quote(name)),
                        format!("change index {name}"),
                    ));
                    adds.push(self.add_index(name, new, String::new()));
                }
                TableChange::CheckAdded { name, new } => {
                    check_added(name, new, &mut modified, &mut adds);
                }
                TableChange::CheckDropped { name, old } => {
                    self.check_dropped(name, old, &mut modified, &mut drops);
                }
                TableChange::CheckChanged { name, old, new } => {
                    self.check_dropped(name, old, &mut modified, &mut drops);
                    check_added(name, new, &mut modified, &mut adds);
                }
                TableChange::OptionChanged { option, old, new } => {
                    options.extend(changed_option(option, *old, *new));
                }
                TableChange::CommentChanged { new, .. } => options.push(Action::new(
                    format!("COMMENT {}", literal(new.unwrap_or_default())),
                    "change comment".to_owned(),
                )),
                // What only PostgreSQL has.
                TableChange::DetailsChanged
                | TableChange::RightsChanged
                | TableChange::OwnerChanged => {}
                // Foreign keys are the caller's; renames came before.
                TableChange::ForeignKeyAdded { .. }
                | TableChange::ForeignKeyDropped { .. }
                | TableChange::ForeignKeyChanged { .. }
                | TableChange::ColumnRenamed { .. }
                | TableChange::IndexRenamed { .. } => {}
            }
        }
        for name in modified {
            if let (Some(old), Some(new)) = (self.old.columns.get(name), self.new.columns.get(name))
            {
                let changed = ColumnChange {
                    unversioned: false,
                    ..ColumnChange::between(old, new)
                };
                // Said when the table has versions.
                if !self.gains_versions() || changed.any() {
                    columns.push((name, self.change_column(name, old, new)));
                }
            }
        }
        // Columns for it that have names are there from the same statement on.
        if self.gains_versions()
            && let Some(period) = period(self.new)
        {
            adds.push(Action::new(format!("ADD {period}"), String::new()));
        }
        self.keep_generated_indexes(&mut drops, &mut adds);
        self.keep_uses_of_remade(&mut drops, &mut adds);
        // In their order: each may be put behind the one before it.
        columns.sort_by_key(|(name, _)| self.new.columns.get_index_of(*name));
        drops.extend(columns.into_iter().flat_map(|(_, actions)| actions));
        drops.extend(adds);
        drops.extend(options);
        drops
    }

    /// Whether the table has versions from now on. Which columns have none can only be said afterwards.
    fn gains_versions(&self) -> bool {
        let option = "system versioning";
        let of_table = |change: &TableChange<'_>| matches!(change, TableChange::OptionChanged { option: it, .. } if *it == option);
        self.changes.iter().any(of_table) && self.new.options.contains_key(option)
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

    /// Foreign keys of the new side, to be added.
    pub(super) fn add_keys(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<Action> {
        names
            .into_iter()
            .filter_map(|name| Some((name, self.new.foreign_keys.get(name)?)))
            .map(|(name, key)| {
                Action::new(
                    format!("ADD {}", foreign_key(self.schema, name, key)),
                    if self.lifted.contains(name) {
                        String::new()
                    } else {
                        format!("add foreign key {name}")
                    },
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

    fn add_column(&self, name: &str, new: &Column) -> Action {
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

    fn change_column(&self, name: &str, old: &Column, new: &Column) -> Vec<Action> {
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
        let destructive = if new.generated.is_some() {
            // What was written by hand is computed from now on.
            old.generated.is_none()
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
    fn generated_in_place(old: &Column, new: &Column) -> bool {
        match (&old.generated, &new.generated) {
            (Some(old), Some(new)) => old.stored == new.stored,
            (Some(old), None) => old.stored,
            (None, Some(new)) => new.stored,
            (None, None) => true,
        }
    }

    /// Indexes and checks that do not change themselves, of columns that go and come in one statement: a server keeps the index of one that goes for as many
    /// bytes as that had, and drops a check of it or fails.
    fn keep_uses_of_remade(&self, drops: &mut Vec<Action>, adds: &mut Vec<Action>) {
        let both = self.new.columns.iter();
        let remade: Vec<&str> = both
            .filter_map(|(name, new)| {
                let old = self.old.columns.get(name)?;
                let is_remade = ColumnChange::between(old, new).generated
                    && !Self::generated_in_place(old, new);
                is_remade.then_some(name.as_str())
            })
            .collect();
        for (name, index) in &self.new.indexes {
            let mut columns = index.parts.iter().filter_map(|part| part.column.as_deref());
            if columns.any(|column| remade.contains(&column))
                && self.old.indexes.get(name) == Some(index)
            {
                let sql = format!("DROP INDEX {}", quote(name));
                drops.push(Action::new(sql, String::new()));
                adds.push(self.add_index(name, index, format!("keep index {name}")));
            }
        }
        for (name, new) in &self.new.checks {
            let mut columns = remade.iter();
            if columns.any(|column| new.expression.contains(&quote(column)))
                && new.attributes != OF_COLUMN
                && self.old.checks.get(name) == Some(new)
            {
                let sql = format!("DROP {}", dropped_check(self.dialect, name, new));
                drops.push(Action::new(sql, String::new()));
                let sql = format!("ADD {}", check(name, new));
                adds.push(Action::new(sql, format!("keep check {name}")));
            }
        }
    }

    fn add_index(&self, name: &str, new: &Index, purpose: String) -> Action {
        Action::new(format!("ADD {}", index(self.dialect, name, new)), purpose)
    }

    fn check_dropped(
        &self,
        name: &'a str,
        old: &Check,
        modified: &mut BTreeSet<&'a str>,
        drops: &mut Vec<Action>,
    ) {
        if old.attributes == OF_COLUMN {
            modified.insert(name);
        } else {
            drops.push(Action::new(
                format!("DROP {}", dropped_check(self.dialect, name, old)),
                format!("drop check {name}"),
            ));
        }
    }

    /// A server drops the index that it made for a foreign key as soon as another one will do, and also one that it called after a column when the key
    /// comes back, whose name the next one gets. Where the wanted schema keeps it, it is made again by name, which makes it nobody's but the table's.
    fn keep_generated_indexes(&self, drops: &mut Vec<Action>, adds: &mut Vec<Action>) {
        let columns = |index: &'a Index| index.parts.iter().map(|part| part.column.as_deref());
        let added: Vec<&Index> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                TableChange::IndexAdded { new, .. } | TableChange::IndexChanged { new, .. } => {
                    Some(*new)
                }
                _ => None,
            })
            .collect();
        let added_keys = self.keys_added();
        for (key_name, key) in &self.new.foreign_keys {
            let covers = |index: &'a Index| {
                columns(index)
                    .zip(&key.columns)
                    .filter(|(column, needed)| *column == Some(needed.as_str()))
                    .count()
                    == key.columns.len()
            };
            let is_replaced = added.iter().any(|index| covers(index));
            let mut old_keys = self.old.foreign_keys.values();
            let comes_back = added_keys.contains(key_name.as_str())
                && old_keys.any(|old| old.columns == key.columns);
            if !is_replaced && !comes_back {
                continue;
            }
            let after_column = |name: &str| {
                let number = key
                    .columns
                    .first()
                    .and_then(|column| name.strip_prefix(column.as_str()));
                number
                    .is_some_and(|number| number.chars().all(|it| it == '_' || it.is_ascii_digit()))
            };
            let generated = self.new.indexes.iter().filter(|(name, index)| {
                !index.unique
                    && (is_replaced || after_column(name))
                    && index.parts.len() == key.columns.len()
                    && covers(index)
                    && self.old.indexes.get(*name).map(|old| &old.parts) == Some(&index.parts)
            });
            for (name, index) in generated {
                drops.push(Action::new(
                    format!("DROP INDEX {}", quote(name)),
                    String::new(),
                ));
                adds.push(self.add_index(name, index, format!("keep index {name}")));
            }
        }
    }
}

fn check_added<'a>(
    name: &'a str,
    new: &Check,
    modified: &mut BTreeSet<&'a str>,
    adds: &mut Vec<Action>,
) {
    if new.attributes == OF_COLUMN {
        modified.insert(name);
    } else {
        adds.push(Action::new(
            format!("ADD {}", check(name, new)),
            format!("add check {name}"),
        ));
    }
}

fn drop_column(name: &str, old: &Column) -> Action {
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

fn only_ignored(old: &Index, new: &Index) -> bool {
    let without = |index: &Index| {
        let mut index = index.clone();
        index.options.remove("ignored");
        index
    };
    old.options.contains_key("ignored") != new.options.contains_key("ignored")
        && without(old) == without(new)
}

fn changed_option(name: &str, old: Option<&str>, new: Option<&str>) -> Option<Action> {
    let purpose = format!("change {name}");
    if name == "system versioning" {
        return Some(if new.is_some() {
            Action::new("ADD SYSTEM VERSIONING".to_owned(), purpose)
        } else {
            Action::destructive("DROP SYSTEM VERSIONING".to_owned(), purpose)
        });
    }
    if name == "auto_increment" && !raises(old, new) {
        return None;
    }
    option(name, new).map(|sql| Action::new(sql, purpose))
}

/// A counter is only ever moved forward: rows may have taken it further than the text says.
pub(super) fn raises(old: Option<&str>, new: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    number(new) > number(old)
}
