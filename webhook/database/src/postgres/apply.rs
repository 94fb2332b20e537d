//! The statements of a plan, in as few transactions as they can be.
//!
//! What has to run alone (`CREATE INDEX CONCURRENTLY`, a label that is used after it was added to an enumeration) ends the transaction before
//! it and stays; the rest is all or nothing. Statements go out many at a time: a round trip for each would be most of the time of a first
//! apply. The server answers one by one, so that the one that failed is still known.

use tidegate_migrations::TransactionMode;
use tidegate_schemaplan::Statement;

use super::sql::shown;
use super::wire::{Refused, Wire};
use crate::DatabaseError;
use crate::lost::IN_DOUBT;

/// How many statements are sent at once, and how many bytes of them.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 256 << 10;

/// Runs the statements.
pub(super) async fn apply(
    wire: &mut Wire,
    statements: &[Statement],
    mode: TransactionMode,
) -> Result<(), DatabaseError> {
    let own = |refused: Refused| refused.while_doing("prepare the session");
    // A function may name tables that come later in the plan.
    wire.run("SET check_function_bodies = off")
        .await
        .map_err(own)?;
    let applied = match mode {
        TransactionMode::None => apart(wire, statements).await,
        TransactionMode::File | TransactionMode::All => together(wire, statements).await,
    };
    let reset = wire
        .run("RESET check_function_bodies; RESET statement_timeout; RESET lock_timeout")
        .await
        .map_err(own);
    applied.and(reset)
}

/// Each by itself, but for those that are one with the statement before them.
async fn apart(wire: &mut Wire, statements: &[Statement]) -> Result<(), DatabaseError> {
    let total = statements.len();
    let mut done = 0;
    for group in statements.chunk_by(|_, next| next.together) {
        if group.len() == 1 {
            one_by_one(wire, group, done, total).await?;
        } else {
            transaction(wire, group, done, total).await?;
        }
        done += group.len();
    }
    Ok(())
}

async fn together(wire: &mut Wire, statements: &[Statement]) -> Result<(), DatabaseError> {
    let total = statements.len();
    let mut done = 0;
    for group in statements.chunk_by(|one, other| one.alone == other.alone) {
        if group.first().is_some_and(|statement| statement.alone) {
            one_by_one(wire, group, done, total).await?;
        } else {
            transaction(wire, group, done, total).await?;
        }
        done += group.len();
    }
    Ok(())
}

async fn one_by_one(
    wire: &mut Wire,
    statements: &[Statement],
    before: usize,
    total: usize,
) -> Result<(), DatabaseError> {
    for (index, statement) in statements.iter().enumerate() {
        let number = before + index;
        wire.run(&statement.sql).await.map_err(|mut refused| {
            if refused.is_no_answer() {
                refused.message = format!("{}; {IN_DOUBT}", refused.message);
            }
            failed(refused, &statement.sql, number, total, number)
        })?;
    }
    Ok(())
}

async fn transaction(
    wire: &mut Wire,
    statements: &[Statement],
    before: usize,
    total: usize,
) -> Result<(), DatabaseError> {
    let texts: Vec<&str> = statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect();
    wire.run("BEGIN")
        .await
        .map_err(|refused| refused.while_doing("begin the transaction"))?;
    let outcome = match in_batches(wire, &texts).await {
        Ok(()) => match wire.run("COMMIT").await {
            Err(mut refused) if refused.is_no_answer() => {
                refused.message = format!(
                    "{}; either all of it is there, or nothing, which the next plan sees",
                    refused.message
                );
                return Err(refused.while_doing("commit the transaction"));
            }
            committed => committed.map_err(|refused| (texts.len().saturating_sub(1), refused)),
        },
        // The server had been told all of them.
        Err((index, mut refused)) if refused.is_no_answer() => {
            refused.message = format!(
                "{}, at this statement or one of those behind it",
                refused.message
            );
            Err((index, refused))
        }
        Err(failed) => Err(failed),
    };
    if let Err((index, refused)) = outcome {
        // An error of this one is an error of the connection, which ends the transaction as well.
        let _ = wire.run("ROLLBACK").await;
        let sql = texts.get(index).copied().unwrap_or_default();
        return Err(failed(refused, sql, before + index, total, before));
    }
    Ok(())
}

/// Sends statements many at a time. The error says which one failed, from 0.
pub(super) async fn in_batches(wire: &mut Wire, texts: &[&str]) -> Result<(), (usize, Refused)> {
    let mut start = 0;
    while start < texts.len() {
        let rest = texts.get(start..).unwrap_or_default();
        let mut bytes = 0;
        let count = rest
            .iter()
            .take(BATCH)
            .take_while(|text| {
                let fits = bytes == 0 || bytes + text.len() <= BATCH_BYTES;
                bytes += text.len();
                fits
            })
            .count();
        let batch = rest.get(..count).unwrap_or_default();
        // On its own line, as a statement may end with a comment.
        let joined = batch.join("\n;\n");
        wire.run_counted(&joined)
            .await
            .map_err(|(done, refused)| (start + done.min(count.saturating_sub(1)), refused))?;
        start += count;
    }
    Ok(())
}

fn failed(
    refused: Refused,
    sql: &str,
    index: usize,
    total: usize,
    committed: usize,
) -> DatabaseError {
    let kept = match committed {
        0 if refused.message.ends_with(IN_DOUBT) => "nothing else was changed".to_owned(),
        0 => "nothing was changed".to_owned(),
        1 => "statement 1 had been committed and stays, nothing else was changed".to_owned(),
        many => {
            format!("statements 1 to {many} had been committed and stay, nothing else was changed")
        }
    };
    let message = if refused.has_code("55P03") {
        format!(
            "{}: somebody else holds a lock on it; try again",
            refused.message
        )
    } else if sql.contains(" OWNER TO ") && (refused.has_code("42501") || refused.has_code("42704"))
    {
        format!(
            "{}: it can be given only to a role that is there, has CREATE on the schema, and that who runs the plan is a member of",
            refused.message
        )
    } else {
        refused.message
    };
    DatabaseError::Apply {
        number: index + 1,
        total,
        message,
        kept,
        sql: shown(sql),
    }
}
