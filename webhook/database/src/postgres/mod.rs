//! `PostgreSQL` 12 and newer.

mod address;

pub use address::PostgresAddress;
