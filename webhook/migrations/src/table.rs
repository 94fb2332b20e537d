//! The table of revisions, `atlas_schema_revisions`, as statements: what Atlas' own command line makes, reads and writes.
//!
//! Every value stands in the statement itself, written so that no server setting (backslashes, `sql_mode`) changes where it ends.

use std::fmt::Write as _;
use std::time::Duration;

use tidegate_sqlplan::Dialect;

use crate::revision::{Kind, Revision};

/// The table's name; also that of the schema which holds it where the connection is bound to none.
pub const TABLE: &str = "atlas_schema_revisions";

/// A row of Atlas' own in the table, which is no revision.
const IDENTIFIER: &str = ".atlas_cloud_identifier";

/// The columns, in the order in which they are read.
const COLUMNS: &[&str] = &[
    "version",
    "description",
    "type",
    "applied",
    "total",
    "executed_at",
    "execution_time",
    "error",
    "error_stmt",
    "hash",
    "partial_hashes",
    "operator_version",
];

/// Where the table is, and in which SQL it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionTable {
    dialect: Dialect,
    /// The schema or database; none for the connection's own.
    schema: Option<String>,
}

/// A row that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table {TABLE} has a row that cannot be understood: {column} is {found:?}")]
pub struct RowError {
    /// The column.
    pub column: &'static str,
    /// What it holds, shortened.
    pub found: String,
}

impl RevisionTable {
    /// The table in a schema (or database), or in the connection's own.
    pub fn new(dialect: Dialect, schema: Option<&str>) -> Self {
        Self {
            dialect,
            schema: schema.map(str::to_owned),
        }
    }

    /// The statements that make it where it is not yet.
    pub fn create(&self) -> Vec<String> {
        let schema = self.schema.iter().map(|schema| {
            let schema = self.name(schema);
            match self.dialect {
                Dialect::Mysql | Dialect::Mariadb => {
                    format!("CREATE DATABASE IF NOT EXISTS {schema}")
                }
                Dialect::Postgres | Dialect::Sqlite => {
                    format!("CREATE SCHEMA IF NOT EXISTS {schema}")
                }
            }
        });
        let columns = COLUMNS.iter().map(|column| {
            let (kind, rest) = self.column(column);
            format!("{} {kind} {rest}", self.name(column))
        });
        let columns: Vec<String> = columns.collect();
        let tail = match self.dialect {
            Dialect::Mysql | Dialect::Mariadb => " CHARSET utf8mb4 COLLATE utf8mb4_bin",
            Dialect::Postgres | Dialect::Sqlite => "",
        };
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({})){tail}",
            self.table(),
            columns.join(", "),
            self.name("version")
        );
        // SQLite has one schema.
        match self.dialect {
            Dialect::Sqlite => vec![table],
            _ => schema.chain([table]).collect(),
        }
    }

    /// A query that gives a row where the table is.
    pub fn exists(&self) -> String {
        let schema = |own: &str| {
            self.schema
                .as_deref()
                .map_or_else(|| own.to_owned(), |schema| self.text(schema))
        };
        match self.dialect {
            Dialect::Sqlite => {
                format!("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '{TABLE}'")
            }
            Dialect::Postgres => format!(
                "SELECT CAST(1 AS text) FROM pg_catalog.pg_tables WHERE tablename = '{TABLE}' AND schemaname = {}",
                schema("current_schema()")
            ),
            Dialect::Mysql | Dialect::Mariadb => format!(
                "SELECT CAST(1 AS char) FROM information_schema.tables WHERE table_name = '{TABLE}' AND table_schema = {}",
                schema("DATABASE()")
            ),
        }
    }

    /// The query for all rows, each column as a text.
    pub fn select(&self) -> String {
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|column| self.read_column(column))
            .collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.table())
    }

    /// Rows of [`RevisionTable::select`] as revisions, in the order of their versions, byte by byte.
    ///
    /// # Errors
    /// [`RowError`] for a number that is none.
    pub fn read(&self, rows: &[Vec<Option<String>>]) -> Result<Vec<Revision>, RowError> {
        let mut revisions = Vec::new();
        for row in rows {
            let text = |column: usize| row.get(column).cloned().flatten();
            let number = |column: usize| -> Result<u64, RowError> {
                let found = text(column).unwrap_or_default();
                // Times come with a fraction, or as `1E+9`, from some servers.
                let whole = found.split('.').next().unwrap_or_default();
                whole.trim_start_matches('-').parse().map_err(|_| RowError {
                    column: COLUMNS.get(column).copied().unwrap_or_default(),
                    found: found.chars().take(40).collect(),
                })
            };
            let version = text(0).unwrap_or_default();
            if version == IDENTIFIER {
                continue;
            }
            let count = |column: usize| {
                number(column).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
            };
            revisions.push(Revision {
                version,
                description: text(1).unwrap_or_default(),
                kind: Kind(u32::try_from(number(2)?).unwrap_or_default()),
                applied: count(3)?,
                total: count(4)?,
                executed_at: Duration::from_millis(number(5)?),
                execution_time: Duration::from_nanos(number(6)?),
                error: text(7).filter(|error| !error.is_empty()),
                error_statement: text(8).filter(|statement| !statement.is_empty()),
                hash: text(9).unwrap_or_default(),
                partial_hashes: strings(&text(10).unwrap_or_default()),
                operator_version: text(11).unwrap_or_default(),
            });
        }
        revisions.sort_by(|left, right| left.version.cmp(&right.version));
        Ok(revisions)
    }

    /// The statement that writes a row, in the place of one of the same version.
    pub fn write(&self, revision: &Revision) -> String {
        let optional = |text: &Option<String>| {
            text.as_deref()
                .map_or_else(|| "NULL".to_owned(), |text| self.text(text))
        };
        let values = [
            self.text(&revision.version),
            self.text(&revision.description),
            revision.kind.0.to_string(),
            revision.applied.to_string(),
            revision.total.to_string(),
            self.time(revision.executed_at),
            revision.execution_time.as_nanos().to_string(),
            optional(&revision.error),
            optional(&revision.error_statement),
            self.text(&revision.hash),
            self.text(&list(&revision.partial_hashes)),
            self.text(&revision.operator_version),
        ];
        let names: Vec<String> = COLUMNS.iter().map(|column| self.name(column)).collect();
        let mut sql = format!(
            "INSERT INTO {} ({}) VALUES ({})",
            self.table(),
            names.join(", "),
            values.join(", ")
        );
        let _ = match self.dialect {
            Dialect::Mysql | Dialect::Mariadb => {
                let sets = names
                    .iter()
                    .skip(1)
                    .map(|name| format!("{name} = VALUES({name})"));
                write!(
                    sql,
                    " ON DUPLICATE KEY UPDATE {}",
                    sets.collect::<Vec<_>>().join(", ")
                )
            }
            Dialect::Postgres | Dialect::Sqlite => {
                let sets = names
                    .iter()
                    .skip(1)
                    .map(|name| format!("{name} = excluded.{name}"));
                let sets = sets.collect::<Vec<_>>().join(", ");
                write!(
                    sql,
                    " ON CONFLICT ({}) DO UPDATE SET {sets}",
                    self.name("version")
                )
            }
        };
        sql
    }

    /// The statement that takes a version's row away.
    pub fn delete(&self, version: &str) -> String {
        format!(
            "DELETE FROM {} WHERE {} = {}",
            self.table(),
            self.name("version"),
            self.text(version)
        )
    }

    /// The table's name in SQL.
    pub fn table(&self) -> String {
        match (&self.schema, self.dialect) {
            (Some(schema), dialect) if dialect != Dialect::Sqlite => {
                format!("{}.{}", self.name(schema), self.name(TABLE))
            }
            _ => self.name(TABLE),
        }
    }

    fn column(&self, column: &str) -> (&'static str, &'static str) {
        let optional = matches!(column, "error" | "error_stmt" | "partial_hashes");
        let counted = matches!(column, "applied" | "total");
        match self.dialect {
            Dialect::Sqlite => match column {
                "type" => ("integer", "NOT NULL DEFAULT (2)"),
                _ if counted => ("integer", "NOT NULL DEFAULT (0)"),
                "executed_at" => ("datetime", "NOT NULL"),
                "execution_time" => ("integer", "NOT NULL"),
                "partial_hashes" => ("json", "NULL"),
                _ if optional => ("text", "NULL"),
                _ => ("text", "NOT NULL"),
            },
            Dialect::Postgres => match column {
                "type" => ("bigint", "NOT NULL DEFAULT 2"),
                _ if counted => ("bigint", "NOT NULL DEFAULT 0"),
                "executed_at" => ("timestamptz", "NOT NULL"),
                "execution_time" => ("bigint", "NOT NULL"),
                "partial_hashes" => ("jsonb", "NULL"),
                _ if optional => ("text", "NULL"),
                _ => ("character varying", "NOT NULL"),
            },
            Dialect::Mysql | Dialect::Mariadb => match column {
                "type" => ("bigint unsigned", "NOT NULL DEFAULT 2"),
                _ if counted => ("bigint", "NOT NULL DEFAULT 0"),
                "executed_at" => ("timestamp", "NULL"),
                "execution_time" => ("bigint", "NOT NULL"),
                "partial_hashes" => ("json", "NULL"),
                _ if optional => ("longtext", "NULL"),
                _ => ("varchar(255)", "NOT NULL"),
            },
        }
    }

    /// A column as a text; times as milliseconds since the Unix epoch.
    fn read_column(&self, column: &str) -> String {
        let name = self.name(column);
        match (self.dialect, column) {
            // Go's drivers write more behind the seconds than SQLite understands.
            (Dialect::Sqlite, "executed_at") => format!(
                "CAST(CAST(coalesce(strftime('%s', {name}), strftime('%s', substr({name}, 1, 19)), 0) AS INTEGER) * 1000 + CAST(coalesce(substr(strftime('%f', {name}), 4), substr({name}, 21, 3), '0') AS INTEGER) AS TEXT)"
            ),
            (Dialect::Sqlite, _) => format!("CAST({name} AS TEXT)"),
            (Dialect::Postgres, "executed_at") => {
                format!("CAST(CAST(floor(extract(epoch FROM {name}) * 1000) AS bigint) AS text)")
            }
            (Dialect::Postgres, _) => format!("CAST({name} AS text)"),
            (Dialect::Mysql | Dialect::Mariadb, "executed_at") => {
                format!("CAST(FLOOR(COALESCE(UNIX_TIMESTAMP({name}), 0) * 1000) AS char)")
            }
            (Dialect::Mysql | Dialect::Mariadb, _) => format!("CAST({name} AS char)"),
        }
    }

    fn name(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Mysql | Dialect::Mariadb | Dialect::Sqlite => {
                format!("`{}`", name.replace('`', "``"))
            }
            Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    fn text(&self, text: &str) -> String {
        // No server takes this character in a text.
        let text = text.replace('\0', "");
        match self.dialect {
            Dialect::Sqlite => format!("'{}'", text.replace('\'', "''")),
            Dialect::Postgres => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            Dialect::Mysql | Dialect::Mariadb if text.is_empty() => "''".to_owned(),
            Dialect::Mysql | Dialect::Mariadb => {
                let hex = text.bytes().fold(String::new(), |mut hex, byte| {
                    let _ = write!(hex, "{byte:02X}");
                    hex
                });
                format!("CONVERT(X'{hex}' USING utf8mb4)")
            }
        }
    }

    fn time(&self, time: Duration) -> String {
        let seconds = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
        match self.dialect {
            Dialect::Sqlite => {
                format!("strftime('%Y-%m-%d %H:%M:%f', {seconds}, 'unixepoch') || '+00:00'")
            }
            Dialect::Postgres => format!("to_timestamp({seconds})"),
            Dialect::Mysql | Dialect::Mariadb => format!("FROM_UNIXTIME({seconds})"),
        }
    }
}

/// A list of texts as JSON; Atlas writes `null` for none.
fn list(texts: &[String]) -> String {
    if texts.is_empty() {
        return "null".to_owned();
    }
    // Sums are letters, digits and `+/=:`; nothing in them needs an escape.
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// The texts of a JSON list of sums.
fn strings(list: &str) -> Vec<String> {
    let parts = list.split('"').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision() -> Revision {
        Revision {
            version: "1'".to_owned(),
            description: "a\\".to_owned(),
            kind: Kind::EXECUTED,
            applied: 1,
            total: 2,
            executed_at: Duration::from_millis(1_795_253_689_250),
            execution_time: Duration::from_nanos(12),
            error: Some("it's".to_owned()),
            error_statement: None,
            hash: "h".to_owned(),
            partial_hashes: vec!["h1:a+/=".to_owned(), "h1:b".to_owned()],
            operator_version: "Tidegate".to_owned(),
        }
    }

    #[track_caller]
    fn check(dialect: Dialect, schema: Option<&str>, expected: &[&str]) {
        let table = RevisionTable::new(dialect, schema);
        let all = [
            table.create().join(";\n"),
            table.exists(),
            table.select(),
            table.write(&revision()),
            table.delete("1'"),
        ]
        .join(";\n");
        for expected in expected {
            assert!(all.contains(expected), "{expected} is not in\n{all}");
        }
    }

    #[test]
    fn each_engine_has_its_own_sql() {
        check(
            Dialect::Sqlite,
            Some("ignored"),
            &[
                "CREATE TABLE IF NOT EXISTS `atlas_schema_revisions` (`version` text NOT NULL, `description` text NOT NULL, `type` integer NOT NULL DEFAULT (2)",
                "VALUES ('1''', 'a\\', 2, 1, 2, strftime('%Y-%m-%d %H:%M:%f', 1795253689.250000, 'unixepoch')",
                "'it''s', NULL, 'h', '[\"h1:a+/=\",\"h1:b\"]', 'Tidegate') ON CONFLICT (`version`) DO UPDATE SET `description` = excluded.`description`",
                "DELETE FROM `atlas_schema_revisions` WHERE `version` = '1'''",
            ],
        );
        check(
            Dialect::Postgres,
            Some("audit"),
            &[
                "CREATE SCHEMA IF NOT EXISTS \"audit\";\nCREATE TABLE IF NOT EXISTS \"audit\".\"atlas_schema_revisions\" (\"version\" character varying NOT NULL",
                "\"partial_hashes\" jsonb NULL",
                "tablename = 'atlas_schema_revisions' AND schemaname = E'audit'",
                "VALUES (E'1''', E'a\\\\', 2, 1, 2, to_timestamp(1795253689.250000), 12",
            ],
        );
        check(
            Dialect::Mariadb,
            None,
            &[
                "PRIMARY KEY (`version`)) CHARSET utf8mb4 COLLATE utf8mb4_bin",
                "`executed_at` timestamp NULL",
                "table_schema = DATABASE()",
                "VALUES (CONVERT(X'3127' USING utf8mb4)",
                "ON DUPLICATE KEY UPDATE `description` = VALUES(`description`)",
            ],
        );
    }

    #[test]
    fn rows_become_revisions() {
        let table = RevisionTable::new(Dialect::Sqlite, None);
        let row = |values: [&str; 12]| {
            values
                .map(|value| (value != "NULL").then(|| value.to_owned()))
                .to_vec()
        };
        let rows = [
            row([
                "2", "b", "2", "1", "1", "1000", "5", "NULL", "", "h", "null", "x",
            ]),
            row([
                IDENTIFIER, "uuid", "2", "0", "0", "0", "0", "NULL", "NULL", "", "null", "x",
            ]),
            row([
                "10",
                "a",
                "1",
                "1",
                "2",
                "1795253689250.7",
                "5",
                "bad",
                "SELECT x",
                "h",
                "[\"h1:a\", \"h1:b\"]",
                "x",
            ]),
        ];
        let revisions = table.read(&rows).expect("rows are as they should be");
        let versions: Vec<&str> = revisions
            .iter()
            .map(|revision| revision.version.as_str())
            .collect();
        assert_eq!(versions, ["10", "2"]);
        let first = revisions.first().expect("two");
        assert_eq!(first.kind, Kind::BASELINE);
        assert_eq!(first.executed_at, revision().executed_at);
        assert_eq!(first.partial_hashes, ["h1:a", "h1:b"]);
        assert_eq!(first.error.as_deref(), Some("bad"));
        assert_eq!(
            revisions
                .get(1)
                .map(|revision| revision.error_statement.clone()),
            Some(None)
        );
        let bad = row([
            "1", "", "x", "1", "1", "1", "1", "NULL", "NULL", "", "null", "",
        ]);
        let message = table.read(&[bad]).map_err(|error| error.to_string());
        assert_eq!(
            message.err().as_deref(),
            Some(
                "the table atlas_schema_revisions has a row that cannot be understood: type is \"x\""
            )
        );
    }
}
