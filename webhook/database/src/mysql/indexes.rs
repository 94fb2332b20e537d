//! Indexes and primary keys of tables, out of `information_schema`.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Index, IndexPart, PrimaryKey, Table};

use super::inspect::Reader;
use super::listing::Listing;
use super::sql::unescaped;
use super::tables::Name;
use crate::DatabaseError;

/// The parts of indexes, one in a row.
pub(super) const INDEXES: Listing<'_> = Listing {
    columns: &[
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "INDEX_NAME",
        "NON_UNIQUE",
        "COLUMN_NAME",
        "COLLATION",
        "SUB_PART",
        "INDEX_TYPE",
        "INDEX_COMMENT",
        "IGNORED",
        "NULL",
        "SEQ_IN_INDEX",
    ],
    of_mysql: &[
        ("IGNORED", "IF(IS_VISIBLE = 'NO', 'YES', 'NO')"),
        ("NULL", "EXPRESSION"),
    ],
    table: "STATISTICS",
    only: "",
    database: "TABLE_SCHEMA",
    order: "TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
};

/// Reads the indexes of tables that are read already.
pub(super) async fn read_indexes(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&INDEXES).await? {
        let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) else {
            continue;
        };
        let kind = row.text(7).to_ascii_uppercase();
        let part = IndexPart {
            column: row.get(4),
            expression: row.get(10).map(|text| unescaped(&text)),
            descending: row.is(5, "D"),
            // A spatial index has a length of its own.
            prefix: row
                .str(6)
                .and_then(|length| length.parse().ok())
                .filter(|_| kind != "SPATIAL" && kind != "FULLTEXT"),
            attributes: String::new(),
        };
        let name = row.text(2);
        if name == "PRIMARY" {
            let key = table.primary_key.get_or_insert_with(PrimaryKey::default);
            key.parts.push(part);
            key.comment = row.filled(8);
            continue;
        }
        let in_memory = table
            .options
            .get("engine")
            .is_some_and(|engine| engine.eq_ignore_ascii_case("MEMORY"));
        let usual = if in_memory { "HASH" } else { "BTREE" };
        let index = table.indexes.entry(name).or_insert_with(|| {
            let mut index = Index {
                unique: row.is(3, "0"),
                comment: row.filled(8),
                ..Index::default()
            };
            if kind != usual {
                index.options.insert("type".to_owned(), kind);
            }
            if row.is(9, "YES") {
                index.options.insert("ignored".to_owned(), String::new());
            }
            index
        });
        index.parts.push(part);
    }
    Ok(())
}
