//! Liquibase's formatted SQL: `--changeset AUTHOR:ID` begins a change of its own. Each becomes a file, because each has its own settings.

use tidegate_sqlplan::Dialect;

use super::{
    ImportError, Note, Step, Tool, Version, file_name, is_one_statement, needs_no_transaction,
    placeholder,
};

/// Settings of a change set that say when it runs, which is always here.
const CONDITIONS: &[&str] = &[
    "context",
    "contextfilter",
    "labels",
    "dbms",
    "runalways",
    "runonchange",
];

/// A change of a file.
#[derive(Debug, Default)]
struct ChangeSet {
    id: String,
    settings: Vec<(String, String)>,
    text: String,
    has_way_back: bool,
    has_precondition: bool,
}

impl ChangeSet {
    fn setting(&self, wanted: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether the first line that is not empty says so.
pub(super) fn is_formatted(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.and_then(mark).is_some_and(|mark| {
        let words: Vec<String> = mark.split_whitespace().map(str::to_lowercase).collect();
        words.join(" ").starts_with("liquibase formatted sql")
    })
}

pub(super) fn steps(
    entries: &[(String, String)],
    dialect: Option<Dialect>,
    notes: &mut Vec<Note>,
) -> Result<Vec<Step>, ImportError> {
    let mut formatted: Vec<&(String, String)> = entries
        .iter()
        .filter(|(path, text)| path.strip_suffix(".sql").is_some() && is_formatted(text))
        .collect();
    // As `includeAll` runs them.
    formatted.sort_by(|left, right| left.0.cmp(&right.0));
    let mut steps = Vec::new();
    for (path, _) in entries {
        let other = [".xml", ".yaml", ".yml", ".json"];
        if other.iter().any(|end| path.ends_with(end)) {
            notes.push(Note {
                file: path.clone(),
                text: "not imported: only formatted SQL is; files run in the order of their names"
                    .to_owned(),
            });
        }
    }
    for (number, (path, text)) in (1_u64..).zip(formatted) {
        if let Some((line, placeholder)) = placeholder(text) {
            return Err(ImportError::Placeholder {
                tool: Tool::Liquibase,
                file: path.clone(),
                line,
                placeholder,
            });
        }
        let sets = change_sets(text);
        if sets.is_empty() {
            return Err(ImportError::Marks {
                file: path.clone(),
                problem: "it has no line `--changeset AUTHOR:ID`",
            });
        }
        let stem = file_name(path).strip_suffix(".sql").unwrap_or_default();
        for (place, set) in (1_u64..).zip(sets) {
            tell(path, &set, notes);
            let delimiter = delimiter(&set, dialect);
            steps.push(Step {
                source: path.clone(),
                version: Version {
                    written: format!("{number}.{place}"),
                    numbers: vec![number, place],
                    suffix: String::new(),
                },
                description: format!("{stem}_{}", set.id),
                without_transaction: set.setting("runintransaction") == Some("false")
                    || needs_no_transaction(&set.text),
                text: set.text,
                delimiter,
                ..Step::default()
            });
        }
    }
    Ok(steps)
}

/// What is lost of a change set.
fn tell(path: &str, set: &ChangeSet, notes: &mut Vec<Note>) {
    let mut note = |text: String| {
        notes.push(Note {
            file: path.to_owned(),
            text: format!("change set {}: {text}", set.id),
        });
    };
    if set.has_way_back {
        note("its way back was left out".to_owned());
    }
    if set.has_precondition {
        note(
            "its preconditions were left out; a check that must hold is written with atlas:txtar"
                .to_owned(),
        );
    }
    let conditions = set
        .settings
        .iter()
        .filter(|(name, value)| CONDITIONS.contains(&name.as_str()) && value != "false");
    for (name, value) in conditions {
        note(format!(
            "`{name}:{value}` was left out: it runs once, everywhere"
        ));
    }
}

/// What a change set's statements end at, where that is no semicolon.
fn delimiter(set: &ChangeSet, dialect: Option<Dialect>) -> Option<String> {
    if let Some(delimiter) = set
        .setting("enddelimiter")
        .filter(|delimiter| *delimiter != ";")
    {
        return Some(delimiter.to_owned());
    }
    let whole = set.setting("splitstatements") == Some("false");
    (whole && !is_one_statement(&set.text, dialect)).then(|| "-- end of statement".to_owned())
}

fn change_sets(text: &str) -> Vec<ChangeSet> {
    let mut sets: Vec<ChangeSet> = Vec::new();
    let mut ignored = false;
    let mut in_rollback_block = false;
    for line in text.split_inclusive('\n') {
        let words = mark(line).unwrap_or_default();
        let word = words
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_lowercase();
        if word == "ignorelines:start" || word == "ignorelines:end" {
            ignored = word.ends_with("start");
            continue;
        }
        if ignored {
            continue;
        }
        if word == "changeset" {
            in_rollback_block = false;
            sets.push(change_set(words));
            continue;
        }
        let Some(set) = sets.last_mut() else {
            continue;
        };
        // `/* liquibase rollback` opens a block of its own.
        if line.trim_start().starts_with("/*") && line.to_lowercase().contains("liquibase rollback")
        {
            (in_rollback_block, set.has_way_back) = (true, true);
        }
        if in_rollback_block {
            in_rollback_block = !line.contains("*/");
        } else if word == "rollback" {
            set.has_way_back = true;
        } else if word.starts_with("precondition") {
            set.has_precondition = true;
        } else {
            set.text.push_str(line);
        }
    }
    sets
}

fn change_set(words: &str) -> ChangeSet {
    let mut parts = words.split_whitespace().skip(1);
    let name = parts.next().unwrap_or_default();
    let id = name.split_once(':').map_or(name, |(_, id)| id);
    let mut settings: Vec<(String, String)> = Vec::new();
    for part in parts {
        match part.split_once(':') {
            Some((setting, value)) => {
                settings.push((setting.to_lowercase(), value.trim_matches('"').to_owned()));
            }
            // `runOnChange: false` has a space.
            None => {
                if let Some((_, value)) = settings.last_mut().filter(|(_, value)| value.is_empty())
                {
                    part.trim_matches('"').clone_into(value);
                }
            }
        }
    }
    ChangeSet {
        id: id.to_owned(),
        settings,
        ..ChangeSet::default()
    }
}

/// What a comment of the line says, where it is one.
fn mark(line: &str) -> Option<&str> {
    line.trim().strip_prefix("--").map(str::trim)
}
