//! Files run one after the other; see the module above for what a crash may not break.

use std::collections::BTreeSet;

use tidegate_migrations::{
    Check, Directory, Execution, File, Migration, Revision, TransactionMode,
};
use tidegate_sqlplan::Dialect;

use super::words::{can_share_a_transaction, first_words, transaction_control};
use super::{
    FailedStatement, InDoubt, MigrateError, Migrated, Migrator, Planned, Progress, doubt,
    message_of, now, shown,
};
use crate::DatabaseError;

/// A file, read.
#[derive(Debug)]
pub(super) struct Step<'d> {
    file: &'d File,
    migration: Migration,
    mode: TransactionMode,
}

impl<'d> Step<'d> {
    pub(super) fn read(
        file: &'d File,
        dialect: Dialect,
        mode: TransactionMode,
    ) -> Result<Self, MigrateError> {
        let migration = Migration::read(file, dialect)?;
        let own = migration.transaction;
        if let Some(file_mode) = own.filter(|own| mode == TransactionMode::All && *own != mode) {
            return Err(MigrateError::ModeConflict {
                file: file.name().to_owned(),
                file_mode,
                mode,
            });
        }
        let mode = own.unwrap_or(mode);
        if mode != TransactionMode::None && can_roll_back(dialect) {
            let mut statements = migration.statements.iter();
            let control = statements.find_map(|statement| {
                Some((statement.line, transaction_control(&statement.text)?))
            });
            if let Some((line, word)) = control {
                return Err(MigrateError::TransactionControl {
                    file: file.name().to_owned(),
                    line,
                    word,
                });
            }
        }
        Ok(Self {
            file,
            migration,
            mode,
        })
    }
}

impl Step<'_> {
    /// The file's name and the statements that are left of it.
    pub(super) fn planned(&self, revisions: &[Revision]) -> Planned {
        let version = self.file.version();
        let done = revisions
            .iter()
            .find(|revision| revision.version == version && !revision.is_complete())
            .map_or(0, |revision| revision.applied);
        let left = self.migration.statements.iter().skip(done);
        let left = left.map(|statement| statement.text.clone());
        (self.file.name().to_owned(), left.collect())
    }
}

/// Whether DDL can be rolled back.
fn can_roll_back(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Postgres | Dialect::Sqlite)
}

/// Rows that refer to nothing.
type Dangling = BTreeSet<Vec<Option<String>>>;

type Tell<'t> = &'t mut (dyn FnMut(Progress<'_>) + Send);

impl Migrator<'_> {
    pub(super) async fn run(
        &mut self,
        directory: &Directory,
        revisions: &[Revision],
        steps: Vec<Step<'_>>,
        in_doubt: InDoubt,
        tell: Tell<'_>,
    ) -> Result<Migrated, MigrateError> {
        let mut migrated = Migrated::default();
        let together = self.settings.mode == TransactionMode::All && can_roll_back(self.dialect);
        let guard = if together {
            Some(self.begin().await?)
        } else {
            None
        };
        for step in steps {
            let previous = revisions
                .iter()
                .find(|revision| revision.version == step.file.version());
            let operator = self.settings.operator.clone();
            let mode = step.mode;
            let name = step.file.name().to_owned();
            let begun = now();
            let execution = Execution::begin(
                directory,
                step.file,
                step.migration,
                previous,
                &operator,
                begun,
            );
            let outcome = match execution {
                Err(error) => Err(error.into()),
                Ok(execution) => {
                    let from = execution.revision().applied;
                    tell(Progress::File {
                        file: &name,
                        from,
                        total: execution.revision().total,
                    });
                    let ran = if together {
                        self.inside(execution, tell).await
                    } else if mode == TransactionMode::None || !can_roll_back(self.dialect) {
                        self.one_by_one(execution, previous, in_doubt, tell).await
                    } else {
                        self.in_one(execution, tell).await
                    };
                    ran.map(|total| total.saturating_sub(from))
                }
            };
            match outcome {
                Ok(statements) => migrated.files.push((name.clone(), statements)),
                Err(error) => {
                    if let Some(guard) = &guard {
                        self.roll_back(guard).await;
                    }
                    return Err(error);
                }
            }
            tell(Progress::Done {
                file: &name,
                took: now().saturating_sub(begun),
            });
        }
        if let Some(guard) = guard {
            self.commit("all files", guard).await?;
        }
        Ok(migrated)
    }

    /// A file and its row as one transaction.
    async fn in_one(
        &mut self,
        execution: Execution,
        tell: Tell<'_>,
    ) -> Result<usize, MigrateError> {
        let file = execution.file().to_owned();
        let guard = self.begin().await?;
        match self.inside(execution, tell).await {
            Ok(total) => self.commit(&file, guard).await.map(|()| total),
            Err(error) => {
                self.roll_back(&guard).await;
                Err(error)
            }
        }
    }

    /// A file in the transaction that is open. The row is written at the end: before, nobody could see it.
    async fn inside(
        &mut self,
        mut execution: Execution,
        tell: Tell<'_>,
    ) -> Result<usize, MigrateError> {
        self.check(&execution, tell).await?;
        while let Some(sql) = begin_next(&execution, tell) {
            if let Err(error) = self.session.execute(&sql).await {
                return Err(failed(&execution, &error, "the whole file was rolled back"));
            }
            execution.succeeded(now());
        }
        self.write(execution.revision()).await?;
        Ok(execution.revision().total)
    }

    /// Each statement with its row.
    async fn one_by_one(
        &mut self,
        mut execution: Execution,
        previous: Option<&Revision>,
        in_doubt: InDoubt,
        tell: Tell<'_>,
    ) -> Result<usize, MigrateError> {
        if let Some(fingerprint) = previous.and_then(doubt::announced) {
            self.settle(&mut execution, fingerprint, in_doubt, tell)
                .await?;
        }
        if let Err(error) = self.check(&execution, tell).await {
            execution.failed(&error.to_string(), now());
            self.write(execution.revision()).await?;
            return Err(error);
        }
        self.write(execution.revision()).await?;
        // Where the file has transactions of its own, ours would end them.
        let own = execution.migration().statements.iter();
        let own = own
            .filter(|statement| transaction_control(&statement.text).is_some())
            .count()
            > 0;
        while let Some(sql) = begin_next(&execution, tell) {
            let shared = !own && can_share_a_transaction(&sql, self.dialect);
            let ran = if shared {
                self.with_its_row(&mut execution, &sql).await
            } else {
                self.with_announcement(&mut execution, &sql).await
            };
            if let Err(error) = ran {
                let reported = failed(&execution, &error, "the statements before it stay");
                execution.failed(&message_of(&error), now());
                // Where the connection is gone too, the row says what it said before the statement, which is as true.
                let _ = self.write(execution.revision()).await;
                return Err(reported);
            }
        }
        Ok(execution.revision().total)
    }

    /// A statement and the row that counts it, in one transaction.
    async fn with_its_row(
        &mut self,
        execution: &mut Execution,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        self.session.execute(self.word_for_begin()).await?;
        let mut after = execution.clone();
        after.succeeded(now());
        let mut ran = match self.session.execute(sql).await {
            Ok(()) => self.write(after.revision()).await,
            Err(error) => Err(error),
        };
        if ran.is_ok() {
            ran = self.session.execute("COMMIT").await;
        }
        match ran {
            Ok(()) => {
                *execution = after;
                Ok(())
            }
            Err(error) => {
                let _ = self.session.execute("ROLLBACK").await;
                Err(error)
            }
        }
    }

    /// A statement that cannot be in a transaction with its row: announced before and counted after.
    async fn with_announcement(
        &mut self,
        execution: &mut Execution,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        // What only switches something for this session may run again.
        let harmless = matches!(
            first_words(sql, 1).first().map(String::as_str),
            Some("pragma" | "vacuum" | "set" | "use" | "show" | "analyze")
        ) || transaction_control(sql).is_some();
        if !harmless {
            let before = self.session.inspect().await?;
            let mut announced = execution.clone();
            announced.failed(&doubt::announcement(&before), now());
            self.write(announced.revision()).await?;
        }
        self.session.execute(sql).await?;
        execution.succeeded(now());
        self.write(execution.revision()).await
    }

    /// Finds out what became of a statement that was begun.
    async fn settle(
        &mut self,
        execution: &mut Execution,
        fingerprint: &str,
        in_doubt: InDoubt,
        tell: Tell<'_>,
    ) -> Result<(), MigrateError> {
        let Some(statement) = execution.next().map(|next| next.text.clone()) else {
            return Ok(());
        };
        let number = execution.revision().applied + 1;
        let done = match in_doubt {
            InDoubt::Done => true,
            InDoubt::Again => false,
            InDoubt::Ask if doubt::cannot_be_told(&statement) => {
                return Err(MigrateError::InDoubt {
                    file: execution.file().to_owned(),
                    number,
                    sql: shown(&statement),
                });
            }
            InDoubt::Ask => doubt::fingerprint(&self.session.inspect().await?) != fingerprint,
        };
        if done {
            tell(Progress::FoundDone {
                number,
                sql: &statement,
            });
            execution.succeeded(now());
            self.write(execution.revision()).await?;
        }
        Ok(())
    }

    /// Asks what must hold before a file's first statement; a file that is gone on with was asked before.
    async fn check(&mut self, execution: &Execution, tell: Tell<'_>) -> Result<(), MigrateError> {
        if execution.revision().applied > 0 {
            return Ok(());
        }
        for check in &execution.migration().checks {
            self.ask(execution.file(), check).await?;
            tell(Progress::Checked { check: &check.name });
        }
        Ok(())
    }

    async fn ask(&mut self, file: &str, check: &Check) -> Result<(), MigrateError> {
        let mut answers = Vec::new();
        for question in &check.questions {
            let is_query = matches!(
                first_words(&question.text, 1).first().map(String::as_str),
                Some("select" | "with" | "values" | "table")
            );
            let answer = if is_query {
                match self.session.query(&question.text, &[]).await {
                    Ok(rows) => truth(&rows),
                    Err(error) => Err(message_of(&error)),
                }
            } else {
                Err("it is no query".to_owned())
            };
            answers.push((question.line, answer));
        }
        let holds = |answer: &Result<(), String>| answer.is_ok();
        let passed = if check.one_of {
            answers.iter().any(|(_, answer)| holds(answer))
        } else {
            answers.iter().all(|(_, answer)| holds(answer))
        };
        if passed {
            return Ok(());
        }
        let mut wrong = answers
            .into_iter()
            .filter_map(|(line, answer)| Some((line, answer.err()?)));
        let (line, answer) = wrong
            .next()
            .unwrap_or_else(|| (0, "it asks nothing".to_owned()));
        Err(MigrateError::Check {
            file: file.to_owned(),
            line,
            check: check.name.clone(),
            answer,
        })
    }

    fn word_for_begin(&self) -> &'static str {
        match self.dialect {
            // Waits for the right to write at once, rather than failing in the middle.
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            _ => "BEGIN",
        }
    }

    /// Opens the transaction of a file. SQLite: without foreign keys, which a rebuilt table would follow; they are looked at before the commit.
    async fn begin(&mut self) -> Result<Guard, MigrateError> {
        let mut guard = Guard::default();
        if self.dialect == Dialect::Sqlite {
            let enforced = self.session.query("PRAGMA foreign_keys", &[]).await?;
            guard.enforced = enforced.into_iter().flatten().flatten().any(|on| on == "1");
            self.session.execute("PRAGMA foreign_keys = OFF").await?;
        }
        self.session.execute(self.word_for_begin()).await?;
        if self.dialect == Dialect::Sqlite {
            guard.dangling = self.dangling().await?;
        }
        Ok(guard)
    }

    async fn commit(&mut self, file: &str, guard: Guard) -> Result<(), MigrateError> {
        if self.dialect == Dialect::Sqlite {
            let now = self.dangling().await?;
            let count = now.difference(&guard.dangling).count();
            if count > 0 {
                self.roll_back(&guard).await;
                return Err(MigrateError::Dangling {
                    file: file.to_owned(),
                    count,
                });
            }
        }
        if let Err(error) = self.session.execute("COMMIT").await {
            // SQLite leaves the transaction open when the disk is full: what comes next would read what is not there.
            self.roll_back(&guard).await;
            return Err(MigrateError::Commit {
                file: file.to_owned(),
                message: message_of(&error),
            });
        }
        self.restore(&guard).await;
        Ok(())
    }

    async fn roll_back(&mut self, guard: &Guard) {
        // A server that ended the transaction by itself says so here, which is as good.
        let _ = self.session.execute("ROLLBACK").await;
        self.restore(guard).await;
    }

    async fn restore(&mut self, guard: &Guard) {
        if guard.enforced {
            let _ = self.session.execute("PRAGMA foreign_keys = ON").await;
        }
    }

    async fn dangling(&mut self) -> Result<Dangling, DatabaseError> {
        let rows = self.session.query("PRAGMA foreign_key_check", &[]).await?;
        Ok(rows.into_iter().collect())
    }
}

/// What a transaction of ours has to put back.
#[derive(Debug, Default)]
struct Guard {
    enforced: bool,
    dangling: Dangling,
}

/// Tells of the next statement and gives its text.
fn begin_next(execution: &Execution, tell: Tell<'_>) -> Option<String> {
    let sql = execution.next()?.text.clone();
    tell(Progress::Statement {
        number: execution.revision().applied + 1,
        total: execution.revision().total,
        sql: &sql,
    });
    Some(sql)
}

fn failed(execution: &Execution, error: &DatabaseError, kept: &'static str) -> MigrateError {
    let revision = execution.revision();
    let next = execution.next();
    MigrateError::Statement(Box::new(FailedStatement {
        file: execution.file().to_owned(),
        version: revision.version.clone(),
        line: next.map_or(0, |next| next.line),
        number: revision.applied + 1,
        total: revision.total,
        sql: next.map(|next| shown(&next.text)).unwrap_or_default(),
        message: message_of(error),
        kept,
    }))
}

/// One row of one value that is true.
fn truth(rows: &[Vec<Option<String>>]) -> Result<(), String> {
    match rows {
        [row] => match row.as_slice() {
            [Some(value)] if ["1", "t", "true"].contains(&value.to_lowercase().as_str()) => Ok(()),
            [Some(value)] => Err(format!("the answer is {:?}", shown(value))),
            [None] => Err("the answer is NULL".to_owned()),
            values => Err(format!("the answer has {} columns", values.len())),
        },
        rows => Err(format!("the answer has {} rows", rows.len())),
    }
}
