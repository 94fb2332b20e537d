//! Tables with their options and partitions, out of `information_schema`; what is in them is put in by [`columns`](super::columns),
//! [`indexes`](super::indexes), [`constraints`](super::constraints) and [`periods`](super::periods).

use std::collections::{BTreeMap, BTreeSet};

use tidegate_schemaplan::{Catalog, Table};
use tidegate_sqlplan::Dialect;

use super::columns::{COLUMNS, read_columns};
use super::constraints::{CHECKS, FOREIGN_KEYS, REFERENCES, read_checks, read_foreign_keys};
use super::indexes::{INDEXES, read_indexes};
use super::inspect::Reader;
use super::listing::{Digest, Listing};
use super::periods;
use super::sql::{quote, restored};
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
    partitioned: BTreeSet<Name>,
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
    read_columns(reader, &mut tables).await?;
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
    for listing in [COLUMNS, INDEXES, FOREIGN_KEYS, REFERENCES, CHECKS] {
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
                    list.partitioned.insert(name.clone());
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
    if reader.engine.dialect == Dialect::Mysql {
        let partitioned = reader.rows(&PARTITIONED).await?;
        list.partitioned
            .extend(partitioned.iter().map(|row| (row.text(0), row.text(1))));
    }
    Ok(list)
}

async fn read_partitions(
    reader: &mut Reader<'_>,
    partitioned: &BTreeSet<Name>,
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

/// Expressions with characters that `information_schema` cannot hold are taken from the tables' own texts. Its `MySQL` has one question mark for each.
async fn restore_texts(
    reader: &mut Reader<'_>,
    tables: &mut BTreeMap<Name, Table>,
) -> Result<(), DatabaseError> {
    let mark = match reader.engine.dialect {
        Dialect::Mysql => "?",
        _ => "????",
    };
    for ((database, name), table) in tables {
        let generated = table
            .columns
            .values_mut()
            .filter_map(|column| column.generated.as_mut())
            .map(|generated| &mut generated.expression);
        let checks = table.checks.values_mut().map(|check| &mut check.expression);
        let lossy: Vec<&mut String> = generated
            .chain(checks)
            .filter(|expression| expression.contains(mark))
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
    of_mysql: &[],
    table: "TABLES",
    only: "TABLE_TYPE <> 'VIEW'",
    database: "TABLE_SCHEMA",
    order: "TABLE_SCHEMA, TABLE_NAME",
};

/// Those whose options do not say that they are partitioned: by the primary key, whose columns the text does not name.
const PARTITIONED: Listing<'_> = Listing {
    columns: &["TABLE_SCHEMA", "TABLE_NAME"],
    of_mysql: &[],
    table: "PARTITIONS",
    only: "PARTITION_METHOD LIKE '%KEY' AND PARTITION_EXPRESSION IS NULL AND PARTITION_ORDINAL_POSITION = 1",
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
    // At the beginning of a line; a comment of a column does not begin one.
    let mut in_comments = text.match_indices("\n/*!").filter_map(|(at, mark)| {
        let version = text.get(at + mark.len()..)?;
        let behind = version.trim_start_matches(|character: char| character.is_ascii_digit());
        behind.strip_prefix(" PARTITION BY ")
    });
    let behind = match text.rsplit_once("\n PARTITION BY ") {
        Some((_, behind)) => behind,
        // MySQL's are in an executable comment, for the version that knows their kind: `50100`, and `50500` for lists of columns.
        None => in_comments.next()?,
    };
    let lines: Vec<&str> = behind.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let text = text.strip_suffix("*/").unwrap_or(&text).trim_end();
    // It leaves the comment to say the way in which keys are put into numbers, which another version knows.
    Some(text.replace("*/ /*!50611 ", "").replace(" */ /*!50100", ""))
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
            (
                "CREATE TABLE `t` (\n  `a` int\n)\n/*!50100 PARTITION BY LINEAR KEY */ /*!50611 ALGORITHM = 1 */ /*!50100 (a)\nPARTITIONS 2 */",
                "LINEAR KEY ALGORITHM = 1 (a) PARTITIONS 2",
            ),
            (
                "CREATE TABLE `t` (\n  `d` date DEFAULT NULL COMMENT ' PARTITION BY x'\n) ENGINE=InnoDB\n/*!50500 PARTITION BY RANGE  COLUMNS(d)\n(PARTITION p0 VALUES LESS THAN ('2020-01-01') ENGINE = InnoDB) */",
                "RANGE  COLUMNS(d) (PARTITION p0 VALUES LESS THAN ('2020-01-01') ENGINE = InnoDB)",
            ),
        ] {
            assert_eq!(partitions(text).as_deref(), Some(expected));
        }
    }
}
