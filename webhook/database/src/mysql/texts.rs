//! The texts of views, triggers and events, and what is in them.

use super::sql::{before_a_table, parts, quote};

/// ``DEFINER=`root`@`localhost` `` where it is somebody else.
pub(super) fn definer(owner: Option<&str>, account: &str) -> String {
    match owner {
        Some(owner) if owner != account && !owner.is_empty() => {
            let name = match owner.rsplit_once('@') {
                Some((user, host)) => format!("{}@{}", quote(user), quote(host)),
                None => quote(owner),
            };
            format!("DEFINER={name} ")
        }
        _ => String::new(),
    }
}

/// The tables and views that a query reads: servers write each behind `from` or `join`, with or without its database.
pub(super) fn names(sql: &str) -> Vec<String> {
    let parts = parts(sql);
    let at = |index: usize| parts.get(index).map_or("", |(part, _)| *part);
    let named = (1..parts.len())
        .filter(|index| at(*index).starts_with('`') && before_a_table(at(index.saturating_sub(1))));
    named
        .map(|index| {
            let name = if at(index + 1) == "." {
                at(index + 2)
            } else {
                at(index)
            };
            let inner = name
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'));
            inner.unwrap_or(name).replace("``", "`")
        })
        .collect()
}

/// What a view's whole text says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ViewText<'a> {
    /// `MERGE`; `UNDEFINED` where nothing is said.
    pub(super) algorithm: &'a str,
    /// `` (`a`,`b`)`` with a blank before it where its columns were named; MariaDB has their names in the query instead.
    pub(super) columns: &'a str,
    pub(super) query: &'a str,
}

/// Takes a view's whole text apart.
pub(super) fn view_text<'a>(text: &'a str, name: &str) -> Option<ViewText<'a>> {
    let head = quote(name);
    // A definer may have the view's name too; what follows it is another.
    let behind = text.match_indices(&head).find_map(|(at, head)| {
        let behind = text.get(at + head.len()..)?;
        (behind.starts_with(" AS ") || behind.starts_with(" (")).then_some(behind)
    })?;
    let (columns, query) = if behind.starts_with(" AS ") {
        ("", behind)
    } else {
        behind.split_at_checked(1 + list_length(behind.trim_start()))?
    };
    let query = query.strip_prefix(" AS ")?;
    let query = query.strip_suffix(" CHECK OPTION").map_or(query, |query| {
        let before = query.strip_suffix(" WITH CASCADED");
        let before = before.or_else(|| query.strip_suffix(" WITH LOCAL"));
        before.unwrap_or(query)
    });
    let algorithm = text
        .strip_prefix("CREATE ALGORITHM=")
        .and_then(|rest| rest.split(' ').next());
    Some(ViewText {
        algorithm: algorithm.unwrap_or("UNDEFINED"),
        columns,
        query,
    })
}

/// How long a list of names in parentheses is, which the text begins with.
fn list_length(text: &str) -> usize {
    let mut length = 0;
    for (part, quoted) in parts(text) {
        if !quoted && let Some(end) = part.find(')') {
            return length + end + 1;
        }
        length += part.len();
    }
    length
}

/// What follows `FOR EACH ROW`, and the order among triggers that may be said there.
pub(super) fn trigger_body(text: &str) -> Option<&str> {
    let words = words(text);
    let is = |index: usize, word: &str| {
        words
            .get(index)
            .is_some_and(|(found, _)| found.eq_ignore_ascii_case(word))
    };
    let row = (0..words.len())
        .find(|index| is(*index, "for") && is(index + 1, "each") && is(index + 2, "row"))?
        + 2;
    let last = if is(row + 1, "follows") || is(row + 1, "precedes") {
        row + 2
    } else {
        row
    };
    let (_, end) = words.get(last)?;
    Some(text.get(*end..)?.trim_start())
}

/// The words and quoted names of a text, each with the byte behind it.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut offset = 0;
    for (part, quoted) in parts(text) {
        if quoted {
            found.push((part, offset + part.len()));
        } else {
            let mut rest = part;
            let is_word = |character: char| character.is_alphanumeric() || character == '_';
            while let Some(start) = rest.find(is_word) {
                let word = rest.get(start..).unwrap_or_default();
                let length = word.find(|c| !is_word(c)).unwrap_or(word.len());
                let behind = word.get(length..).unwrap_or_default();
                let end = offset + part.len() - behind.len();
                found.push((word.get(..length).unwrap_or_default(), end));
                rest = behind;
            }
        }
        offset += part.len();
    }
    found
}

/// An event's text without the start that the server gave it.
pub(super) fn without_start(definition: &str) -> String {
    definition
        .split_once(" STARTS '")
        .and_then(|(before, rest)| Some((before, rest.split_once('\'')?.1)))
        .map_or_else(
            || definition.to_owned(),
            |(before, behind)| format!("{before}{behind}"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definer_is_written_where_it_is_somebody_else() {
        assert_eq!(
            definer(Some("a@b@%"), "root@localhost"),
            "DEFINER=`a@b`@`%` "
        );
        assert_eq!(definer(Some("root@localhost"), "root@localhost"), "");
        assert_eq!(definer(Some("role"), "root@localhost"), "DEFINER=`role` ");
    }

    #[test]
    fn the_query_of_a_view_is_found_in_its_text() {
        for text in [
            "CREATE ALGORITHM=UNDEFINED DEFINER=`v`@`%` SQL SECURITY DEFINER VIEW `x`.`v` AS select 1 AS `v`",
            "CREATE VIEW `v` AS select 1 AS `v` WITH LOCAL CHECK OPTION",
        ] {
            let expected = ViewText {
                algorithm: "UNDEFINED",
                columns: "",
                query: "select 1 AS `v`",
            };
            assert_eq!(view_text(text, "v"), Some(expected));
        }
        // MySQL's, which has the names of columns apart from the query.
        assert_eq!(
            view_text(
                "CREATE ALGORITHM=MERGE DEFINER=`root`@`%` SQL SECURITY INVOKER VIEW `v` (`x`,`) AS `) AS select `t`.`a` AS `a`,(1) AS `(1)` from `t`",
                "v"
            ),
            Some(ViewText {
                algorithm: "MERGE",
                columns: " (`x`,`) AS `)",
                query: "select `t`.`a` AS `a`,(1) AS `(1)` from `t`",
            })
        );
    }

    #[test]
    fn the_body_of_a_trigger_is_found_in_its_text() {
        for (text, body) in [
            (
                "CREATE DEFINER=`for each row`@`%` trigger `a` before insert on t FOR\n each  ROW set @a = 'x'",
                "set @a = 'x'",
            ),
            (
                "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW FOLLOWS `b c` BEGIN END",
                "BEGIN END",
            ),
        ] {
            assert_eq!(trigger_body(text), Some(body));
        }
    }

    #[test]
    fn the_start_of_an_event_is_left_out() {
        assert_eq!(
            without_start(
                "EVENT ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' ON COMPLETION"
            ),
            "EVENT ON SCHEDULE EVERY 1 DAY ON COMPLETION"
        );
    }
}
