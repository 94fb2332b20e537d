//! What a change of type does to rows that are there.
//!
//! One matrix a database, because they store differently: PostgreSQL rewrites the table for `int` to `bigint` and only looks at its catalogue for
//! `varchar(20)` to `text`; MySQL and MariaDB copy the table for nearly everything but a longer `varchar` on the same side of 255 bytes and
//! members put behind an `ENUM`'s last; SQLite stores the same whatever the column says, as long as its affinity stays. The PostgreSQL and
//! MariaDB columns were measured on servers (15 and 10.11); MySQL's follows its manual, "Online DDL Operations".

use crate::dialect::Dialect;
use crate::model::Column;
use crate::types::{SqlType, Values};

/// What a change of type does to values that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeChange {
    /// Nothing.
    Same,
    /// Every value still fits, and none is touched.
    Widened,
    /// Every value still fits, but the table is blocked while all of it is written anew.
    Rewritten,
    /// Some values may not fit any more.
    Narrowed,
    /// The values become something else.
    Converted,
}

use TypeChange::{Converted, Narrowed, Rewritten, Same, Widened};

/// What happens to the values of `old` when its column becomes `new`.
pub(crate) fn between(old: &Column, new: &Column, dialect: Dialect) -> TypeChange {
    let (from, to) = (&old.data_type, &new.data_type);
    if from == to {
        return Same;
    }
    match dialect {
        Dialect::Sqlite => sqlite(&from.values, &to.values),
        Dialect::Postgres => postgres(from, to),
        Dialect::Mysql | Dialect::Mariadb => {
            let (old, new) = (
                bytes_of(old.charset.as_deref()),
                bytes_of(new.charset.as_deref()),
            );
            mysql(from, to, (old.0.min(new.0), old.1.max(new.1)))
        }
    }
}

fn fits(fits: bool, otherwise: TypeChange) -> TypeChange {
    if fits { otherwise } else { Narrowed }
}

fn within(from: Option<u64>, to: Option<u64>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => from <= to,
    }
}

fn integer_fits(from: (u16, bool), to: (u16, bool)) -> bool {
    match (from.1, to.1) {
        (true, false) => from.0 < to.0,
        (false, true) => false,
        _ => from.0 <= to.0,
    }
}

fn decimal_fits(from: Option<(u64, u64)>, to: Option<(u64, u64)>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some((digits, scale)), Some((to_digits, to_scale))) => {
            scale <= to_scale && digits.saturating_sub(scale) <= to_digits.saturating_sub(to_scale)
        }
    }
}

/// The digits that any integer of this width has at most.
fn digits_of(bits: u16) -> u64 {
    match bits {
        0..=8 => 3,
        9..=16 => 5,
        17..=24 => 8,
        25..=32 => 10,
        _ => 20,
    }
}

/// What all databases agree on about numbers; none for what is no number on both sides.
fn numbers(from: &Values, to: &Values) -> Option<TypeChange> {
    Some(match (from, to) {
        (
            Values::Integer { bits, unsigned },
            Values::Integer {
                bits: to_bits,
                unsigned: to_unsigned,
            },
        ) => fits(
            integer_fits((*bits, *unsigned), (*to_bits, *to_unsigned)),
            Rewritten,
        ),
        (Values::Integer { bits, .. }, Values::Decimal(to)) => {
            let room =
                to.is_none_or(|(digits, scale)| digits.saturating_sub(scale) >= digits_of(*bits));
            fits(room, Rewritten)
        }
        // A double holds whole numbers of 53 bits, a float of 24.
        (Values::Integer { bits, .. }, Values::Float(width)) => {
            fits(*bits <= if *width == 64 { 32 } else { 16 }, Rewritten)
        }
        (Values::Decimal(from), Values::Decimal(to)) => fits(decimal_fits(*from, *to), Rewritten),
        (Values::Float(from), Values::Float(to)) => fits(from <= to, Rewritten),
        (Values::Float(_), Values::Decimal(None)) => Converted,
        (
            Values::Decimal(_) | Values::Float(_),
            Values::Integer { .. } | Values::Decimal(_) | Values::Float(_),
        ) => Narrowed,
        _ => return None,
    })
}

/// Points in time; none for what is none on both sides.
fn times(from: &Values, to: &Values, more_digits: TypeChange) -> Option<TypeChange> {
    Some(match (from, to) {
        (
            Values::Timestamp { zone, precision },
            Values::Timestamp {
                zone: to_zone,
                precision: to_precision,
            },
        ) => match (zone, to_zone) {
            (true, false) => Narrowed,
            (false, true) => Converted,
            _ => fits(precision <= to_precision, more_digits),
        },
        (Values::Date, Values::Timestamp { zone: false, .. }) => Rewritten,
        (Values::Date, Values::Timestamp { zone: true, .. }) => Converted,
        (Values::Timestamp { .. }, Values::Date) => Narrowed,
        _ => return None,
    })
}

fn postgres(from: &SqlType, to: &SqlType) -> TypeChange {
    let (from_name, to_name) = (from.canonical.as_str(), to.canonical.as_str());
    if let (Some(from_item), Some(to_item)) =
        (from_name.strip_suffix("[]"), to_name.strip_suffix("[]"))
    {
        let is_text = |name: &str| name == "text" || name == "varchar";
        return if is_text(to_item) && (is_text(from_item) || from_item.starts_with("varchar(")) {
            Widened
        } else {
            Converted
        };
    }
    if let (Values::Decimal(Some((_, scale))), Values::Decimal(Some((_, to_scale)))) =
        (&from.values, &to.values)
        && scale == to_scale
        && decimal_fits(number(&from.values), number(&to.values))
    {
        return Widened;
    }
    if let (Values::Decimal(Some(_)), Values::Decimal(None)) = (&from.values, &to.values) {
        return Widened;
    }
    if let Some(change) =
        numbers(&from.values, &to.values).or_else(|| times(&from.values, &to.values, Widened))
    {
        return change;
    }
    match (&from.values, &to.values) {
        (Values::Characters(limit), Values::Characters(to_limit)) => {
            let padded = |name: &str| name.starts_with("char");
            match (padded(from_name), padded(to_name)) {
                (false, false) => fits(within(*limit, *to_limit), Widened),
                (true, true) => fits(within(*limit, *to_limit), Rewritten),
                (true, false) => fits(within(*limit, *to_limit), Rewritten),
                (false, true) => Narrowed,
            }
        }
        (Values::Characters(_), Values::Other) if to_name == "citext" => Converted,
        (Values::Characters(_), _) => Narrowed,
        (Values::Other, Values::Other) if from_name == "cidr" && to_name == "inet" => Widened,
        (Values::Other, Values::Other) if from_name == "jsonb" && to_name == "json" => Rewritten,
        (Values::Other, Values::Other) => other_of_one_kind(from_name, to_name, Rewritten),
        _ => Converted,
    }
}

fn number(values: &Values) -> Option<(u64, u64)> {
    match values {
        Values::Decimal(number) => *number,
        _ => None,
    }
}

/// Types that are known by name only: `bit(3)` to `bit(5)`, `interval(3)` to `interval`.
fn other_of_one_kind(from: &str, to: &str, wider: TypeChange) -> TypeChange {
    let parts = |name: &str| {
        let (base, rest) = name.split_once('(').unwrap_or((name, ""));
        (
            base.to_owned(),
            rest.trim_end_matches(')').parse::<u64>().ok(),
        )
    };
    let ((from_base, from_size), (to_base, to_size)) = (parts(from), parts(to));
    if from_base == to_base && within(from_size, to_size) {
        wider
    } else if from_base == to_base {
        Narrowed
    } else {
        Converted
    }
}

/// A length byte holds up to 255: a `varchar` that grows past it needs two, in every row.
const ONE_LENGTH_BYTE: u64 = 255;

/// `DECIMAL(10,2) UNSIGNED`: without negative values.
fn is_unsigned(of: &SqlType) -> bool {
    of.canonical.ends_with(" unsigned")
}

fn mysql(from: &SqlType, to: &SqlType, (least, most): (u64, u64)) -> TypeChange {
    let (from_name, to_name) = (from.canonical.as_str(), to.canonical.as_str());
    let is = |name: &str, prefix: &str| name.starts_with(prefix);
    if is_unsigned(to) && !is_unsigned(from) && !matches!(from.values, Values::Integer { .. }) {
        return Narrowed;
    }
    match (&from.values, &to.values) {
        (
            Values::Integer { bits, unsigned },
            Values::Integer {
                bits: to_bits,
                unsigned: to_unsigned,
            },
        ) if bits == to_bits && unsigned == to_unsigned => Widened,
        (
            Values::Timestamp { precision, .. },
            Values::Timestamp {
                precision: to_precision,
                ..
            },
        ) => {
            match (is(from_name, "datetime"), is(to_name, "datetime")) {
                (true, true) | (false, false) => fits(precision <= to_precision, Rewritten),
                // TIMESTAMP ends in 2038, and is shown in the session's zone.
                (true, false) => Narrowed,
                (false, true) => Converted,
            }
        }
        (Values::Characters(Some(limit)), Values::Characters(Some(to_limit))) => {
            // The texts are limited in bytes, the others in characters.
            let in_bytes = |name: &str, limit: u64| {
                if is(name, "varchar") || is(name, "char") {
                    limit.saturating_mul(most)
                } else {
                    limit
                }
            };
            let (size, to_size) = (in_bytes(from_name, *limit), in_bytes(to_name, *to_limit));
            let varchars = is(from_name, "varchar") && is(to_name, "varchar");
            let may_stay = [least, most].into_iter().any(|bytes| {
                (limit.saturating_mul(bytes) > ONE_LENGTH_BYTE)
                    == (to_limit.saturating_mul(bytes) > ONE_LENGTH_BYTE)
            });
            if varchars && limit <= to_limit && may_stay {
                Widened
            } else if is(to_name, "char") && !is(from_name, "char") {
                Narrowed
            } else {
                fits(size <= to_size, Rewritten)
            }
        }
        (Values::Bytes(limit), Values::Bytes(to_limit)) => {
            let one_side = limit.is_some_and(|limit| limit > ONE_LENGTH_BYTE)
                == to_limit.is_some_and(|limit| limit > ONE_LENGTH_BYTE);
            if is(from_name, "varbinary")
                && is(to_name, "varbinary")
                && within(*limit, *to_limit)
                && one_side
            {
                Widened
            } else if is(to_name, "binary") {
                // Values are filled up with zero bytes.
                Converted
            } else {
                fits(within(*limit, *to_limit), Rewritten)
            }
        }
        (Values::Labels(labels), Values::Labels(to_labels)) => {
            let kept = labels.iter().all(|label| to_labels.contains(label));
            let one_kind = is(from_name, "enum") == is(to_name, "enum");
            // An ENUM is stored in one byte up to 255 members, a SET in as many as it takes for a bit each.
            let stored = |count: usize| {
                if is(to_name, "enum") {
                    usize::from(count > 255)
                } else {
                    count.div_ceil(8).next_power_of_two()
                }
            };
            match (kept && one_kind, to_labels.starts_with(labels)) {
                (false, _) => Narrowed,
                (true, false) => Converted,
                (true, true) if stored(labels.len()) == stored(to_labels.len()) => Widened,
                (true, true) => Rewritten,
            }
        }
        (Values::Labels(labels), Values::Characters(limit)) => {
            let longest = labels
                .iter()
                .map(|label| label.chars().count())
                .max()
                .unwrap_or(0);
            let all: usize = labels.iter().map(|label| label.chars().count() + 1).sum();
            let needed = if is(from_name, "set") { all } else { longest };
            fits(
                limit.is_none_or(|limit| u64::try_from(needed).is_ok_and(|needed| needed <= limit)),
                Converted,
            )
        }
        (Values::Other, Values::Other) => other_of_one_kind(from_name, to_name, Rewritten),
        (from, to) => numbers(from, to)
            .or_else(|| times(from, to, Rewritten))
            .unwrap_or(match from {
                Values::Characters(_) => Narrowed,
                _ => Converted,
            }),
    }
}

/// The bytes that a character takes at most, where that is known; else the least and most that it may be, because what nobody named is
/// the database's default: `latin1` up to MySQL 5.7 and MariaDB 11.5, `utf8mb4` since.
fn bytes_of(charset: Option<&str>) -> (u64, u64) {
    match charset {
        None => (1, 4),
        Some("latin1" | "latin2" | "ascii" | "binary" | "cp1251" | "cp1252" | "koi8r") => (1, 1),
        Some("ucs2") => (2, 2),
        Some("utf8" | "utf8mb3") => (3, 3),
        Some(_) => (4, 4),
    }
}

/// <https://www.sqlite.org/datatype3.html> section 3: affinities INTEGER and NUMERIC differ in a CAST only.
fn sqlite(from: &Values, to: &Values) -> TypeChange {
    match (from, to) {
        (Values::Integer { .. }, Values::Decimal(_))
        | (Values::Decimal(_), Values::Integer { .. }) => Widened,
        // No affinity keeps what it is given.
        (_, Values::Bytes(_)) => Widened,
        (Values::Integer { .. } | Values::Decimal(_), Values::Float(_)) => Narrowed,
        (Values::Float(_), Values::Integer { .. } | Values::Decimal(_)) => Converted,
        (Values::Characters(_), Values::Integer { .. } | Values::Decimal(_) | Values::Float(_)) => {
            Narrowed
        }
        _ => Converted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect::{Mariadb, Mysql, Postgres, Sqlite};
    use crate::diff::{Change, TableChange, diff};
    use crate::schema::parse_schema;

    fn change(dialect: Dialect, from: &str, to: &str) -> TypeChange {
        let schema = |data_type: &str| {
            parse_schema(&format!("CREATE TABLE t (c {data_type})"), dialect).unwrap()
        };
        let (old, new) = (schema(from), schema(to));
        let changes = diff(&old, &new, dialect);
        let found = changes.iter().find_map(|change| match change {
            Change::TableChanged {
                change: TableChange::TypeChanged { change, .. },
                ..
            } => Some(*change),
            _ => None,
        });
        found.unwrap_or(Same)
    }

    /// Checked against the tables that PostgreSQL 15 and MariaDB 10.11 rewrote or copied.
    #[test]
    fn changes() {
        for (dialect, from, to, expected) in [
            (Postgres, "int4", "INTEGER", Same),
            (Postgres, "varchar(20)", "character varying(20)", Same),
            (Postgres, "timestamptz", "timestamp with time zone", Same),
            (
                Postgres,
                "timestamp(6) without time zone",
                "timestamp",
                Same,
            ),
            (Postgres, "public.mood", "mood", Same),
            (Postgres, "int[]", "int ARRAY", Same),
            (Postgres, "int", "bigint", Rewritten),
            (Postgres, "smallint", "int", Rewritten),
            (Postgres, "bigint", "int", Narrowed),
            (Postgres, "varchar(20)", "text", Widened),
            (Postgres, "varchar(20)", "varchar(80)", Widened),
            (Postgres, "text", "varchar", Widened),
            (Postgres, "varchar", "text", Widened),
            (Postgres, "text", "varchar(20)", Narrowed),
            (Postgres, "char(3)", "text", Rewritten),
            (Postgres, "numeric(10,2)", "numeric(14,2)", Widened),
            (Postgres, "numeric(10,2)", "numeric", Widened),
            (Postgres, "numeric(10,2)", "numeric(12,4)", Rewritten),
            (Postgres, "numeric(10,2)", "numeric(10,4)", Narrowed),
            (Postgres, "numeric(10,2)", "int", Narrowed),
            (Postgres, "int", "numeric(10,0)", Rewritten),
            (Postgres, "timestamptz", "timestamp", Narrowed),
            (Postgres, "timestamp", "timestamptz", Converted),
            (Postgres, "timestamptz", "timestamptz(3)", Narrowed),
            (Postgres, "timestamptz(3)", "timestamptz", Widened),
            (Postgres, "date", "timestamp", Rewritten),
            (Postgres, "real", "double precision", Rewritten),
            (Postgres, "double precision", "real", Narrowed),
            (Postgres, "json", "jsonb", Converted),
            (Postgres, "text", "int", Narrowed),
            (Postgres, "text", "uuid", Narrowed),
            (Postgres, "uuid", "text", Converted),
            (Postgres, "mood", "text", Converted),
            (Postgres, "bit(3)", "bit(3)", Same),
            (Mysql, "decimal(10,2)", "decimal(10,2) unsigned", Narrowed),
            (Mysql, "decimal(10,2) unsigned", "decimal(10,2)", Rewritten),
            (Mysql, "double", "double unsigned", Narrowed),
            (Mysql, "int(11)", "int", Same),
            (Mysql, "tinyint(1)", "bool", Same),
            (Mysql, "int", "bigint", Rewritten),
            (Mysql, "int unsigned", "int", Narrowed),
            (Mysql, "int", "int unsigned", Narrowed),
            (Mysql, "int unsigned", "bigint", Rewritten),
            (Mysql, "varchar(20)", "varchar(60)", Widened),
            (Mysql, "varchar(300)", "varchar(500)", Widened),
            // In latin1 70 characters still have one length byte.
            (Mysql, "varchar(60)", "varchar(70)", Widened),
            (Mysql, "varchar(60)", "varchar(300)", Rewritten),
            (
                Mysql,
                "varchar(80) CHARACTER SET utf8",
                "varchar(90) CHARACTER SET utf8",
                Rewritten,
            ),
            (
                Mysql,
                "varchar(60) CHARACTER SET latin1",
                "varchar(70) CHARACTER SET latin1",
                Widened,
            ),
            (Mysql, "varchar(255)", "text", Rewritten),
            (Mysql, "longtext", "text", Narrowed),
            (Mysql, "decimal(10,2)", "decimal(12,2)", Rewritten),
            (Mysql, "decimal(10,2)", "decimal(8,2)", Narrowed),
            (Mysql, "datetime", "timestamp", Narrowed),
            (Mysql, "datetime(6)", "datetime", Narrowed),
            (Mysql, "enum('a','b')", "enum('a','b','c')", Widened),
            (Mysql, "enum('a','b')", "enum('a')", Narrowed),
            (Mysql, "enum('a','b')", "enum('b','a')", Converted),
            (Mysql, "enum('a','b')", "enum('a','c','b')", Converted),
            (Mysql, "set('a','b')", "set('a','b','c')", Widened),
            (Mysql, "enum('a','b')", "varchar(20)", Converted),
            (Mariadb, "json", "longtext", Same),
            (Mysql, "json", "longtext", Converted),
            (Mysql, "text", "json", Narrowed),
            (Sqlite, "varchar(50)", "TEXT", Same),
            (Sqlite, "INT", "INTEGER", Same),
            (Sqlite, "BOOLEAN", "INTEGER", Widened),
            (Sqlite, "TEXT", "INTEGER", Narrowed),
            (Sqlite, "INTEGER", "TEXT", Converted),
        ] {
            assert_eq!(
                change(dialect, from, to),
                expected,
                "{dialect}: {from} -> {to}"
            );
        }
    }
}
