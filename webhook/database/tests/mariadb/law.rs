//! The law: whatever the two schemas, the plan between them makes the one of the other, a second plan is empty, and what neither changes stays.
//!
//! Schemas are generated from a pool of names, so that two of them have much in common; each column has a family of types between which a row of
//! ones can go. `PROPTEST_CASES` says how many.

use std::fmt::Write as _;

use anyhow::ensure;
use proptest::prelude::*;
use proptest::sample::select;

use crate::pairs::bring;
use crate::servers::{Server, each, open};

/// Column names by family, and the types of each family with a value that all of them hold.
const FAMILIES: &[(&[&str], &[&str], &str)] = &[
    (
        &["n0", "n1", "n2"],
        &[
            "tinyint",
            "int",
            "bigint unsigned",
            "decimal(10,2)",
            "double",
        ],
        "1",
    ),
    (
        &["s0", "s1", "s2"],
        &[
            "varchar(20)",
            "varchar(60)",
            "char(5)",
            "varchar(20) CHARACTER SET latin1",
            "varchar(30) COLLATE utf8mb4_bin",
        ],
        "'1'",
    ),
    (
        &["d0", "d1"],
        &["date", "datetime", "datetime(3)", "timestamp"],
        "'2001-01-01'",
    ),
    (
        &["e0"],
        &["enum('a')", "enum('a','b')", "enum('c','a','b')"],
        "'a'",
    ),
    // MySQL takes no default for it but an expression.
    (&["j0"], &["json"], "('1')"),
];

const TABLES: &[&str] = &["t0", "t1", "t2", "t3"];
const COLLATIONS: &[&str] = &["utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_bin"];

#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: &'static str,
    value: &'static str,
    data_type: &'static str,
    nullable: bool,
    defaults: bool,
    comment: bool,
}

#[derive(Debug, Clone)]
struct Table {
    name: &'static str,
    columns: Vec<Column>,
    /// Expression and kind of a generated column.
    generated: Option<(&'static str, &'static str)>,
    /// Unique or not, and which columns, by chance.
    indexes: Vec<(bool, usize, usize)>,
    /// A table, by chance.
    refers: Option<(usize, &'static str)>,
    /// Of the column, or of the table.
    check: Option<bool>,
    collation: &'static str,
    counts: bool,
}

#[derive(Debug, Clone)]
struct Schema {
    tables: Vec<Table>,
    id: &'static str,
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    let mut all = Vec::new();
    for (names, types, value) in FAMILIES {
        for name in *names {
            let column = (select(*types), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
                |(data_type, nullable, defaults, comment)| Column {
                    name,
                    value,
                    data_type,
                    nullable,
                    // A new column of a table with rows has to have a value that its type and its check allow.
                    defaults: defaults || ["n0", "d0", "d1", "j0"].contains(name),
                    comment,
                },
            );
            all.push(prop::option::weighted(0.7, column));
        }
    }
    all.prop_map(|columns| columns.into_iter().flatten().collect())
}

fn table(name: &'static str) -> impl Strategy<Value = Table> {
    let generated = (
        select(&["n1 + 1", "n1 * 2"][..]),
        select(&["STORED", "VIRTUAL"][..]),
    );
    let actions = select(&["", " ON DELETE CASCADE", " ON UPDATE SET NULL"][..]);
    (
        columns(),
        prop::option::of(generated),
        prop::collection::vec((any::<bool>(), 0..9_usize, 0..9_usize), 0..4),
        prop::option::of((0..4_usize, actions)),
        prop::option::of(any::<bool>()),
        select(COLLATIONS),
        any::<bool>(),
    )
        .prop_map(
            move |(columns, generated, indexes, refers, check, collation, counts)| Table {
                name,
                columns,
                generated,
                indexes,
                refers,
                check,
                collation,
                counts,
            },
        )
}

fn schema() -> impl Strategy<Value = Schema> {
    let tables: Vec<_> = TABLES
        .iter()
        .map(|name| prop::option::weighted(0.8, table(name)))
        .collect();
    (tables, select(&["int", "bigint", "int unsigned"][..])).prop_map(|(tables, id)| Schema {
        tables: tables.into_iter().flatten().collect(),
        id,
    })
}

impl Table {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|other| other.name == column)
    }
}

impl Schema {
    fn sql(&self) -> String {
        let mut sql = String::new();
        let mut late = String::new();
        for table in &self.tables {
            let mut lines = vec![format!(
                "id {} NOT NULL{}",
                self.id,
                if table.counts { " AUTO_INCREMENT" } else { "" }
            )];
            for column in &table.columns {
                let mut line = format!("{} {}", column.name, column.data_type);
                line += if column.nullable {
                    " NULL"
                } else {
                    " NOT NULL"
                };
                if column.defaults {
                    let _ = write!(line, " DEFAULT {}", column.value);
                }
                if column.comment {
                    line += " COMMENT 'it''s'";
                }
                if column.name == "n0" && table.check == Some(true) {
                    line += " CHECK (n0 > 0)";
                }
                lines.push(line);
            }
            if let Some((expression, kind)) = table.generated
                && table.has("n1")
            {
                lines.push(format!("g0 bigint AS ({expression}) {kind}"));
            }
            lines.push(format!("r0 {} NULL", self.id));
            lines.push("PRIMARY KEY (id)".to_owned());
            for (number, (unique, first, second)) in table.indexes.iter().enumerate() {
                let at = |index: &usize| {
                    table
                        .columns
                        .get(*index)
                        .filter(|column| column.data_type != "json")
                        .map_or("id", |column| column.name)
                };
                let mut parts = vec![at(first)];
                if at(second) != at(first) {
                    parts.push(at(second));
                }
                let word = if *unique { "UNIQUE KEY" } else { "KEY" };
                lines.push(format!("{word} i{number} ({})", parts.join(", ")));
            }
            if table.check == Some(false) && table.has("n0") {
                // MySQL has no name twice in a database.
                lines.push(format!("CONSTRAINT {}_positive CHECK (n0 > 0)", table.name));
            }
            let _ = writeln!(
                sql,
                "CREATE TABLE {} ({}) COLLATE {};",
                table.name,
                lines.join(", "),
                table.collation
            );
            if let Some((target, action)) = table.refers
                && let Some(target) = self.tables.get(target)
            {
                let _ = writeln!(
                    late,
                    "ALTER TABLE {0} ADD CONSTRAINT {0}_fk FOREIGN KEY (r0) REFERENCES {1} (id){action};",
                    table.name, target.name
                );
            }
        }
        sql + &late
    }

    fn rows(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            let values: Vec<&str> = table.columns.iter().map(|column| column.value).collect();
            let _ = writeln!(
                sql,
                "INSERT INTO {} (id{}{}) VALUES (1{}{});",
                table.name,
                if names.is_empty() { "" } else { ", " },
                names.join(", "),
                if values.is_empty() { "" } else { ", " },
                values.join(", ")
            );
        }
        sql
    }

    /// A question whose answer must not change on the way to `other`.
    fn kept(&self, other: &Self) -> String {
        let mut sql = String::from("SELECT 1;");
        for table in &self.tables {
            let Some(other) = other.tables.iter().find(|other| other.name == table.name) else {
                continue;
            };
            let kept = table
                .columns
                .iter()
                .filter(|column| other.columns.contains(column))
                .map(|column| column.name);
            let kept: Vec<&str> = std::iter::once("id").chain(kept).collect();
            let _ = write!(sql, "SELECT {} FROM {};", kept.join(", "), table.name);
        }
        sql
    }
}

async fn holds(server: Server, database: &str, from: &Schema, to: &Schema) -> anyhow::Result<()> {
    let mut session = open(server, database).await?;
    bring(&mut session, &from.sql()).await?;
    server.sql(database, &from.rows())?;
    let question = from.kept(to);
    let before = server.sql(database, &question)?;
    bring(&mut session, &to.sql()).await?;
    let after = server.sql(database, &question)?;
    ensure!(before == after, "rows changed from {before} to {after}");
    server.sql("", &format!("DROP DATABASE {database}"))?;
    Ok(())
}

#[test]
fn any_schema_can_become_any_other() {
    for server in each() {
        any_can_become_any_other(server);
    }
}

fn any_can_become_any_other(server: Server) {
    const USUAL: u32 = 12;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(USUAL);
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    };
    let number = std::cell::Cell::new(0_u32);
    proptest!(config, |(from in schema(), to in schema())| {
        number.set(number.get() + 1);
        let database = format!("law_{}", number.get());
        if let Err(error) = runtime.block_on(holds(server, &database, &from, &to)) {
            prop_assert!(false, "{error:#}\n-- from\n{}\n-- to\n{}", from.sql(), to.sql());
        }
    });
}
