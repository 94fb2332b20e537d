//! A database of SQLite as a [`Catalog`].
//!
//! Five queries whatever the number of tables: `table_list`, `sqlite_schema`, and the pragmas `table_xinfo`, `index_list` with `index_xinfo`, and
//! `foreign_key_list` as table-valued functions joined to it. What only the stored text tells (names of constraints, checks, generated columns,
//! collations, `AUTOINCREMENT`) is read from that text by `sqlplan`. A text that is not understood is an error: a table that is half known
//! would be half rebuilt.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row};
use tidegate_schemaplan::{
    Catalog, Check, Column, Engine, ForeignKey, Generated, Index, IndexPart, Object, ObjectKind,
    PrimaryKey, Schema, Table,
};
use tidegate_sqlplan::{
    Dialect, SqliteConstraint, SqliteConstraintKind, SqliteTable, read_sqlite_index,
    read_sqlite_object,
};

use crate::Limits;
use crate::fingerprint::{Fingerprint, Things};

/// Why a catalog could not be read.
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    TooLarge { limit: usize, what: &'static str },
    NotUnderstood { message: String },
}

impl From<rusqlite::Error> for ReadError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

/// Which tables are virtual, or behind a virtual one.
const KINDS: &str = "PRAGMA main.table_list";

const TEXTS: &str = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
    WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";

const COLUMNS: &str = "SELECT s.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden \
    FROM main.sqlite_schema s, pragma_table_xinfo(s.name) c \
    WHERE s.type = 'table' ORDER BY s.rowid, c.cid";

const INDEXES: &str = "SELECT s.name, i.name, i.\"unique\", i.origin, x.cid, x.name, x.\"desc\", x.coll \
    FROM main.sqlite_schema s, pragma_index_list(s.name) i, pragma_index_xinfo(i.name) x \
    WHERE s.type = 'table' AND x.key = 1 ORDER BY s.rowid, i.seq, x.seqno";

const FOREIGN_KEYS: &str = "SELECT s.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_update, f.on_delete \
    FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f \
    WHERE s.type = 'table' ORDER BY s.rowid, f.id DESC, f.seq";

/// The version of the SQLite inside this program.
pub(super) fn engine() -> Engine {
    let number = rusqlite::version_number();
    let part = |number: i32| u32::try_from(number).unwrap_or_default();
    Engine {
        dialect: Dialect::Sqlite,
        version: (part(number / 1_000_000), part(number / 1000 % 1000)),
    }
}

/// What tells what the database holds from anything else: all that a catalog is made of is made of these texts.
pub(super) fn fingerprint(connection: &Connection) -> Result<Fingerprint, ReadError> {
    let mut things = Things::default();
    each(connection, TEXTS, |row| {
        note(&mut things, row)?;
        Ok(())
    })?;
    Ok(things.fingerprint())
}

/// A row of [`TEXTS`].
fn note(things: &mut Things, row: &Row<'_>) -> Result<(), rusqlite::Error> {
    let text = |column| {
        let text = row.get_ref(column)?.as_bytes_or_null();
        text.map(Option::unwrap_or_default)
            .map_err(rusqlite::Error::from)
    };
    things.add([text(0)?, text(1)?, text(2)?, text(3)?]);
    Ok(())
}

/// Reads everything; the catalog has one schema, without a name. What it is made of comes with it.
pub(super) fn catalog(
    connection: &Connection,
    limits: &Limits,
) -> Result<(Catalog, Things), ReadError> {
    let mut reading = Reading::default();
    reading.texts(connection, limits)?;
    reading.columns(connection)?;
    reading.indexes(connection)?;
    reading.foreign_keys(connection)?;
    let mut catalog = Catalog::empty(engine());
    let things = std::mem::take(&mut reading.things);
    catalog.schemas.insert(String::new(), reading.finish()?);
    Ok((catalog, things))
}

/// Tables by name while their parts come in, in the order of the queries.
#[derive(Default)]
struct Reading {
    tables: BTreeMap<String, Part>,
    /// Texts of indexes.
    indexes: BTreeMap<String, String>,
    objects: BTreeMap<ObjectKind, BTreeMap<String, Object>>,
    things: Things,
}

struct Part {
    text: SqliteTable,
    table: Table,
    /// Parts of the primary key with their place in it.
    key: Vec<(i64, String)>,
    keys: Vec<ForeignKey>,
    last_key: Option<i64>,
}

impl Reading {
    fn texts(&mut self, connection: &Connection, limits: &Limits) -> Result<(), ReadError> {
        let mut kinds = BTreeMap::new();
        each(connection, KINDS, |row| {
            let (name, kind): (String, String) = (row.get("name")?, row.get("type")?);
            if matches!(kind.as_str(), "virtual" | "shadow") {
                kinds.insert(name, kind);
            }
            Ok(())
        })?;
        let (mut bytes, mut count) = (0, 0);
        each(connection, TEXTS, |row| {
            note(&mut self.things, row)?;
            let (kind, name, table): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let Some(sql) = row.get::<_, Option<String>>(3)? else {
                return Ok(());
            };
            bytes += sql.len();
            count += 1;
            if bytes > limits.schema_bytes {
                let (limit, what) = (limits.schema_bytes, "bytes of schema text");
                return Err(ReadError::TooLarge { limit, what });
            }
            if count > limits.schema_objects {
                let what = "tables, indexes, views and triggers";
                let limit = limits.schema_objects;
                return Err(ReadError::TooLarge { limit, what });
            }
            match (kind.as_str(), kinds.get(&table).map(String::as_str)) {
                // The tables behind a virtual one come and go with it.
                (_, Some("shadow")) => {}
                ("table", Some("virtual")) => {
                    self.object(ObjectKind::VirtualTable, name, &sql, None)?;
                }
                ("table", _) => self.table(name, sql)?,
                ("index", _) => {
                    self.indexes.insert(name, sql);
                }
                ("view", _) => self.object(ObjectKind::View, name, &sql, None)?,
                _ => self.object(
                    ObjectKind::Trigger,
                    format!("{table}.{name}"),
                    &sql,
                    Some(table),
                )?,
            }
            Ok(())
        })
    }

    fn table(&mut self, name: String, sql: String) -> Result<(), ReadError> {
        let text = SqliteTable::read(&sql)
            .filter(|text| text.complete)
            .ok_or_else(|| not_understood("table", &name))?;
        let mut table = Table {
            create: Some(sql),
            ..Table::default()
        };
        for (option, is_set) in [
            ("strict", text.strict),
            ("without rowid", text.without_rowid),
        ] {
            if is_set {
                table.options.insert(option.to_owned(), "yes".to_owned());
            }
        }
        for constraint in text.all_constraints() {
            match &constraint.kind {
                SqliteConstraintKind::Check(expression) => {
                    let check = Check {
                        expression: expression.clone(),
                        attributes: constraint.attributes.clone(),
                        ..Check::default()
                    };
                    let name = constraint.name.clone();
                    let name = name.unwrap_or_else(|| check.nameless());
                    table.checks.insert(free(&table.checks, name), check);
                }
                SqliteConstraintKind::PrimaryKey(_) if !constraint.attributes.is_empty() => {
                    table
                        .options
                        .insert("primary key".to_owned(), constraint.attributes.clone());
                }
                _ => {}
            }
        }
        let part = Part {
            text,
            table,
            key: Vec::new(),
            keys: Vec::new(),
            last_key: None,
        };
        self.tables.insert(name, part);
        Ok(())
    }

    fn object(
        &mut self,
        kind: ObjectKind,
        name: String,
        sql: &str,
        table: Option<String>,
    ) -> Result<(), ReadError> {
        let read = read_sqlite_object(sql);
        let (definition, needs) = if kind == ObjectKind::VirtualTable {
            // What stands in the parentheses is the module's own language.
            read.unwrap_or_else(|| (sql.to_owned(), Vec::new()))
        } else {
            read.ok_or_else(|| not_understood(kind.as_str(), &name))?
        };
        let object = Object {
            definition,
            create: sql.to_owned(),
            needs,
            table,
            ..Object::default()
        };
        self.objects.entry(kind).or_default().insert(name, object);
        Ok(())
    }

    fn columns(&mut self, connection: &Connection) -> Result<(), ReadError> {
        each(connection, COLUMNS, |row| {
            let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
            let Some(part) = self.tables.get_mut(&table) else {
                return Ok(());
            };
            let (data_type, not_null): (String, bool) = (row.get(2)?, row.get(3)?);
            let (default, place): (Option<String>, i64) = (row.get(4)?, row.get(5)?);
            let written = part.text.columns.iter().find(|it| it.name == name);
            let written = written.ok_or_else(|| not_understood("table", &table))?;
            let collation = written.collation.as_ref().map(|it| it.to_ascii_uppercase());
            if !written.attributes.is_empty() {
                part.table
                    .options
                    .insert(format!("column {name}"), written.attributes.clone());
            }
            let column = Column {
                data_type: data_type.to_ascii_lowercase(),
                nullable: !not_null,
                default: default.filter(|it| !it.eq_ignore_ascii_case("null")),
                generated: written
                    .generated
                    .clone()
                    .map(|(expression, stored)| Generated { expression, stored }),
                auto_increment: written.autoincrement,
                collation: collation.filter(|it| it != "BINARY"),
                ..Column::default()
            };
            if place > 0 {
                part.key.push((place, name.clone()));
            }
            part.table.columns.insert(name, column);
            Ok(())
        })
    }

    fn indexes(&mut self, connection: &Connection) -> Result<(), ReadError> {
        // The index that is being read: table, name, origin, index.
        let mut last: Option<(String, String, String, Index)> = None;
        let mut done = Vec::new();
        each(connection, INDEXES, |row| {
            let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
            let (unique, origin): (bool, String) = (row.get(2)?, row.get(3)?);
            if last.as_ref().is_none_or(|last| last.1 != name) {
                let index = Index {
                    unique,
                    constraint: origin == "u",
                    ..Index::default()
                };
                done.extend(last.replace((table, name, origin, index)));
            }
            let collation: Option<String> = row.get(7)?;
            let collation = collation.unwrap_or_default().to_ascii_uppercase();
            let part = IndexPart {
                column: row.get(5)?,
                descending: row.get(6)?,
                attributes: match collation.as_str() {
                    "" | "BINARY" => String::new(),
                    name => format!("COLLATE {name}"),
                },
                ..IndexPart::default()
            };
            if let Some((.., index)) = &mut last {
                index.parts.push(part);
            }
            Ok(())
        })?;
        done.extend(last);
        for (table, name, origin, index) in done {
            self.index(&table, name, &origin, index)?;
        }
        Ok(())
    }

    fn index(
        &mut self,
        table: &str,
        name: String,
        origin: &str,
        mut index: Index,
    ) -> Result<(), ReadError> {
        let Some(part) = self.tables.get_mut(table) else {
            return Ok(());
        };
        match origin {
            "pk" => {
                part.table.primary_key = Some(PrimaryKey {
                    parts: index.parts,
                    ..PrimaryKey::default()
                });
            }
            "u" => {
                let columns: Vec<&str> = index
                    .parts
                    .iter()
                    .filter_map(|part| part.column.as_deref())
                    .collect();
                let written = part.text.all_constraints().find(|constraint| {
                    matches!(&constraint.kind, SqliteConstraintKind::Unique(written)
                        if written.len() == columns.len()
                            && written.iter().zip(&columns).all(|(one, other)| one.eq_ignore_ascii_case(other)))
                });
                if let Some(SqliteConstraint {
                    name, attributes, ..
                }) = written
                {
                    if let Some(name) = name {
                        index.options.insert("name".to_owned(), name.clone());
                    }
                    if !attributes.is_empty() {
                        index
                            .options
                            .insert("on conflict".to_owned(), attributes.clone());
                    }
                }
                let name = free(&part.table.indexes, index.nameless());
                part.table.indexes.insert(name, index);
            }
            _ => {
                let sql = self.indexes.remove(&name);
                let sql = sql.ok_or_else(|| not_understood("index", &name))?;
                let (parts, condition) =
                    read_sqlite_index(&sql).ok_or_else(|| not_understood("index", &name))?;
                for (part, written) in index.parts.iter_mut().zip(parts) {
                    if part.column.is_none() {
                        let plain = written.strip_suffix("desc").filter(|_| part.descending);
                        part.expression = Some(plain.unwrap_or(&written).trim().to_owned());
                    }
                }
                index
                    .options
                    .extend(condition.map(|condition| ("where".to_owned(), condition)));
                index.create = Some(sql);
                part.table.indexes.insert(name, index);
            }
        }
        Ok(())
    }

    fn foreign_keys(&mut self, connection: &Connection) -> Result<(), ReadError> {
        each(connection, FOREIGN_KEYS, |row| {
            let (table, id): (String, i64) = (row.get(0)?, row.get(1)?);
            let Some(part) = self.tables.get_mut(&table) else {
                return Ok(());
            };
            if part.last_key != Some(id) {
                let action = |action: String| match action.as_str() {
                    "NO ACTION" => String::new(),
                    _ => action,
                };
                part.last_key = Some(id);
                part.keys.push(ForeignKey {
                    table: row.get(2)?,
                    on_update: action(row.get(5)?),
                    on_delete: action(row.get(6)?),
                    ..ForeignKey::default()
                });
            }
            if let Some(key) = part.keys.last_mut() {
                key.columns.push(row.get(3)?);
                key.referred.extend(row.get::<_, Option<String>>(4)?);
            }
            Ok(())
        })
    }

    /// Puts the parts together: what refers to a name gets the spelling of what bears it, for names are alike in any case.
    fn finish(mut self) -> Result<Schema, ReadError> {
        let spelled: BTreeMap<String, String> = self
            .tables
            .keys()
            .map(|name| (name.to_lowercase(), name.clone()))
            .collect();
        let columns: BTreeMap<String, Vec<String>> = self
            .tables
            .iter()
            .map(|(name, part)| (name.clone(), part.table.columns.keys().cloned().collect()))
            .collect();
        let spell = |table: &str, names: &mut Vec<String>| {
            for name in names {
                let known = columns.get(table).into_iter().flatten();
                if let Some(known) = known.into_iter().find(|it| it.eq_ignore_ascii_case(name)) {
                    name.clone_from(known);
                }
            }
        };
        let mut tables = BTreeMap::new();
        for (name, mut part) in self.tables {
            part.key.sort();
            let plain = || PrimaryKey {
                parts: part.key.iter().map(|(_, name)| named(name)).collect(),
                ..PrimaryKey::default()
            };
            if !part.key.is_empty() {
                let key = part.table.primary_key.get_or_insert_with(plain);
                key.name = part.text.all_constraints().find_map(|constraint| {
                    let is_key = matches!(constraint.kind, SqliteConstraintKind::PrimaryKey(_));
                    constraint.name.clone().filter(|_| is_key)
                });
            }
            let written: Vec<&SqliteConstraint> = part
                .text
                .all_constraints()
                .filter(|it| matches!(it.kind, SqliteConstraintKind::ForeignKey(_)))
                .collect();
            if written.len() != part.keys.len() {
                return Err(not_understood("table", &name));
            }
            for (mut key, written) in part.keys.into_iter().zip(written) {
                if let Some(spelled) = spelled.get(&key.table.to_lowercase()) {
                    key.table.clone_from(spelled);
                }
                spell(&name, &mut key.columns);
                spell(&key.table, &mut key.referred);
                key.attributes.clone_from(&written.attributes);
                let own = key.nameless();
                let name = free(
                    &part.table.foreign_keys,
                    written.name.clone().unwrap_or(own),
                );
                part.table.foreign_keys.insert(name, key);
            }
            tables.insert(name, part.table);
        }
        let others = [ObjectKind::View, ObjectKind::VirtualTable];
        let others = others.iter().filter_map(|kind| self.objects.get(kind));
        let others = others.flat_map(|others| others.keys().map(|it| it.to_lowercase()));
        let known: BTreeSet<String> = spelled.into_keys().chain(others).collect();
        for object in self.objects.values_mut().flat_map(BTreeMap::values_mut) {
            object.needs.retain(|word| known.contains(word));
        }
        Ok(Schema {
            tables,
            objects: self.objects,
            ..Schema::default()
        })
    }
}

fn named(column: &str) -> IndexPart {
    IndexPart {
        column: Some(column.to_owned()),
        ..IndexPart::default()
    }
}

/// The name, or the name with the first number that makes it another than those there.
fn free<T>(taken: &BTreeMap<String, T>, name: String) -> String {
    if !taken.contains_key(&name) {
        return name;
    }
    (2..=taken.len() + 2)
        .map(|number| format!("{name} {number}"))
        .find(|name| !taken.contains_key(name))
        .unwrap_or(name)
}

fn not_understood(kind: &str, name: &str) -> ReadError {
    ReadError::NotUnderstood {
        message: format!("the stored text of {kind} {name:?} cannot be read"),
    }
}

fn each(
    connection: &Connection,
    sql: &str,
    mut visit: impl FnMut(&Row<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(row)?;
    }
    Ok(())
}
