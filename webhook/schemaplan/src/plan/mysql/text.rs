//! Names, columns, indexes, constraints and tables in the SQL of MySQL and MariaDB.
//!
//! Every name is in backticks, every text in apostrophes with backslashes doubled: the session that runs a plan has neither `ANSI_QUOTES` nor
//! `NO_BACKSLASH_ESCAPES` (room `database` sees to that).

use std::fmt::Write as _;

use tidegate_sqlplan::Dialect;

use crate::catalog::{Check, Column, ForeignKey, Index, IndexPart, PrimaryKey, Table};
use crate::plan::text;

/// The attribute of a [`Check`] that MariaDB keeps within its column's definition.
pub(super) const OF_COLUMN: &str = "column";

/// The attribute of a [`Check`] that is a period of MariaDB's: its expression is the two columns. It implies a check of its name.
const OF_PERIOD: &str = "period";

/// A name in backticks.
pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A name with its schema's, where the scope is more than one schema.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        quote(name)
    } else {
        format!("{}.{}", quote(schema), quote(name))
    }
}

/// A text in apostrophes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Every collation's name begins with its character set's.
pub(super) fn charset_of(collation: &str) -> &str {
    collation.split('_').next().unwrap_or(collation)
}

/// Whether values of the type have a character set. `json` has one that cannot be chosen.
pub(super) fn is_character(data_type: &str) -> bool {
    const TYPES: &[&str] = &[
        "char",
        "varchar",
        "tinytext",
        "text",
        "mediumtext",
        "longtext",
        "enum",
        "set",
    ];
    let word = data_type
        .split(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    TYPES.contains(&word)
}

/// The collation of a column's values, whether its own or its table's; none for numbers and the like.
pub(super) fn collation_of<'a>(table: &'a Table, column: &'a Column) -> Option<&'a str> {
    is_character(&column.data_type)
        .then(|| {
            column
                .collation
                .as_deref()
                .or_else(|| table.options.get("collation").map(String::as_str))
        })
        .flatten()
}

/// The check that MariaDB keeps within the definition of this column.
pub(super) fn check_of<'a>(table: &'a Table, column: &str) -> Option<&'a Check> {
    table
        .checks
        .get(column)
        .filter(|check| check.attributes == OF_COLUMN)
}

/// A column's whole definition. `collation` is written where it is given.
pub(super) fn column(
    dialect: Dialect,
    table: &Table,
    name: &str,
    column: &Column,
    collation: Option<&str>,
) -> String {
    let mut sql = format!("{} {}", quote(name), column.data_type);
    if let Some(collation) = collation {
        let _ = write!(
            sql,
            " CHARACTER SET {} COLLATE {collation}",
            charset_of(collation)
        );
    }
    if let Some(row) = row_bound(column) {
        let _ = write!(sql, " GENERATED ALWAYS AS {row}");
    } else if let Some(generated) = &column.generated {
        let kind = if generated.stored {
            "STORED"
        } else {
            "VIRTUAL"
        };
        let _ = write!(
            sql,
            " GENERATED ALWAYS AS ({}) {kind}",
            generated.expression
        );
        // MariaDB has no NOT NULL there.
        if !column.nullable && dialect == Dialect::Mysql {
            sql += " NOT NULL";
        }
    } else {
        // Said for both, as a timestamp without a word may be either.
        sql += if column.nullable {
            " NULL"
        } else {
            " NOT NULL"
        };
    }
    if let Some(default) = &column.default {
        let _ = write!(sql, " DEFAULT {default}");
    }
    if let Some(expression) = &column.on_update {
        let _ = write!(sql, " ON UPDATE {expression}");
    }
    if column.auto_increment {
        sql += " AUTO_INCREMENT";
    }
    if column.invisible {
        sql += " INVISIBLE";
    }
    if column.unversioned {
        sql += " WITHOUT SYSTEM VERSIONING";
    }
    if let Some(comment) = &column.comment {
        let _ = write!(sql, " COMMENT {}", literal(comment));
    }
    if let Some(check) = check_of(table, name) {
        let _ = write!(sql, " CHECK ({})", check.expression);
    }
    sql
}

/// MariaDB: `ROW START` or `ROW END`, where the column says since when, or until when, a row is what it is.
pub(super) fn row_bound(column: &Column) -> Option<&str> {
    let expression = column.generated.as_ref()?.expression.as_str();
    matches!(expression, "ROW START" | "ROW END").then_some(expression)
}

/// `PERIOD FOR SYSTEM_TIME`, of a versioned table whose columns for it have names.
pub(super) fn period(table: &Table) -> Option<String> {
    let named = |bound: &str| {
        let mut columns = table.columns.iter();
        columns.find(|(_, column)| row_bound(column) == Some(bound))
    };
    let (start, end) = (named("ROW START")?.0, named("ROW END")?.0);
    Some(format!(
        "PERIOD FOR SYSTEM_TIME ({}, {})",
        quote(start),
        quote(end)
    ))
}

/// `PRIMARY KEY (..) ..`, as `CREATE TABLE` and `ADD` take it.
pub(super) fn primary_key(key: &PrimaryKey) -> String {
    let mut sql = format!("PRIMARY KEY ({})", parts(&key.parts));
    if let Some(comment) = &key.comment {
        let _ = write!(sql, " COMMENT {}", literal(comment));
    }
    sql
}

/// `UNIQUE INDEX i (..) ..`, as `CREATE TABLE` and `ADD` take it.
pub(super) fn index(dialect: Dialect, name: &str, index: &Index) -> String {
    let kind = index.options.get("type").map(String::as_str);
    let word = match kind {
        Some(kind @ ("FULLTEXT" | "SPATIAL")) => format!("{kind} "),
        _ if index.unique => "UNIQUE ".to_owned(),
        _ => String::new(),
    };
    let mut sql = format!("{word}INDEX {} ({})", quote(name), parts(&index.parts));
    if let Some(method @ ("HASH" | "BTREE" | "RTREE")) = kind {
        let _ = write!(sql, " USING {method}");
    }
    if let Some(parser) = index.options.get("parser") {
        let _ = write!(sql, " WITH PARSER {parser}");
    }
    if let Some(comment) = &index.comment {
        let _ = write!(sql, " COMMENT {}", literal(comment));
    }
    if index.options.contains_key("ignored") {
        sql += " ";
        sql += ignored(dialect, true);
    }
    sql
}

/// What makes the optimizer leave an index aside, or use it again.
pub(super) fn ignored(dialect: Dialect, ignored: bool) -> &'static str {
    match (dialect, ignored) {
        (Dialect::Mysql, true) => "INVISIBLE",
        (Dialect::Mysql, false) => "VISIBLE",
        (_, true) => "IGNORED",
        (_, false) => "NOT IGNORED",
    }
}

fn parts(parts: &[IndexPart]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| {
            let mut sql = match (&part.column, &part.expression) {
                (Some(column), _) => quote(column),
                (None, expression) => {
                    format!("({})", expression.as_deref().unwrap_or_default())
                }
            };
            if let Some(prefix) = part.prefix {
                let _ = write!(sql, "({prefix})");
            }
            if part.descending {
                sql += " DESC";
            }
            if !part.attributes.is_empty() {
                let _ = write!(sql, " {}", part.attributes);
            }
            sql
        })
        .collect();
    parts.join(", ")
}

/// `CONSTRAINT fk FOREIGN KEY ..`. `schema` is that of the table that it belongs to.
pub(super) fn foreign_key(schema: &str, name: &str, key: &ForeignKey) -> String {
    let names = |columns: &[String]| {
        let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        quoted.join(", ")
    };
    let referred = if key.schema.is_empty() {
        schema
    } else {
        &key.schema
    };
    format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
        quote(name),
        names(&key.columns),
        qualified(referred, &key.table),
        names(&key.referred),
        text::actions(key)
    )
}

/// `CONSTRAINT c CHECK ..` of the table, or `PERIOD FOR ..`.
pub(super) fn check(name: &str, check: &Check) -> String {
    if check.attributes == OF_PERIOD {
        return format!("PERIOD FOR {} ({})", quote(name), check.expression);
    }
    text::check(&quote(name), check)
}

/// What stands behind `DROP` for it.
pub(super) fn dropped_check(dialect: Dialect, name: &str, check: &Check) -> String {
    let word = match dialect {
        _ if check.attributes == OF_PERIOD => "PERIOD FOR",
        Dialect::Mysql => "CHECK",
        _ => "CONSTRAINT",
    };
    format!("{word} {}", quote(name))
}

/// A table's option as `CREATE TABLE` and `ALTER TABLE` take it, none for its default. Partitions and versioning are written elsewhere.
pub(super) fn option(name: &str, value: Option<&str>) -> Option<String> {
    Some(match (name, value) {
        ("partition by" | "system versioning", _) => return None,
        ("collation", Some(collation)) => {
            format!("CHARSET {} COLLATE {collation}", charset_of(collation))
        }
        ("collation" | "engine" | "auto_increment", None) => return None,
        (name, Some(value)) => format!("{}={value}", name.to_ascii_uppercase()),
        ("row_format" | "pack_keys" | "transactional", None) => {
            format!("{}=DEFAULT", name.to_ascii_uppercase())
        }
        (name, None) if name.starts_with("stats_") => {
            format!("{}=DEFAULT", name.to_ascii_uppercase())
        }
        // An engine's own option goes back to its default by that word.
        (name, None) if name.starts_with('`') => format!("{name}=DEFAULT"),
        ("compression" | "encryption", None) => return None,
        (name, None) => format!("{}=0", name.to_ascii_uppercase()),
    })
}

/// `CREATE TABLE`, with those foreign keys that can be had at once.
pub(super) fn create_table(
    dialect: Dialect,
    schema: &str,
    name: &str,
    table: &Table,
    foreign_keys: &[&str],
) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|(name, definition)| {
            let own = definition
                .collation
                .as_deref()
                .filter(|_| is_character(&definition.data_type));
            column(dialect, table, name, definition, own)
        })
        .collect();
    lines.extend(period(table));
    lines.extend(table.primary_key.as_ref().map(primary_key));
    lines.extend(
        table
            .indexes
            .iter()
            .map(|(name, definition)| index(dialect, name, definition)),
    );
    lines.extend(
        foreign_keys
            .iter()
            .filter_map(|name| Some((name, table.foreign_keys.get(*name)?)))
            .map(|(name, key)| foreign_key(schema, name, key)),
    );
    lines.extend(
        table
            .checks
            .iter()
            .filter(|(_, check)| check.attributes != OF_COLUMN)
            .map(|(name, definition)| check(name, definition)),
    );
    let mut sql = format!(
        "CREATE TABLE {} (\n  {}\n)",
        qualified(schema, name),
        lines.join(",\n  ")
    );
    // The engine first: other options may be its own.
    let engine = table
        .options
        .get_key_value("engine")
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let others = table
        .options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| *name != "engine");
    for (name, value) in engine.into_iter().chain(others) {
        if let Some(option) = option(name, Some(value)) {
            let _ = write!(sql, " {option}");
        }
    }
    if let Some(comment) = &table.comment {
        let _ = write!(sql, " COMMENT {}", literal(comment));
    }
    if table.options.contains_key("system versioning") {
        sql += " WITH SYSTEM VERSIONING";
    }
    if let Some(partitions) = table.options.get("partition by") {
        let _ = write!(sql, " PARTITION BY {partitions}");
    }
    sql
}
