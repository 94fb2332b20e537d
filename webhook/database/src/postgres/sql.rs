//! Names and texts as `PostgreSQL` reads them.

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in quotes, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// How many characters of a statement an error shows.
const SHOWN_CHARS: usize = 500;

/// A statement, cut to a length that can be shown.
pub(super) fn shown(sql: &str) -> String {
    match sql.char_indices().nth(SHOWN_CHARS) {
        None => sql.to_owned(),
        Some((end, _)) => format!("{}...", sql.get(..end).unwrap_or_default()),
    }
}

/// FNV-1, 32 bits: the number that Atlas makes of a lock's name.
pub(super) fn fnv1(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        hash.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    })
}

/// Replaces `$1`, `$2`, .. by the parameters as literals.
pub(super) fn with_parameters(sql: &str, parameters: &[&str]) -> String {
    let mut filled = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, behind) = after.split_at_checked(digits).unwrap_or(("", after));
        let parameter = number
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1))
            .and_then(|index| parameters.get(index));
        match parameter {
            Some(text) => filled.push_str(&literal(text)),
            None => {
                filled.push('$');
                filled.push_str(number);
            }
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locks_of_atlas_have_its_numbers() {
        assert_eq!(fnv1("atlas_migrate_execute"), 2_686_470_616);
        assert_eq!(fnv1("atlas_migrate_diff"), 361_947_982);
    }

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("\\'"), " E'\\\\'''");
    }

    #[test]
    fn parameters_are_filled_in_once() {
        assert_eq!(
            with_parameters("SELECT $1, $2, $10, $x, $3", &["$2", "", "a'b"]),
            "SELECT '$2', '', $10, $x, 'a''b'"
        );
    }
}
