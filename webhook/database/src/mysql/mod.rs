//! MariaDB 10.6 and newer, MySQL 8.
//!
//! What is read and written is MariaDB's unless a comment says otherwise; the two differ in what `information_schema` says of defaults, checks
//! and expressions, and [`inspect`] brings both to one spelling. MySQL's side follows its manual and was not run against a server.

mod address;
mod columns;
mod connect;
mod constraints;
mod indexes;
mod inspect;
mod listing;
mod objects;
mod outside;
mod own_name;
mod periods;
mod scratch;
mod session;
mod sql;
mod tables;
mod texts;
mod tokens;
mod views;
mod wire;

pub use address::MysqlAddress;
pub use session::MysqlSession;
