//! Foreign keys and checks, out of `information_schema`.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Check, ForeignKey, Table};
use tidegate_sqlplan::Dialect;

use super::inspect::Reader;
use super::listing::Listing;
use super::sql::{quote, unescaped, without_parentheses};
use super::tables::Name;
use crate::DatabaseError;

/// The columns of foreign keys.
pub(super) const FOREIGN_KEYS: Listing<'_> = Listing {
    columns: &[
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "CONSTRAINT_NAME",
        "COLUMN_NAME",
        "REFERENCED_TABLE_SCHEMA",
        "REFERENCED_TABLE_NAME",
        "REFERENCED_COLUMN_NAME",
        "ORDINAL_POSITION",
    ],
    of_mysql: &[],
    table: "KEY_COLUMN_USAGE",
    only: "REFERENCED_TABLE_NAME IS NOT NULL",
    database: "TABLE_SCHEMA",
    order: "TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
};

/// The actions of foreign keys.
pub(super) const REFERENCES: Listing<'_> = Listing {
    columns: &[
        "CONSTRAINT_SCHEMA",
        "TABLE_NAME",
        "CONSTRAINT_NAME",
        "UPDATE_RULE",
        "DELETE_RULE",
    ],
    of_mysql: &[],
    table: "REFERENTIAL_CONSTRAINTS",
    only: "",
    database: "CONSTRAINT_SCHEMA",
    order: "",
};

/// `MariaDB`'s checks.
pub(super) const CHECKS: Listing<'_> = Listing {
    columns: &[
        "CONSTRAINT_SCHEMA",
        "TABLE_NAME",
        "CONSTRAINT_NAME",
        "LEVEL",
        "CHECK_CLAUSE",
    ],
    of_mysql: &[],
    table: "CHECK_CONSTRAINTS",
    only: "",
    database: "CONSTRAINT_SCHEMA",
    order: "",
};

const MYSQL_CHECKS: Listing<'_> = Listing {
    columns: &["CONSTRAINT_SCHEMA", "CONSTRAINT_NAME", "CHECK_CLAUSE"],
    ..CHECKS
};

const MYSQL_CHECKED_TABLES: Listing<'_> = Listing {
    columns: &[
        "CONSTRAINT_SCHEMA",
        "TABLE_NAME",
        "CONSTRAINT_NAME",
        "ENFORCED",
    ],
    of_mysql: &[],
    table: "TABLE_CONSTRAINTS",
    only: "CONSTRAINT_TYPE = 'CHECK'",
    ..CHECKS
};

/// Reads the foreign keys of tables that are read already.
pub(super) async fn read_foreign_keys(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&FOREIGN_KEYS).await? {
        let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) else {
            continue;
        };
        let key = table.foreign_keys.entry(row.text(2)).or_insert_with(|| {
            let schema = row.get(4).filter(|schema| *schema != row.text(0));
            ForeignKey {
                schema: schema.unwrap_or_default(),
                table: row.text(5),
                ..ForeignKey::default()
            }
        });
        key.columns.push(row.text(3));
        key.referred.push(row.text(6));
    }
    for row in reader.rows(&REFERENCES).await? {
        let table = tables.get_mut(&(row.text(0), row.text(1)));
        if let Some(key) = table.and_then(|table| table.foreign_keys.get_mut(&row.text(2))) {
            key.on_update = action(reader.engine.dialect, row.text(3));
            key.on_delete = action(reader.engine.dialect, row.text(4));
        }
    }
    Ok(())
}

/// To these servers both words mean the same, and so does none: MariaDB keeps for none that it is RESTRICT, MySQL that it is NO ACTION. MariaDB shows
/// the other one, so that a table made anew says it; a difference it is not.
fn action(dialect: Dialect, rule: String) -> String {
    match rule.as_str() {
        "RESTRICT" => String::new(),
        "NO ACTION" if dialect != Dialect::Mariadb => String::new(),
        _ => rule,
    }
}

/// Reads the checks of tables whose columns are read already.
pub(super) async fn read_checks(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    if reader.engine.dialect == Dialect::Mysql {
        return read_mysql_checks(reader, tables).await;
    }
    for row in reader.rows(&CHECKS).await? {
        let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) else {
            continue;
        };
        let (name, expression) = (row.text(2), row.text(4));
        let of_column = row.is(3, "Column");
        if of_column && is_json(table, &name, &expression) {
            continue;
        }
        let attributes = if of_column { "column" } else { "" };
        table.checks.insert(
            name,
            Check {
                expression,
                attributes: attributes.to_owned(),
                ..Check::default()
            },
        );
    }
    Ok(())
}

/// MariaDB's `json` is a `longtext` with a check; it is given its name back.
fn is_json(table: &mut Table, name: &str, expression: &str) -> bool {
    let usual = table.options.get("collation").map(String::as_str);
    let Some(column) = table.columns.get_mut(name) else {
        return false;
    };
    let is_json = column.data_type == "longtext"
        && expression == format!("json_valid({})", quote(name))
        && column.generated.is_none()
        && column.collation.as_deref().or(usual) == Some("utf8mb4_bin");
    if is_json {
        "json".clone_into(&mut column.data_type);
        column.charset = None;
        column.collation = None;
    }
    is_json
}

/// MySQL has the table's name and the word NOT ENFORCED in another table.
async fn read_mysql_checks(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    let clauses: BTreeMap<Name, String> = reader
        .rows(&MYSQL_CHECKS)
        .await?
        .iter()
        .map(|row| ((row.text(0), row.text(1)), row.text(2)))
        .collect();
    for row in reader.rows(&MYSQL_CHECKED_TABLES).await? {
        let Some(clause) = clauses.get(&(row.text(0), row.text(2))) else {
            continue;
        };
        if let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) {
            let clause = unescaped(clause);
            let attributes = if row.is(3, "NO") { "NOT ENFORCED" } else { "" };
            table.checks.insert(
                row.text(2),
                Check {
                    expression: without_parentheses(&clause).to_owned(),
                    attributes: attributes.to_owned(),
                    ..Check::default()
                },
            );
        }
    }
    Ok(())
}
