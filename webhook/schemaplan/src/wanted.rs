//! The wanted schema's text: the statements that a scratch database is to run, and what it says about renames.
//!
//! A schema describes; it neither brings rows nor reaches outside. What does is refused here, before anything runs: rows belong into a migration, and
//! files, programs, accounts and other servers are no part of a schema. (An engine's scratch place refuses more, by the server's own means.)
//! `BEGIN` and `COMMIT`, which dumps have around them, mean nothing there and are left out, as is what SQLite's shell says of tables that make themselves.

use std::fmt;

use tidegate_sqlplan::{Dialect, Effect, ObjectKind, Script, Statement};

use crate::bookkeeping::Bookkeeping;
use crate::executable;
use crate::settings::RenameHint;

/// What a wanted text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In order, without delimiters.
    pub statements: Vec<String>,
    /// `-- tidegate:rename old -> new`.
    pub renames: Vec<RenameHint>,
}

/// Why a wanted text is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedProblem {
    /// The name of the text, usually of a file.
    pub source: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong and what to do, without full stop.
    pub message: String,
}

impl fmt::Display for WantedProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}:{}: {}",
            self.source, self.line, self.column, self.message
        )
    }
}

/// Reads texts, each with its name, as one schema.
///
/// # Errors
/// Every problem, in order.
pub fn wanted(texts: &[(String, String)], dialect: Dialect) -> Result<Wanted, Vec<WantedProblem>> {
    let mut wanted = Wanted::default();
    let mut problems = Vec::new();
    for (source, text) in texts {
        let text = executable::opened(text, dialect);
        let script = Script::new(&text, dialect);
        let mut add = |(line, column): (u32, u32), message: String| {
            problems.push(WantedProblem {
                source: source.clone(),
                line,
                column,
                message,
            });
        };
        for problem in script.problems() {
            let place = (problem.position.line, problem.position.column);
            add(place, problem.kind.to_string());
        }
        for (position, comment) in script.comments() {
            match hint(comment) {
                Some(Ok(hint)) => wanted.renames.push(hint),
                Some(Err(message)) => add((position.line, position.column), message),
                None => {}
            }
        }
        let bookkeeping = Bookkeeping::of(&script);
        let statements = script.statements();
        for statement in statements.filter(|statement| !bookkeeping.has(statement)) {
            let effects = statement.read().effects;
            // A block that is no routine's runs when the statement does.
            let runs = starts_with(&statement, "do");
            let mut executed = effects.iter().filter(|found| runs || !found.nested);
            let is_transaction = effects
                .iter()
                .any(|found| matches!(found.effect, Effect::Transaction { .. }));
            match executed.find_map(|found| objection(&found.effect, dialect)) {
                Some(objection) => {
                    let position = statement.position();
                    let head: String = shown(statement.sql());
                    add(
                        (position.line, position.column),
                        format!("`{head}` {objection}"),
                    );
                }
                None if is_transaction => {}
                None => wanted.statements.push(statement.sql().to_owned()),
            }
        }
    }
    if problems.is_empty() {
        Ok(wanted)
    } else {
        Err(problems)
    }
}

const CHANGES_ROWS: &str =
    "changes rows, and a schema only says which tables there are; put it into a migration";

/// Why a statement that does this is not run.
fn objection(effect: &Effect, dialect: Dialect) -> Option<&'static str> {
    match effect {
        Effect::Insert { .. }
        | Effect::Update { .. }
        | Effect::Delete { .. }
        | Effect::Truncate { .. }
        | Effect::CopyRows { makes: false, .. } => Some(CHANGES_ROWS),
        Effect::FileAccess { what } if what == "COPY FROM STDIN" => Some(CHANGES_ROWS),
        Effect::FileAccess { .. } => Some(
            "reaches outside the database (a file, a program or another server), which a schema must not",
        ),
        // PostgreSQL's are of one table as well, and dumps are full of them: its scratch place tells those apart, and takes all back.
        Effect::Privilege { .. } if dialect == Dialect::Postgres => None,
        Effect::Privilege { .. }
        | Effect::Create {
            kind: ObjectKind::Account,
            ..
        }
        | Effect::Drop {
            kind: ObjectKind::Account,
            ..
        } => Some(
            "is about accounts and rights, which are the whole server's and no part of a schema; do it by hand, or in a migration",
        ),
        // MySQL's is of the one database, and its scratch place sees to it that it is no other.
        Effect::ServerSetting { what }
            if dialect.is_mysql_like() && what.starts_with("ALTER DATABASE") =>
        {
            None
        }
        Effect::ServerSetting { .. } => Some("changes the whole server, which a schema must not"),
        _ => None,
    }
}

fn starts_with(statement: &Statement<'_>, word: &str) -> bool {
    let first = statement.sql().split_whitespace().next();
    first.is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// The first words.
fn shown(sql: &str) -> String {
    let mut words = sql.split_whitespace();
    let head: Vec<&str> = words.by_ref().take(4).collect();
    let head: String = head.join(" ").chars().take(60).collect();
    if words.next().is_some() {
        head + " .."
    } else {
        head
    }
}

/// A comment's hint, if it is one.
fn hint(comment: &str) -> Option<Result<RenameHint, String>> {
    let text = comment
        .trim_start_matches(['-', '#', '/', '*'])
        .trim_end_matches(['*', '/'])
        .trim();
    let rest = text.strip_prefix("tidegate:rename")?;
    let names = rest.split_once("->").map(|(from, to)| {
        let plain = |name: &str| name.replace(['"', '`', '[', ']'], "").trim().to_owned();
        (plain(from), plain(to))
    });
    Some(match names {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok(RenameHint { from, to }),
        _ => Err(
            "a hint is written `-- tidegate:rename old -> new`, with a table or table.column before the arrow"
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Result<Wanted, Vec<String>> {
        wanted(&[("schema.sql".to_owned(), text.to_owned())], dialect)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn statements_and_hints_are_taken_transactions_are_not() {
        let text = "PRAGMA foreign_keys=OFF; BEGIN; CREATE TABLE sqlite_sequence(name,seq);\n-- tidegate:rename orders -> purchases\nCREATE TABLE purchases (amount int);\n\
                    /* tidegate:rename \"purchases\".total -> amount */ CREATE VIEW v AS SELECT 1;\nCOMMIT;";
        let wanted = read(text, Dialect::Sqlite).unwrap();
        assert_eq!(
            wanted.statements,
            [
                "CREATE TABLE purchases (amount int)",
                "CREATE VIEW v AS SELECT 1"
            ]
        );
        let hints: Vec<_> = wanted
            .renames
            .iter()
            .map(|hint| (hint.from.as_str(), hint.to.as_str()))
            .collect();
        assert_eq!(
            hints,
            [("orders", "purchases"), ("purchases.total", "amount")]
        );
    }

    #[test]
    fn rows_and_ways_out_are_refused_with_their_place() {
        for (text, dialect, expected) in [
            (
                "CREATE TABLE t (a int);\n INSERT INTO t VALUES (1)",
                Dialect::Sqlite,
                "schema.sql:2:2: `INSERT INTO t VALUES ..` changes rows",
            ),
            (
                "COPY t (a) FROM stdin",
                Dialect::Postgres,
                "1:1: `COPY t (a) FROM ..` changes rows",
            ),
            (
                "UPDATE t SET a = 1",
                Dialect::Mysql,
                "1:1: `UPDATE t SET a ..` changes rows",
            ),
            ("ATTACH 'x' AS y", Dialect::Sqlite, "reaches outside"),
            (
                "COPY t FROM PROGRAM 'id'",
                Dialect::Postgres,
                "reaches outside",
            ),
            (
                "DO $$ BEGIN COPY t TO PROGRAM 'id'; END $$",
                Dialect::Postgres,
                "reaches outside",
            ),
            (
                "GRANT ALL ON app.* TO 'x'@'%'",
                Dialect::Mariadb,
                "accounts and rights",
            ),
            (
                "ALTER SYSTEM SET fsync = off",
                Dialect::Postgres,
                "whole server",
            ),
            (
                "-- tidegate:rename a b\nCREATE TABLE b (c int)",
                Dialect::Sqlite,
                "a hint is written",
            ),
            ("CREATE TABLE t (a int", Dialect::Sqlite, "schema.sql:1"),
        ] {
            let problems = read(text, dialect).unwrap_err();
            assert!(
                problems.iter().any(|problem| problem.contains(expected)),
                "{text}: {problems:?}"
            );
        }
    }

    #[test]
    fn a_dump_says_what_its_server_runs() {
        let text = "/*!40014 SET FOREIGN_KEY_CHECKS=0 */;\nCREATE TABLE t (a int) /*!50100 PARTITION BY HASH (a) */;\n/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET @a = 1 */;\n/*!80000 SET x = 1 */;";
        let statements = read(text, Dialect::Mariadb).unwrap().statements;
        let words: Vec<String> = statements
            .iter()
            .map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            words,
            [
                "SET FOREIGN_KEY_CHECKS=0",
                "CREATE TABLE t (a int) PARTITION BY HASH (a)",
                "CREATE DEFINER=`a`@`b` TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET @a = 1"
            ]
        );
        let text = "ALTER DATABASE CHARACTER SET utf8mb4";
        assert_eq!(read(text, Dialect::Mysql).unwrap().statements, [text]);
    }

    #[test]
    fn what_routines_do_when_called_is_theirs() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log VALUES (1); END";
        assert_eq!(
            read(trigger, Dialect::Sqlite).unwrap().statements,
            [trigger]
        );
        let owned = "ALTER TABLE a OWNER TO app";
        assert_eq!(read(owned, Dialect::Postgres).unwrap().statements, [owned]);
        let made = "CREATE TABLE b AS SELECT * FROM a";
        assert_eq!(read(made, Dialect::Sqlite).unwrap().statements, [made]);
    }
}
