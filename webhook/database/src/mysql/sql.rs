//! Small texts of SQL: names, literals, placeholders, and the qualifiers that a server adds to what it keeps.

/// A name in backticks.
pub(super) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in apostrophes, as a session without `NO_BACKSLASH_ESCAPES` reads it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A statement as an error shows it: not all of it where it is long.
pub(super) fn shown(sql: &str) -> String {
    const CHARACTERS: usize = 500;
    match sql.char_indices().nth(CHARACTERS) {
        None => sql.to_owned(),
        Some((end, _)) => format!("{}...", sql.get(..end).unwrap_or_default()),
    }
}

/// A text with each `?` outside of quotes and comments replaced by a parameter; what has none is left.
pub(super) fn with_parameters(sql: &str, parameters: &[&str]) -> String {
    let mut parameters = parameters.iter();
    let mut made = String::with_capacity(sql.len());
    for (part, quoted) in parts(sql) {
        if quoted {
            made.push_str(part);
            continue;
        }
        for character in part.chars() {
            match parameters.as_slice().first() {
                Some(value) if character == '?' => {
                    made.push_str(&literal(value));
                    parameters.next();
                }
                _ => made.push(character),
            }
        }
    }
    made
}

/// A text without `` `database`. `` before the names of tables, columns and functions: a view's text names the database that it is in with each of
/// them. A table's alias may have the database's name; what follows that is a column and one dot, not two.
pub(super) fn without_qualifier(sql: &str, database: &str) -> String {
    let quoted_name = quote(database);
    if !sql.contains(&quoted_name) {
        return sql.to_owned();
    }
    let parts = parts(sql);
    let mut made = String::with_capacity(sql.len());
    let mut skip_dot = false;
    for (index, (part, _)) in parts.iter().enumerate() {
        if std::mem::take(&mut skip_dot) {
            made.push_str(part.get(1..).unwrap_or_default());
            continue;
        }
        let behind = |ahead: usize| parts.get(index + ahead).map_or("", |(part, _)| *part);
        let chained = index > 0 && behind(0).starts_with('`') && made.ends_with('.');
        let is_qualifier = *part == quoted_name
            && !chained
            && behind(1) == "."
            && behind(2).starts_with('`')
            && (behind(3) == "." || behind(3).starts_with('(') || before_a_table(&made));
        if is_qualifier {
            skip_dot = true;
        } else {
            made.push_str(part);
        }
    }
    made
}

/// A query without the parentheses around its joins: servers write them for `a JOIN b` and not for `a, b`, which is the same. Which conditions belong to
/// which join stays to be seen by where they stand.
pub(super) fn without_join_parentheses(sql: &str) -> String {
    let mut made = String::with_capacity(sql.len());
    let mut open = Vec::new();
    for (part, quoted) in parts(sql) {
        if quoted {
            made.push_str(part);
            continue;
        }
        for (index, character) in part.char_indices() {
            let rest = part.get(index + 1..).unwrap_or_default().trim_start();
            let is_query = ["select", "with", "values"]
                .iter()
                .any(|word| rest.starts_with(word));
            let stays = match character {
                '(' => {
                    let stays = is_query || !made.ends_with(' ') || !before_a_table(&made);
                    open.push(stays);
                    stays
                }
                ')' => open.pop().unwrap_or(true),
                _ => true,
            };
            if stays {
                made.push(character);
            }
        }
    }
    made
}

/// A text of which some characters were lost, found in one that has them: the servers' `information_schema` has a question mark, or four, for each
/// character beyond the basic plane.
pub(super) fn restored(lossy: &str, whole: &str) -> Option<String> {
    if !lossy.contains('?') {
        return Some(lossy.to_owned());
    }
    whole
        .char_indices()
        .filter_map(|(start, _)| whole.get(start..))
        .find_map(|candidate| {
            let mut rest = lossy;
            let mut length = 0;
            for character in candidate.chars() {
                if rest.is_empty() {
                    break;
                }
                let lost = (character.len_utf8() == 4).then_some(());
                rest = lost
                    .and_then(|()| rest.strip_prefix("????").or_else(|| rest.strip_prefix('?')))
                    .or_else(|| rest.strip_prefix(character))?;
                length += character.len_utf8();
            }
            rest.is_empty()
                .then(|| candidate.get(..length).unwrap_or_default().to_owned())
        })
}

/// Whether what comes next is a table's (or sequence's) name.
pub(super) fn before_a_table(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "from",
        "join",
        "straight_join",
        "nextval",
        "lastval",
        "setval",
    ];
    let text = text.trim_end_matches([' ', '(']);
    let word = text
        .rsplit(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .next()
        .unwrap_or_default();
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// An expression that MySQL's `information_schema` gives as if it were the inside of a text: quotes, backslashes and ends of lines escaped, and each byte of it
/// a character of its own (seen on 9.7: `ä` is `Ã¤` there, in texts and in names).
pub(super) fn unescaped(expression: &str) -> String {
    let mut made = String::with_capacity(expression.len());
    let mut characters = expression.chars().peekable();
    while let Some(character) = characters.next() {
        let meant = match (character, characters.peek()) {
            ('\\', Some(escaped @ ('\'' | '\\'))) => Some(*escaped),
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('0')) => Some('\0'),
            ('\\', Some('Z')) => Some('\u{1a}'),
            _ => None,
        };
        if meant.is_some() {
            characters.next();
        }
        made.push(meant.unwrap_or(character));
    }
    let bytes: Result<Vec<u8>, _> = made.chars().map(u8::try_from).collect();
    let meant = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    meant.unwrap_or(made)
}

/// An expression without the parentheses around all of it.
pub(super) fn without_parentheses(expression: &str) -> &str {
    let Some(inner) = expression
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return expression;
    };
    let mut depth = 0_i32;
    for (part, quoted) in parts(inner) {
        if quoted {
            continue;
        }
        for character in part.chars() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                return expression;
            }
        }
    }
    inner
}

/// A text cut at its quotes: plain parts, and quoted ones with their quotes. Comments count as quoted.
pub(super) fn parts(sql: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut rest = sql;
    while !rest.is_empty() {
        let start = plain_length(rest);
        let (plain, quoted) = rest.split_at_checked(start).unwrap_or((rest, ""));
        if !plain.is_empty() {
            found.push((plain, false));
        }
        let end = quoted_length(quoted);
        let (quoted, behind) = quoted.split_at_checked(end).unwrap_or((quoted, ""));
        if !quoted.is_empty() {
            found.push((quoted, true));
        }
        rest = behind;
    }
    found
}

fn plain_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    (0..bytes.len())
        .find(|index| match at(*index) {
            Some(b'\'' | b'"' | b'`' | b'#') => true,
            // What is in an executable comment is run.
            Some(b'/') => {
                at(index + 1) == Some(b'*') && !matches!(at(index + 2), Some(b'!' | b'M'))
            }
            Some(b'-') => {
                at(index + 1) == Some(b'-')
                    && at(index + 2).is_none_or(|byte| byte.is_ascii_whitespace())
            }
            _ => false,
        })
        .unwrap_or(bytes.len())
}

fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        None => 0,
        Some(b'#' | b'-') => text.find('\n').map_or(text.len(), |end| end + 1),
        Some(b'/') => text.find("*/").map_or(text.len(), |end| end + 2),
        Some(quote) => {
            let mut index = 1;
            while let Some(byte) = bytes.get(index) {
                index += 1;
                if *byte == b'\\' && *quote != b'`' {
                    index += 1;
                } else if byte == quote {
                    if bytes.get(index) != Some(quote) {
                        return index;
                    }
                    index += 1;
                }
            }
            text.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_go_from_names_and_stay_in_texts() {
        for (sql, expected) in [
            (
                "select `x`.`t`.`id` AS `id` from `x`.`t`",
                "select `t`.`id` AS `id` from `t`",
            ),
            (
                "select '`x`.`t`' from `y`.`x`",
                "select '`x`.`t`' from `y`.`x`",
            ),
            ("nextval(`x`.`s`)", "nextval(`s`)"),
            ("`x`.`x`.`x` + `x`.`f`(`x`.`a`)", "`x`.`x` + `f`(`x`.`a`)"),
            (
                "from (`x`.`a` `x` join `x`.`b` on(`x`.`i` = `x`.`b`.`i`))",
                "from (`a` `x` join `b` on(`x`.`i` = `b`.`i`))",
            ),
            ("`x`", "`x`"),
        ] {
            assert_eq!(without_qualifier(sql, "x"), expected);
        }
    }

    #[test]
    fn joins_are_compared_without_parentheses() {
        for (sql, expected) in [
            (
                "select (1) from ((`a` join `b` on((`a`.`i` = 1))) join (select 1 from `c`) `d`) where (1 = 1)",
                "select (1) from `a` join `b` on((`a`.`i` = 1)) join (select 1 from `c`) `d` where (1 = 1)",
            ),
            ("select '(' from ( (`a`))", "select '(' from  `a`"),
        ] {
            assert_eq!(without_join_parentheses(sql), expected);
        }
    }

    #[test]
    fn lost_characters_are_found_again() {
        for (lossy, whole, expected) in [
            ("a = '?'", "x a = '😀' y", Some("a = '😀'")),
            ("a = '????ä'", "a = 'a' a = '😀ä'", Some("a = '😀ä'")),
            ("a = '?'", "a = '?'", Some("a = '?'")),
            ("a = '?'", "b", None),
            ("a", "b", Some("a")),
        ] {
            assert_eq!(restored(lossy, whole).as_deref(), expected);
        }
    }

    #[test]
    fn parameters_are_written_where_no_quote_is() {
        assert_eq!(
            with_parameters("a = ? and '?' = `?` -- ?\n or b = ?", &["it's", "\\"]),
            "a = 'it''s' and '?' = `?` -- ?\n or b = '\\\\'"
        );
        assert_eq!(with_parameters("a = ?", &[]), "a = ?");
    }

    #[test]
    fn parentheses_go_where_they_are_around_all() {
        for (expression, expected) in [
            ("(`a` > 0)", "`a` > 0"),
            ("(a) or (b)", "(a) or (b)"),
            ("((a) or (b))", "(a) or (b)"),
            ("('(' = a)", "'(' = a"),
            ("a", "a"),
        ] {
            assert_eq!(without_parentheses(expression), expected);
        }
        for (escaped, meant) in [
            (r"_utf8mb4\'a\\b\'", r"_utf8mb4'a\b'"),
            (r"_utf8mb4\'it\\\'s\\n\'", r"_utf8mb4'it\'s\n'"),
            (r"`two\nlines`", "`two\nlines`"),
            (
                "concat(_utf8mb4\\'Ã¤â\u{82}¬\\',`Ã¤`)",
                "concat(_utf8mb4'ä€',`ä`)",
            ),
            // From a server that does otherwise, or of another character set.
            ("_utf8mb4\\'ä€\\'", "_utf8mb4'ä€'"),
            ("_latin1\\'é\\'", "_latin1'é'"),
        ] {
            assert_eq!(unescaped(escaped), meant);
        }
    }
}
