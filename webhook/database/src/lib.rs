//! Databases: connect, inspect, lock and execute. The only room that names a driver.
//!
//! It knows nothing of Kubernetes and decides nothing. It hands out what is in a database as a [`tidegate_schemaplan::Catalog`], and runs
//! statements that somebody else wrote:
//!
//! 1. [`Address::parse`] reads the address, [`Databases::place`] tells which database that is, without connecting;
//! 2. [`Databases::open`] gives a [`Session`], the same set of questions for every engine;
//! 3. [`Session::inspect`] says what is there, [`Session::desired`] what would be there had a wanted schema's text run in a scratch place;
//! 4. [`Session::apply_to`] runs a plan, if the database still holds what the plan was made from;
//! 5. [`Migrator`] runs versioned migrations on a session.
//!
//! No lock is held while a policy thinks about a plan, and still what was judged is what runs. A crash at any point leaves a database as before or as
//! planned where the engine can roll back DDL, and tells how far it got where it cannot.
//!
//! What a schema's text may do on SQLite is limited by SQLite's own hardening and by an authorizer that shuts every way out of the file
//! (`guard`); on servers by what a scratch place refuses. Every operation has a time limit and every text a size ([`Limits`]).
//!
//! It is not a pool: a connection lives as long as its [`Session`], and a reconciler at rest holds none.

mod address;
mod count;
mod database;
mod error;
mod fingerprint;
mod guard;
mod lost;
mod migrate;
mod mysql;
mod network;
mod postgres;
mod session;
mod sqlite;

pub use address::{Address, AddressError, FileMode, MAX_ADDRESS_BYTES, SqliteAddress};
pub use count::{Counted, count};
pub use database::{Applied, Databases, Limits, Place, Settings};
pub use error::DatabaseError;
pub use fingerprint::{Fingerprint, Inspected, PlannedFrom};
pub use migrate::{
    DownPlan, Drift, FailedStatement, InDoubt, Look, MigrateError, MigrateSettings, Migrated,
    Migrator, Planned, Progress,
};
pub use mysql::{MysqlAddress, MysqlSession};
pub use postgres::{PostgresAddress, PostgresSession};
pub use session::{LOCK_WAIT, SCHEMA_LOCK, Session};
pub use sqlite::SqliteSession;
pub use tidegate_migrations::TransactionMode;
