//! `PostgreSQL`, on a server of this test's own.

mod pairs;
mod session;
mod support;
