//! A server's schema read in bulk: one query for each kind of thing in the scope, put together here.
//!
//! `information_schema` is asked for plain columns and never for a join: its tables have no indexes, and a server joins them row by row.
//! Only what it does not say is asked for one by one: the text of a partitioned table, a sequence, a routine and an event.

use std::collections::BTreeMap;

use tidegate_schemaplan::{Catalog, Engine, Schema};
use tidegate_sqlplan::Dialect;

use super::sql::literal;
use super::wire::{Refused, TextRow, Wire};
use super::{objects, tables};
use crate::{DatabaseError, Limits};

/// Databases that are the server's own, and not in any scope.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// One database, which has an empty name in the catalog.
    One(String),
    /// All of the server's that are its users'.
    Server,
}

impl Scope {
    /// The name of a database within the catalog.
    pub(super) fn key(&self, database: &str) -> String {
        match self {
            Self::One(_) => String::new(),
            Self::Server => database.to_owned(),
        }
    }

    /// What a column with a database's name has to be.
    fn condition(&self, column: &str) -> String {
        match self {
            Self::One(database) => format!("{column} = {}", literal(database)),
            Self::Server => {
                let names: Vec<String> = SYSTEM.iter().map(|name| literal(name)).collect();
                format!(
                    "{column} NOT IN ({}) AND {column} NOT LIKE 'tidegate\\_scratch\\_%'",
                    names.join(", ")
                )
            }
        }
    }
}

/// Reads everything in the scope.
pub(super) async fn inspect(
    wire: &mut Wire,
    engine: Engine,
    scope: &Scope,
    limits: &Limits,
) -> Result<Catalog, DatabaseError> {
    let mut reader = Reader {
        wire,
        engine,
        scope,
        limits,
        bytes: 0,
    };
    let mut catalog = Catalog::empty(engine);
    for row in reader
        .rows(&schemata(engine), "SCHEMA_NAME", "SCHEMA_NAME")
        .await?
    {
        let schema = Schema {
            collation: row.get(1),
            charset: row.get(2),
            comment: row.filled(3),
            ..Schema::default()
        };
        catalog.schemas.insert(scope.key(&row.text(0)), schema);
    }
    let listed = tables::read(&mut reader, &mut catalog).await?;
    objects::read(&mut reader, &mut catalog, &listed).await?;
    let count: usize = catalog.schemas.values().map(count).sum();
    if count > limits.schema_objects {
        return Err(DatabaseError::TooLarge {
            limit: limits.schema_objects,
            what: "tables, views, routines, triggers and events",
        });
    }
    Ok(catalog)
}

fn schemata(engine: Engine) -> String {
    let comment = if engine.dialect == Dialect::Mariadb {
        "SCHEMA_COMMENT"
    } else {
        "''"
    };
    format!(
        "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME, DEFAULT_CHARACTER_SET_NAME, {comment} FROM information_schema.SCHEMATA"
    )
}

fn count(schema: &Schema) -> usize {
    schema.tables.len() + schema.objects.values().map(BTreeMap::len).sum::<usize>()
}

/// The connection, and how much was read over it.
pub(super) struct Reader<'a> {
    wire: &'a mut Wire,
    pub(super) engine: Engine,
    pub(super) scope: &'a Scope,
    limits: &'a Limits,
    bytes: usize,
}

impl Reader<'_> {
    /// The rows of a query on `information_schema` that are in the scope.
    pub(super) async fn rows(
        &mut self,
        select: &str,
        database: &str,
        order: &str,
    ) -> Result<Vec<TextRow>, DatabaseError> {
        let word = if select.contains(" WHERE ") {
            "AND"
        } else {
            "WHERE"
        };
        let order = if order.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {order}")
        };
        let condition = self.scope.condition(database);
        let rows = self
            .wire
            .rows(&format!("{select} {word} {condition}{order}"))
            .await
            .map_err(|refused| refused.while_doing("read the schema"))?;
        self.bytes += rows
            .iter()
            .flat_map(|row| (0..row.len()).filter_map(|column| row.str(column)))
            .map(str::len)
            .sum::<usize>();
        if self.bytes > self.limits.schema_bytes {
            return Err(DatabaseError::TooLarge {
                limit: self.limits.schema_bytes,
                what: "bytes of schema",
            });
        }
        Ok(rows)
    }

    /// A column of what `SHOW CREATE ..` gives; none where the account may not see it.
    pub(super) async fn shown(
        &mut self,
        what: &str,
        column: usize,
    ) -> Result<Option<String>, DatabaseError> {
        match self.wire.rows(&format!("SHOW CREATE {what}")).await {
            Ok(rows) => Ok(rows.first().and_then(|row| row.get(column))),
            Err(refused) if refused.is_denied() => Ok(None),
            // Gone since it was listed.
            Err(Refused {
                number: Some(1146 | 1305 | 1539 | 4091),
                ..
            }) => Ok(None),
            Err(refused) => Err(refused.while_doing("read the schema")),
        }
    }

    /// Who we are to the server: `root@localhost`.
    pub(super) async fn account(&mut self) -> Result<String, DatabaseError> {
        let rows = self.wire.rows("SELECT CURRENT_USER()").await;
        let rows = rows.map_err(|refused| refused.while_doing("read the schema"))?;
        Ok(rows.first().map(|row| row.text(0)).unwrap_or_default())
    }
}
