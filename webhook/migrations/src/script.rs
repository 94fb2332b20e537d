//! A migration's text as what is run: statements, and the checks before them.

use sha2::{Digest as _, Sha256};
use tidegate_sqlplan::{Dialect, Effect, Found, ProblemKind, Script, SqlProblem, Statement};

use crate::archive::{self, Section};
use crate::directive::{DirectiveError, TransactionMode};
use crate::directory::File;
use crate::sum::base64;

/// What running a file means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migration {
    /// In order.
    pub statements: Vec<MigrationStatement>,
    /// What must hold before the first statement.
    pub checks: Vec<Check>,
    /// Where the file asks for it.
    pub transaction: Option<TransactionMode>,
}

/// One statement to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatement {
    /// From its first word to its delimiter; a semicolon stays, as Atlas has it, any other delimiter goes.
    pub text: String,
    /// The line of the file where it begins, counted from 1.
    pub line: u32,
}

/// Questions to the database. Each statement answers with one row of one truth value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its section of the file, for example `checks.sql`.
    pub name: String,
    /// The questions.
    pub questions: Vec<MigrationStatement>,
    /// One true answer is enough (`-- atlas:assert oneof`); otherwise all must be.
    pub one_of: bool,
}

/// Why a file cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// Its text cannot be cut into statements for certain.
    #[error("{file}, {problem}")]
    Sql {
        /// The file.
        file: String,
        /// What is wrong, and where.
        problem: SqlProblem,
    },
    /// PostgreSQL: lines of rows follow, which are no SQL; only `psql` reads them.
    #[error(
        "{file}, line {line}: the rows behind COPY .. FROM stdin are no SQL, only psql reads them: write them as INSERT (pg_dump --inserts)"
    )]
    Rows {
        /// The file.
        file: String,
        /// Where the statement begins.
        line: u32,
    },
    /// A directive that cannot be followed.
    #[error("{file}: {problem}")]
    Directive {
        /// The file.
        file: String,
        /// Why.
        problem: DirectiveError,
    },
    /// An archive that lacks its migration, or has something that nobody would run.
    #[error("{file}: {problem}")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

impl Migration {
    /// Reads a file for a database.
    ///
    /// # Errors
    /// When it is not certain what would run.
    pub fn read(file: &File, dialect: Dialect) -> Result<Self, ScriptError> {
        let directives = file.directives();
        let transaction = directives
            .transaction()
            .map_err(|problem| ScriptError::Directive {
                file: file.name().to_owned(),
                problem,
            })?;
        let mut migration = Self {
            transaction,
            ..Self::default()
        };
        if directives.is_archive() {
            migration.read_archive(file, dialect)?;
        } else {
            migration.statements = statements(file, file.text(), 0, dialect)?;
        }
        Ok(migration)
    }

    /// The sum of the statements up to and with each, as the revisions keep it, without prefix.
    pub fn hashes(&self) -> Vec<String> {
        let mut running = Sha256::new();
        let each = self.statements.iter();
        each.map(|statement| {
            running.update(&statement.text);
            base64(&running.clone().finalize())
        })
        .collect()
    }

    fn read_archive(&mut self, file: &File, dialect: Dialect) -> Result<(), ScriptError> {
        let wrong = |problem: String| ScriptError::Archive {
            file: file.name().to_owned(),
            problem,
        };
        let mut found = false;
        for Section {
            name,
            text,
            lines_before,
        } in archive::sections(file.text())
        {
            match name {
                "migration.sql" if found => {
                    return Err(wrong("it has two sections `migration.sql`".to_owned()));
                }
                "migration.sql" => {
                    found = true;
                    self.statements = statements(file, text, lines_before, dialect)?;
                }
                "down.sql" => {}
                _ if name == "checks.sql" || name.starts_with("checks/") => {
                    self.checks.push(Check {
                        name: name.to_owned(),
                        questions: statements(file, text, lines_before, dialect)?,
                        one_of: asks_for_one(text),
                    });
                }
                other => {
                    return Err(wrong(format!(
                        "nobody would run its section `{other}`; it may have `checks.sql`, `checks/NAME.sql`, `migration.sql` and `down.sql`"
                    )));
                }
            }
        }
        if found {
            Ok(())
        } else {
            Err(wrong(
                "it is an archive (atlas:txtar) without a section `-- migration.sql --`".to_owned(),
            ))
        }
    }
}

fn asks_for_one(text: &str) -> bool {
    let comments = text
        .lines()
        .take_while(|line| line.starts_with("--") || line.trim().is_empty());
    comments
        .filter_map(crate::directive::directive)
        .any(|directive| directive == ("assert", "oneof"))
}

fn statements(
    file: &File,
    text: &str,
    lines_before: u32,
    dialect: Dialect,
) -> Result<Vec<MigrationStatement>, ScriptError> {
    let script = Script::new(text, dialect);
    if let Some(copy) = script.statements().find(is_followed_by_rows) {
        return Err(ScriptError::Rows {
            file: file.name().to_owned(),
            line: copy.position().line + lines_before,
        });
    }
    let problem = script
        .problems()
        .into_iter()
        .find(|problem| stands_in_the_way(problem, &script));
    if let Some(mut problem) = problem {
        problem.position.line += lines_before;
        return Err(ScriptError::Sql {
            file: file.name().to_owned(),
            problem,
        });
    }
    let statements = script.statements().map(|statement| MigrationStatement {
        text: statement.sent().into_owned(),
        line: statement.position().line + lines_before,
    });
    Ok(statements.collect())
}

fn is_followed_by_rows(statement: &Statement<'_>) -> bool {
    let first = statement.sql().split_whitespace().next();
    let is_copy = first.is_some_and(|word| word.eq_ignore_ascii_case("copy"));
    let is_stdin = |found: &Found| matches!(&found.effect, Effect::FileAccess { what } if what == "COPY FROM STDIN");
    is_copy && statement.read().effects.iter().any(is_stdin)
}

/// Whether a problem leaves it open what would run. What is merely odd is the policies' to judge; where a directive moves the delimiter, the splitter
/// followed it.
fn stands_in_the_way(problem: &SqlProblem, script: &Script<'_>) -> bool {
    match problem.kind {
        ProblemKind::TextTooLong { .. }
        | ProblemKind::StatementTooLong { .. }
        | ProblemKind::TooManyStatements { .. }
        | ProblemKind::Unclosed { .. }
        | ProblemKind::Unopened { .. } => true,
        // Outside a statement it would be dropped with the comments.
        ProblemKind::ExecutableComment => !script.statements().any(|statement| {
            let start = statement.position().offset;
            (start..start + statement.written().len()).contains(&problem.position.offset)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Result<Migration, ScriptError> {
        Migration::read(&File::new("1.sql", text), dialect)
    }

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: &[(u32, &str)]) {
        let migration = read(text, dialect).expect("it can be run");
        let seen: Vec<(u32, &str)> = migration
            .statements
            .iter()
            .map(|statement| (statement.line, statement.text.as_str()))
            .collect();
        assert_eq!(seen, expected, "{text:?}");
    }

    #[test]
    fn statements_keep_their_semicolon_and_lose_other_delimiters() {
        check(
            Dialect::Postgres,
            "-- users\nCREATE TABLE u (a int) ;\n\n/* x */ SELECT 1 -- why\n;",
            &[(2, "CREATE TABLE u (a int) ;"), (4, "SELECT 1 -- why\n;")],
        );
        check(
            Dialect::Mysql,
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END //\nDELIMITER ;\nCALL p();",
            &[
                (2, "CREATE PROCEDURE p() BEGIN SELECT 1; END"),
                (4, "CALL p();"),
            ],
        );
        check(
            Dialect::Sqlite,
            "-- atlas:delimiter \\n\\n\n\nCREATE TABLE a (\n  b int,\n\n  c int\n);\n\nDROP TABLE d",
            &[
                (3, "CREATE TABLE a (\n  b int,\n\n  c int\n);"),
                (9, "DROP TABLE d"),
            ],
        );
    }

    /// As Kea writes its procedures.
    #[test]
    fn a_backslash_that_ends_a_line_of_code_is_the_mysql_clients() {
        let text = "SELECT (a, \\\n  '\\\n', /* \\\n */ \\N) \\\n;\nSELECT 2;";
        check(
            Dialect::Mariadb,
            text,
            &[
                (1, "SELECT (a, \n  '\\\n', /* \\\n */ \\N) \n;"),
                (6, "SELECT 2;"),
            ],
        );
        check(Dialect::Sqlite, "SELECT \\\n1;", &[(1, "SELECT \\\n1;")]);
    }

    #[test]
    fn what_would_be_dropped_or_cut_wrongly_is_refused() {
        let check = |text: &str, expected: &str| {
            let problem = read(text, Dialect::Mysql).map_err(|error| error.to_string());
            assert!(
                problem
                    .as_ref()
                    .is_err_and(|problem| problem.starts_with(expected)),
                "{expected}: {problem:?}"
            );
        };
        check(
            "SELECT 1;\n/*!40101 SET NAMES utf8 */;",
            "1.sql, line 2, column 1: an executable comment",
        );
        check(
            "SELECT 'x;",
            "1.sql, line 1, column 8: a quote is never closed",
        );
        check(
            "SELECT (1;",
            "1.sql, line 1, column 8: a bracket is never closed",
        );
        check(
            "-- atlas:txmode all\n\nSELECT 1;",
            "1.sql: atlas:txmode all cannot",
        );
        let copy = "CREATE TABLE t (a text);\n\nCOPY public.t (a) FROM stdin;\nit's; 1\n\\.\n";
        let problem = read(copy, Dialect::Postgres).expect_err("rows are no statements");
        assert_eq!(
            problem.to_string(),
            "1.sql, line 3: the rows behind COPY .. FROM stdin are no SQL, only psql reads them: write them as INSERT (pg_dump --inserts)"
        );
        let inside = "CREATE TABLE t (a int) /*!50100 PARTITION BY HASH (a) */;";
        check_runs(inside);
        check_runs("SELECT 1; -- \u{202e}");
    }

    #[track_caller]
    fn check_runs(text: &str) {
        let migration = read(text, Dialect::Mysql);
        assert_eq!(migration.map(|migration| migration.statements.len()), Ok(1));
    }

    #[test]
    fn an_archive_has_checks() {
        let text = "-- atlas:txtar\n\n-- checks/a.sql --\n-- atlas:assert oneof\n\nSELECT 1;\nSELECT 0;\n-- checks.sql --\nSELECT NOT EXISTS (SELECT * FROM t);\n-- migration.sql --\nDROP TABLE t;\n-- down.sql --\nCREATE TABLE t (a int);\n";
        let migration = read(text, Dialect::Sqlite).expect("an archive");
        let checks: Vec<(&str, usize, bool)> = migration
            .checks
            .iter()
            .map(|check| (check.name.as_str(), check.questions.len(), check.one_of))
            .collect();
        assert_eq!(
            checks,
            [("checks/a.sql", 2, true), ("checks.sql", 1, false)]
        );
        assert_eq!(migration.statements.len(), 1);
        assert_eq!(
            migration.statements.first().map(|statement| statement.line),
            Some(11)
        );
        for (text, expected) in [
            ("-- atlas:txtar\n\nDROP TABLE t;", "without a section"),
            (
                "-- atlas:txtar\n-- migration.sql --\nx;\n-- other --\ny;",
                "its section `other`",
            ),
        ] {
            let problem = read(text, Dialect::Sqlite).map_err(|error| error.to_string());
            assert!(
                problem
                    .as_ref()
                    .is_err_and(|problem| problem.contains(expected)),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn hashes_run_on() {
        let hashes = |text: &str| {
            let migration = read(text, Dialect::Sqlite).expect("it can be run");
            migration.hashes()
        };
        let (two, other) = (
            hashes("SELECT 1;SELECT 2;"),
            hashes("SELECT 3;\n\nSELECT 2;"),
        );
        // Computed by a script in another language: the second is of `SELECT 1;SELECT 2;`.
        assert_eq!(
            two,
            [
                "F9tP02ntuSRLn5HZru0UXD0ErYum6V0GJH8HpjUn0Ro=",
                "Q1ly6EfkxxrLjTZSKjT10nxKUSeL28wlIwaWHIiBBHw="
            ]
        );
        assert_ne!(two.get(1), other.get(1));
    }
}
