//! MySQL's and MariaDB's executable comments, as the statements that they are.
//!
//! A dump says `/*!40014 SET FOREIGN_KEY_CHECKS=0 */` and `/*!50100 PARTITION BY ..*/`: a comment to other databases, SQL to a server of that version or
//! later. Left as comments they would be dropped without a word. Here the marks around them become blanks, so that every place in the text stays
//! where it was, and what a server would skip becomes a plain comment.

use std::borrow::Cow;

use tidegate_sqlplan::Dialect;

/// What MariaDB takes for MySQL's own, from 5.7 on, and skips.
const MYSQL_ONLY: std::ops::Range<u32> = 50_700..100_000;

/// No MySQL of today is newer: 9.9.
const MYSQL_NEWEST: u32 = 90_999;

/// No MariaDB of today is newer: 12. (Its dumps begin with a comment for 99.99.99, which no server runs.)
const MARIADB_NEWEST: u32 = 129_999;

/// The text with its executable comments opened.
pub(crate) fn opened(text: &str, dialect: Dialect) -> Cow<'_, str> {
    if !dialect.is_mysql_like() || !(text.contains("/*!") || text.contains("/*M!")) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside = false;
    while let Some(character) = rest.chars().next() {
        let taken = if let Some((mark, runs)) = mark(rest, dialect) {
            if runs {
                inside = true;
                blank(&mut made, mark);
                rest = rest.get(mark.len()..).unwrap_or_default();
                continue;
            }
            // A plain comment of the same length.
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            let comment = rest.get(..end).unwrap_or(rest);
            made.push_str(&comment.replace("/*M!", "/*  ").replace("/*!", "/* "));
            rest = rest.get(end..).unwrap_or_default();
            continue;
        } else if inside && rest.starts_with("*/") {
            inside = false;
            blank(&mut made, "*/");
            rest = rest.get(2..).unwrap_or_default();
            continue;
        } else {
            match character {
                '\'' | '"' | '`' => quoted(rest, character),
                '#' => line(rest),
                '-' if rest.starts_with("-- ") || rest.starts_with("--\n") => line(rest),
                '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
                other => other.len_utf8(),
            }
        };
        made.push_str(rest.get(..taken).unwrap_or(rest));
        rest = rest.get(taken..).unwrap_or_default();
    }
    Cow::Owned(made)
}

/// The mark that an executable comment begins with, and whether the server runs what follows.
fn mark(text: &str, dialect: Dialect) -> Option<(&str, bool)> {
    let (start, ours) = if text.starts_with("/*!") {
        (3, true)
    } else if text.starts_with("/*M!") {
        (4, dialect == Dialect::Mariadb)
    } else {
        return None;
    };
    let behind = text.get(start..).unwrap_or_default();
    let digits = behind
        .chars()
        .take(6)
        .take_while(char::is_ascii_digit)
        .count();
    // Fewer digits are no version.
    let digits = if digits < 5 { 0 } else { digits };
    let version: Option<u32> = behind.get(..digits).and_then(|digits| digits.parse().ok());
    let new_enough = match (version, dialect) {
        (None, _) => true,
        (Some(version), Dialect::Mysql) => version <= MYSQL_NEWEST,
        (Some(version), _) => {
            version <= MARIADB_NEWEST && (start == 4 || !MYSQL_ONLY.contains(&version))
        }
    };
    Some((text.get(..start + digits)?, ours && new_enough))
}

fn blank(made: &mut String, mark: &str) {
    made.extend(std::iter::repeat_n(' ', mark.len()));
}

fn line(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| end + 1)
}

/// The bytes of what stands in quotes, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        if character == '\\' && quote != '`' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return index + 1,
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, text: &str, expected: &str) {
        let made = opened(text, dialect);
        assert_eq!(made, expected);
        assert_eq!(made.len(), text.len());
    }

    #[test]
    fn what_a_server_runs_is_opened_and_nothing_moves() {
        let both = [Dialect::Mariadb, Dialect::Mysql];
        for dialect in both {
            check(dialect, "/*!40101 SET a */;", "         SET a   ;");
            check(dialect, "/*! SET a */", "    SET a   ");
            check(dialect, "'/*! a */' `/*! b */`", "'/*! a */' `/*! b */`");
            check(dialect, "-- /*! a */\nb", "-- /*! a */\nb");
            check(
                dialect,
                "/*!40101 a 'it\\'s */' /* x */ b */ c",
                "         a 'it\\'s */' /* x */ b    c",
            );
        }
        check(Dialect::Mariadb, "/*!80000 a */ b", "/* 80000 a */ b");
        check(Dialect::Mysql, "/*!80000 a */ b", "         a    b");
        check(Dialect::Mariadb, "/*M!100301 a */", "           a   ");
        check(Dialect::Mysql, "/*M!100301 a */", "/*  100301 a */");
        check(
            Dialect::Mariadb,
            "/*M!999999\\- a */ b",
            "/*  999999\\- a */ b",
        );
        check(Dialect::Postgres, "/*! a */", "/*! a */");
        check(Dialect::Mariadb, "/*!50100 a", "         a");
    }
}
