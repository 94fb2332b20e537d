//! SQL split, read, modelled and compared; pure.
//!
//! A text becomes a [`Script`] of statements by the one splitter that Tidegate has: the policy `unsafe-sql` judges, and the reconciler runs, the
//! same pieces. Each statement is read twice. Our own reader ([`Statement::read`]) goes through the tokens without recursion and says what the
//! statement does, also where no grammar follows; sqlparser ([`Statement::parse`]) says whether the piece is exactly one statement of the
//! dialect. A caller refuses what neither understands. From the effects a [`Schema`] is folded, and two schemas are compared with
//! [`diff`]. The way from one to the other is planned in `tidegate-schemaplan`, from what servers say.
//!
//! It is no SQL engine: names are not resolved against a database, expressions are compared by their spelling.
//!
//! Texts come from strangers. All that is read has a written limit ([`limits`]), checked on tokens before anything recursive runs.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod access;
mod affinity;
mod alter;
mod body;
mod change;
mod column;
mod condition;
mod copies;
mod cursor;
mod definition;
mod dialect;
mod diff;
mod dml;
mod effect;
mod expression;
pub mod limits;
mod made;
mod model;
mod object;
mod options;
mod parse;
mod position;
mod problem;
mod read;
mod schema;
mod session;
mod settle;
mod shown;
mod split;
mod sqlite;
mod statement;
mod token;
mod types;

pub use affinity::Affinity;
pub use alter::{AlterAction, AlterTable};
pub use change::TypeChange;
pub use cursor::Name;
pub use definition::{ColumnDefinition, Constraint, IndexDefinition, TableDefinition};
pub use dialect::Dialect;
pub use diff::{Change, TableChange, diff};
pub use effect::{Bound, Effect, Found, ObjectChange, Reading};
pub use model::{Check, Column, ForeignKey, Index, Inline, Key, Object, ObjectKind, Schema, Table};
pub use position::Position;
pub use problem::{ProblemKind, SqlProblem};
pub use schema::{fold, parse_schema};
pub use split::{Piece, PieceKind, Script};
pub use sqlite::{
    SqliteColumn, SqliteConstraint, SqliteConstraintKind, SqliteTable, read_sqlite_index,
    read_sqlite_object,
};
pub use statement::Statement;
pub use types::{SqlType, Values};
