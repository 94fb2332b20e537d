//! Flyway: `V1.2__users.sql` forward, `U1.2__users.sql` back, `B1.2__users.sql` all at once, `R__view.sql` whenever it changes.

use super::{ImportError, Note, Step, Tool, Version, file_name, needs_no_transaction, placeholder};

/// A file's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) kind: Kind,
    version: Option<Version>,
    description: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Versioned,
    Undo,
    Baseline,
    Repeatable,
}

impl<'a> Name<'a> {
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let stem = name.strip_suffix(".sql")?;
        let (head, description) = stem.split_once("__")?;
        let mut characters = head.chars();
        let kind = match characters.next()? {
            'V' => Kind::Versioned,
            'U' => Kind::Undo,
            'B' => Kind::Baseline,
            'R' => Kind::Repeatable,
            _ => return None,
        };
        let version = Version::of(characters.as_str());
        let fits = version.is_some() == (kind != Kind::Repeatable);
        (fits && (kind != Kind::Repeatable || head == "R")).then_some(Self {
            kind,
            version,
            description,
        })
    }
}

pub(super) fn steps(
    entries: &[(String, String)],
    notes: &mut Vec<Note>,
) -> Result<Vec<Step>, ImportError> {
    let mut steps = Vec::new();
    let mut repeatable = Vec::new();
    for (path, text) in entries {
        let mut note = |text: &str| {
            notes.push(Note {
                file: path.clone(),
                text: text.to_owned(),
            });
        };
        let name = file_name(path);
        let Some(Name {
            kind,
            version,
            description,
        }) = Name::of(name)
        else {
            let code = [".java", ".class", ".kt", ".jar"];
            if code.iter().any(|end| name.ends_with(end)) && name.starts_with(['V', 'R', 'B']) {
                note("not imported: it is a program, not SQL");
            }
            continue;
        };
        if kind == Kind::Undo {
            note("left out: it is the way back");
            continue;
        }
        if let Some((line, placeholder)) = placeholder(text) {
            return Err(ImportError::Placeholder {
                tool: Tool::Flyway,
                file: path.clone(),
                line,
                placeholder,
            });
        }
        let mut step = Step {
            source: path.clone(),
            version: version.unwrap_or_default(),
            description: description.to_owned(),
            text: text.clone(),
            without_transaction: needs_no_transaction(text) || says_no_transaction(path, entries),
            ..Step::default()
        };
        match kind {
            Kind::Repeatable => {
                note(
                    "runs once, behind all others; when it changes, write the change as a new migration",
                );
                repeatable.push(step);
            }
            Kind::Baseline => {
                note("is a checkpoint: databases that have nothing begin with it");
                step.checkpoint = true;
                "b".clone_into(&mut step.version.suffix);
                steps.push(step);
            }
            Kind::Versioned | Kind::Undo => steps.push(step),
        }
    }
    let versions = steps.iter().map(|step| step.version.clone());
    let last = versions.max_by(|left, right| left.order().cmp(&right.order()));
    repeatable.sort_by(|left, right| left.description.cmp(&right.description));
    let digits = repeatable.len().to_string().len();
    for (number, mut step) in (1..).zip(repeatable) {
        step.version = last.clone().unwrap_or_default();
        step.version.suffix = format!("r{number:0digits$}");
        steps.push(step);
    }
    Ok(steps)
}

/// A script configuration beside the file, `V1__a.sql.conf`.
fn says_no_transaction(path: &str, entries: &[(String, String)]) -> bool {
    let configuration = entries
        .iter()
        .find(|(other, _)| other.strip_suffix(".conf") == Some(path));
    configuration.is_some_and(|(_, text)| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.any(|(key, value)| key.trim() == "executeInTransaction" && value.trim() == "false")
    })
}
