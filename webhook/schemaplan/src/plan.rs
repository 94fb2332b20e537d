//! Differences to statements: what runs, in which order, and what is refused.
//!
//! Each engine has its own module, because what can be changed in place, what can be combined and what is transactional differs; they share
//! the order: renames, then what is needed by others before its users (types, tables by foreign keys, views), then what is dropped, users first.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_sqlplan::Dialect;

use crate::catalog::Catalog;
use crate::diff::diff;
use crate::exclude::exclude;
use crate::settings::Settings;

mod mysql;
mod postgres;
mod sqlite;

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
    let (mut current, mut desired) = (current.clone(), desired.clone());
    exclude(&mut current, &settings.exclude);
    exclude(&mut desired, &settings.exclude);
    let changes = diff(&current, &desired);
    match desired.engine.dialect {
        Dialect::Postgres => postgres::plan(&current, &desired, &changes, settings),
        Dialect::Mysql | Dialect::Mariadb => mysql::plan(&current, &desired, &changes, settings),
        Dialect::Sqlite => sqlite::plan(&current, &desired, &changes, settings),
    }
}
