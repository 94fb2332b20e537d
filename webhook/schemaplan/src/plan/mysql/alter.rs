//! One table's changes as at most two `ALTER TABLE`: foreign keys that go, then everything else at once, because each may copy the table.
//!
//! A foreign key that goes and comes back under its name cannot do both in one statement; and a column that one holds on to cannot change its
//! type. So those go first, also where only the type changes, and come back with the rest, checked against the rows.

use std::collections::BTreeSet;

use tidegate_sqlplan::Dialect;

use crate::catalog::{Check, Index, Table};
use crate::diff::{ColumnChange, TableChange};

use super::columns::drop_column;
use super::text::{
    OF_COLUMN, check, dropped_check, foreign_key, ignored, index, literal, option, period,
    primary_key, quote,
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
    pub(super) fn new(sql: String, purpose: String) -> Self {
        Self {
            sql,
            destructive: false,
            purpose,
        }
    }

    pub(super) fn destructive(sql: String, purpose: String) -> Self {
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
        if self.names_versions() {
            options.push(Action::new(
                "ADD SYSTEM VERSIONING".to_owned(),
                String::new(),
            ));
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

    pub(super) fn add_index(&self, name: &str, new: &Index, purpose: String) -> Action {
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
    // An engine that keeps nothing takes the rows that are there as well.
    let destructive =
        name == "engine" && new.is_some_and(|it| it.eq_ignore_ascii_case("blackhole"));
    option(name, new).map(|sql| Action {
        destructive,
        ..Action::new(sql, purpose)
    })
}

/// A counter is only ever moved forward: rows may have taken it further than the text says.
pub(super) fn raises(old: Option<&str>, new: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    number(new) > number(old)
}
