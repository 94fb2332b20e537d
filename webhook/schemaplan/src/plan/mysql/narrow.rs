//! Whether a column's new type may not hold what the old one holds.
//!
//! A server in strict mode refuses most of such changes when it meets the first row that does not fit; but not all (a datetime loses its time of
//! day, a double its digits), and not one that is lenient. So they count as destructive, and somebody looks at them first.

use super::text::charset_of;

/// Whether values can be lost when a column of type `old` becomes one of type `new`, as the server spells types.
pub(super) fn narrows(old: &str, new: &str) -> bool {
    old != new && !Type::read(old).fits(&Type::read(new))
}

/// Whether characters can be lost when text goes from one collation's character set to another's.
pub(super) fn narrows_charset(old: Option<&str>, new: Option<&str>) -> bool {
    let (Some(old), Some(new)) = (old.map(charset_of), new.map(charset_of)) else {
        return false;
    };
    let everything = matches!(new, "utf8mb4" | "utf16" | "utf32");
    let up_to_three_bytes = matches!(new, "utf8" | "utf8mb3" | "ucs2")
        && !matches!(old, "utf8mb4" | "utf16" | "utf32" | "gb18030");
    old != new && old != "ascii" && !everything && !up_to_three_bytes
}

struct Type {
    word: String,
    arguments: Vec<String>,
    unsigned: bool,
}

impl Type {
    fn read(text: &str) -> Self {
        let end = text
            .find(|character: char| !character.is_ascii_alphanumeric())
            .unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let inside = rest
            .trim_start()
            .strip_prefix('(')
            .and_then(|rest| rest.rsplit_once(')'))
            .map_or("", |(inside, _)| inside);
        Self {
            word: word.to_ascii_lowercase(),
            arguments: arguments(inside),
            unsigned: rest
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .contains("unsigned"),
        }
    }

    fn number(&self, index: usize) -> Option<u64> {
        self.arguments.get(index)?.parse().ok()
    }

    /// The bytes of a whole number.
    fn integer(&self) -> Option<u32> {
        Some(match self.word.as_str() {
            "tinyint" => 1,
            "smallint" => 2,
            "mediumint" => 3,
            "int" | "integer" => 4,
            "bigint" => 8,
            _ => return None,
        })
    }

    /// The digits before and behind the point.
    fn decimal(&self) -> Option<(u64, u64)> {
        matches!(self.word.as_str(), "decimal" | "numeric").then(|| {
            let scale = self.number(1).unwrap_or(0);
            (self.number(0).unwrap_or(10).saturating_sub(scale), scale)
        })
    }

    /// How much text it holds, in characters for `char` and `varchar` (which a text of as many bytes may not hold, so four bytes are counted).
    fn text(&self) -> Option<u64> {
        Some(match self.word.as_str() {
            "char" => self.number(0).unwrap_or(1).saturating_mul(4),
            "varchar" => self.number(0).unwrap_or(0).saturating_mul(4),
            "tinytext" => u64::from(u8::MAX),
            "text" => u64::from(u16::MAX),
            "mediumtext" => 0xff_ffff,
            "longtext" => u64::from(u32::MAX),
            _ => return None,
        })
    }

    /// How many bytes it holds.
    fn bytes(&self) -> Option<u64> {
        Some(match self.word.as_str() {
            "binary" => self.number(0).unwrap_or(1),
            "varbinary" => self.number(0).unwrap_or(0),
            "tinyblob" => u64::from(u8::MAX),
            "blob" => u64::from(u16::MAX),
            "mediumblob" => 0xff_ffff,
            "longblob" => u64::from(u32::MAX),
            _ => return None,
        })
    }

    /// The most characters that a value has when it is written as text.
    fn written(&self) -> Option<u64> {
        if let Some(bytes) = self.integer() {
            return Some(match bytes {
                1 => 4,
                2 => 6,
                3 => 9,
                4 => 11,
                _ => 20,
            });
        }
        if let Some((before, behind)) = self.decimal() {
            return Some(before + behind + 3);
        }
        Some(match self.word.as_str() {
            "date" => 10,
            "datetime" | "timestamp" => 26,
            "time" => 17,
            "year" => 4,
            "float" | "double" => 32,
            "uuid" => 36,
            "inet4" => 15,
            "inet6" => 39,
            "enum" => self
                .arguments
                .iter()
                .map(|label| label.chars().count() as u64)
                .max()
                .unwrap_or(0),
            "set" => self
                .arguments
                .iter()
                .map(|label| label.chars().count() as u64 + 1)
                .sum(),
            _ => return None,
        })
    }

    /// Whether a floating number takes this one's sign and digits: one that says how many digits it has rounds to them.
    fn is_within(&self, into: &Self) -> bool {
        into.arguments.is_empty() && (self.unsigned || !into.unsigned)
    }

    fn fits(&self, into: &Self) -> bool {
        if let (Some(from), Some(to)) = (self.integer(), into.integer()) {
            return match (self.unsigned, into.unsigned) {
                (true, false) => from < to,
                (false, true) => false,
                _ => from <= to,
            };
        }
        if let (Some(bytes), Some((before, _))) = (self.integer(), into.decimal()) {
            let digits = match bytes {
                1 => 3,
                2 => 5,
                3 => 8,
                4 => 10,
                _ => 20,
            };
            return before >= digits && (self.unsigned || !into.unsigned);
        }
        if let (Some(from), Some(to)) = (self.decimal(), into.decimal()) {
            return from.0 <= to.0 && from.1 <= to.1 && (self.unsigned || !into.unsigned);
        }
        if let (Some(from), Some(to)) = (self.text(), into.text()) {
            // Between two that count characters the factor falls out. `char` gives no spaces back at an end, so that those of others are lost in it.
            return from <= to && (into.word != "char" || self.word == "char");
        }
        if let (Some(from), Some(to)) = (self.bytes(), into.bytes()) {
            // `binary` fills up with zeros, so that what comes back is another value.
            return from <= to && (into.word != "binary" || self.word == "binary" && from == to);
        }
        match (self.word.as_str(), into.word.as_str()) {
            ("enum", "enum" | "set") | ("set", "set") => self
                .arguments
                .iter()
                .all(|label| into.arguments.contains(label)),
            ("datetime" | "timestamp", "datetime")
            | ("time", "time")
            | ("timestamp", "timestamp") => {
                self.number(0).unwrap_or(0) <= into.number(0).unwrap_or(0)
            }
            ("date", "datetime") | ("year", "smallint" | "mediumint" | "int" | "bigint") => true,
            ("float", "float") | ("float" | "double", "double") => self.is_within(into),
            // A double holds whole numbers of 53 bits.
            (_, "double") => self.integer().is_some_and(|bytes| bytes <= 4) && self.is_within(into),
            ("json", _) => matches!(into.word.as_str(), "longtext" | "longblob"),
            ("tinyint", "bit") => false,
            ("bit", "bit") => self.number(0).unwrap_or(1) <= into.number(0).unwrap_or(1),
            (from, "geometry") => GEOMETRIES.contains(&from),
            _ => match (self.written(), into.text()) {
                (Some(written), Some(_)) if into.word == "char" || into.word == "varchar" => {
                    written <= into.number(0).unwrap_or(0)
                }
                (Some(_), Some(room)) => room > 255 || self.written() <= Some(room / 4),
                _ => false,
            },
        }
    }
}

const GEOMETRIES: &[&str] = &[
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
];

/// `10,2` or `'a','b''c'` one by one, texts without their apostrophes.
fn arguments(inside: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    let mut characters = inside.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' if quoted && characters.peek() == Some(&'\'') => {
                characters.next();
                current.push('\'');
            }
            '\'' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut current)),
            ' ' if !quoted => {}
            other => current.push(other),
        }
    }
    if !inside.is_empty() {
        found.push(current);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_holds_all_that_another_held_loses_nothing() {
        for (old, new) in [
            ("int(11)", "int(11)"),
            ("int(11)", "bigint(20)"),
            ("int(10) unsigned", "bigint(20)"),
            ("tinyint(1)", "int(11)"),
            ("int(11)", "decimal(12,2)"),
            ("decimal(10,2)", "decimal(12,4)"),
            ("varchar(10)", "varchar(20)"),
            ("varchar(255)", "text"),
            ("char(3)", "varchar(3)"),
            ("char(3)", "char(4)"),
            ("tinytext", "text"),
            ("varbinary(10)", "blob"),
            ("enum('a','b')", "enum('b','c','a')"),
            ("enum('it''s')", "enum('it''s','x,y')"),
            ("set('a')", "set('a','b')"),
            ("int(11)", "varchar(11)"),
            ("datetime", "datetime(6)"),
            ("date", "datetime"),
            ("float", "double"),
            ("float(7,3)", "double"),
            ("double unsigned", "double"),
            ("mediumint(9)", "double"),
            ("json", "longtext"),
            ("point", "geometry"),
            ("enum('abc')", "varchar(3)"),
        ] {
            assert!(!narrows(old, new), "{old} -> {new}");
        }
    }

    #[test]
    fn a_type_that_may_not_hold_a_value_of_another_is_told() {
        for (old, new) in [
            ("bigint(20)", "int(11)"),
            ("int(11)", "int(10) unsigned"),
            ("int(10) unsigned", "int(11)"),
            ("decimal(12,4)", "decimal(12,2)"),
            ("decimal(12,2)", "int(11)"),
            ("varchar(20)", "varchar(10)"),
            ("text", "varchar(255)"),
            ("varchar(255)", "int(11)"),
            ("enum('a','b')", "enum('a')"),
            ("set('a','b')", "set('b')"),
            ("datetime(6)", "datetime"),
            ("datetime", "date"),
            ("datetime", "timestamp"),
            ("double", "float"),
            ("float", "double(10,2)"),
            ("float", "double unsigned"),
            ("int(11)", "double(10,2)"),
            ("int(11)", "double unsigned"),
            ("longblob", "blob"),
            ("varbinary(10)", "binary(10)"),
            ("varchar(10)", "char(20)"),
            ("int(11)", "varchar(5)"),
            ("longtext", "json"),
        ] {
            assert!(narrows(old, new), "{old} -> {new}");
        }
    }

    #[test]
    fn characters_are_lost_to_a_smaller_set() {
        for (old, new, lost) in [
            ("utf8mb4_general_ci", "utf8mb4_bin", false),
            ("latin1_swedish_ci", "utf8mb4_general_ci", false),
            ("latin1_swedish_ci", "utf8mb3_general_ci", false),
            ("utf8mb4_bin", "utf8mb3_bin", true),
            ("utf8mb4_bin", "latin1_bin", true),
            ("ascii_bin", "latin1_bin", false),
        ] {
            assert_eq!(
                narrows_charset(Some(old), Some(new)),
                lost,
                "{old} -> {new}"
            );
        }
        assert!(!narrows_charset(None, Some("latin1_bin")));
    }
}
