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

/// The query in a view's whole text.
pub(super) fn view_query<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = text.split_once(&format!("{} AS ", quote(name)))?;
    let query = query.strip_suffix(" CHECK OPTION").map_or(query, |query| {
        let before = query.strip_suffix(" WITH CASCADED");
        let before = before.or_else(|| query.strip_suffix(" WITH LOCAL"));
        before.unwrap_or(query)
    });
    Some(query)
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
            assert_eq!(view_query(text, "v"), Some("select 1 AS `v`"));
        }
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
