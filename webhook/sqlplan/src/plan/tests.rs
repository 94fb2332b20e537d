use proptest::prelude::*;

use super::*;
use crate::schema::{fold, parse_schema};
use crate::split::Script;

fn schema(text: &str) -> Schema {
    parse_schema(text, Dialect::Sqlite).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

#[track_caller]
fn check(current: &str, desired: &str, expected: &[&str]) {
    let plan = plan(&schema(current), &schema(desired), Dialect::Sqlite).unwrap();
    let seen: Vec<&str> = plan
        .statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect();
    assert_eq!(seen, expected);
}

#[track_caller]
fn check_refused(current: &str, desired: &str, expected: &[&str]) {
    let refusals = plan(&schema(current), &schema(desired), Dialect::Sqlite).unwrap_err();
    let seen: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    for (seen, expected) in seen.iter().zip(expected) {
        assert!(seen.contains(expected), "{seen}, not {expected}");
    }
}

#[test]
fn tables_columns_and_indexes_are_planned() {
    check(
        "",
        "CREATE TABLE t (id integer PRIMARY KEY);\nCREATE INDEX i ON t (id);",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY)",
            "CREATE INDEX i ON t (id)",
        ],
    );
    check(
        "CREATE TABLE \"t\" (`id` integer PRIMARY KEY)",
        "CREATE TABLE [t] (id INTEGER PRIMARY KEY, name varchar(80) NOT NULL DEFAULT '', CHECK (id > 0))".replace(", CHECK (id > 0)", "").as_str(),
        &["ALTER TABLE \"t\" ADD COLUMN name varchar(80) NOT NULL DEFAULT ''"],
    );
    check(
        "CREATE TABLE t (id integer PRIMARY KEY); CREATE TABLE u (id integer PRIMARY KEY)",
        "CREATE TABLE t (id integer PRIMARY KEY, u integer REFERENCES u (id) CHECK (u > 0)); CREATE TABLE u (id integer PRIMARY KEY)",
        &["ALTER TABLE \"t\" ADD COLUMN u integer REFERENCES u (id) CHECK (u > 0)"],
    );
}

#[test]
fn what_means_the_same_needs_no_plan() {
    check(
        "CREATE TABLE IF NOT EXISTS 'T' (\n  \"Id\" INT NOT NULL,\n  name varchar(50) NULL DEFAULT NULL,\n  PRIMARY KEY (\"Id\"),\n  FOREIGN KEY (name) REFERENCES u(a)) /* x */ STRICT, WITHOUT ROWID",
        "CREATE TABLE t (name TEXT REFERENCES u (a) ON DELETE NO ACTION, id INTEGER PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;",
        &[],
    );
}

#[test]
fn everything_else_is_refused_by_name() {
    let before = "CREATE TABLE t (id integer PRIMARY KEY, a text, b text NOT NULL); CREATE INDEX i ON t (a);";
    check_refused(
        before,
        "CREATE TABLE u (id int)",
        &["table t: dropping a table loses its rows"],
    );
    check_refused(
        before,
        "CREATE TABLE t (id integer PRIMARY KEY, b text NOT NULL)",
        &["column t.a: dropping a column", "index i: is not dropped"],
    );
    check_refused(
        before,
        "CREATE TABLE t (id integer PRIMARY KEY, a int, b text); CREATE INDEX i ON t (a)",
        &[
            "column t.a: its type changes from text to int",
            "column t.b: NULL becomes allowed or forbidden",
        ],
    );
    check_refused(
        before,
        &before.replace(
            "b text NOT NULL",
            "b text NOT NULL, c int NOT NULL, d int UNIQUE, e text DEFAULT CURRENT_TIMESTAMP",
        ),
        &[
            "column t.c: a NOT NULL column needs a default",
            "column t.d: a UNIQUE column cannot be added",
            "column t.e: the default of an added column must be a constant",
            "table t: a UNIQUE constraint changes",
        ],
    );
    check_refused(
        before,
        &before.replace("(a);", "(a DESC);"),
        &["index i: is not dropped", "index i: is defined otherwise"],
    );
    check_refused(
        before,
        &format!("{before} CREATE VIEW v AS SELECT 1;"),
        &["view v: is not planned yet"],
    );
    let refusals = plan(&Schema::default(), &schema(before), Dialect::Postgres).unwrap_err();
    assert!(
        refusals[0].to_string().contains("planned for sqlite only"),
        "{refusals:?}"
    );
}

/// One column of a table: its name's number, and which of some definitions.
fn column() -> impl Strategy<Value = (u8, &'static str)> {
    let definitions = [
        "integer",
        "text NOT NULL DEFAULT 'x;'",
        "varchar(20) DEFAULT NULL",
        "real CHECK (1 > 0)",
        "\"blob\"",
        "numeric(10, 2) COLLATE nocase",
    ];
    (0..6_u8, prop::sample::select(definitions.to_vec()))
}

fn text(tables: &[(u8, Vec<(u8, &'static str)>)]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (table, columns) in tables {
        let mut seen = std::collections::BTreeMap::new();
        for (name, definition) in columns {
            seen.entry(*name).or_insert(*definition);
        }
        let columns: String = seen
            .iter()
            .fold(String::new(), |mut columns, (name, definition)| {
                let _ = write!(columns, ", [c{name}] {definition}");
                columns
            });
        let _ = writeln!(
            text,
            "CREATE TABLE IF NOT EXISTS t{table} (id integer PRIMARY KEY{columns});"
        );
        if let Some((name, _)) = seen.first_key_value() {
            let _ = writeln!(text, "CREATE INDEX i{table}_{name} ON t{table} (c{name});");
        }
    }
    text
}

fn tables() -> impl Strategy<Value = Vec<(u8, Vec<(u8, &'static str)>)>> {
    prop::collection::vec((0..4_u8, prop::collection::vec(column(), 0..4)), 0..4).prop_map(
        |mut tables| {
            tables.sort_by_key(|(table, _)| *table);
            tables.dedup_by_key(|(table, _)| *table);
            tables
        },
    )
}

proptest! {
    /// What is as it should be needs nothing.
    #[test]
    fn plan_to_itself_is_empty(tables in tables()) {
        let schema = schema(&text(&tables));
        prop_assert_eq!(plan(&schema, &schema, Dialect::Sqlite).unwrap(), Plan::default());
    }

    /// Running a plan gives what was desired, and then there is nothing left to plan.
    #[test]
    fn a_plan_leads_where_it_should(before in tables(), after in tables()) {
        let (current, desired) = (text(&before), text(&after));
        let (current_schema, desired_schema) = (schema(&current), schema(&desired));
        if let Ok(first) = plan(&current_schema, &desired_schema, Dialect::Sqlite) {
            let statements: Vec<String> = first.statements.iter().map(|statement| statement.sql.clone()).collect();
            let reached_text = format!("{current}{}", statements.join(";\n"));
            let script = Script::new(&reached_text, Dialect::Sqlite);
            let statements: Vec<_> = script.statements().collect();
            let readings: Vec<_> = statements.iter().map(crate::Statement::read).collect();
            let reached = fold(&statements, &readings, Dialect::Sqlite);
            prop_assert_eq!(diff(&reached, &desired_schema, Dialect::Sqlite), vec![]);
            prop_assert_eq!(plan(&reached, &desired_schema, Dialect::Sqlite).unwrap(), Plan::default());
        }
    }
}

/// A trigger's body does something when it runs, not when it is made: the database that has it can still be read.
#[test]
fn triggers_are_read_as_objects() {
    let text = "CREATE TABLE t (id integer PRIMARY KEY, a text);
        CREATE TRIGGER tr AFTER UPDATE ON t BEGIN UPDATE t SET a = 'x' WHERE id = new.id; DELETE FROM t WHERE id = 0; END";
    assert_eq!(schema(text).objects.len(), 1);
    check(text, text, &[]);
    check(
        text,
        &text.replace("a text)", "a text, b int)"),
        &["ALTER TABLE \"t\" ADD COLUMN b int"],
    );
}
