//! A request judged: texts read, rules asked.

use std::collections::BTreeSet;

use tidegate_policy_sdk::prelude::{Change as PlannedChange, Object, Request, Verdict};
use tidegate_sqlplan::{
    AlterAction, Dialect, Effect, ObjectKind, ProblemKind, Reading, Script, SqlProblem, Statement,
    diff, fold,
};

use crate::Settings;
use crate::comparison::Comparison;
use crate::document::{self, Database, Document, Purpose};
use crate::findings::Findings;
use crate::rules::{self, RULES};

/// One text, read by the rules of one database.
pub(crate) struct Text<'a> {
    /// The text in pieces.
    pub(crate) script: &'a Script<'a>,
    /// What is wrong with it as such.
    pub(crate) problems: Vec<SqlProblem>,
}

/// One statement, and what came before it.
pub(crate) struct Judged<'a> {
    /// What its text is for.
    pub(crate) purpose: Purpose,
    /// The statement.
    pub(crate) statement: &'a Statement<'a>,
    /// What it does.
    pub(crate) reading: &'a Reading,
    /// What is wrong with it, when it was not understood.
    pub(crate) problem: Option<&'a SqlProblem>,
    /// Tables that did not exist before this text.
    pub(crate) created: &'a Created,
    /// Findings so far on this statement, by earlier rules.
    pub(crate) reported: bool,
}

impl Judged<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        self.statement.dialect()
    }
}

/// Tables made earlier in the same text: what happens to them loses nothing and blocks nobody.
#[derive(Debug, Default)]
pub(crate) struct Created {
    tables: BTreeSet<String>,
    /// SQLite's way to change a table: make a new one, copy, drop the old one, rename. These old ones are not lost.
    rebuilt: BTreeSet<String>,
}

impl Created {
    pub(crate) fn holds(&self, table: &tidegate_sqlplan::Name, dialect: Dialect) -> bool {
        self.tables.contains(&table.key(dialect))
    }

    pub(crate) fn rebuilds(&self, table: &tidegate_sqlplan::Name, dialect: Dialect) -> bool {
        self.rebuilt.contains(&table.key(dialect))
    }

    fn follow(&mut self, reading: &Reading, dialect: Dialect) {
        for found in reading.effects.iter().filter(|found| !found.nested) {
            match &found.effect {
                // With IF NOT EXISTS it may have been there.
                Effect::CreateTable(definition)
                    if !definition.if_not_exists && !definition.or_replace =>
                {
                    self.tables.insert(definition.table.name.key(dialect));
                }
                Effect::Drop {
                    kind: ObjectKind::Table,
                    name,
                    ..
                } => {
                    self.tables.remove(&name.key(dialect));
                }
                Effect::AlterTable {
                    table,
                    action: AlterAction::RenameTable { to },
                } if self.tables.remove(&table.key(dialect)) => {
                    self.tables.insert(to.key(dialect));
                }
                _ => {}
            }
        }
    }

    /// The tables of a SQLite text that are rebuilt: all rows of `x` go into a new table, which takes over the name `x`.
    fn find_rebuilds(&mut self, readings: &[Reading], dialect: Dialect) {
        if dialect != Dialect::Sqlite {
            return;
        }
        let effects = || {
            readings
                .iter()
                .flat_map(|reading| reading.effects.iter().map(|found| &found.effect))
        };
        for effect in effects() {
            let Effect::Insert {
                table: new,
                copies: Some(old),
            } = effect
            else {
                continue;
            };
            let (new, old) = (new.key(dialect), old.key(dialect));
            let is_new = effects().any(|effect| matches!(effect, Effect::CreateTable(definition) if definition.table.name.key(dialect) == new));
            let takes_over = effects().any(|effect| {
                matches!(effect, Effect::AlterTable { table, action: AlterAction::RenameTable { to } } if table.key(dialect) == new && to.key(dialect) == old)
            });
            if is_new && takes_over {
                self.rebuilt.insert(old);
            }
        }
    }
}

/// Judges a request.
pub(crate) fn review(request: &Request, settings: Settings, verdict: &mut Verdict) {
    let mut findings = Findings::new();
    match request {
        Request::Admission(admission) => {
            if let Some(object) = &admission.object {
                judge_object(
                    object,
                    admission.old_object.as_ref(),
                    "",
                    settings,
                    &mut findings,
                );
            }
        }
        Request::Plan(plan) => {
            let said = plan
                .dialect
                .as_deref()
                .and_then(Dialect::from_url_scheme)
                .map(Database::Known);
            let database = said.unwrap_or_else(|| document::database(&plan.subject, settings));
            let mut created = Created::default();
            for (index, change) in plan.changes.iter().enumerate() {
                let pointer = format!("/changes/{index}");
                match change {
                    PlannedChange::ApplyObject(object) => {
                        judge_object(object, None, &pointer, settings, &mut findings);
                    }
                    PlannedChange::RunStatement(text) => {
                        let document = Document {
                            pointer,
                            purpose: Purpose::Migration,
                            text,
                        };
                        judge_document(&document, &database, &mut created, &mut findings);
                    }
                    PlannedChange::DeleteObject(_) => {}
                }
            }
        }
    }
    for finding in findings.into_list() {
        verdict.report(finding);
    }
}

fn judge_object(
    object: &Object,
    old: Option<&Object>,
    prefix: &str,
    settings: Settings,
    findings: &mut Findings,
) {
    if !document::is_schema(object) && !document::is_migration(object) {
        return;
    }
    let database = document::database(object, settings);
    for entry in RULES {
        if let Some(check) = entry.object {
            findings.about(prefix);
            check(
                &rules::Subject {
                    object,
                    old,
                    database: &database,
                    prefix,
                },
                findings.of(entry.rule),
            );
        }
    }
    // What was judged before, by the same rules, is not judged again: only a label may have changed.
    let same_database = old.is_some_and(|old| document::database(old, settings) == database);
    let before = if same_database {
        old.map(document::documents).unwrap_or_default()
    } else {
        Vec::new()
    };
    for document in document::documents(object) {
        if before.contains(&document) {
            continue;
        }
        let document = Document {
            pointer: format!("{prefix}{}", document.pointer),
            ..document
        };
        judge_document(&document, &database, &mut Created::default(), findings);
        let old_text = old.and_then(|old| old.text("/spec/schema/sql"));
        if document.purpose == Purpose::Desired {
            compare(&document, old_text, &database, findings);
        }
    }
}

/// The dialects by which a text must be judged: the database's, or each that can read it. When none can, the one that can read most of it
/// says what is wrong.
fn dialects(text: &str, database: &Database) -> Vec<Dialect> {
    if let Database::Known(dialect) = database {
        return vec![*dialect];
    }
    let problems = |dialect: Dialect| {
        let script = Script::new(text, dialect);
        let broken = script
            .statements()
            .filter(|statement| statement.check(&statement.read()).is_err())
            .count();
        broken + script.problems().len()
    };
    let counted: Vec<(usize, Dialect)> = Dialect::ALL
        .into_iter()
        .map(|dialect| (problems(dialect), dialect))
        .collect();
    let least = counted
        .iter()
        .map(|(problems, _)| *problems)
        .min()
        .unwrap_or(0);
    counted
        .into_iter()
        .filter(|(problems, _)| *problems == least)
        .map(|(_, dialect)| dialect)
        .collect()
}

fn judge_document(
    document: &Document<'_>,
    database: &Database,
    created: &mut Created,
    findings: &mut Findings,
) {
    findings.about(&document.pointer);
    for dialect in dialects(document.text, database) {
        let script = Script::new(document.text, dialect);
        let problems = script.problems();
        let text = Text {
            script: &script,
            problems,
        };
        for entry in RULES {
            if let Some(check) = entry.text {
                check(&text, findings.of(entry.rule));
            }
        }
        // A statement over a limit has been reported and must not reach the parser.
        let over_limits = text.problems.iter().any(|problem| is_limit(&problem.kind));
        let statements: Vec<Statement<'_>> = script.statements().collect();
        let readings: Vec<Reading> = statements.iter().map(Statement::read).collect();
        created.find_rebuilds(&readings, dialect);
        for (statement, reading) in statements.iter().zip(&readings) {
            // Nor one that is cut short by an open quote or bracket: that has been reported.
            let checked =
                if over_limits || text.problems.iter().any(|problem| cuts(problem, statement)) {
                    Ok(())
                } else {
                    statement.check(reading)
                };
            let before = findings.len();
            for entry in RULES {
                if let Some(check) = entry.statement {
                    let reported = findings.len() > before;
                    let judged = Judged {
                        purpose: document.purpose,
                        statement,
                        reading,
                        problem: checked.as_ref().err(),
                        created,
                        reported,
                    };
                    check(&judged, findings.of(entry.rule));
                }
            }
            created.follow(reading, dialect);
        }
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

fn compare(
    document: &Document<'_>,
    old: Option<&str>,
    database: &Database,
    findings: &mut Findings,
) {
    findings.about(&document.pointer);
    for dialect in dialects(document.text, database) {
        let script = Script::new(document.text, dialect);
        let understood = script.problems().is_empty();
        let new = fold(&script);
        let old_script = Script::new(old.unwrap_or_default(), dialect);
        let mut old_problems = old_script.problems();
        if old_problems.is_empty() {
            old_problems.extend(
                old_script
                    .statements()
                    .filter_map(|statement| statement.check(&statement.read()).err()),
            );
        }
        let old = fold(&old_script);
        let changes = if script.text() == old_script.text() {
            Vec::new()
        } else {
            diff(&old, &new, dialect)
        };
        let comparison = Comparison {
            dialect,
            old: &old,
            new: &new,
            old_problems: &old_problems,
            understood,
            changes: &changes,
        };
        for entry in RULES {
            if let Some(check) = entry.comparison {
                check(&comparison, findings.of(entry.rule));
            }
        }
    }
}
