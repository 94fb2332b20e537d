//! `CREATE TABLE` and `CREATE INDEX`, read into the model's data.

use crate::column;
use crate::cursor::{Cursor, Name};
use crate::dialect::Dialect;
use crate::expression;
use crate::model::{Check, Column, ForeignKey, Index, Key, Table};
use crate::options;
use crate::position::Position;

/// A column with the constraints written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The column.
    pub column: Column,
    /// `UNIQUE`, with the constraint's name.
    pub unique: Option<Key>,
    /// `PRIMARY KEY`.
    pub primary_key: Option<Key>,
    /// `REFERENCES`.
    pub foreign_key: Option<ForeignKey>,
    /// `CHECK`.
    pub checks: Vec<Check>,
    /// Whether each word of it was understood.
    pub complete: bool,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraint {
    /// `PRIMARY KEY`.
    PrimaryKey(Key),
    /// `UNIQUE`.
    Unique(Key),
    /// `FOREIGN KEY`.
    ForeignKey(ForeignKey),
    /// `CHECK`.
    Check(Check),
    /// MySQL's `KEY` within a table.
    Index(Index),
    /// `EXCLUDE`, and what no other is.
    Other(String),
}

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition {
    /// The table, without positions.
    pub table: Table,
    /// It goes away with the session.
    pub temporary: bool,
    /// MariaDB drops what was there.
    pub or_replace: bool,
    /// It makes nothing when the table is there.
    pub if_not_exists: bool,
    /// `LIKE`, `AS SELECT`, `PARTITION OF`, `INHERITS`: columns come from elsewhere.
    pub derived: bool,
    /// Whether each word was understood.
    pub complete: bool,
}

/// A place as an offset; the fold makes a position of it.
pub(crate) fn at(offset: usize) -> Position {
    Position {
        offset,
        ..Position::START
    }
}

/// From `CREATE` on; none when it makes no table.
pub(crate) fn table(mut cursor: Cursor<'_>) -> Option<TableDefinition> {
    let start = cursor.offset();
    cursor.accept("create").then_some(())?;
    let or_replace = cursor.accept("or replace");
    let mut temporary = false;
    let mut unlogged = false;
    while cursor.is_any(&["global", "local", "temp", "temporary", "unlogged"]) {
        temporary |= cursor.is_any(&["temp", "temporary"]);
        unlogged |= cursor.is_word(0, "unlogged");
        cursor.advance();
    }
    cursor.accept("table").then_some(())?;
    let if_not_exists = cursor.accept("if not exists");
    let name = cursor.name()?;
    let mut definition = TableDefinition {
        table: Table {
            name,
            position: at(start),
            ..Table::default()
        },
        temporary,
        or_replace,
        if_not_exists,
        derived: !cursor.is_symbol(0, '('),
        complete: true,
    };
    if unlogged {
        definition.table.options.push("unlogged".to_owned());
    }
    if let Some(body) = cursor.group() {
        for item in body.items() {
            table_item(item, &mut definition);
        }
    }
    let options = options::read(cursor.remaining());
    definition.derived |= options.derived;
    definition.complete &= options.complete;
    definition.table.options.extend(options.kept);
    definition.table.derived = definition.derived;
    definition.table.charset = options.charset;
    definition.table.collation = options.collation;
    Some(definition)
}

fn table_item(item: Cursor<'_>, definition: &mut TableDefinition) {
    if item.is_word(0, "like") {
        definition.derived = true;
    } else if let Some(constraint) = constraint(item) {
        add_constraint(&mut definition.table, constraint, item.dialect());
    } else if let Some(column) = column::read(item) {
        definition.complete &= column.complete;
        add_column(&mut definition.table, column);
    } else {
        definition.complete = false;
    }
}

pub(crate) fn add_column(table: &mut Table, definition: ColumnDefinition) {
    table.uniques.extend(definition.unique);
    table.foreign_keys.extend(definition.foreign_key);
    table.checks.extend(definition.checks);
    if definition.primary_key.is_some() {
        table.primary_key = definition.primary_key;
    }
    table.columns.push(definition.column);
}

pub(crate) fn add_constraint(table: &mut Table, constraint: Constraint, dialect: Dialect) {
    match constraint {
        Constraint::PrimaryKey(key) => {
            for column in &mut table.columns {
                // SQLite lets NULL into primary keys, for old databases' sake; the others do not.
                if dialect != Dialect::Sqlite
                    && key.columns.contains(&dialect.column_key(&column.name))
                {
                    column.nullable = false;
                }
            }
            table.primary_key = Some(key);
        }
        Constraint::Unique(key) => table.uniques.push(key),
        Constraint::ForeignKey(key) => table.foreign_keys.push(key),
        Constraint::Check(check) => table.checks.push(check),
        Constraint::Index(index) => table.indexes.push(index),
        Constraint::Other(text) => table.options.push(text),
    }
}

/// A constraint of a table; none when the item is a column.
pub(crate) fn constraint(mut item: Cursor<'_>) -> Option<Constraint> {
    let start = item.offset();
    let whole = item;
    let named = item.is_word(0, "constraint");
    let name = if named {
        item.advance();
        // MariaDB's, here and behind the kind.
        item.accept("if not exists");
        let unnamed = item.is_any(&["primary", "unique", "foreign", "check", "exclude"]);
        if unnamed { None } else { item.part() }
    } else {
        None
    };
    let mysql = item.dialect().is_mysql_like();
    if item.accept("primary key") {
        skip_method(&mut item);
        return Some(Constraint::PrimaryKey(Key {
            name,
            columns: columns(&mut item),
        }));
    }
    if item.is_word(0, "unique")
        && (item.is_symbol(1, '(') || mysql || named || item.is_word(1, "nulls"))
    {
        item.advance();
        item.accept_any(&["key", "index", "nulls not distinct", "nulls distinct"]);
        item.accept("if not exists");
        let own = if item.is_symbol(0, '(') || item.is_word(0, "using") {
            None
        } else {
            item.part()
        };
        skip_method(&mut item);
        return Some(Constraint::Unique(Key {
            name: name.or(own),
            columns: columns(&mut item),
        }));
    }
    if item.accept("foreign key") {
        item.accept("if not exists");
        let own = if item.is_symbol(0, '(') {
            None
        } else {
            item.part()
        };
        let columns = columns(&mut item);
        let mut key = references(&mut item)?;
        key.name = name.or(own);
        key.columns = columns;
        return Some(Constraint::ForeignKey(key));
    }
    if item.is_word(0, "check") && item.is_symbol(1, '(') {
        item.advance();
        let expression = expression::canonical(item.group()?);
        return Some(Constraint::Check(Check { name, expression }));
    }
    if item.is_word(0, "exclude") && (item.is_symbol(1, '(') || item.is_word(1, "using")) {
        return Some(Constraint::Other(item.canonical()));
    }
    if mysql && item.is_any(&["key", "index", "fulltext", "spatial"]) {
        let method = if item.accept("fulltext") {
            "fulltext"
        } else if item.accept("spatial") {
            "spatial"
        } else {
            ""
        };
        item.accept_any(&["key", "index"]);
        let own = if item.is_symbol(0, '(') || item.is_word(0, "using") {
            None
        } else {
            item.part()
        };
        skip_method(&mut item);
        let columns = columns(&mut item);
        return Some(Constraint::Index(Index {
            name: own,
            unique: false,
            columns,
            rest: method.to_owned(),
            statement: None,
            position: at(start),
        }));
    }
    named.then(|| Constraint::Other(whole.canonical()))
}

/// `USING btree`, whose default it is.
fn skip_method(item: &mut Cursor<'_>) {
    if item.accept("using") {
        item.advance();
    }
}

/// Names, prefixes and expressions between brackets, canonical. The order that is the default is left out.
fn columns(item: &mut Cursor<'_>) -> Vec<String> {
    let items = item.group().map(Cursor::items).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let canonical = expression::canonical(*item);
            let key = if let Some(falling) = canonical.strip_suffix(" nulls first") {
                Some(falling).filter(|falling| falling.ends_with(" desc"))
            } else if let Some(rising) = canonical.strip_suffix(" nulls last") {
                Some(rising).filter(|rising| !rising.ends_with(" desc"))
            } else {
                None
            };
            let key = key.unwrap_or(&canonical);
            key.strip_suffix(" asc").unwrap_or(key).to_owned()
        })
        .collect()
}

pub(crate) fn references(item: &mut Cursor<'_>) -> Option<ForeignKey> {
    item.accept("references").then_some(())?;
    let dialect = item.dialect();
    let table = item.name()?.key(dialect);
    let referred = columns(item);
    let mut key = ForeignKey {
        name: None,
        columns: vec![],
        table,
        referred,
        on_delete: None,
        on_update: None,
    };
    loop {
        if item.accept("match") {
            item.advance();
        } else if item.accept("on delete") {
            key.on_delete = action(item);
        } else if item.accept("on update") {
            key.on_update = action(item);
        } else {
            return Some(key);
        }
    }
}

fn action(item: &mut Cursor<'_>) -> Option<String> {
    let restrict_is_default = item.dialect().is_mysql_like();
    if item.accept("no action") {
        None
    } else if item.accept("restrict") {
        (!restrict_is_default).then(|| "restrict".to_owned())
    } else if item.accept("cascade") {
        Some("cascade".to_owned())
    } else if item.accept("set null") {
        Some("set null".to_owned())
    } else if item.accept("set default") {
        Some("set default".to_owned())
    } else {
        None
    }
}

/// `CREATE INDEX`, with the table it is on; none when it makes none.
pub(crate) fn index(mut cursor: Cursor<'_>) -> Option<IndexDefinition> {
    let start = cursor.offset();
    let whole = cursor;
    cursor.accept("create").then_some(())?;
    cursor.accept("or replace");
    let mut unique = false;
    let mut method = String::new();
    while cursor.is_any(&["unique", "fulltext", "spatial"]) {
        unique |= cursor.is_word(0, "unique");
        if !cursor.is_word(0, "unique") {
            method = cursor.source(0).to_lowercase();
        }
        cursor.advance();
    }
    cursor.accept("index").then_some(())?;
    let concurrently = cursor.accept("concurrently");
    let if_not_exists = cursor.accept("if not exists");
    let name = if cursor.is_word(0, "on") {
        None
    } else {
        cursor.name()
    };
    skip_method(&mut cursor);
    cursor.accept("on").then_some(())?;
    let only = cursor.accept("only");
    let table = cursor.name()?;
    if cursor.accept("using") {
        let using = cursor.part().unwrap_or_default();
        if !using.eq_ignore_ascii_case("btree") {
            method = using.to_lowercase();
        }
    }
    let columns = columns(&mut cursor);
    // Behind the columns MySQL has hints only, and how PostgreSQL stores an index makes it no other.
    let mut rest = Vec::new();
    while !cursor.is_done() && !cursor.dialect().is_mysql_like() {
        if cursor.is_word(0, "with") && cursor.is_symbol(1, '(') {
            cursor.advance();
            cursor.skip_one();
        } else if cursor.accept("tablespace") {
            cursor.advance();
        } else if cursor.is_word(0, "where") {
            rest.push(expression::canonical(cursor));
            break;
        } else {
            rest.push(cursor.source(0).to_lowercase());
            cursor.advance();
        }
    }
    let rest = rest.join(" ");
    Some(IndexDefinition {
        index: Index {
            name: name.as_ref().map(|name| name.name.clone()),
            unique,
            columns,
            rest: [method, rest]
                .iter()
                .filter(|part| !part.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
            statement: Some(whole.source_between(0, usize::MAX).to_owned()),
            position: at(start),
        },
        table,
        concurrently,
        only,
        if_not_exists,
    })
}

/// `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    /// The index, without position.
    pub index: Index,
    /// The table it is on.
    pub table: Name,
    /// PostgreSQL: without blocking writes.
    pub concurrently: bool,
    /// PostgreSQL: on the parent of partitions alone, which has no rows.
    pub only: bool,
    /// It makes nothing when the index is there.
    pub if_not_exists: bool,
}
