//! How much a plan would lose: rows of dropped tables, values of dropped columns.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_schemaplan::Loss;
use tidegate_sqlplan::Dialect;

use crate::Session;

/// More than this are not counted: looking must not take long.
const MOST: u64 = 1_000_000;

/// A loss and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// What.
    #[serde(flatten)]
    pub loss: Loss,
    /// The rows of a table, or those with a value in a column. None where they could not be counted; more than a million are one more than that.
    pub rows: Option<u64>,
}

/// Counts in the database. What cannot be counted (a missing right) is still a loss.
pub async fn count(session: &mut Session, losses: Vec<Loss>) -> Vec<Counted> {
    let dialect = session.engine().dialect;
    let mut counted = Vec::with_capacity(losses.len());
    for loss in losses {
        let query = query(&loss, dialect);
        let rows = session.query(&query, &[]).await.ok();
        let rows = rows.and_then(|rows| rows.first()?.first()?.as_deref()?.parse().ok());
        counted.push(Counted { loss, rows });
    }
    counted
}

fn query(loss: &Loss, dialect: Dialect) -> String {
    let quote = if dialect.is_mysql_like() { "`" } else { "\"" };
    let quoted = |name: &str| format!("{quote}{}{quote}", name.replace(quote, &quote.repeat(2)));
    let schema = match loss.schema.as_str() {
        "" => String::new(),
        schema => quoted(schema) + ".",
    };
    let condition = match &loss.column {
        Some(column) => format!(" WHERE {} IS NOT NULL", quoted(column)),
        None => String::new(),
    };
    format!(
        "SELECT count(*) FROM (SELECT 1 FROM {schema}{}{condition} LIMIT {}) AS lost",
        quoted(&loss.table),
        MOST + 1
    )
}

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss {
            schema,
            table,
            column,
        } = &self.loss;
        let dot = if schema.is_empty() { "" } else { "." };
        match column {
            Some(column) => write!(formatter, "column {schema}{dot}{table}.{column}")?,
            None => write!(formatter, "table {schema}{dot}{table}")?,
        }
        let rows = match self.rows {
            None => return formatter.write_str(", whose rows could not be counted"),
            Some(1) => "1 row".to_owned(),
            Some(rows) if rows > MOST => format!("more than {MOST} rows"),
            Some(rows) => format!("{rows} rows"),
        };
        match (column, self.rows) {
            (None, _) => write!(formatter, " with {rows}"),
            (Some(_), Some(1)) => write!(formatter, ", which {rows} has a value in"),
            (Some(_), _) => write!(formatter, ", which {rows} have a value in"),
        }
    }
}
