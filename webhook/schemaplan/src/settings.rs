//! What a plan leaves alone, and how it goes about the rest: `exclude` and `policy.diff` of an AtlasSchema.

use serde::{Deserialize, Serialize};

/// How to plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Globs of what neither side is looked at for: `table`, `schema.table`, `table.column`, `*[type=view]` (Atlas' `exclude`).
    pub exclude: Vec<String>,
    /// Kinds of changes that are left out.
    pub skip: Skip,
    /// `PostgreSQL`: indexes on existing tables are made with CONCURRENTLY.
    pub concurrent_index_create: bool,
    /// `PostgreSQL`: indexes are dropped with CONCURRENTLY.
    pub concurrent_index_drop: bool,
    /// What was renamed, from `-- tidegate:rename old -> new` in the wanted schema's text.
    pub renames: Vec<RenameHint>,
}

/// A rename: `orders -> purchases` of a table, `orders.total -> amount` of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenameHint {
    /// `table` or `table.column`, as it is now.
    pub from: String,
    /// The table's, or the column's, new name.
    pub to: String,
}

/// `policy.diff.skip` of an AtlasSchema: fifteen switches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Atlas' own names")]
#[expect(clippy::struct_excessive_bools, reason = "Atlas' own fields")]
pub struct Skip {
    pub add_schema: bool,
    pub drop_schema: bool,
    pub modify_schema: bool,
    pub add_table: bool,
    pub drop_table: bool,
    pub modify_table: bool,
    pub add_column: bool,
    pub drop_column: bool,
    pub modify_column: bool,
    pub add_index: bool,
    pub drop_index: bool,
    pub modify_index: bool,
    pub add_foreign_key: bool,
    pub drop_foreign_key: bool,
    pub modify_foreign_key: bool,
}
