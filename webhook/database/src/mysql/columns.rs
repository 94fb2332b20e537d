//! Columns of tables, out of `information_schema`.
//!
//! The servers differ in what they say of a default: MariaDB gives SQL, MySQL what a text means and whether it is an expression.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Column, Generated, Table};
use tidegate_sqlplan::Dialect;

use super::inspect::{Reader, Scope};
use super::listing::Listing;
use super::sql::{literal, unescaped, without_parentheses, without_qualifier};
use super::tables::Name;
use super::wire::TextRow;
use crate::DatabaseError;

/// The columns of tables and views.
pub(super) const COLUMNS: Listing<'_> = Listing {
    columns: &[
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "COLUMN_NAME",
        "COLUMN_TYPE",
        "IS_NULLABLE",
        "COLUMN_DEFAULT",
        "EXTRA",
        "GENERATION_EXPRESSION",
        "CHARACTER_SET_NAME",
        "COLLATION_NAME",
        "COLUMN_COMMENT",
        "NULL",
        "ORDINAL_POSITION",
    ],
    of_mysql: &[("NULL", "SRS_ID")],
    table: "COLUMNS",
    only: "",
    database: "TABLE_SCHEMA",
    order: "TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
};

/// Reads the columns of tables that are read already.
pub(super) async fn read_columns(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&COLUMNS).await? {
        if let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) {
            let column = column(&row, reader.engine.dialect, table, reader.scope);
            table.columns.insert(row.text(2), column);
        }
    }
    Ok(())
}

fn column(row: &TextRow, dialect: Dialect, table: &Table, scope: &Scope) -> Column {
    let extra = row.text(6).to_ascii_lowercase();
    let mut data_type = row.text(3);
    if let Some(system) = row.str(11) {
        data_type = format!("{data_type} SRID {system}");
    }
    let own = |expression: String| match scope {
        Scope::One(database) => without_qualifier(&expression, database),
        Scope::Server => expression,
    };
    let generated = row.filled(7).map(|expression| Generated {
        expression: own(if dialect == Dialect::Mysql {
            let expression = unescaped(&expression);
            without_parentheses(&expression).to_owned()
        } else {
            expression
        }),
        stored: extra.contains("stored") || extra.contains("persistent"),
    });
    let differs = row.str(9) != table.options.get("collation").map(String::as_str);
    Column {
        nullable: row.is(4, "YES"),
        default: default(row, dialect, &data_type, &extra)
            .filter(|_| generated.is_none())
            .map(own),
        auto_increment: extra.contains("auto_increment"),
        on_update: on_update(&extra).map(str::to_owned),
        charset: row.get(8).filter(|_| differs),
        collation: row.get(9).filter(|_| differs),
        invisible: extra.contains("invisible"),
        unversioned: extra.contains("without system versioning"),
        comment: row.filled(10),
        identity: None,
        generated,
        data_type,
    }
}

/// What a column becomes when its row changes. Behind it MariaDB has a comma, MySQL a blank.
fn on_update(extra: &str) -> Option<&str> {
    let (_, behind) = extra.split_once("on update ")?;
    behind.split([',', ' ']).next()
}

/// A default as it is written in SQL, as MariaDB gives it.
fn default(row: &TextRow, dialect: Dialect, data_type: &str, extra: &str) -> Option<String> {
    let text = row.get(5)?;
    match dialect {
        Dialect::Mysql => Some(mysql_default(text, data_type, extra)),
        _ => (!text.eq_ignore_ascii_case("NULL")).then_some(text),
    }
}

/// MySQL gives a text without its quotes, bytes as digits, and marks what is an expression.
fn mysql_default(text: String, data_type: &str, extra: &str) -> String {
    const NUMBERS: &[&str] = &[
        "tinyint",
        "smallint",
        "mediumint",
        "int",
        "bigint",
        "decimal",
        "float",
        "double",
        "year",
        "bit",
    ];
    if extra.contains("default_generated") {
        let now = text.to_ascii_uppercase().starts_with("CURRENT_TIMESTAMP");
        return if now {
            text
        } else {
            format!("({})", unescaped(&text))
        };
    }
    let word = data_type
        .split(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    // `0x61` is the byte, whether it was written so or as a text.
    let is_bytes = matches!(word, "binary" | "varbinary") && text.starts_with("0x");
    if is_bytes && text == "0x" {
        // No byte at all, which is no number that can be written.
        literal("")
    } else if is_bytes || NUMBERS.contains(&word) {
        text
    } else {
        literal(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_mysql_are_written_as_sql() {
        // COLUMN_DEFAULT, COLUMN_TYPE and EXTRA as the manual and its server's code have them.
        for (text, data_type, extra, expected) in [
            ("0", "int unsigned", "", "0"),
            ("1.50", "decimal(10,2)", "", "1.50"),
            ("b'101'", "bit(3)", "", "b'101'"),
            ("it's \\", "varchar(20)", "", "'it''s \\\\'"),
            ("a", "enum('a','b')", "", "'a'"),
            ("2020-01-01", "date", "", "'2020-01-01'"),
            ("0x6162", "varbinary(8)", "", "0x6162"),
            ("", "varbinary(8)", "", "''"),
            ("0x6162", "varchar(8)", "", "'0x6162'"),
            (
                "CURRENT_TIMESTAMP(3)",
                "datetime(3)",
                "default_generated on update current_timestamp(3)",
                "CURRENT_TIMESTAMP(3)",
            ),
            (
                r"concat(_utf8mb4\'a\',_utf8mb4\'it\\\'s\')",
                "text",
                "default_generated",
                r"(concat(_utf8mb4'a',_utf8mb4'it\'s'))",
            ),
            ("(1 + 2)", "int", "default_generated", "((1 + 2))"),
        ] {
            let written = mysql_default(text.to_owned(), data_type, extra);
            assert_eq!(written, expected, "{data_type} {extra}");
        }
    }

    #[test]
    fn what_happens_on_update_ends_where_the_next_attribute_begins() {
        for (extra, expected) in [
            ("on update current_timestamp()", Some("current_timestamp()")),
            (
                "on update current_timestamp(3), invisible",
                Some("current_timestamp(3)"),
            ),
            (
                "default_generated on update current_timestamp invisible",
                Some("current_timestamp"),
            ),
            ("default_generated", None),
        ] {
            assert_eq!(on_update(extra), expected, "{extra}");
        }
    }
}
