//! Several texts in one file: the format `txtar`, by which a migration carries its checks.
//!
//! A line `-- name --` begins a section. What stands before the first one is a comment.

/// One text of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// Its name, for example `migration.sql`.
    pub(crate) name: &'a str,
    /// What is in it.
    pub(crate) text: &'a str,
    /// The lines of the file before its first.
    pub(crate) lines_before: u32,
}

/// The sections of an archive, in order.
pub(crate) fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        if let Some(name) = marker(line) {
            if let Some(last) = sections.last_mut() {
                last.text = text.get(start..at).unwrap_or_default();
            }
            start = at + line.len();
            sections.push(Section {
                name,
                text: "",
                lines_before: number,
            });
        }
        at += line.len();
    }
    if let Some(last) = sections.last_mut() {
        last.text = text.get(start..).unwrap_or_default();
    }
    sections
}

fn marker(line: &str) -> Option<&str> {
    let name = line
        .trim_end()
        .strip_prefix("-- ")?
        .strip_suffix(" --")?
        .trim();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keep_their_place_in_the_file() {
        let text = "-- atlas:txtar\n\n-- checks.sql --\nSELECT 1;\n\n--  migration.sql --\r\nDROP TABLE t;";
        let section = |name, text, lines_before| Section {
            name,
            text,
            lines_before,
        };
        assert_eq!(
            sections(text),
            [
                section("checks.sql", "SELECT 1;\n\n", 3),
                section("migration.sql", "DROP TABLE t;", 6)
            ]
        );
        assert_eq!(sections("-- a\n-- --\n--b --\nx"), []);
    }
}
