//! What statements do, as data. [`crate::read`] finds it.

use crate::alter::AlterAction;
use crate::cursor::Name;
use crate::definition::{IndexDefinition, TableDefinition};
use crate::model::ObjectKind;

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// One by one.
    pub effects: Vec<Found>,
    /// The whole statement was recognised, so that it does not matter whether the parser knows it.
    pub known: bool,
}

/// One effect, and the byte of the text where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub effect: Effect,
    /// Where.
    pub offset: usize,
    /// It stands in the body of a routine or block, and happens when that runs.
    pub nested: bool,
}

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// `CREATE TABLE`.
    CreateTable(Box<TableDefinition>),
    /// `CREATE INDEX`.
    CreateIndex(Box<IndexDefinition>),
    /// `CREATE` of anything else.
    Create {
        /// What is made.
        kind: ObjectKind,
        /// Its name, where one is written.
        name: Option<Name>,
        /// What was there goes away.
        or_replace: bool,
    },
    /// One action of `ALTER TABLE`.
    AlterTable {
        /// The table.
        table: Name,
        /// The action.
        action: AlterAction,
    },
    /// `DROP`.
    Drop {
        /// What is dropped.
        kind: ObjectKind,
        /// Its name.
        name: Name,
        /// What depends on it goes too.
        cascade: bool,
        /// PostgreSQL: without blocking.
        concurrently: bool,
        /// It goes away with the session anyway.
        temporary: bool,
    },
    /// `ALTER` of what is no table.
    AlterObject {
        /// What is altered.
        kind: ObjectKind,
        /// Its name.
        name: Name,
        /// How.
        change: ObjectChange,
    },
    /// `TRUNCATE`.
    Truncate {
        /// The table.
        table: Name,
        /// Tables that refer to it go too.
        cascade: bool,
    },
    /// `DELETE`.
    Delete {
        /// The table.
        table: Name,
        /// Which rows.
        bound: Bound,
    },
    /// `UPDATE`.
    Update {
        /// The table.
        table: Name,
        /// Which rows.
        bound: Bound,
    },
    /// `INSERT`, `REPLACE`, `MERGE`.
    Insert {
        /// The table.
        table: Name,
        /// The one table whose rows, all of them, are what is inserted.
        copies: Option<Name>,
    },
    /// Rows go from one table into another: `INSERT .. SELECT`, `CREATE TABLE .. AS`, `SELECT .. INTO`.
    CopyRows {
        /// The table they come from.
        from: Name,
        /// The table they go to.
        into: Name,
        /// WHERE, LIMIT or the like chooses some of them.
        bounded: bool,
        /// Rows of the same key that are there go away: `REPLACE`, `INSERT OR REPLACE`.
        replaces: bool,
        /// The table is made for them.
        makes: bool,
    },
    /// A routine or view that runs with rights other than those of who calls it.
    DefinerRights {
        /// The words.
        what: String,
    },
    /// A guard of the rows is taken away, where no table's `ALTER` does it.
    IntegrityOff {
        /// The words.
        what: String,
    },
    /// Accounts and rights.
    Privilege {
        /// The words.
        what: String,
    },
    /// Files, programs and other servers.
    FileAccess {
        /// The words.
        what: String,
    },
    /// SQL that is made at run time.
    DynamicSql {
        /// The words.
        what: String,
    },
    /// A setting of the session that changes what later statements mean.
    SessionSetting {
        /// The setting.
        what: String,
    },
    /// A setting of the server, or its life.
    ServerSetting {
        /// The words.
        what: String,
    },
    /// `BEGIN`, `COMMIT` and their like.
    Transaction {
        /// The words.
        what: String,
    },
    /// `LOCK TABLES` and their like.
    Lock {
        /// The words.
        what: String,
    },
}

/// A change of what is no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectChange {
    /// It, or a part of it that programs name, is named otherwise from now on.
    Renamed,
    /// A part of a type is dropped or becomes another type.
    Narrowed,
    /// PostgreSQL: a domain gets a constraint, and all rows that use it are looked at.
    Tightened,
    /// PostgreSQL: a domain loses a constraint.
    Loosened,
    /// PostgreSQL: an index or materialized view is written again, at another place.
    Moved,
}

/// Which rows a statement touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Those that its WHERE chooses.
    Condition,
    /// All: it has no WHERE.
    Missing,
    /// All: its WHERE is true for every row.
    AlwaysTrue,
}
