//! A database's schema as its own server describes it, as plain data.
//!
//! Every text is the server's spelling (`format_type`, `pg_get_expr`, `information_schema`, `sqlite_schema`), so that two catalogs of the same
//! server version that mean the same are equal. Names are as stored, without quotes. Nothing here depends on the order in which a server lists
//! things, but for the columns, whose order is part of a table.
//!
//! What a server made by itself (the index behind a primary key, a sequence owned by an identity column, MariaDB's `json_valid` check of a
//! JSON column) is part of what it was made for and is not listed again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tidegate_sqlplan::Dialect;

use crate::owner::Owner;

/// What a database holds within the scope that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Who described it.
    pub engine: Engine,
    /// The schemas (`PostgreSQL`) or databases (MySQL, MariaDB) by name. Where the scope is one schema its name is empty, so that a
    /// scratch schema and the real one compare equal, and statements carry no qualifier. SQLite has only that one.
    pub schemas: BTreeMap<String, Schema>,
    /// `PostgreSQL`: who looked, and runs the plan. Not said of a wanted schema.
    #[serde(default)]
    pub user: Owner,
}

/// A kind of server and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// Which SQL it speaks.
    pub dialect: Dialect,
    /// Major and minor, for example `(15, 4)` or `(10, 11)`.
    pub version: (u32, u32),
}

/// One schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schema {
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Everything else that has a name, by kind and name: enumerations, sequences, views, functions, triggers. Functions carry their argument
    /// types in the name, triggers their table: `t.name`.
    pub objects: BTreeMap<ObjectKind, BTreeMap<String, Object>>,
    /// MySQL, MariaDB: the character set of tables that name none.
    pub charset: Option<String>,
    /// MySQL, MariaDB: the collation of tables that name none.
    pub collation: Option<String>,
    /// `PostgreSQL`: `COMMENT ON SCHEMA`.
    pub comment: Option<String>,
    /// `PostgreSQL`: who may do what with the schema, and with what is made in it.
    pub rights: Sayings,
    /// `PostgreSQL`: whose it is, where it has a name.
    pub owner: Owner,
}

/// What is said of a thing by statements of its own, each by the statement that takes it back: `COMMENT ON COLUMN v.a IS NULL` to
/// `COMMENT ON COLUMN v.a IS 'x'`, `REVOKE SELECT ON TABLE t FROM r` to `GRANT SELECT ON TABLE t TO r`.
pub type Sayings = BTreeMap<String, String>;

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// By name, in order.
    pub columns: IndexMap<String, Column>,
    /// The primary key.
    pub primary_key: Option<PrimaryKey>,
    /// The indexes, also those behind unique constraints, by name. SQLite's nameless ones have names made of their columns.
    pub indexes: BTreeMap<String, Index>,
    /// The foreign keys, by constraint name. SQLite's nameless ones have names made of their columns.
    pub foreign_keys: BTreeMap<String, ForeignKey>,
    /// The check constraints, by name. SQLite's nameless ones have names made of their expressions.
    pub checks: BTreeMap<String, Check>,
    /// What else is said of the table, by the engine's own word, for example `engine` = `InnoDB`, `collation`, `strict`, `without rowid`,
    /// `partition by` = `RANGE (day)`, `unlogged`. Only what differs from the server's default.
    pub options: BTreeMap<String, String>,
    /// Its comment.
    pub comment: Option<String>,
    /// SQLite: `CREATE TABLE ..` as the database keeps it. Not compared; a new table is made by it.
    pub create: Option<String>,
    /// `PostgreSQL`: what its defaults, checks and computed columns need to be there: functions. Not compared.
    pub needs: Vec<String>,
    /// `PostgreSQL`: what is said of the sequences that its columns own.
    pub details: Sayings,
    /// `PostgreSQL`: who may do what with it and its sequences, beyond its owner and the server's defaults.
    pub rights: Sayings,
    /// `PostgreSQL`: whose it is.
    pub owner: Owner,
    /// `PostgreSQL`: how a partition's indexes and foreign keys are called that are parts of its parent's, by the names of those. They keep the names
    /// when the partition leaves. One part may be made in many ways.
    pub parts: Aside<BTreeMap<String, String>>,
    /// `PostgreSQL`: the columns that it says itself though it inherits them. A new table is made so, and no statement takes it back.
    pub merged: Aside<BTreeSet<String>>,
}

/// What is known and not compared: it moves by itself, or no statement changes it.
#[derive(Debug, Clone, Copy, Default, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aside<T>(pub T);

impl<T> PartialEq for Aside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// The type with its length and precision, for example `character varying(255)`, `int(11) unsigned`.
    pub data_type: String,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// The default as an expression of SQL: `'x'::text`, `0`, `CURRENT_TIMESTAMP`.
    pub default: Option<String>,
    /// Where its value is computed.
    pub generated: Option<Generated>,
    /// `PostgreSQL`: identity, or a `serial` (a sequence owned by the column).
    pub identity: Option<Identity>,
    /// MySQL, MariaDB: `AUTO_INCREMENT`; SQLite: `AUTOINCREMENT`.
    pub auto_increment: bool,
    /// MySQL, MariaDB: `ON UPDATE CURRENT_TIMESTAMP` as an expression.
    pub on_update: Option<String>,
    /// Its character set where it is not its table's.
    pub charset: Option<String>,
    /// Its collation where it is not its table's (or its type's).
    pub collation: Option<String>,
    /// MariaDB: `INVISIBLE`.
    pub invisible: bool,
    /// MariaDB: `WITHOUT SYSTEM VERSIONING`, in a table that has it.
    pub unversioned: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// The expression that a column's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// Without the outer parentheses.
    pub expression: String,
    /// Written when the row is, rather than computed when read.
    pub stored: bool,
}

/// Numbers that `PostgreSQL` gives to new rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// What kind: `always`, `by default`, or `serial`, which is a default of `nextval` and a sequence that the column owns.
    pub kind: String,
    /// What differs from the sequence's defaults, in SQL: `START WITH 100 INCREMENT BY 10`.
    pub options: String,
    /// The sequence's name where it is not [`Identity::usual_sequence`]; that of a `serial` is in its column's default.
    pub sequence: Option<String>,
}

/// A primary key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrimaryKey {
    /// The constraint's name where it is not the engine's own (`t_pkey`, `PRIMARY`).
    pub name: Option<String>,
    /// In order.
    pub parts: Vec<IndexPart>,
    /// `PostgreSQL`: `INCLUDE`.
    pub include: Vec<String>,
    /// `PostgreSQL`: of a partitioned table, what an index's options say of its parts.
    pub options: BTreeMap<String, String>,
    /// What else: `DEFERRABLE INITIALLY DEFERRED`.
    pub attributes: String,
    /// The constraint's comment.
    pub comment: Option<String>,
}

/// An index, or a unique constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Index {
    /// Whether two rows may not agree.
    pub unique: bool,
    /// Whether it belongs to a constraint of its name (`PostgreSQL`: UNIQUE and EXCLUDE; SQLite: within the table), rather than being made by
    /// `CREATE INDEX`.
    pub constraint: bool,
    /// In order.
    pub parts: Vec<IndexPart>,
    /// What else is said of it, by the engine's own word: `method` = `gin`, `where` = a predicate, `include`, `nulls not distinct`, `with`,
    /// `type` = `FULLTEXT`, `parser`. Only what differs from the default.
    pub options: BTreeMap<String, String>,
    /// Its comment.
    pub comment: Option<String>,
    /// The statement that makes it (`pg_get_indexdef`, `sqlite_schema.sql`), or a constraint's definition (`pg_get_constraintdef`). Not compared.
    pub create: Option<String>,
}

/// One part of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexPart {
    /// A column's name; none for an expression.
    pub column: Option<String>,
    /// The expression; none for a column.
    pub expression: Option<String>,
    /// From large to small.
    pub descending: bool,
    /// MySQL, MariaDB: the number of characters that are indexed.
    pub prefix: Option<u32>,
    /// What else: collation, operator class, `NULLS FIRST`, in SQL. Only what differs from the default.
    pub attributes: String,
}

/// A foreign key.
#[derive(Debug, Clone, Default, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForeignKey {
    /// The referring columns.
    pub columns: Vec<String>,
    /// The schema of the table referred to; empty for the table's own.
    pub schema: String,
    /// The table referred to.
    pub table: String,
    /// The columns there.
    pub referred: Vec<String>,
    /// In upper case; empty for the server's default, `NO ACTION` or MySQL's RESTRICT. MariaDB's `NO ACTION` is kept where it is said, and is no difference.
    pub on_delete: String,
    /// As `on_delete`.
    pub on_update: String,
    /// What else: `DEFERRABLE INITIALLY DEFERRED`, `MATCH FULL`, `NOT VALID`.
    pub attributes: String,
    /// The constraint's comment.
    pub comment: Option<String>,
}

/// `NO ACTION`, where it is said, is what is done where nothing is.
impl PartialEq for ForeignKey {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            columns,
            schema,
            table,
            referred,
            on_delete,
            on_update,
            attributes,
            comment,
        } = self;
        let same = |one: &str, other: &str| {
            let done = |action: &str| action != "NO ACTION" && !action.is_empty();
            one == other || !(done(one) || done(other))
        };
        *columns == other.columns
            && *schema == other.schema
            && *table == other.table
            && *referred == other.referred
            && *attributes == other.attributes
            && *comment == other.comment
            && same(on_delete, &other.on_delete)
            && same(on_update, &other.on_update)
    }
}

/// A check constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    /// Without the outer parentheses.
    pub expression: String,
    /// What else: `NO INHERIT`, `NOT VALID`, `NOT ENFORCED`.
    pub attributes: String,
    /// The constraint's comment.
    pub comment: Option<String>,
}

/// Something with a name that is no table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Object {
    /// Its normal text, which is what is compared.
    pub definition: String,
    /// The statement that makes it, without delimiter; empty where it cannot be given, which makes it one that is *not managed*.
    pub create: String,
    /// An enumeration's labels, a composite type's and a domain's parts, a view's columns, in order; what a function's `OR REPLACE`
    /// cannot change.
    pub labels: Vec<String>,
    /// The names of tables and objects of the catalog that it needs: a view's tables, a trigger's function.
    pub needs: Vec<String>,
    /// The table that it belongs to: a trigger's, a rule's, a policy's.
    pub table: Option<String>,
    /// `PostgreSQL`: what is said of its parts: comments on a view's columns and a domain's constraints, defaults of a view's columns.
    pub details: Sayings,
    /// `PostgreSQL`: who may do what with it, beyond its owner and the server's defaults.
    pub rights: Sayings,
    /// `PostgreSQL`: whose it is.
    pub owner: Owner,
    /// `PostgreSQL`: whether a materialized view has never been filled, or was emptied. What it holds is no part of a schema.
    pub unfilled: Aside<bool>,
    /// Its comment.
    pub comment: Option<String>,
    /// MariaDB: what a sequence gives next. Rows move it.
    pub reached: Aside<Option<String>>,
}

impl Object {
    /// What a publication publishes, as `CREATE` and `ALTER PUBLICATION` take it: servers before 15 know the word `TABLE` once only.
    pub fn published(&self) -> String {
        const TABLE: &str = "TABLE ";
        let mut said: Vec<&str> = Vec::new();
        let mut is_list = false;
        for label in &self.labels {
            let rest = label.strip_prefix(TABLE).filter(|_| is_list);
            said.push(rest.unwrap_or(label));
            is_list = label.starts_with(TABLE);
        }
        said.join(", ")
    }
}

/// The kinds of objects, in the order in which they can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are SQL's own words")]
pub enum ObjectKind {
    Extension,
    Collation,
    TextSearchDictionary,
    TextSearchConfiguration,
    Enum,
    Composite,
    Domain,
    Range,
    Sequence,
    Function,
    Procedure,
    Aggregate,
    Operator,
    Cast,
    View,
    MaterializedView,
    Trigger,
    Event,
    Rule,
    Policy,
    /// SQLite: a virtual table.
    VirtualTable,
    Statistics,
    EventTrigger,
    Publication,
    ForeignTable,
    /// What is only named: operator classes, conversions, foreign servers.
    Other,
}

impl ObjectKind {
    /// In words, lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extension => "extension",
            Self::Collation => "collation",
            Self::TextSearchDictionary => "text search dictionary",
            Self::TextSearchConfiguration => "text search configuration",
            Self::Enum => "enum",
            Self::Composite => "composite type",
            Self::Domain => "domain",
            Self::Range => "range type",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Operator => "operator",
            Self::Cast => "cast",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Trigger => "trigger",
            Self::Event => "event",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::VirtualTable => "virtual table",
            Self::Statistics => "statistics object",
            Self::EventTrigger => "event trigger",
            Self::Publication => "publication",
            Self::ForeignTable => "foreign table",
            Self::Other => "object",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Schema {
    /// With nothing in it.
    pub(crate) const fn empty() -> Self {
        Self {
            tables: BTreeMap::new(),
            objects: BTreeMap::new(),
            charset: None,
            collation: None,
            comment: None,
            rights: BTreeMap::new(),
            owner: Owner::UNSAID,
        }
    }
}

impl Identity {
    /// What `PostgreSQL` calls the sequence of a column where nobody says its name: `t_c_seq`, each of the two names shortened, the longer one first,
    /// until the whole has no more than 63 bytes (`makeObjectName`).
    pub fn usual_sequence(table: &str, column: &str) -> String {
        const MOST_BYTES: usize = 63 - "__seq".len();
        let (mut of_table, mut of_column) = (table.len(), column.len());
        while of_table + of_column > MOST_BYTES {
            if of_table > of_column {
                of_table -= 1;
            } else {
                of_column -= 1;
            }
        }
        let first = |name: &str, bytes| {
            name.get(..name.floor_char_boundary(bytes))
                .unwrap_or_default()
                .to_owned()
        };
        format!(
            "{}_{}_seq",
            first(table, of_table),
            first(column, of_column)
        )
    }
}

/// SQLite's constraints without a name are called after what they say.
impl Index {
    /// `unique (a, b)`.
    pub fn nameless(&self) -> String {
        let columns: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| part.column.as_deref())
            .collect();
        format!("unique ({})", columns.join(", "))
    }
}

impl ForeignKey {
    /// `(a, b) -> t`.
    pub fn nameless(&self) -> String {
        format!("({}) -> {}", self.columns.join(", "), self.table)
    }
}

impl Check {
    /// `check (a > 0)`.
    pub fn nameless(&self) -> String {
        format!("check ({})", self.expression)
    }
}

impl Catalog {
    /// With nothing in it.
    pub fn empty(engine: Engine) -> Self {
        Self {
            engine,
            schemas: BTreeMap::new(),
            user: Owner::default(),
        }
    }

    /// Leaves only the schemas named; all when none is. The one of a scope of one stays.
    pub fn restrict(&mut self, schemas: &[String]) {
        if !schemas.is_empty() {
            self.schemas
                .retain(|name, _| name.is_empty() || schemas.contains(name));
        }
    }

    /// As a schema that speaks of no owners, such as that of another database.
    pub fn disown(&mut self) {
        self.user = Owner::default();
        for schema in self.schemas.values_mut() {
            schema.owner = Owner::default();
            let tables = schema.tables.values_mut();
            tables.for_each(|table| table.owner = Owner::default());
            let objects = schema.objects.values_mut().flat_map(BTreeMap::values_mut);
            objects.for_each(|object| object.owner = Owner::default());
        }
    }

    /// Without what is no part of a schema: what rows, and those who fill views, move at any time.
    #[must_use]
    pub fn without_what_moves(&self) -> Self {
        let mut still = self.clone();
        for schema in still.schemas.values_mut() {
            for table in schema.tables.values_mut() {
                table.options.remove("auto_increment");
            }
            for object in schema.objects.values_mut().flat_map(BTreeMap::values_mut) {
                object.reached = Aside::default();
                object.unfilled = Aside::default();
            }
        }
        still
    }

    /// The first table or object in it, in words; none when there is nothing.
    pub fn first(&self) -> Option<String> {
        self.schemas.values().find_map(|schema| {
            let table = schema.tables.keys().next().map(|name| ("table", name));
            let mut objects = schema.objects.iter();
            let object = || {
                objects.find_map(|(kind, objects)| Some((kind.as_str(), objects.keys().next()?)))
            };
            let (kind, name) = table.or_else(object)?;
            Some(format!("{kind} {name}"))
        })
    }

    /// Whether there is no table and no object in it.
    pub fn is_empty(&self) -> bool {
        self.schemas.values().all(|schema| {
            schema.tables.is_empty() && schema.objects.values().all(BTreeMap::is_empty)
        })
    }
}
