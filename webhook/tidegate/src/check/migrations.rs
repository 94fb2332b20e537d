//! What of a folder of migrations is run on the way forward.
//!
//! Migration tools keep the way back beside the way forward: in a file of its own (golang-migrate's `1_users.down.sql`, Flyway's `U1__users.sql`)
//! or in the second part of the same file (`-- +goose Down`, `-- migrate:down` of dbmate). The way back drops what the way forward made; it is run
//! by hand, when something went wrong, and judging it as a change that is on its way would deny every honest folder. So it is left out, and the
//! report says so.
//!
//! Where it matters this fails closed. A folder with an `atlas.sum` is run by Atlas, to which these comments and names mean nothing unless it is told
//! so: everything in it is judged. A way back without its way forward is judged, and so is a file that was named on the command line.

use std::path::Path;

/// What is run of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forward {
    /// All of it.
    Whole,
    /// The file with the way back blanked out, so that lines and columns stay what they are.
    Part(String),
    /// Nothing: the file is the way back.
    None,
}

/// Which part of a file is run on the way forward. `exists` says whether the folder has a file of that name, or one that begins so when it ends in `*`.
pub(crate) fn forward(file: &Path, text: &str, exists: impl Fn(&str) -> bool) -> Forward {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if exists("atlas.sum") {
        return Forward::Whole;
    }
    if counterpart(&name).is_some_and(|forward| exists(&forward)) {
        return Forward::None;
    }
    if is_flyway(&name) {
        return Forward::Whole;
    }
    [
        ("-- +goose up", "-- +goose down"),
        ("-- migrate:up", "-- migrate:down"),
    ]
    .into_iter()
    .find_map(|(up, down)| without_section(text, up, down))
    .map_or(Forward::Whole, Forward::Part)
}

/// For a file of the way back: the file of its way forward.
fn counterpart(name: &str) -> Option<String> {
    if let Some(stem) = name.strip_suffix(".down.sql") {
        return Some(format!("{stem}.up.sql"));
    }
    let (version, _) = name.strip_prefix('U')?.split_once("__")?;
    let numbered = version.starts_with(|c: char| c.is_ascii_digit());
    numbered.then(|| format!("V{version}__*"))
}

/// Flyway runs a file as it is, whatever its comments say.
fn is_flyway(name: &str) -> bool {
    name.starts_with(['V', 'R', 'B']) && name.contains("__")
}

/// The text with everything from each `down` line to the next `up` line blanked out; none when it has not both, the way forward first.
fn without_section(text: &str, up: &str, down: &str) -> Option<String> {
    let is = |line: &str, mark: &str| {
        let line = line.trim();
        let head = line.get(..mark.len());
        let rest = line.get(mark.len()..).unwrap_or_default();
        head.is_some_and(|head| head.eq_ignore_ascii_case(mark))
            && !rest.starts_with(|c: char| c.is_alphanumeric())
    };
    let (mut kept, mut forward, mut backward) = (String::with_capacity(text.len()), false, false);
    let mut blanked = false;
    for line in text.split_inclusive('\n') {
        if is(line, up) {
            (forward, backward) = (true, false);
        } else if is(line, down) {
            if !forward {
                return None;
            }
            (backward, blanked) = (true, true);
        }
        if backward {
            kept.extend(
                line.chars()
                    .map(|c| if c == '\n' || c == '\r' { c } else { ' ' }),
            );
        } else {
            kept.push_str(line);
        }
    }
    blanked.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, folder: &[&str], expected: &Forward) {
        let exists = |wanted: &str| {
            folder.iter().any(|file| {
                wanted
                    .strip_suffix('*')
                    .map_or(*file == wanted, |start| file.starts_with(start))
            })
        };
        assert_eq!(forward(Path::new(name), text, exists), *expected, "{name}");
    }

    #[test]
    fn files_of_the_way_back_are_known_by_their_counterparts() {
        let none = Forward::None;
        check("1_a.down.sql", "x", &["1_a.up.sql"], &none);
        check("db/U1.2__a.sql", "x", &["V1.2__a.sql"], &none);
        check("1_a.down.sql", "x", &[], &Forward::Whole);
        check("1_a.up.sql", "x", &["1_a.down.sql"], &Forward::Whole);
        check("U1__a.sql", "x", &["V11__a.sql"], &Forward::Whole);
        check("Users__a.sql", "x", &["Vsers__a.sql"], &Forward::Whole);
        check(
            "1_a.down.sql",
            "x",
            &["1_a.up.sql", "atlas.sum"],
            &Forward::Whole,
        );
    }

    #[test]
    fn the_second_part_is_blanked_out_and_nothing_moves() {
        let part = |text: &str| Forward::Part(text.to_owned());
        let goose = "-- +goose Up\nCREATE x;\n-- +goose Down\nDROP x;\n";
        check(
            "1.sql",
            goose,
            &[],
            &part("-- +goose Up\nCREATE x;\n              \n       \n"),
        );
        check("1.sql", goose, &["atlas.sum"], &Forward::Whole);
        let dbmate = "-- migrate:up transaction:false\na;\r\n--  x\n-- migrate:down\r\nd;";
        let kept = "-- migrate:up transaction:false\na;\r\n--  x\n               \r\n  ";
        check("1.sql", dbmate, &[], &part(kept));
    }

    #[test]
    fn what_only_looks_like_a_mark_hides_nothing() {
        for text in [
            "-- +goose Down\nDROP x;\n-- +goose Up\n",
            "-- +goose Up\nDROP x;",
            "-- +goose Up\n-- +goose Downtown\nDROP x;",
            "SELECT '\n-- migrate:down\n'; DROP x;",
        ] {
            check("1.sql", text, &[], &Forward::Whole);
        }
        let goose = "-- +goose Up\n-- +goose Down\nDROP x;\n";
        check("V1__a.sql", goose, &[], &Forward::Whole);
    }
}
