//! Triggers, routines, events and sequences: their texts, as the server keeps them; [`views`](super::views) has views.
//!
//! A *definer* is who an object runs as. It is not compared, because the wanted text rarely names one and then it is whoever made the object.

use tidegate_schemaplan::{Aside, Catalog, Object, ObjectKind};

use super::inspect::{Reader, Scope};
use super::listing::Listing;
use super::sql::{literal, quote};
use super::tables::Listed;
use super::texts::{definer, trigger_body, without_start};
use super::views::{find_needs, read_views};
use crate::DatabaseError;

const TRIGGERS: Listing<'_> = Listing {
    columns: &[
        "TRIGGER_SCHEMA",
        "TRIGGER_NAME",
        "EVENT_OBJECT_TABLE",
        "ACTION_TIMING",
        "EVENT_MANIPULATION",
        "ACTION_STATEMENT",
        "DEFINER",
    ],
    of_mysql: &[],
    table: "TRIGGERS",
    only: "",
    database: "TRIGGER_SCHEMA",
    order: "TRIGGER_SCHEMA, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
};

const ROUTINES: Listing<'_> = Listing {
    columns: &["ROUTINE_SCHEMA", "ROUTINE_NAME", "ROUTINE_TYPE", "DEFINER"],
    of_mysql: &[],
    table: "ROUTINES",
    only: "",
    database: "ROUTINE_SCHEMA",
    order: "",
};

const EVENTS: Listing<'_> = Listing {
    columns: &[
        "EVENT_SCHEMA",
        "EVENT_NAME",
        "DEFINER",
        // Without a start an event begins when it was made, which is written down as if it had been said, in the time of some zone: whole quarters of
        // an hour from when it was made.
        "MOD(TIMESTAMPDIFF(SECOND, CREATED, STARTS), 900) = 0 AND ABS(TIMESTAMPDIFF(HOUR, CREATED, STARTS)) <= 14",
    ],
    of_mysql: &[],
    table: "EVENTS",
    only: "",
    database: "EVENT_SCHEMA",
    order: "",
};

/// Reads all objects of the scope into the catalog, whose tables are read already.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    listed: &Listed,
) -> Result<(), DatabaseError> {
    let account = reader.account().await?;
    read_sequences(reader, catalog, listed).await?;
    read_views(reader, catalog, &account).await?;
    read_triggers(reader, catalog, &account).await?;
    read_routines(reader, catalog, &account).await?;
    read_events(reader, catalog, &account).await?;
    let of_schemas = catalog.schemas.values().map(|schema| &schema.objects);
    let said: Vec<String> = of_schemas
        .filter(|objects| !objects.is_empty())
        .map(|objects| format!("{objects:?}"))
        .collect();
    reader.note_digest(&said);
    find_needs(catalog);
    Ok(())
}

async fn read_sequences(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    listed: &Listed,
) -> Result<(), DatabaseError> {
    for ((database, name), comment) in &listed.sequences {
        let what = format!("SEQUENCE {}.{}", quote(database), quote(name));
        let text = reader.shown(&what, 1).await?.unwrap_or_default();
        let options = text
            .split_once(" start with ")
            .and_then(|(_, rest)| rest.split_once(" ENGINE="))
            .map(|(options, rest)| {
                // It may say a comment, and may not, where there is one.
                let engine = rest.split(' ').next().unwrap_or_default();
                format!("start with {options} ENGINE={engine}")
            });
        let written = reader.scope.written(database, name);
        let said = comment
            .as_ref()
            .map(|comment| format!(" COMMENT={}", literal(comment)));
        let object = options.map_or_else(Object::default, |options| Object {
            create: format!(
                "CREATE SEQUENCE {written} {options}{}",
                said.unwrap_or_default()
            ),
            definition: options,
            comment: comment.clone(),
            ..Object::default()
        });
        insert(
            catalog,
            reader.scope,
            database,
            ObjectKind::Sequence,
            name.clone(),
            object,
        );
    }
    Ok(())
}

/// Reads what sequences give next, which is no part of the fingerprint: each new row would be another one. Where the account may not know it, nobody
/// does.
pub(super) async fn read_reached(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    listed: &Listed,
) -> Result<(), DatabaseError> {
    for (database, name) in listed.sequences.keys() {
        let reached = reader.reached(database, name).await?;
        let sequence = catalog
            .schemas
            .get_mut(&reader.scope.key(database))
            .and_then(|schema| schema.objects.get_mut(&ObjectKind::Sequence))
            .and_then(|sequences| sequences.get_mut(name));
        if let Some(sequence) = sequence {
            sequence.reached = Aside(reached);
        }
    }
    Ok(())
}

async fn read_triggers(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    account: &str,
) -> Result<(), DatabaseError> {
    let mut before: Option<([String; 4], String)> = None;
    for row in reader.rows(&TRIGGERS).await? {
        let (database, name, table) = (row.text(0), row.text(1), row.text(2));
        let group = [row.text(0), row.text(2), row.text(3), row.text(4)];
        // Those of one event run in an order, which is part of what they are.
        let previous = before
            .take()
            .filter(|(other, _)| *other == group)
            .map(|(_, name)| name);
        let follows = previous
            .as_deref()
            .map(|name| format!("FOLLOWS {} ", quote(name)))
            .unwrap_or_default();
        let mut body = row.text(5);
        // Texts within it are given as what they mean, without their backslashes; the whole statement is given as it was written.
        if body.contains(['\'', '"', '?']) || !body.is_ascii() {
            let what = format!("TRIGGER {}.{}", quote(&database), quote(&name));
            let text = reader.shown(&what, 2).await?.unwrap_or_default();
            body = trigger_body(&text).map_or(body, str::to_owned);
        }
        let definition = format!(
            "{} {} ON {} FOR EACH ROW {follows}{body}",
            row.text(3),
            row.text(4),
            reader.scope.written(&database, &table),
        );
        let object = Object {
            create: format!(
                "CREATE {}TRIGGER {} {definition}",
                definer(row.str(6), account),
                reader.scope.written(&database, &name)
            ),
            definition,
            needs: previous
                .map(|name| format!("{table}.{name}"))
                .into_iter()
                .collect(),
            table: Some(table.clone()),
            ..Object::default()
        };
        let key = format!("{table}.{name}");
        insert(
            catalog,
            reader.scope,
            &database,
            ObjectKind::Trigger,
            key,
            object,
        );
        before = Some((group, name));
    }
    Ok(())
}

async fn read_routines(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    account: &str,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&ROUTINES).await? {
        let (database, name) = (row.text(0), row.text(1));
        let kind = match row.text(2).as_str() {
            "FUNCTION" => ObjectKind::Function,
            "PROCEDURE" => ObjectKind::Procedure,
            // Oracle's packages: named, and left alone.
            other => {
                let name = format!("{} {name}", other.to_ascii_lowercase());
                let (kind, object) = (ObjectKind::Procedure, Object::default());
                insert(catalog, reader.scope, &database, kind, name, object);
                continue;
            }
        };
        let word = row.text(2);
        let object = made_of_text(reader, &word, &database, &name, 2, row.str(3), account).await?;
        insert(catalog, reader.scope, &database, kind, name, object);
    }
    Ok(())
}

async fn read_events(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    account: &str,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&EVENTS).await? {
        let (database, name) = (row.text(0), row.text(1));
        let mut object =
            made_of_text(reader, "EVENT", &database, &name, 3, row.str(2), account).await?;
        if row.is(3, "1") {
            object.definition = without_start(&object.definition);
            object.create = without_start(&object.create);
        }
        insert(
            catalog,
            reader.scope,
            &database,
            ObjectKind::Event,
            name,
            object,
        );
    }
    Ok(())
}

/// An object that the server gives as `CREATE DEFINER=.. WORD name ..` in one column of `SHOW CREATE WORD name`.
async fn made_of_text(
    reader: &mut Reader<'_>,
    word: &str,
    database: &str,
    name: &str,
    column: usize,
    owner: Option<&str>,
    account: &str,
) -> Result<Object, DatabaseError> {
    let what = format!("{word} {}.{}", quote(database), quote(name));
    let text = reader.shown(&what, column).await?.unwrap_or_default();
    let head = format!("{word} {}", quote(name));
    // `AGGREGATE` stands before the word.
    let Some((before, behind)) = text.split_once(&head) else {
        return Ok(Object::default());
    };
    let aggregate = if before.ends_with("AGGREGATE ") {
        "AGGREGATE "
    } else {
        ""
    };
    Ok(Object {
        create: format!(
            "CREATE {}{aggregate}{word} {}{behind}",
            definer(owner, account),
            reader.scope.written(database, name)
        ),
        definition: format!("{aggregate}{word}{behind}"),
        ..Object::default()
    })
}

pub(super) fn insert(
    catalog: &mut Catalog,
    scope: &Scope,
    database: &str,
    kind: ObjectKind,
    name: String,
    object: Object,
) {
    let schema = catalog.schemas.entry(scope.key(database)).or_default();
    schema.objects.entry(kind).or_default().insert(name, object);
}

impl Scope {
    /// A name as it is written in a statement: with its database where there are several.
    pub(super) fn written(&self, database: &str, name: &str) -> String {
        match self {
            Self::One(_) => quote(name),
            Self::Server => format!("{}.{}", quote(database), quote(name)),
        }
    }
}
