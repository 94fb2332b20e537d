//! Differences to statements: what runs, in which order, and what is refused.
//!
//! Each engine has its own module, because what can be changed in place, what can be combined and what is transactional differs; they share
//! the order: renames, then what is needed by others before its users (types, tables by foreign keys, views), then what is dropped, users first.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tidegate_sqlplan::Dialect;

use crate::catalog::{Catalog, Sayings, Schema};
use crate::diff::{Change, TableChange, diff};
use crate::exclude::{exclude, exclude_revisions};
use crate::owner::settle_rights;
use crate::renames::{self, Rename, rename};
use crate::rights::keep_unspoken;
use crate::settings::Settings;
use crate::skip::skip;

mod mysql;
mod postgres;
mod sqlite;
mod text;

use self::postgres::NamesOfSequences;
pub(crate) use self::postgres::{rename_parent, written_as_parent};

/// What to run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In order.
    pub statements: Vec<Statement>,
    /// What is there and is neither compared nor changed, in words: `view v is not managed`.
    pub not_managed: Vec<String>,
}

/// One statement of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Without delimiter.
    pub sql: String,
    /// Whether rows or columns can be lost by it.
    pub destructive: bool,
    /// Whether it must run outside a transaction (`CREATE INDEX CONCURRENTLY`).
    pub alone: bool,
    /// Whether it is one transaction with the statement before it, whatever else is one: what is half done between them is not to be seen, or left.
    #[serde(default)]
    pub together: bool,
    /// What it is for, in a few words: `drop column users.email`.
    pub purpose: String,
}

/// A difference that cannot be brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What it is about, for example `column users.email`.
    pub object: String,
    /// Why not, and what to do, in a sentence without full stop.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.object, self.reason)
    }
}

/// The statements that make `desired` of `current`. Empty when they are equal.
///
/// # Errors
/// Every difference that cannot be brought about, when there is any.
pub fn plan(
    current: &Catalog,
    desired: &Catalog,
    settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let mut prepared = Prepared::new(current, desired, settings)?;
    let settled = prepared.settle(settings);
    let changes = prepared.changes(settings);
    let Prepared {
        current, desired, ..
    } = &prepared;
    match desired.engine.dialect {
        Dialect::Postgres => {
            let sides = (current, desired);
            let (sequences, rights) = (settled.sequences, &settled.spoken_rights);
            let mut plan = postgres::plan(sides, &changes, sequences, rights, settings)?;
            plan.not_managed.extend(settled.unspoken);
            Ok(plan)
        }
        Dialect::Mysql | Dialect::Mariadb => mysql::plan(current, desired, &changes, settings),
        Dialect::Sqlite => sqlite::plan(current, desired, &changes, settings),
    }
}

/// A table or a column that a plan drops, by the name that it has now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Empty where the scope is one schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column; none where it is the table that is dropped.
    pub column: Option<String>,
}

/// What [`plan()`] of the same would drop, so that its rows can be counted beforehand. Empty where there is no plan.
pub fn losses(current: &Catalog, desired: &Catalog, settings: &Settings) -> Vec<Loss> {
    let Ok(prepared) = Prepared::new(current, desired, settings) else {
        return Vec::new();
    };
    let Prepared {
        current,
        desired,
        renames,
    } = prepared;
    let mut changes = diff(&current, &desired);
    skip(&mut changes, settings.skip);
    let mut losses = Vec::new();
    let mut lose = |schema: &str, table: &str, column: Option<&str>| {
        let renamed = renames
            .iter()
            .find(|it| it.column.is_none() && it.schema == schema && it.table == table);
        losses.push(Loss {
            schema: schema.to_owned(),
            table: renamed.map_or(table, |it| it.from.as_str()).to_owned(),
            column: column.map(str::to_owned),
        });
    };
    for change in &changes {
        match change {
            Change::SchemaDropped { schema, old } => {
                old.tables
                    .keys()
                    .for_each(|table| lose(schema, table, None));
            }
            Change::TableDropped { schema, table, .. } => lose(schema, table, None),
            Change::TableChanged {
                schema,
                table,
                changes,
                ..
            } => {
                for change in changes {
                    if let TableChange::ColumnDropped { name, .. } = change {
                        lose(schema, table, Some(name));
                    }
                }
            }
            _ => {}
        }
    }
    losses
}

/// Whether `approved`, as a person typed it, means the plan of this `hash`: as many of its first digits as nobody meets by chance, in either case.
pub fn approves(approved: &str, hash: &str) -> bool {
    const FEWEST_DIGITS: usize = 12;
    approved.len() >= FEWEST_DIGITS && hash.starts_with(&approved.to_ascii_lowercase())
}

/// Both sides without what is excluded, the present one with what is renamed.
pub(crate) struct Prepared {
    current: Catalog,
    desired: Catalog,
    renames: Vec<Rename>,
}

/// What of both sides is no difference, and was made the same.
pub(crate) struct Settled {
    sequences: NamesOfSequences,
    /// Of schemas, as the wanted side says them.
    spoken_rights: BTreeMap<String, Sayings>,
    /// Rights that the wanted side does not speak of, in words.
    unspoken: Vec<String>,
}

impl Prepared {
    pub(crate) fn new(
        current: &Catalog,
        desired: &Catalog,
        settings: &Settings,
    ) -> Result<Self, Vec<Refusal>> {
        let (mut current, mut desired) = (current.clone(), desired.clone());
        exclude(&mut current, &settings.exclude);
        exclude(&mut desired, &settings.exclude);
        exclude_revisions(&mut current);
        exclude_revisions(&mut desired);
        if desired.engine.dialect == Dialect::Sqlite {
            // One that is not there yet has its one schema all the same.
            current.schemas.entry(String::new()).or_default();
            desired.schemas.entry(String::new()).or_default();
            let respelled = sqlite::respelled(&current, &desired);
            rename(&mut current, &desired, &respelled)?;
        }
        let mut renames = rename(&mut current, &desired, &settings.renames)?;
        if desired.engine.dialect.is_mysql_like() {
            // Said to the server, which keeps the spelling, though to it the two are one name.
            let respelled = mysql::respelled(&current, &desired);
            renames.extend(rename(&mut current, &desired, &respelled)?);
        }
        Ok(Self {
            current,
            desired,
            renames,
        })
    }

    /// Makes the same what is no difference.
    pub(crate) fn settle(&mut self, settings: &Settings) -> Settled {
        let sequences = match self.desired.engine.dialect {
            Dialect::Postgres => {
                NamesOfSequences::taken(&mut self.current, &self.desired, settings.skip)
            }
            _ => NamesOfSequences::default(),
        };
        let rights = |(name, schema): (&String, &Schema)| (name.clone(), schema.rights.clone());
        let spoken_rights = self.desired.schemas.iter().map(rights).collect();
        let unspoken = keep_unspoken(&self.current, &mut self.desired);
        settle_rights(&mut self.current, &mut self.desired);
        Settled {
            sequences,
            spoken_rights,
            unspoken,
        }
    }

    /// What differs, as far as it is not to be left as it is.
    pub(crate) fn changes(&self, settings: &Settings) -> Vec<Change<'_>> {
        let mut changes = diff(&self.current, &self.desired);
        renames::insert(&mut changes, &self.renames, &self.current, &self.desired);
        skip(&mut changes, settings.skip);
        changes
    }
}

impl Plan {
    /// What tells this plan from any other: hexadecimal SHA-256 of its statements in order. It is the same on every machine, so that a plan can be
    /// shown in one place and approved in another.
    pub fn hash(&self) -> String {
        let mut digest = Sha256::new();
        for statement in &self.statements {
            // The length keeps two statements from being taken for one.
            digest.update((statement.sql.len() as u64).to_be_bytes());
            digest.update(statement.sql.as_bytes());
        }
        format!("{:x}", digest.finalize())
    }

    /// Whether rows or columns can be lost by it.
    pub fn is_destructive(&self) -> bool {
        self.statements
            .iter()
            .any(|statement| statement.destructive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_approve_a_plan_and_eleven_or_others_do_not() {
        let hash = "0123456789abcdef0123";
        for (approved, expected) in [
            (hash, true),
            ("0123456789ab", true),
            ("0123456789AB", true),
            ("0123456789a", false),
            ("0123456789ac", false),
            ("0123456789abcdef01234", false),
            ("", false),
        ] {
            assert_eq!(approves(approved, hash), expected, "{approved:?}");
        }
    }

    #[test]
    fn a_hash_tells_plans_apart_and_stays_the_same() {
        let plan = |statements: &[&str]| Plan {
            statements: statements
                .iter()
                .map(|sql| Statement {
                    sql: (*sql).to_owned(),
                    ..Statement::default()
                })
                .collect(),
            ..Plan::default()
        };
        assert_eq!(
            plan(&[]).hash(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(plan(&["a", "b"]).hash(), plan(&["a", "b"]).hash());
        assert_ne!(plan(&["a", "b"]).hash(), plan(&["ab"]).hash());
        assert_ne!(plan(&["a", "b"]).hash(), plan(&["b", "a"]).hash());
    }
}
