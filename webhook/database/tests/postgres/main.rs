//! `PostgreSQL`, on a server of this test's own.

mod changing_hands;
mod kept;
mod laws;
mod owners;
mod pairs;
mod parts_and_types;
mod session;
mod support;
mod trees;
