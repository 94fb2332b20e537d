//! The reconciler against a real API server and real databases: SQLite files, `PostgreSQL`, MariaDB.
//!
//! Each test has a namespace, a folder and a reconciler of its own. Nothing sleeps: `kubectl wait` waits for what the test is about.

mod migration;
mod schema;
mod servers;
mod support;
