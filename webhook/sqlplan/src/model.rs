//! A schema as plain data.
//!
//! Tables are keyed by the folded name, so that two spellings of one name are one entry. Texts of expressions are canonical (see
//! [`crate::cursor`]); the SQL that would make a thing is kept as it was written, because re-printed SQL is not what anybody reviewed.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;

use crate::cursor::Name;
use crate::position::Position;
use crate::types::SqlType;

/// What a database holds, or should hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// The tables by folded name, in the order they were written.
    pub tables: IndexMap<String, Table>,
    /// Everything else that has a name, by kind and folded name.
    pub objects: BTreeMap<(ObjectKind, String), Object>,
}

impl Schema {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.objects.is_empty()
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// As written.
    pub name: Name,
    /// In the order they were written.
    pub columns: Vec<Column>,
    /// The primary key, wherever it was written.
    pub primary_key: Option<Key>,
    /// The unique constraints, wherever they were written.
    pub uniques: Vec<Key>,
    /// The indexes, by `CREATE INDEX` or within the table.
    pub indexes: Vec<Index>,
    /// The foreign keys, wherever they were written.
    pub foreign_keys: Vec<ForeignKey>,
    /// The check constraints, wherever they were written.
    pub checks: Vec<Check>,
    /// What stands behind the columns (`strict`, `engine=myisam`), as far as it differs from the default; `exclude ..` constraints too.
    pub options: Vec<String>,
    /// The character set of columns that name none, in lower case.
    pub charset: Option<String>,
    /// The collation of columns that name none, in lower case.
    pub collation: Option<String>,
    /// Whether columns come from another table or a query, so that what is written here is not all of it.
    pub derived: bool,
    /// The statements that make it, as written: `CREATE TABLE` first.
    pub statements: Vec<String>,
    /// Where its `CREATE TABLE` starts.
    pub position: Position,
}

impl Table {
    /// The column of this name, however it is spelled.
    pub fn column(&self, name: &str) -> Option<&Column> {
        // PostgreSQL tells "A" from "a": an exact match goes first.
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| {
            self.columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        })
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Without quotes.
    pub name: String,
    /// Its type, aliases folded.
    pub data_type: SqlType,
    /// Whether it may hold NULL. False for the columns of the primary key, except in SQLite.
    pub nullable: bool,
    /// The default, canonical; none for none and for NULL.
    pub default: Option<String>,
    /// The expression that gives its value, canonical, with `stored` or `virtual`.
    pub generated: Option<String>,
    /// `AUTO_INCREMENT`, `AUTOINCREMENT`, serial or identity.
    pub auto_increment: bool,
    /// Its collation, in lower case; none for the default.
    pub collation: Option<String>,
    /// Its character set, in lower case; none for the default, `utf8mb4`.
    pub charset: Option<String>,
    /// The definition as written, from the name on.
    pub source: String,
    /// Where its definition starts.
    pub position: Position,
    /// Which constraints the definition itself holds.
    pub inline: Inline,
}

/// The constraints that a column's own definition holds. They are folded into the table's as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inline {
    /// `PRIMARY KEY`.
    pub primary_key: bool,
    /// `UNIQUE`.
    pub unique: bool,
    /// `REFERENCES`.
    pub references: bool,
    /// `CHECK`.
    pub check: bool,
}

/// A primary key or a unique constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns, folded, in order.
    pub columns: Vec<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Whether two rows may not agree.
    pub unique: bool,
    /// Its columns and expressions, canonical, in order, with `desc`.
    pub columns: Vec<String>,
    /// What stands behind the columns: `where ..`, `include (..)`; and the method before them; canonical.
    pub rest: String,
    /// `CREATE INDEX ..` as written; none where it stands within the table.
    pub statement: Option<String>,
    /// Where it starts.
    pub position: Position,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// The referring columns, folded.
    pub columns: Vec<String>,
    /// The folded name of the table that is referred to.
    pub table: String,
    /// The columns there; empty for its primary key.
    pub referred: Vec<String>,
    /// In lower case; none for `NO ACTION`, which is also what MySQL's RESTRICT is.
    pub on_delete: Option<String>,
    /// As `on_delete`.
    pub on_update: Option<String>,
}

/// A check constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Canonical.
    pub expression: String,
}

/// Something with a name that is no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// As written.
    pub name: Name,
    /// Its definition, canonical.
    pub definition: String,
    /// The words of an enumeration, in order; the attributes of a type with their types; a domain's type and conditions; the columns of a view
    /// whose names can be told.
    pub members: Vec<String>,
    /// Where it starts.
    pub position: Position,
}

/// The kinds of things that can be made and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are SQL's own words")]
pub enum ObjectKind {
    Database,
    Schema,
    Table,
    View,
    MaterializedView,
    Index,
    Sequence,
    Type,
    Domain,
    Extension,
    Function,
    Procedure,
    Trigger,
    Event,
    Rule,
    Policy,
    Account,
    Other,
}

impl ObjectKind {
    /// In words, lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Extension => "extension",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Trigger => "trigger",
            Self::Event => "event",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Account => "account",
            Self::Other => "object",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
