//! Tables, with their columns, indexes and constraints, out of `information_schema`.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Catalog, Column, Generated, Index, IndexPart, PrimaryKey, Table};
use tidegate_sqlplan::Dialect;

use super::constraints::{CHECKS, FOREIGN_KEYS, REFERENCES, read_checks, read_foreign_keys};
use super::inspect::{Reader, Scope};
use super::listing::{Digest, Listing};
use super::periods;
use super::sql::{literal, quote, restored, unescaped, without_parentheses, without_qualifier};
use super::wire::TextRow;
use crate::DatabaseError;

/// What the list of tables has beside tables: sequences, by database and name, with their comments.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) sequences: BTreeMap<Name, Option<String>>,
}

/// A table's name, with its database's as the server has it.
pub(super) type Name = (String, String);

/// The list of tables, read.
#[derive(Debug, Default)]
struct List {
    tables: BTreeMap<Name, Table>,
    partitioned: Vec<Name>,
    listed: Listed,
}

/// Reads all tables of the scope into the catalog.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
) -> Result<Listed, DatabaseError> {
    let List {
        mut tables,
        partitioned,
        listed,
    } = list(reader).await?;
    for row in reader.rows(&columns(reader.engine.dialect)).await? {
        if let Some(table) = tables.get_mut(&(row.text(0), row.text(1))) {
            let column = column(&row, reader.engine.dialect, table, reader.scope);
            table.columns.insert(row.text(2), column);
        }
    }
    read_indexes(reader, &mut tables).await?;
    read_foreign_keys(reader, &mut tables).await?;
    read_checks(reader, &mut tables).await?;
    periods::read(reader, &mut tables).await?;
    read_partitions(reader, &partitioned, &mut tables).await?;
    restore_texts(reader, &mut tables).await?;
    for ((database, name), table) in tables {
        let schema = catalog
            .schemas
            .entry(reader.scope.key(&database))
            .or_default();
        schema.tables.insert(name, table);
    }
    Ok(listed)
}

/// Notes what [`read`] notes. Only of `MariaDB`.
pub(super) async fn tell(reader: &mut Reader<'_>) -> Result<Listed, DatabaseError> {
    let mut list = list(reader).await?;
    for listing in [
        columns(Dialect::Mariadb),
        indexes(Dialect::Mariadb),
        FOREIGN_KEYS,
        REFERENCES,
        CHECKS,
    ] {
        reader.tell(&listing).await?;
    }
    periods::read(reader, &mut list.tables).await?;
    read_partitions(reader, &list.partitioned, &mut list.tables).await?;
    Ok(list.listed)
}

async fn list(reader: &mut Reader<'_>) -> Result<List, DatabaseError> {
    let mut list = List::default();
    let mut digest = Digest::default();
    for row in reader.unnoted_rows(&TABLES).await? {
        let counts = if counted(&row).is_some() {
            "counts"
        } else {
            ""
        };
        digest.add(
            (0..COUNTED)
                .map(|column| row.str(column))
                .chain([Some(counts)]),
        );
        let name = (row.text(0), row.text(1));
        match row.text(2).as_str() {
            "BASE TABLE" | "SYSTEM VERSIONED" => {
                if row.text(5).contains("partitioned") {
                    list.partitioned.push(name.clone());
                }
                list.tables.insert(name, table(&row));
            }
            "SEQUENCE" => {
                list.listed.sequences.insert(name, row.filled(6));
            }
            _ => {}
        }
    }
    reader.note_digest(&digest.parts());
    Ok(list)
}

async fn read_partitions(
    reader: &mut Reader<'_>,
    partitioned: &[Name],
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for name in partitioned {
        let what = format!("TABLE {}.{}", quote(&name.0), quote(&name.1));
        let text = reader.shown(&what, 1).await?.unwrap_or_default();
        let partitions = partitions(&text);
        reader.note(partitions.as_deref().unwrap_or_default());
        if let (Some(table), Some(partitions)) = (tables.get_mut(name), partitions) {
            table.options.insert("partition by".to_owned(), partitions);
        }
    }
    Ok(())
}

/// Expressions with characters that `information_schema` cannot hold are taken from the tables' own texts.
async fn restore_texts(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for ((database, name), table) in tables {
        let generated = table
            .columns
            .values_mut()
            .filter_map(|column| column.generated.as_mut())
            .map(|generated| &mut generated.expression);
        let checks = table.checks.values_mut().map(|check| &mut check.expression);
        let lossy: Vec<&mut String> = generated
            .chain(checks)
            .filter(|expression| expression.contains("????"))
            .collect();
        if lossy.is_empty() {
            continue;
        }
        reader.lossy = true;
        let what = format!("TABLE {}.{}", quote(database), quote(name));
        let text = reader.shown(&what, 1).await?.unwrap_or_default();
        for expression in lossy {
            if let Some(whole) = restored(expression, &text) {
                *expression = whole;
            }
        }
    }
    Ok(())
}

const TABLES: Listing<'_> = Listing {
    columns: &[
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "TABLE_TYPE",
        "ENGINE",
        "TABLE_COLLATION",
        "CREATE_OPTIONS",
        "TABLE_COMMENT",
        "AUTO_INCREMENT",
    ],
    table: "TABLES",
    only: "TABLE_TYPE <> 'VIEW'",
    database: "TABLE_SCHEMA",
    order: "TABLE_SCHEMA, TABLE_NAME",
};

/// Where [`TABLES`] says how far a table has counted.
const COUNTED: usize = 7;

/// How far a table has counted, where it has begun to: at one every table begins.
fn counted(row: &TextRow) -> Option<String> {
    row.get(COUNTED).filter(|next| next != "1" && next != "0")
}

fn table(row: &TextRow) -> Table {
    let mut table = Table {
        comment: row.filled(6),
        ..Table::default()
    };
    let options = &mut table.options;
    options.extend(row.filled(3).map(|engine| ("engine".to_owned(), engine)));
    options.extend(
        row.filled(4)
            .map(|collation| ("collation".to_owned(), collation)),
    );
    options.extend(create_options(&row.text(5), &row.text(3)));
    options.extend(counted(row).map(|next| ("auto_increment".to_owned(), next)));
    if row.is(2, "SYSTEM VERSIONED") {
        options.insert("system versioning".to_owned(), String::new());
    }
    table
}

/// `row_format=DYNAMIC partitioned` as options by name; those without a value are had otherwise. An engine's own names stand in backticks, as
/// they are written.
fn create_options(text: &str, engine: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        quoted ^= matches!(character, '\'' | '"');
        match words.last_mut() {
            Some(word) if quoted || character != ' ' => word.push(character),
            _ => words.push(String::new()),
        }
    }
    let options = words.iter().filter_map(|word| word.split_once('='));
    options
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        // What Aria writes down by itself, and what stays when the engine changes; and where the server's files are (`DATA DIRECTORY`).
        .filter(|(name, value)| match name.as_str() {
            "page_checksum" | "directory" => false,
            "transactional" => value == "0" && engine == "Aria",
            _ => true,
        })
        .collect()
}

/// What follows `PARTITION BY` in a table's text, in one line.
fn partitions(text: &str) -> Option<String> {
    // At the beginning of a line, where MySQL has it in an executable comment; a comment of a column does not begin one.
    let (_, behind) = text
        .rsplit_once("\n PARTITION BY ")
        .or_else(|| text.rsplit_once("\n/*!50100 PARTITION BY "))?;
    let lines: Vec<&str> = behind.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let text = text.strip_suffix("*/").unwrap_or(&text).trim_end();
    Some(text.to_owned())
}

fn columns(dialect: Dialect) -> Listing<'static> {
    const MARIADB: [&str; 13] = [
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
    ];
    const MYSQL: [&str; 13] = {
        let mut columns = MARIADB;
        columns[11] = "SRS_ID";
        columns
    };
    Listing {
        columns: if dialect == Dialect::Mariadb {
            &MARIADB
        } else {
            &MYSQL
        },
        table: "COLUMNS",
        only: "",
        database: "TABLE_SCHEMA",
        order: "TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
    }
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
        on_update: extra
            .split_once("on update ")
            .map(|(_, expression)| expression.split(',').next().unwrap_or_default().to_owned()),
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

/// A default as it is written in SQL. MariaDB gives it so; MySQL gives a text without its quotes, and marks what is an expression.
fn default(row: &TextRow, dialect: Dialect, data_type: &str, extra: &str) -> Option<String> {
    let text = row.get(5)?;
    if dialect == Dialect::Mariadb {
        return (!text.eq_ignore_ascii_case("NULL")).then_some(text);
    }
    if extra.contains("default_generated") {
        let now = text.to_ascii_uppercase().starts_with("CURRENT_TIMESTAMP");
        return Some(if now {
            text
        } else {
            format!("({})", unescaped(&text))
        });
    }
    let word = data_type
        .split(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    let plain = matches!(
        word,
        "tinyint"
            | "smallint"
            | "mediumint"
            | "int"
            | "bigint"
            | "decimal"
            | "float"
            | "double"
            | "year"
            | "bit"
    );
    Some(if plain { text } else { literal(&text) })
}

fn indexes(dialect: Dialect) -> Listing<'static> {
    const MARIADB: [&str; 12] = [
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
    ];
    const MYSQL: [&str; 12] = {
        let mut columns = MARIADB;
        columns[9] = "IF(IS_VISIBLE = 'NO', 'YES', 'NO')";
        columns[10] = "EXPRESSION";
        columns
    };
    Listing {
        columns: if dialect == Dialect::Mariadb {
            &MARIADB
        } else {
            &MYSQL
        },
        table: "STATISTICS",
        only: "",
        database: "TABLE_SCHEMA",
        order: "TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
    }
}

async fn read_indexes(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&indexes(reader.engine.dialect)).await? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_table_are_read_by_name() {
        let read = create_options(
            "max_rows=5 row_format=DYNAMIC transactional=0 DATA DIRECTORY='/a b/' partitioned `page_compressed`='1' COMPRESSION=\"a b\"",
            "InnoDB",
        );
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("max_rows", "5"),
                ("row_format", "DYNAMIC"),
                ("`page_compressed`", "'1'"),
                ("compression", "\"a b\"")
            ]
        );
    }

    #[test]
    fn only_arias_own_tables_are_transactional_or_not() {
        for (text, engine, expected) in [
            ("transactional=0", "Aria", Some("0")),
            ("page_checksum=1 transactional=1", "Aria", None),
            // As it was under Aria.
            ("page_checksum=1 transactional=0", "InnoDB", None),
        ] {
            let read = create_options(text, engine);
            let value = read.first().map(|(_, value)| value.as_str());
            assert_eq!(value, expected, "{text} {engine}");
        }
    }

    #[test]
    fn partitions_are_read_from_either_server() {
        for (text, expected) in [
            (
                "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB\n PARTITION BY RANGE (`a`)\n(PARTITION `p` VALUES LESS THAN (1) ENGINE = InnoDB,\n PARTITION `q` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)",
                "RANGE (`a`) (PARTITION `p` VALUES LESS THAN (1) ENGINE = InnoDB, PARTITION `q` VALUES LESS THAN MAXVALUE ENGINE = InnoDB)",
            ),
            (
                "CREATE TABLE `t` (\n  `a` int\n)\n/*!50100 PARTITION BY HASH (`a`)\nPARTITIONS 4 */",
                "HASH (`a`) PARTITIONS 4",
            ),
        ] {
            assert_eq!(partitions(text).as_deref(), Some(expected));
        }
    }
}
