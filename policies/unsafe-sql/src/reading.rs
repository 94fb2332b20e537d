//! A text read once for each database whose SQL it may be.
//!
//! Which database a Secret's URL names is not known here, so that a text is judged by the rules of each that can read it. Reading is what costs:
//! it is done once for each, and what MySQL's grammar says serves for MariaDB's too, which is the same.

use tidegate_sqlplan::{Dialect, ProblemKind, Reading, Script, SqlProblem, Statement};

use crate::document::Database;

/// A text as one database reads it.
pub(crate) struct Read<'a> {
    /// The text in pieces.
    pub(crate) script: &'a Script<'a>,
    /// What is wrong with it as such.
    pub(crate) problems: Vec<SqlProblem>,
    /// Its statements, in order.
    pub(crate) statements: Vec<Statement<'a>>,
    /// What each does.
    pub(crate) readings: Vec<Reading>,
    /// What is wrong with each that was not understood.
    pub(crate) checked: Vec<Option<SqlProblem>>,
}

/// The text in pieces, for each database that it may be of.
pub(crate) fn scripts<'a>(text: &'a str, database: &Database) -> Vec<Script<'a>> {
    match database {
        Database::Known(dialect) => vec![Script::new(text, *dialect)],
        Database::Hidden | Database::Foreign(_) => Dialect::ALL
            .map(|dialect| Script::new(text, dialect))
            .into(),
    }
}

/// The scripts read. Of several only those by whose rules least is wrong: when none can read the text, the one that can read most of it says
/// what is wrong.
pub(crate) fn read<'a>(scripts: &'a [Script<'a>]) -> Vec<Read<'a>> {
    let mut parsed_as_mysql: Option<Vec<Option<Parsed>>> = None;
    let mut reads = Vec::new();
    for script in scripts {
        let problems = script.problems();
        let statements: Vec<Statement<'_>> = script.statements().collect();
        let readings: Vec<Reading> = statements.iter().map(Statement::read).collect();
        let known = parsed_as_mysql
            .take()
            .filter(|_| script.dialect().is_mysql_like());
        let parsed = parse(&problems, &statements, &readings, known.unwrap_or_default());
        let checked = parsed
            .iter()
            .zip(&readings)
            .map(|(parsed, reading)| Statement::accept(reading, parsed.clone()?).err())
            .collect();
        if script.dialect().is_mysql_like() {
            parsed_as_mysql = Some(parsed);
        }
        reads.push(Read {
            script,
            problems,
            statements,
            readings,
            checked,
        });
    }
    let least = reads.iter().map(Read::wrong).min().unwrap_or(0);
    reads.retain(|read| read.wrong() == least);
    reads
}

type Parsed = Result<(), SqlProblem>;

/// The parser's opinion of each statement, as far as it was asked. One over a limit has been reported and must not reach the parser; nor one that
/// is cut short by an open quote or bracket.
fn parse(
    problems: &[SqlProblem],
    statements: &[Statement<'_>],
    readings: &[Reading],
    known: Vec<Option<Parsed>>,
) -> Vec<Option<Parsed>> {
    let over_limits = problems.iter().any(|problem| is_limit(&problem.kind));
    let known = known.into_iter().chain(std::iter::repeat(None));
    statements
        .iter()
        .zip(readings)
        .zip(known)
        .map(|((statement, reading), known)| {
            if over_limits || problems.iter().any(|problem| cuts(problem, statement)) {
                None
            } else if statement.needs_parser(reading) {
                Some(known.unwrap_or_else(|| statement.parse()))
            } else {
                None
            }
        })
        .collect()
}

impl Read<'_> {
    /// How much is wrong.
    fn wrong(&self) -> usize {
        self.problems.len() + self.checked.iter().flatten().count()
    }
}

fn cuts(problem: &SqlProblem, statement: &Statement<'_>) -> bool {
    let start = statement.position().offset;
    let within = (start..=start + statement.sql().len()).contains(&problem.position.offset);
    within
        && matches!(
            problem.kind,
            ProblemKind::Unclosed { .. } | ProblemKind::Unopened { .. }
        )
}

fn is_limit(kind: &ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::TextTooLong { .. }
            | ProblemKind::StatementTooLong { .. }
            | ProblemKind::TooManyStatements { .. }
            | ProblemKind::ChainTooLong { .. }
            | ProblemKind::TooDeep { .. }
    )
}
