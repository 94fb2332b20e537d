//! The reconciler against a real API server and real databases: SQLite files, `PostgreSQL`, MariaDB.
//!
//! Each test has a namespace, a folder and a reconciler of its own. Nothing sleeps: `kubectl wait` waits for what the test is about.

#[path = "../common/mod.rs"]
mod common;
mod drift_check;
mod migration;
mod operator;
mod scenarios;
mod schema;
mod servers;
mod support;
