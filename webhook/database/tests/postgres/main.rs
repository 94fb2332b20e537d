//! `PostgreSQL`, on a server of this test's own.

mod laws;
mod pairs;
mod session;
mod support;
