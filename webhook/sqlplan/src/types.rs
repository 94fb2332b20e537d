//! Column types: many spellings, one meaning.

use std::fmt;

use crate::affinity::Affinity;
use crate::cursor::{Cursor, unquote};
use crate::dialect::Dialect;
use crate::token::TokenKind;

/// A column's type. Two types are the same when their canonical text is, whatever was written.
#[derive(Debug, Clone, Eq)]
pub struct SqlType {
    /// One spelling for all aliases, for example `bigint` for `int8`. SQLite: the affinity, because nothing else has an effect there.
    pub canonical: String,
    /// As written, for messages.
    pub written: String,
    /// What values it holds.
    pub values: Values,
}

impl PartialEq for SqlType {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.written.is_empty() {
            "no type"
        } else {
            &self.written
        })
    }
}

/// The values of a type, as far as it takes to tell whether another type holds them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Whole numbers.
    Integer {
        /// Their width.
        bits: u16,
        /// Without negative ones.
        unsigned: bool,
    },
    /// Exact numbers: digits in all and behind the point; none for any number.
    Decimal(Option<(u64, u64)>),
    /// Floating-point numbers of this width.
    Float(u16),
    /// Strings of at most this many characters; none for no limit.
    Characters(Option<u64>),
    /// Bytes, at most this many.
    Bytes(Option<u64>),
    /// True and false.
    Boolean,
    /// Days.
    Date,
    /// Points in time.
    Timestamp {
        /// With a time zone.
        zone: bool,
        /// Digits of a second.
        precision: u64,
    },
    /// Words from a list.
    Labels(Vec<String>),
    /// Anything else.
    Other,
}

/// Words that end a type and start an option of the column.
pub(crate) const OPTIONS: &[&str] = &[
    "constraint",
    "not",
    "null",
    "default",
    "primary",
    "unique",
    "check",
    "references",
    "collate",
    "generated",
    "as",
    "auto_increment",
    "autoincrement",
    "comment",
    "on",
    "key",
    "stored",
    "virtual",
    "persistent",
    "invisible",
    "visible",
    "first",
    "after",
    "using",
    "charset",
    "deferrable",
    "initially",
    "storage",
    "srid",
    "compression",
    "column_format",
    "match",
    "enforced",
    "identity",
    "with",
];

/// A type, read from where it starts; also says whether it is a serial one. None in front of the type's place is a column without type.
pub(crate) fn read(cursor: &mut Cursor<'_>) -> (SqlType, bool) {
    let start = cursor.index();
    let dialect = cursor.dialect();
    let mut words: Vec<String> = Vec::new();
    let mut arguments: Vec<String> = Vec::new();
    let mut labels = Vec::new();
    let mut dimensions = 0_usize;
    loop {
        if cursor.accept("with time zone") {
            words.push("with time zone".to_owned());
        } else if cursor.accept("without time zone") || cursor.accept("with local time zone") {
            // The default, or Oracle's.
        } else if cursor.sees("character set") && !words.is_empty() {
            break;
        } else if cursor.accept("array") && !words.is_empty() {
            dimensions = dimensions.max(1);
        } else if let Some(word) = cursor.word_at(0) {
            if cursor.is_any(OPTIONS) {
                break;
            }
            words.push(word.to_ascii_lowercase());
            cursor.advance();
        } else if cursor.kind() == Some(TokenKind::QuotedName) {
            words.push(unquote(cursor.source(0)));
            cursor.advance();
        } else if cursor.is_symbol(0, '.') {
            cursor.advance();
            let qualifier = words.pop().unwrap_or_default();
            let name = cursor.part().unwrap_or_default();
            let implied = (dialect == Dialect::Postgres && qualifier == "public")
                || qualifier == "pg_catalog";
            words.push(if implied {
                name
            } else {
                format!("{qualifier}.{name}")
            });
        } else if cursor.is_symbol(0, '(') && !words.is_empty() {
            for argument in cursor.group().map(Cursor::items).unwrap_or_default() {
                if argument.kind() == Some(TokenKind::Text) {
                    labels.push(unquote(argument.source(0)));
                }
                arguments.push(argument.canonical());
            }
        } else if cursor.is_symbol(0, '[') {
            dimensions += 1;
            cursor.skip_one();
        } else {
            break;
        }
    }
    let written = cursor.source_between(start, cursor.index()).to_owned();
    let (canonical, values, serial) = if dialect == Dialect::Sqlite {
        let (canonical, values) = preferred(&words, &arguments);
        (canonical.to_owned(), values, false)
    } else {
        canonical(&words, &arguments, labels, dialect)
    };
    let unsigned = words
        .iter()
        .any(|word| word == "unsigned" || word == "zerofill");
    let is_number = matches!(values, Values::Decimal(_) | Values::Float(_));
    let canonical = if unsigned && is_number && dialect.is_mysql_like() {
        format!("{canonical} unsigned")
    } else {
        canonical
    };
    let (canonical, values) = if dimensions > 0 {
        (format!("{canonical}[]"), Values::Other)
    } else {
        (canonical, values)
    };
    (
        SqlType {
            canonical,
            written,
            values,
        },
        serial,
    )
}

/// SQLite's type is what it prefers to hold.
fn preferred(words: &[String], arguments: &[String]) -> (&'static str, Values) {
    let arguments = if arguments.is_empty() {
        String::new()
    } else {
        format!("({})", arguments.join(","))
    };
    match Affinity::of(&(words.join(" ") + &arguments)) {
        Affinity::Integer => (
            "integer",
            Values::Integer {
                bits: 64,
                unsigned: false,
            },
        ),
        Affinity::Text => ("text", Values::Characters(None)),
        Affinity::Blob => ("blob", Values::Bytes(None)),
        Affinity::Real => ("real", Values::Float(64)),
        Affinity::Numeric => ("numeric", Values::Decimal(None)),
    }
}

/// Aliases as in PostgreSQL's table 8.1 and MySQL's "Numeric Type Syntax" and "Using Data Types from Other Database Engines".
fn canonical(
    words: &[String],
    arguments: &[String],
    labels: Vec<String>,
    dialect: Dialect,
) -> (String, Values, bool) {
    let mysql = dialect.is_mysql_like();
    let unsigned = words
        .iter()
        .any(|word| word == "unsigned" || word == "zerofill");
    let zone = words
        .iter()
        .any(|word| word == "with time zone" || word == "timestamptz" || word == "timetz");
    let base: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| {
            !matches!(
                *word,
                "unsigned" | "signed" | "zerofill" | "with time zone" | "binary_" | "national"
            )
        })
        .collect();
    let base = base.join(" ");
    let number = |index: usize| {
        arguments
            .get(index)
            .and_then(|argument| argument.parse::<u64>().ok())
    };
    let integer = |name: &str, bits: u16| {
        let suffix = if unsigned { " unsigned" } else { "" };
        (
            format!("{name}{suffix}"),
            Values::Integer { bits, unsigned },
            false,
        )
    };
    let serial = |name: &str, bits: u16| {
        (
            name.to_owned(),
            Values::Integer {
                bits,
                unsigned: false,
            },
            true,
        )
    };
    let characters = |name: &str, limit: Option<u64>| {
        let shown = limit.map_or_else(|| name.to_owned(), |limit| format!("{name}({limit})"));
        (shown, Values::Characters(limit), false)
    };
    let fixed = |name: &str, values: Values| (name.to_owned(), values, false);
    match base.as_str() {
        "bool" | "boolean" if mysql => integer("tinyint(1)", 8),
        "tinyint" if mysql && number(0) == Some(1) && !unsigned => integer("tinyint(1)", 8),
        "bool" | "boolean" => fixed("boolean", Values::Boolean),
        "tinyint" | "int1" => integer("tinyint", 8),
        "smallint" | "int2" => integer("smallint", 16),
        "mediumint" | "int3" | "middleint" => integer("mediumint", 24),
        "int" | "integer" | "int4" => integer("integer", 32),
        "bigint" | "int8" => integer("bigint", 64),
        "smallserial" | "serial2" => serial("smallint", 16),
        "serial" if mysql => (
            "bigint unsigned".to_owned(),
            Values::Integer {
                bits: 64,
                unsigned: true,
            },
            true,
        ),
        "serial" | "serial4" => serial("integer", 32),
        "bigserial" | "serial8" => serial("bigint", 64),
        "decimal" | "numeric" | "dec" | "fixed" => match (number(0), number(1), mysql) {
            (Some(digits), scale, _) => decimal(digits, scale.unwrap_or(0)),
            (None, _, true) => decimal(10, 0),
            (None, _, false) => fixed("numeric", Values::Decimal(None)),
        },
        "real" if mysql => fixed("double", Values::Float(64)),
        "float"
            if number(0).is_some_and(|digits| digits > 24) || (!mysql && number(0).is_none()) =>
        {
            fixed("double", Values::Float(64))
        }
        "float" | "real" | "float4" => fixed("real", Values::Float(32)),
        "double" | "double precision" | "float8" => fixed("double", Values::Float(64)),
        "char" | "character" | "nchar" => characters("char", Some(number(0).unwrap_or(1))),
        "bpchar" => characters("char", number(0)),
        "varchar" | "character varying" | "char varying" | "nvarchar" | "varcharacter" => {
            characters("varchar", number(0))
        }
        "tinytext" => fixed("tinytext", Values::Characters(Some(255))),
        "text" if mysql => fixed("text", Values::Characters(Some(65_535))),
        "mediumtext" | "long varchar" | "long" => {
            fixed("mediumtext", Values::Characters(Some(16_777_215)))
        }
        // <https://mariadb.com/kb/en/json/>: another name for it.
        "json" if dialect == Dialect::Mariadb => {
            fixed("longtext", Values::Characters(Some(u64::from(u32::MAX))))
        }
        "longtext" => fixed("longtext", Values::Characters(Some(u64::from(u32::MAX)))),
        "text" => fixed("text", Values::Characters(None)),
        "binary" | "varbinary" => (
            format!("{base}({})", number(0).unwrap_or(1)),
            Values::Bytes(Some(number(0).unwrap_or(1))),
            false,
        ),
        "tinyblob" => fixed("tinyblob", Values::Bytes(Some(255))),
        "blob" => fixed("blob", Values::Bytes(Some(65_535))),
        "mediumblob" => fixed("mediumblob", Values::Bytes(Some(16_777_215))),
        "longblob" => fixed("longblob", Values::Bytes(Some(u64::from(u32::MAX)))),
        "bytea" => fixed("bytea", Values::Bytes(None)),
        "date" => fixed("date", Values::Date),
        "timestamp" | "timestamptz" | "datetime" => {
            let precision = number(0).unwrap_or(if mysql { 0 } else { 6 });
            let name = match (base.as_str(), zone) {
                (_, true) => "timestamptz",
                ("datetime", false) => "datetime",
                _ => "timestamp",
            };
            (
                format!("{name}({precision})"),
                Values::Timestamp { zone, precision },
                false,
            )
        }
        "time" | "timetz" => {
            let precision = number(0).unwrap_or(if mysql { 0 } else { 6 });
            let name = if zone { "timetz" } else { "time" };
            (format!("{name}({precision})"), Values::Other, false)
        }
        "bit" => (
            format!("bit({})", number(0).unwrap_or(1)),
            Values::Other,
            false,
        ),
        "bit varying" | "varbit" => {
            let name =
                number(0).map_or_else(|| "varbit".to_owned(), |limit| format!("varbit({limit})"));
            (name, Values::Other, false)
        }
        "year" => fixed("year", Values::Other),
        "enum" | "set" => (
            format!("{base}({})", labels.join(",")),
            Values::Labels(labels),
            false,
        ),
        _ => {
            let mut name = base.clone();
            if zone {
                name.push_str(" with time zone");
            }
            if !arguments.is_empty() {
                name = format!("{name}({})", arguments.join(","));
            }
            (name, Values::Other, false)
        }
    }
}

fn decimal(digits: u64, scale: u64) -> (String, Values, bool) {
    (
        format!("numeric({digits},{scale})"),
        Values::Decimal(Some((digits, scale))),
        false,
    )
}
