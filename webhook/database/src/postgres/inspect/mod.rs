//! What a database holds, read from `pg_catalog` in bulk.
//!
//! The server spells every type, expression and name (`format_type`, `pg_get_expr`, `regclass`), by the `search_path` of the session: a name
//! that is found through it comes without its schema. So the caller sets the path to what is in scope before it inspects, and a scratch
//! schema and the real one are spelled alike.

mod constraints;
mod further;
mod indexes;
mod objects;
mod owners;
mod parts;
mod queries;
mod said;
mod sequences;
mod settled;
mod tables;

use std::collections::BTreeMap;

use tidegate_schemaplan::{Catalog, Engine, Object, ObjectKind, Schema, Table};
use tidegate_sqlplan::Dialect;

pub(super) use self::owners::{Declared, Owners, declared};
use self::queries::for_version;
use super::sql::quoted;
use super::wire::{Refused, TextRow, Wire};
use crate::{DatabaseError, Limits};

/// A schema in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Namespace {
    pub(super) oid: u32,
    pub(super) name: String,
    /// Its name in the catalog: empty where it is the only one.
    pub(super) key: String,
    pub(super) comment: Option<String>,
}

/// A table, object or type by the kind of its oid: `c` class, `t` type, `p` function, `g` trigger, `y` policy, and others as in [`queries::NEEDS`].
type Oid = (char, u32);

/// Where something is in the catalog.
#[derive(Debug, Clone)]
struct Place {
    key: String,
    /// None for a table.
    kind: Option<ObjectKind>,
    name: String,
}

/// The catalog while it is being read.
struct Reader<'a> {
    namespaces: &'a [Namespace],
    schemas: BTreeMap<String, Schema>,
    places: BTreeMap<Oid, Place>,
    /// All columns of tables and composite types by number, also inherited ones.
    columns: BTreeMap<u32, BTreeMap<i16, String>>,
}

/// Every schema but the system's.
pub(super) async fn namespaces(wire: &mut Wire) -> Result<Vec<Namespace>, DatabaseError> {
    let rows = wire.rows(queries::SCHEMAS).await.map_err(reading)?;
    let read = |row: &TextRow| Namespace {
        oid: row.number(0),
        name: row.text(1),
        key: row.text(1),
        comment: row.get(2),
    };
    Ok(rows.iter().map(read).collect())
}

/// Reads everything in these schemas. `bound` says that they are one, and that extensions are those of the whole database.
pub(super) async fn inspect(
    wire: &mut Wire,
    namespaces: &[Namespace],
    bound: bool,
    owners: &Owners,
    version: (u32, u32),
    limits: &Limits,
) -> Result<Catalog, DatabaseError> {
    let oids = namespaces
        .iter()
        .map(|namespace| namespace.oid.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let oids = if oids.is_empty() {
        "0".to_owned()
    } else {
        oids
    };
    let query = |text: &str| for_version(text, &oids, version);
    let mut reader = Reader {
        namespaces,
        schemas: namespaces
            .iter()
            .map(|namespace| {
                let schema = Schema {
                    comment: namespace.comment.clone().filter(|_| !bound),
                    ..Schema::default()
                };
                (namespace.key.clone(), schema)
            })
            .collect(),
        places: BTreeMap::new(),
        columns: BTreeMap::new(),
    };
    let relations = wire
        .rows(&query(queries::RELATIONS))
        .await
        .map_err(reading)?;
    if relations.len() > limits.schema_objects {
        return Err(DatabaseError::TooLarge {
            limit: limits.schema_objects,
            what: "tables, views and sequences",
        });
    }
    let types = wire.rows(&query(queries::TYPES)).await.map_err(reading)?;
    let columns = wire.rows(&query(queries::COLUMNS)).await.map_err(reading)?;
    reader.relations(&relations);
    reader.columns(&columns);
    let labels = wire.rows(&query(queries::LABELS)).await.map_err(reading)?;
    let constraints = wire
        .rows(&query(queries::CONSTRAINTS))
        .await
        .map_err(reading)?;
    reader.types(&types, &labels, &columns, &constraints);
    let rows = wire
        .rows(&query(queries::SEQUENCES))
        .await
        .map_err(reading)?;
    reader.sequences(&rows);
    let indexes = wire.rows(&query(queries::INDEXES)).await.map_err(reading)?;
    let parts = wire
        .rows(&query(queries::INDEX_PARTS))
        .await
        .map_err(reading)?;
    reader.indexes(&indexes, &parts);
    let rows = wire
        .rows(&query(queries::PARTS_OF_INDEXES))
        .await
        .map_err(reading)?;
    reader.parts_of_indexes(&indexes, &rows);
    let rows = wire.rows(&query(queries::PARTS)).await.map_err(reading)?;
    reader.parts(&rows);
    reader.constraints(&constraints);
    let rows = wire
        .rows(&query(queries::FUNCTIONS))
        .await
        .map_err(reading)?;
    reader.functions(&rows);
    let rows = wire
        .rows(&query(queries::AGGREGATES))
        .await
        .map_err(reading)?;
    reader.aggregates(&rows);
    let is_whole = if bound { "false" } else { "true" };
    let casts = queries::CASTS.replace("IS_WHOLE", is_whole);
    let rows = wire.rows(&query(&casts)).await.map_err(reading)?;
    reader.casts(&rows);
    let rows = wire
        .rows(&query(queries::TRIGGERS))
        .await
        .map_err(reading)?;
    reader.triggers(&rows);
    let rows = wire.rows(&query(queries::RULES)).await.map_err(reading)?;
    reader.rules(&rows);
    let rows = wire
        .rows(&query(queries::POLICIES))
        .await
        .map_err(reading)?;
    reader.policies(&rows);
    let rows = wire
        .rows(&query(queries::STATISTICS))
        .await
        .map_err(reading)?;
    reader.statistics(&rows);
    let rows = wire
        .rows(&query(queries::COLLATIONS))
        .await
        .map_err(reading)?;
    reader.collations(&rows);
    let rows = wire
        .rows(&query(queries::EXTENSIONS))
        .await
        .map_err(reading)?;
    reader.extensions(&rows, bound);
    let rows = wire
        .rows(&query(further::OPERATORS))
        .await
        .map_err(reading)?;
    reader.operators(&rows);
    let rows = wire
        .rows(&query(further::DICTIONARIES))
        .await
        .map_err(reading)?;
    reader.dictionaries(&rows);
    let rows = wire
        .rows(&query(further::CONFIGURATIONS))
        .await
        .map_err(reading)?;
    reader.configurations(&rows);
    if !bound {
        let rows = wire
            .rows(&query(further::EVENT_TRIGGERS))
            .await
            .map_err(reading)?;
        reader.event_triggers(&rows);
        let rows = wire
            .rows(&query(&further::publications(version)))
            .await
            .map_err(reading)?;
        reader.publications(&rows);
    }
    let rows = wire.rows(&query(queries::OTHERS)).await.map_err(reading)?;
    reader.others(&rows, bound);
    let rows = wire.rows(&query(said::DETAILS)).await.map_err(reading)?;
    reader.details(&rows);
    let rows = wire.rows(&query(said::RIGHTS)).await.map_err(reading)?;
    reader.rights(&rows);
    let rows = wire.rows(&query(queries::NEEDS)).await.map_err(reading)?;
    reader.needs(&rows);
    let rows = wire.rows(&query(owners::OWNERS)).await.map_err(reading)?;
    let user = reader.owners(&rows, owners);
    let mut catalog = Catalog {
        engine: Engine {
            dialect: Dialect::Postgres,
            version,
        },
        schemas: reader.schemas,
        user,
    };
    settled::settle(&mut catalog);
    Ok(catalog)
}

fn reading(refused: Refused) -> DatabaseError {
    refused.while_doing("inspect the database")
}

impl Reader<'_> {
    fn namespace(&self, oid: u32) -> Option<&Namespace> {
        self.namespaces
            .iter()
            .find(|namespace| namespace.oid == oid)
    }

    /// The key of a schema in scope.
    fn key(&self, oid: u32) -> Option<String> {
        self.namespace(oid).map(|namespace| namespace.key.clone())
    }

    fn table(&mut self, oid: u32) -> Option<&mut Table> {
        let place = self.places.get(&('c', oid))?;
        if place.kind.is_some() {
            return None;
        }
        self.schemas
            .get_mut(&place.key)?
            .tables
            .get_mut(&place.name)
    }

    fn add_table(&mut self, oid: u32, key: &str, name: String, table: Table) {
        if let Some(schema) = self.schemas.get_mut(key) {
            schema.tables.insert(name.clone(), table);
            let place = Place {
                key: key.to_owned(),
                kind: None,
                name,
            };
            self.places.insert(('c', oid), place);
        }
    }

    fn add_object(&mut self, oid: Oid, key: &str, kind: ObjectKind, name: String, object: Object) {
        if let Some(schema) = self.schemas.get_mut(key) {
            schema
                .objects
                .entry(kind)
                .or_default()
                .insert(name.clone(), object);
            let place = Place {
                key: key.to_owned(),
                kind: Some(kind),
                name,
            };
            self.places.insert(oid, place);
        }
    }

    fn object(&mut self, oid: Oid) -> Option<&mut Object> {
        let place = self.places.get(&oid)?;
        self.schemas
            .get_mut(&place.key)?
            .objects
            .get_mut(&place.kind?)?
            .get_mut(&place.name)
    }

    fn needs(&mut self, rows: &[TextRow]) {
        for row in rows {
            let one = |column: usize| {
                let kind = row.str(column).and_then(|text| text.chars().next());
                (kind.unwrap_or('?'), row.number(column + 1))
            };
            let (user, needed) = (one(0), one(2));
            let Some(needed) = self.places.get(&needed) else {
                continue;
            };
            let name = joined(&needed.key, &needed.name);
            let Some(place) = self.places.get(&user) else {
                continue;
            };
            if joined(&place.key, &place.name) == name {
                continue;
            }
            let Some(schema) = self.schemas.get_mut(&place.key) else {
                continue;
            };
            let needs = match place.kind {
                None => schema
                    .tables
                    .get_mut(&place.name)
                    .map(|table| &mut table.needs),
                Some(kind) => schema
                    .objects
                    .get_mut(&kind)
                    .and_then(|objects| objects.get_mut(&place.name))
                    .map(|object| &mut object.needs),
            };
            if let Some(needs) = needs
                && let Err(at) = needs.binary_search(&name)
            {
                needs.insert(at, name);
            }
        }
    }
}

/// How a thing is named in `needs`: with its schema where there are several.
fn joined(key: &str, name: &str) -> String {
    if key.is_empty() {
        name.to_owned()
    } else {
        format!("{key}.{name}")
    }
}

/// A name for a statement.
fn qualified(key: &str, name: &str) -> String {
    if key.is_empty() {
        quoted(name)
    } else {
        format!("{}.{}", quoted(key), quoted(name))
    }
}

/// The words with spaces between, without those that say nothing.
fn joined_words(words: &[&str]) -> String {
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// The server keeps settings in the order in which they were said, which means nothing.
fn sorted_settings(settings: Option<String>) -> Option<String> {
    settings.map(|settings| {
        let mut settings: Vec<&str> = settings.split(", ").collect();
        settings.sort_unstable();
        settings.join(", ")
    })
}
