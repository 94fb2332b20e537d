//! From what a database holds to what it should hold, in statements; pure.
//!
//! Both sides are a [`Catalog`]: what an *inspector* (room `database`) read from a real server. The wanted side is had by running the wanted
//! schema's text in a scratch database of the same server and inspecting that. So both sides are spelled by the same server, `int4` is `integer` on
//! both, and [`diff`] is a comparison of equal spellings; there is no normaliser of SQL here that could be wrong. (`tidegate-sqlplan` is the
//! other way round: it reads texts, for the policies, which have no server.)
//!
//! [`plan`] orders the differences and writes them in the engine's own SQL. A difference that cannot be brought about in place is a [`Refusal`]
//! with its reason, never left out: a plan that does half is worse than none.
//!
//! It connects to nothing and runs nothing.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod bookkeeping;
mod catalog;
mod diff;
mod differences;
mod exclude;
mod executable;
mod order;
mod owner;
mod plan;
mod renames;
mod rights;
mod settings;
mod skip;
mod wanted;

pub use catalog::{
    Aside, Catalog, Check, Column, Engine, ForeignKey, Generated, Identity, Index, IndexPart,
    Object, ObjectKind, PrimaryKey, Sayings, Schema, Table,
};
pub use diff::{Change, ColumnChange, TableChange, diff};
pub use differences::{Difference, Differences, How, differences};
pub use owner::Owner;
pub use plan::{Loss, Plan, Refusal, Statement, approves, losses, plan};
pub use settings::{RenameHint, Settings, Skip};
pub use wanted::{Wanted, WantedProblem, wanted};
