//! Databases: connect, inspect, lock and execute. The only room that names a driver.
//!
//! It knows nothing of Kubernetes and decides nothing. It hands out what is in a database as a [`tidegate_sqlplan::Schema`], and runs a list
//! of statements that somebody else wrote, all of them or none:
//!
//! 1. [`Address::parse`] reads the address, [`Databases::open`] finds the place (which folder, which file, no connection yet);
//! 2. [`Database::lock`] waits for the turn: within this process one holder at a time for each file, however the file was spelled;
//! 3. [`Locked::inspect`] reads the schema's own texts;
//! 4. [`Locked::apply`] opens one transaction with `BEGIN IMMEDIATE` (which keeps every other *process* out), reads the texts again and
//!    refuses when they are not those that were planned against, runs the statements, looks for dangling foreign keys, commits.
//!
//! So the transaction is short, no lock of the database is held while a policy thinks about a plan, and still what was judged is what
//! runs. A crash at any point leaves a database as before or as planned: that is SQLite's journal, not ours.
//!
//! What a schema's text may do is limited three times: the planner writes every statement, SQLite's own hardening is on, and
//! an authorizer names the few things that are allowed (`guard`). Every operation has a time limit and every text a size ([`Limits`]).
//!
//! It is not a pool: a connection lives as long as a [`Locked`], and a reconciler at rest holds none.

mod address;
mod count;
mod database;
mod error;
mod guard;
mod locks;
mod migrate;
mod mysql;
mod network;
mod postgres;
mod session;
mod sqlite;

pub use address::{Address, AddressError, FileMode, MAX_ADDRESS_BYTES, SqliteAddress};
pub use count::{Counted, count};
pub use database::{Applied, Database, Databases, Limits, Locked, Settings};
pub use error::DatabaseError;
pub use migrate::{
    DownPlan, FailedStatement, InDoubt, MigrateError, MigrateSettings, Migrated, Migrator, Progress,
};
pub use mysql::{MysqlAddress, MysqlSession};
pub use postgres::{PostgresAddress, PostgresSession};
pub use session::Session;
pub use sqlite::{Inspection, SchemaText, SqliteSession};
pub use tidegate_migrations::TransactionMode;
