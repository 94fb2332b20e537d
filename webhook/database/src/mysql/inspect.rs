//! A server's schema read in bulk: one query for each kind of thing in the scope, put together here.
//!
//! `information_schema` is asked for plain columns and never for a join: its tables have no indexes, and a server joins them row by row.
//! Only what it does not say is asked for one by one: the text of a partitioned table, a sequence, a routine and an event.
//!
//! An inspection is made of nothing but the server's answers. Its fingerprint is a digest of them, and [`fingerprint`] asks for the digests of the long
//! ones in their place. So it is exact, but for two things. How far a table has counted (`AUTO_INCREMENT`) is left to the rows: a plan only ever
//! raises it, and each new row would be another fingerprint; whether it has begun to count is told. Nor is told what a sequence gives next. And where the
//! lists cannot hold what an expression says, there is no fingerprint.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tidegate_schemaplan::{Catalog, Engine, Schema};
use tidegate_sqlplan::Dialect;

use super::listing::{Digest, Listing};
use super::sql::{literal, quote};
use super::wire::{Refused, TextRow, Wire};
use super::{objects, tables};
use crate::{DatabaseError, Fingerprint, Inspected, Limits};

/// Databases that are the server's own, and not in any scope.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys"];

const SCHEMATA: Listing<'_> = Listing {
    columns: &[
        "SCHEMA_NAME",
        "DEFAULT_COLLATION_NAME",
        "DEFAULT_CHARACTER_SET_NAME",
        "SCHEMA_COMMENT",
    ],
    of_mysql: &[("SCHEMA_COMMENT", "NULL")],
    table: "SCHEMATA",
    only: "",
    database: "SCHEMA_NAME",
    order: "SCHEMA_NAME",
};

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
    pub(super) fn condition(&self, column: &str) -> String {
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
) -> Result<Inspected, DatabaseError> {
    let mut reader = Reader::new(wire, engine, scope, limits);
    let mut catalog = Catalog::empty(engine);
    for row in reader.rows(&SCHEMATA).await? {
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
    objects::read_reached(&mut reader, &mut catalog, &listed).await?;
    let count: usize = catalog.schemas.values().map(count).sum();
    if count > limits.schema_objects {
        return Err(DatabaseError::TooLarge {
            limit: limits.schema_objects,
            what: "tables, views, routines, triggers and events",
        });
    }
    Ok(Inspected {
        catalog,
        fingerprint: reader.fingerprint(),
    })
}

/// What [`inspect`] would give as the fingerprint; none of MySQL, with which it was never tried.
pub(super) async fn fingerprint(
    wire: &mut Wire,
    engine: Engine,
    scope: &Scope,
    limits: &Limits,
) -> Result<Option<Fingerprint>, DatabaseError> {
    if engine.dialect != Dialect::Mariadb {
        return Ok(None);
    }
    let mut reader = Reader::new(wire, engine, scope, limits);
    reader.rows(&SCHEMATA).await?;
    let listed = tables::tell(&mut reader).await?;
    objects::read(&mut reader, &mut Catalog::empty(engine), &listed).await?;
    Ok(reader.fingerprint())
}

fn count(schema: &Schema) -> usize {
    schema.tables.len() + schema.objects.values().map(BTreeMap::len).sum::<usize>()
}

/// The connection, and what was read over it.
pub(super) struct Reader<'a> {
    wire: &'a mut Wire,
    pub(super) engine: Engine,
    pub(super) scope: &'a Scope,
    limits: &'a Limits,
    bytes: usize,
    said: Sha256,
    /// An expression could not be told by what the lists hold.
    pub(super) lossy: bool,
}

impl<'a> Reader<'a> {
    fn new(wire: &'a mut Wire, engine: Engine, scope: &'a Scope, limits: &'a Limits) -> Self {
        Self {
            wire,
            engine,
            scope,
            limits,
            bytes: 0,
            said: Sha256::new(),
            lossy: false,
        }
    }

    fn fingerprint(self) -> Option<Fingerprint> {
        let is_told = self.engine.dialect == Dialect::Mariadb && !self.lossy;
        is_told.then(|| Fingerprint::from(self.said))
    }

    /// Makes an answer part of the fingerprint. The order of the answers is part of it.
    pub(super) fn note(&mut self, said: &str) {
        self.said.update((said.len() as u64).to_be_bytes());
        self.said.update(said);
    }

    pub(super) fn note_digest(&mut self, parts: &[String]) {
        for part in parts {
            self.note(part);
        }
    }

    /// The rows of a list; their digest is noted.
    pub(super) async fn rows(
        &mut self,
        listing: &Listing<'_>,
    ) -> Result<Vec<TextRow>, DatabaseError> {
        let rows = self.unnoted_rows(listing).await?;
        self.note_digest(&Digest::of(&rows).parts());
        Ok(rows)
    }

    /// As [`Self::rows`], of what is not the same whenever the schema is.
    pub(super) async fn unnoted_rows(
        &mut self,
        listing: &Listing<'_>,
    ) -> Result<Vec<TextRow>, DatabaseError> {
        let rows = self
            .asked(&listing.select(self.engine.dialect, self.scope))
            .await?;
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

    /// Notes of the rows of a list only their digest, without reading them.
    pub(super) async fn tell(&mut self, listing: &Listing<'_>) -> Result<(), DatabaseError> {
        let rows = self.asked(&listing.select_digest(self.scope)).await?;
        for row in rows {
            let parts: Vec<String> = (0..row.len()).map(|column| row.text(column)).collect();
            self.note_digest(&parts);
        }
        Ok(())
    }

    async fn asked(&mut self, sql: &str) -> Result<Vec<TextRow>, DatabaseError> {
        let rows = self.wire.rows(sql).await;
        rows.map_err(|refused| refused.while_doing("read the schema"))
    }

    /// A column of what `SHOW CREATE ..` gives; none where the account may not see it.
    pub(super) async fn shown(
        &mut self,
        what: &str,
        column: usize,
    ) -> Result<Option<String>, DatabaseError> {
        self.if_any(&format!("SHOW CREATE {what}"), column).await
    }

    /// What a sequence gives next; none as of [`Self::shown`].
    pub(super) async fn reached(
        &mut self,
        database: &str,
        sequence: &str,
    ) -> Result<Option<String>, DatabaseError> {
        let sequence = format!("{}.{}", quote(database), quote(sequence));
        let sql = format!("SELECT next_not_cached_value FROM {sequence}");
        self.if_any(&sql, 0).await
    }

    /// A column of the first row; none where the account may not see it, or there is nothing to be seen.
    async fn if_any(&mut self, sql: &str, column: usize) -> Result<Option<String>, DatabaseError> {
        match self.wire.rows(sql).await {
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
        let rows = self.asked("SELECT CURRENT_USER()").await?;
        Ok(rows.first().map(|row| row.text(0)).unwrap_or_default())
    }
}
