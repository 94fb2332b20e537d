//! Both ways in one file, behind marks: goose (`-- +goose Up`) and dbmate (`-- migrate:up`).

use tidegate_sqlplan::Dialect;

use super::{ImportError, Note, Step, Tool, Version, file_name, is_one_statement, placeholder};

/// Where a statement of goose ends that the splitter would cut.
const END: &str = "-- end of statement";

/// Whether a line is a mark, with nothing of a word behind it.
pub(super) fn is(line: &str, mark: &str) -> bool {
    let line = line.trim();
    let head = line.get(..mark.len());
    let rest = line.get(mark.len()..).unwrap_or_default();
    head.is_some_and(|head| head.eq_ignore_ascii_case(mark))
        && !rest.starts_with(|next: char| next.is_alphanumeric())
}

pub(super) fn dbmate(
    entries: &[(String, String)],
    notes: &mut Vec<Note>,
) -> Result<Vec<Step>, ImportError> {
    let mut steps = Vec::new();
    for (path, text) in entries {
        let Some((version, description)) = version(path) else {
            continue;
        };
        let (up, options, down) = section(text, "-- migrate:up", "-- migrate:down")
            .ok_or_else(|| no_mark(path, "it has no line `-- migrate:up`"))?;
        if down {
            notes.push(way_back(path));
        }
        steps.push(Step {
            source: path.clone(),
            version,
            description,
            text: up,
            without_transaction: options
                .split_whitespace()
                .any(|option| option == "transaction:false"),
            ..Step::default()
        });
    }
    Ok(steps)
}

pub(super) fn goose(
    entries: &[(String, String)],
    dialect: Option<Dialect>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Step>, ImportError> {
    let mut steps = Vec::new();
    for (path, text) in entries {
        let Some((version, description)) = version(path) else {
            if path
                .strip_suffix(".go")
                .is_some_and(|stem| !stem.ends_with("_test"))
            {
                notes.push(Note {
                    file: path.clone(),
                    text: "not imported: it is a program, not SQL".to_owned(),
                });
            }
            continue;
        };
        let (up, _, down) = section(text, "-- +goose up", "-- +goose down")
            .ok_or_else(|| no_mark(path, "it has no line `-- +goose Up`"))?;
        if down {
            notes.push(way_back(path));
        }
        if up.lines().any(|line| is(line, "-- +goose envsub on"))
            && let Some((line, placeholder)) = placeholder(text)
        {
            return Err(ImportError::Placeholder {
                tool: Tool::Goose,
                file: path.clone(),
                line,
                placeholder,
            });
        }
        let (text_of_up, delimiter) = goose_statements(&up, dialect).ok_or_else(|| {
            no_mark(
                path,
                "`-- +goose StatementBegin` and `StatementEnd` do not match",
            )
        })?;
        if delimiter.is_some() {
            notes.push(Note {
                file: path.clone(),
                text: "its statements are kept apart by -- atlas:delimiter: they have semicolons of their own".to_owned(),
            });
        }
        steps.push(Step {
            source: path.clone(),
            version,
            description,
            text: text_of_up,
            without_transaction: text
                .lines()
                .any(|line| is(line, "-- +goose no transaction")),
            delimiter,
            ..Step::default()
        });
    }
    Ok(steps)
}

/// Version and description by the name: digits, an underscore, a title.
fn version(path: &str) -> Option<(Version, String)> {
    let stem = file_name(path).strip_suffix(".sql")?;
    let (version, description) = stem.split_once('_').unwrap_or((stem, ""));
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| Version::of(version))
        .flatten()
        .map(|version| (version, description.to_owned()))
}

/// What is behind the mark of the way forward, what its line says besides, and whether there is a way back. A way back may stand first.
fn section(text: &str, up: &str, down: &str) -> Option<(String, String, bool)> {
    let (mut forward, mut found, mut back) = (false, None, false);
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        if is(line, up) {
            forward = true;
            let options = line.trim().get(up.len()..).unwrap_or_default();
            found.get_or_insert_with(|| options.to_owned());
        } else if is(line, down) {
            (forward, back) = (false, true);
        } else if forward {
            kept.push_str(line);
        }
    }
    Some((kept, found?, back))
}

/// The statements of goose: without marks where the splitter cuts them as they are marked, else with a delimiter between.
fn goose_statements(up: &str, dialect: Option<Dialect>) -> Option<(String, Option<String>)> {
    let (mut plain, mut delimited, mut block) = (String::new(), String::new(), None);
    let mut needed = false;
    for line in up.split_inclusive('\n') {
        if is(line, "-- +goose statementbegin") {
            if block.replace(String::new()).is_some() {
                return None;
            }
        } else if is(line, "-- +goose statementend") {
            let block: String = block.take()?;
            needed |= !is_one_statement(&block, dialect);
            plain.push_str(&block);
            delimited.push_str(&block);
            delimited.push_str(END);
            delimited.push('\n');
        } else if is(line, "-- +goose") {
        } else if let Some(block) = &mut block {
            block.push_str(line);
        } else {
            plain.push_str(line);
            delimited.push_str(line);
            // Outside the marks goose cuts at semicolons that end a line.
            if line.trim_end().ends_with(';') {
                delimited.push_str(END);
                delimited.push('\n');
            }
        }
    }
    if block.is_some() {
        return None;
    }
    if needed {
        Some((delimited, Some(END.to_owned())))
    } else {
        Some((plain, None))
    }
}

fn way_back(path: &str) -> Note {
    Note {
        file: path.to_owned(),
        text: "its way back was left out".to_owned(),
    }
}

fn no_mark(path: &str, problem: &'static str) -> ImportError {
    ImportError::Marks {
        file: path.to_owned(),
        problem,
    }
}
