//! What a change of type does to the values, and whether `PostgreSQL` does it unasked.

use super::text::quote;

/// Whether some values may be lost or changed, judged by the names of the types. What is not known loses.
pub(super) fn loses(old: &str, new: &str) -> bool {
    let (old, new) = (Type::parse(old), Type::parse(new));
    if old.dimensions != new.dimensions {
        return true;
    }
    let both_text = TEXTS.contains(&old.name) && TEXTS.contains(&new.name);
    // A char(n) has no spaces at its end, and compares equal what differs in them only.
    if both_text && new.name == "character" && old.name != "character" {
        return true;
    }
    if both_text {
        return match (old.length(), new.length()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => new < old,
        };
    }
    if TEXTS.contains(&new.name) && new.length().is_none() {
        return false;
    }
    if old.name == new.name {
        return match (old.name, old.arguments.as_slice(), new.arguments.as_slice()) {
            (_, old, new) if old == new => false,
            (_, _, []) => false,
            (_, [], _) => true,
            ("numeric", old, new) => {
                let (whole, scale) = digits(old);
                let (new_digits, new_scale) = digits(new);
                new_scale < scale || new_digits - new_scale < whole - scale
            }
            (_, old, new) => new < old,
        };
    }
    let place = |name: &str| NUMBERS.iter().position(|number| *number == name);
    match (place(old.name), place(new.name)) {
        (Some(from), Some(to)) if to > from => {
            // A bigint has more digits than a float8 keeps; a numeric with limits may be too small.
            let exact = new.name == "numeric" && new.arguments.is_empty();
            let integers = to <= 2;
            let floats = matches!(
                (old.name, new.name),
                ("smallint", "real") | ("smallint" | "integer" | "real", "double precision")
            );
            !(exact && !matches!(old.name, "real" | "double precision") || integers || floats)
        }
        (Some(_), Some(_)) => true,
        _ if new.length().is_some() && TEXTS.contains(&new.name) => true,
        // From a time with a zone to one without, and back, the session's zone decides what is meant, and where clocks are put back two become one.
        // A jsonb has each key once, and no order of them.
        _ => !matches!(
            (old.name, new.name),
            (
                "date",
                "timestamp without time zone" | "timestamp with time zone"
            ) | ("jsonb", "json")
                | ("inet" | "cidr", "inet")
                | ("macaddr", "macaddr8")
                | ("character varying" | "text", "citext")
                | ("citext", "text" | "character varying")
        ),
    }
}

/// Whether the server converts by itself: it has a cast for assignments.
pub(super) fn is_implicit(old: &str, new: &str) -> bool {
    let (old, new) = (Type::parse(old), Type::parse(new));
    if old.dimensions != new.dimensions {
        return false;
    }
    let both = |group: &[&str]| group.contains(&old.name) && group.contains(&new.name);
    old.name == new.name
        || both(TEXTS)
        || both(NUMBERS)
        || both(TIMES)
        || TEXTS.contains(&new.name) && old.dimensions == 0
        || both(&["json", "jsonb"])
        || both(&["inet", "cidr"])
        || both(&["time without time zone", "time with time zone"])
        || both(&["bit", "bit varying"])
}

/// The expression that converts a column where the server does not do so unasked. By way of text where there is no cast either.
pub(super) fn using(column: &str, old: &str, new: &str) -> String {
    let (from, to) = (Type::parse(old), Type::parse(new));
    let is_integer = |name: &str| matches!(name, "smallint" | "integer" | "bigint" | "numeric");
    match (from.dimensions, to.dimensions) {
        (0, 0) if from.name == "integer" && to.name == "boolean" => format!("{column}::boolean"),
        (0, 0) if is_integer(from.name) && to.name == "boolean" => format!("{column} <> 0"),
        (0, 0) if from.name == "boolean" && is_integer(to.name) => {
            format!("{column}::integer::{new}")
        }
        // The blanks behind a char(n) go with its being a text.
        (0, _) if from.name == "character" => format!("{column}::text::{new}"),
        // The server has a cast, and the text of one is none of the other.
        (0, 0) if is_cast(from.name, to.name) => format!("{column}::{new}"),
        (1.., 0) if matches!(to.name, "json" | "jsonb") => format!("to_{}({column})", to.name),
        (0, 0) if TEXTS.contains(&from.name) || TIMES.contains(&from.name) && is_time(to.name) => {
            format!("{column}::{new}")
        }
        // One value becomes a list of one. A text may be a list as the server writes it.
        (0, 1) if from.name == to.name => format!("ARRAY[{column}]::{new}"),
        (0, 1) if !TEXTS.contains(&from.name) => format!("ARRAY[{column}::text]::{new}"),
        (0, _) if TEXTS.contains(&from.name) => format!("{column}::{new}"),
        (1, 0) if from.name == to.name => format!("{column}[1]::{new}"),
        (1, 0) if !TEXTS.contains(&to.name) => format!("{column}[1]::text::{new}"),
        (one, other) if one == other && one > 0 && TEXTS.contains(&from.name) => {
            format!("{column}::{new}")
        }
        _ => format!("{column}::text::{new}"),
    }
}

/// The action of `ALTER TABLE` that gives a column another type.
pub(super) fn change_type(column: &str, old: &str, new: &str) -> String {
    let column = quote(column);
    let head = format!("ALTER COLUMN {column} TYPE {new}");
    if is_implicit(old, new) {
        head
    } else {
        format!("{head} USING {}", using(&column, old, new))
    }
}

fn is_cast(from: &str, to: &str) -> bool {
    let is_json = matches!(to, "json" | "jsonb");
    let is_hstore = from == "hstore" || from.ends_with(".hstore");
    from == "money" && to == "numeric"
        || is_hstore && is_json
        || to.ends_with("multirange") && from == to.replace("multirange", "range")
}

fn is_time(name: &str) -> bool {
    TIMES.contains(&name) || name.starts_with("time ")
}

/// In order of what they hold.
const NUMBERS: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
];

const TEXTS: &[&str] = &["character", "character varying", "text"];

const TIMES: &[&str] = &[
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
];

/// A type as `format_type` writes it: `numeric(10,2)`, `timestamp(3) without time zone`, `character varying(20)[]`.
struct Type<'a> {
    name: &'a str,
    arguments: Vec<i64>,
    dimensions: usize,
}

impl<'a> Type<'a> {
    fn parse(text: &'a str) -> Self {
        let element = text.trim_end_matches("[]");
        let dimensions = (text.len() - element.len()) / 2;
        let (name, arguments) = match element.split_once('(') {
            None => (element, ""),
            Some((name, rest)) => {
                let (arguments, behind) = rest.split_once(')').unwrap_or((rest, ""));
                // The words behind belong to the name; the two kinds of times are told apart by them.
                let name = match (name, behind.trim()) {
                    ("timestamp", "with time zone") => "timestamp with time zone",
                    ("timestamp", _) => "timestamp without time zone",
                    ("time", "with time zone") => "time with time zone",
                    ("time", _) => "time without time zone",
                    (name, _) => name,
                };
                (name, arguments)
            }
        };
        Self {
            name,
            arguments: arguments
                .split(',')
                .filter_map(|argument| argument.trim().parse().ok())
                .collect(),
            dimensions,
        }
    }

    fn length(&self) -> Option<i64> {
        match self.name {
            "character" => Some(self.arguments.first().copied().unwrap_or(1)),
            _ => self.arguments.first().copied(),
        }
    }
}

fn digits(arguments: &[i64]) -> (i64, i64) {
    (
        arguments.first().copied().unwrap_or(65_535),
        arguments.get(1).copied().unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_lost_is_said() {
        for (old, new, lost) in [
            ("smallint", "integer", false),
            ("bigint", "integer", true),
            ("integer", "numeric", false),
            ("integer", "numeric(4,0)", true),
            ("bigint", "double precision", true),
            ("numeric(10,2)", "numeric(12,2)", false),
            ("numeric(10,2)", "numeric(12,4)", false),
            ("numeric(10,2)", "numeric(10,4)", true),
            ("numeric(10,2)", "numeric", false),
            ("character varying(10)", "character varying(20)", false),
            ("character varying(20)", "character varying(10)", true),
            ("text", "character varying(10)", true),
            ("character varying(10)", "text", false),
            ("integer", "text", false),
            ("text", "integer", true),
            ("integer", "integer[]", true),
            ("integer[]", "bigint[]", false),
            (
                "timestamp(3) without time zone",
                "timestamp(6) without time zone",
                false,
            ),
            (
                "timestamp(6) with time zone",
                "timestamp(3) with time zone",
                true,
            ),
            ("date", "timestamp with time zone", false),
            ("timestamp with time zone", "date", true),
            (
                "timestamp(6) without time zone",
                "timestamp(3) with time zone",
                true,
            ),
            (
                "timestamp with time zone",
                "timestamp without time zone",
                true,
            ),
            ("json", "jsonb", true),
            ("json[]", "jsonb[]", true),
            ("jsonb", "json", false),
            ("character varying(4)", "character(8)", true),
            ("character(4)", "character(8)", false),
            ("character(4)", "text", false),
            ("citext", "character varying(3)", true),
            ("citext", "text", false),
            ("uuid", "text", false),
            ("text", "uuid", true),
            ("boolean", "integer", true),
        ] {
            assert_eq!(loses(old, new), lost, "{old} -> {new}");
        }
    }

    #[test]
    fn there_is_an_expression_for_every_pair() {
        for (old, new, expression) in [
            ("text", "integer", "c::integer"),
            (
                "bigint",
                "timestamp without time zone",
                "c::text::timestamp without time zone",
            ),
            ("character(5)", "mood", "c::text::mood"),
            ("bigint", "boolean", "c <> 0"),
            ("boolean", "bigint", "c::integer::bigint"),
            ("integer", "integer[]", "ARRAY[c]::integer[]"),
            ("text", "text[]", "ARRAY[c]::text[]"),
            ("text", "integer[]", "c::integer[]"),
            ("integer[]", "integer", "c[1]::integer"),
            ("mood", "other", "c::text::other"),
            ("money", "numeric(12,2)", "c::numeric(12,2)"),
            ("int4range", "int4multirange", "c::int4multirange"),
            ("public.hstore", "jsonb", "c::jsonb"),
            ("text[]", "jsonb", "to_jsonb(c)"),
            ("jsonb", "int4multirange", "c::text::int4multirange"),
            (
                "timestamp with time zone",
                "time without time zone",
                "c::time without time zone",
            ),
        ] {
            assert_eq!(using("c", old, new), expression, "{old} -> {new}");
        }
    }

    #[test]
    fn what_the_server_does_not_do_unasked_is_known() {
        for (old, new, implicit) in [
            ("integer", "bigint", true),
            ("bigint", "smallint", true),
            ("text", "integer", false),
            ("integer", "text", true),
            ("integer", "boolean", false),
            ("text", "text[]", false),
            ("character varying(10)", "character varying(5)", true),
            ("mood", "other", false),
            ("timestamp with time zone", "date", true),
        ] {
            assert_eq!(is_implicit(old, new), implicit, "{old} -> {new}");
        }
    }
}
