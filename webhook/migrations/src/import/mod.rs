//! Folders written for other tools, as a directory of this format.
//!
//! What runs on the way forward is kept, word for word where that means the same to Atlas; what is lost on the way is named in a [`Note`], and what
//! would change its meaning (a placeholder that the other tool fills in) is an error. The way back is left out: it is run by hand, by its own tool.
//!
//! Other tools compare versions as numbers, Atlas as texts. Where that makes a difference (`9` and `10`) every number is filled up with zeros.

mod flyway;
mod liquibase;
mod marked;
mod numbered;

use std::fmt;

use tidegate_sqlplan::{Dialect, Script};

use crate::directory::{Directory, DirectoryError, File};

/// Whose folder it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `V1__users.sql`.
    Flyway,
    /// `1_users.up.sql`, `1_users.down.sql`.
    GolangMigrate,
    /// `-- +goose Up`.
    Goose,
    /// `-- migrate:up`.
    Dbmate,
    /// `--liquibase formatted sql`.
    Liquibase,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Flyway,
        Self::GolangMigrate,
        Self::Goose,
        Self::Dbmate,
        Self::Liquibase,
    ];

    /// Its name, as Atlas has it in `?format=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flyway => "flyway",
            Self::GolangMigrate => "golang-migrate",
            Self::Goose => "goose",
            Self::Dbmate => "dbmate",
            Self::Liquibase => "liquibase",
        }
    }

    /// Whose folder this is, by the names in it and the marks in its files.
    pub fn detect(entries: &[(String, String)]) -> Option<Self> {
        let any = |is: &dyn Fn(&str, &str) -> bool| {
            entries.iter().any(|(path, text)| is(file_name(path), text))
        };
        let marks = |text: &str, mark: &str| text.lines().any(|line| marked::is(line, mark));
        if any(&|name, _| name.ends_with(".up.sql")) {
            Some(Self::GolangMigrate)
        } else if any(&|_, text| marks(text, "-- +goose up")) {
            Some(Self::Goose)
        } else if any(&|_, text| marks(text, "-- migrate:up")) {
            Some(Self::Dbmate)
        } else if any(&|_, text| liquibase::is_formatted(text)) {
            Some(Self::Liquibase)
        } else if any(&|name, _| flyway::Name::of(name).is_some()) {
            Some(Self::Flyway)
        } else {
            None
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A folder of another tool, taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The migrations, in order.
    pub files: Vec<File>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file of the other tool.
    pub file: String,
    /// What became of it.
    pub text: String,
}

/// Why a folder cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No file is one of this tool's.
    #[error("no migration of {tool} among the files")]
    Nothing {
        /// The tool.
        tool: Tool,
    },
    /// The other tool fills something in.
    #[error(
        "{file}, line {line}: {tool} fills in the placeholder {placeholder}, nobody here does: write the value in its place"
    )]
    Placeholder {
        /// The tool.
        tool: Tool,
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// As written.
        placeholder: String,
    },
    /// A mark that the format asks for is not there, or not where it means something.
    #[error("{file}: {problem}")]
    Marks {
        /// The file.
        file: String,
        /// What is missing.
        problem: &'static str,
    },
    /// What came out is no directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Takes over a folder: paths below it with their texts. The dialect, where it is known, says how statements are cut.
///
/// # Errors
/// When something would not run as it did.
pub fn import(
    tool: Tool,
    entries: &[(String, String)],
    dialect: Option<Dialect>,
) -> Result<Imported, ImportError> {
    let mut notes = Vec::new();
    let steps = match tool {
        Tool::Flyway => flyway::steps(entries, &mut notes)?,
        Tool::GolangMigrate => numbered::steps(entries, &mut notes),
        Tool::Goose => marked::goose(entries, dialect, &mut notes)?,
        Tool::Dbmate => marked::dbmate(entries, &mut notes)?,
        Tool::Liquibase => liquibase::steps(entries, dialect, &mut notes)?,
    };
    if steps.is_empty() {
        return Err(ImportError::Nothing { tool });
    }
    let files = files(steps, &mut notes);
    let entries = files
        .iter()
        .map(|file| (file.name().to_owned(), file.text().to_owned()));
    Directory::new(entries).validate()?;
    Ok(Imported { files, notes })
}

/// A migration of another tool on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Step {
    /// Where it was.
    source: String,
    version: Version,
    description: String,
    text: String,
    /// It asks not to run in a transaction.
    without_transaction: bool,
    /// It makes at once what those before it made.
    checkpoint: bool,
    /// Where its statements end, if not at semicolons.
    delimiter: Option<String>,
}

impl Step {
    /// What its file is called.
    fn name(&self, filled: Option<Filled>) -> String {
        let version = self.version.text(filled);
        let plain = |next: char| {
            if next.is_alphanumeric() || "-_.".contains(next) {
                next
            } else {
                '_'
            }
        };
        let description: String = self.description.chars().map(plain).collect();
        if description.is_empty() {
            format!("{version}.sql")
        } else {
            format!("{version}_{description}.sql")
        }
    }
}

/// A version as other tools compare it: number by number, then by what is behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Version {
    /// As it stands in the name there.
    written: String,
    numbers: Vec<u64>,
    /// A letter of ours, for what has no version there: in a file's name it sorts behind the underscore that ends a version.
    suffix: String,
}

impl Version {
    fn of(text: &str) -> Option<Self> {
        let parts = text.split(['.', '_', '-']);
        let numbers: Option<Vec<u64>> = parts.map(|part| part.parse().ok()).collect();
        Some(Self {
            // An underscore would end the version here.
            written: text.replace('_', "."),
            numbers: numbers?,
            suffix: String::new(),
        })
    }

    fn order(&self) -> (&[u64], &str) {
        (&self.numbers, &self.suffix)
    }

    /// As it was written, or with as many numbers as asked for, each filled up.
    fn text(&self, filled: Option<Filled>) -> String {
        let Some(Filled { parts, width }) = filled else {
            return format!("{}{}", self.written, self.suffix);
        };
        let numbers = self.numbers.iter().copied().chain(std::iter::repeat(0));
        let numbers: Vec<String> = numbers
            .take(parts)
            .map(|number| format!("{number:0width$}"))
            .collect();
        numbers.join(".") + &self.suffix
    }
}

/// How versions are made comparable as texts.
#[derive(Debug, Clone, Copy)]
struct Filled {
    /// Numbers of each.
    parts: usize,
    /// Digits of each number.
    width: usize,
}

/// Steps in their order as files, whose names sort in that order too.
fn files(mut steps: Vec<Step>, notes: &mut Vec<Note>) -> Vec<File> {
    steps.sort_by(|left, right| left.version.order().cmp(&right.version.order()));
    let longest = |of: &dyn Fn(&Step) -> usize| steps.iter().map(of).max().unwrap_or_default();
    let digits = |step: &Step| {
        let numbers = step.version.numbers.iter();
        numbers
            .map(|number| number.to_string().len())
            .max()
            .unwrap_or_default()
    };
    let filled = Filled {
        parts: longest(&|step| step.version.numbers.len()),
        width: longest(&digits),
    };
    let sorts = steps.is_sorted_by_key(|step| step.name(None));
    let filled = (!sorts).then_some(filled);
    if let Some(Filled { width, .. }) = filled {
        notes.push(Note {
            file: String::new(),
            text: format!("versions were filled up with zeros to {width} digits, because Atlas compares them as texts"),
        });
    }
    let file = |step: Step| {
        let name = step.name(filled);
        let mut directives = String::new();
        // The delimiter is read from the very first line.
        for (wanted, line) in [
            (
                step.delimiter.is_some(),
                format!(
                    "-- atlas:delimiter {}\n",
                    step.delimiter.as_deref().unwrap_or_default()
                ),
            ),
            (step.checkpoint, "-- atlas:checkpoint\n".to_owned()),
            (
                step.without_transaction,
                "-- atlas:txmode none\n".to_owned(),
            ),
        ] {
            if wanted {
                directives.push_str(&line);
            }
        }
        if !directives.is_empty() {
            directives.push('\n');
        }
        let text = step.text.trim_matches(['\n', '\r']);
        File::new(name, format!("{directives}{text}\n"))
    };
    steps.into_iter().map(file).collect()
}

/// The part of a path behind its last slash.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The text without a transaction of its own around everything: here each file is one anyway.
fn without_own_transaction(text: &str) -> Option<String> {
    let code = |line: &str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("--")
    };
    let is = |line: &str, words: &[&str]| {
        let line = line.trim().trim_end_matches(';').trim_end();
        words.iter().any(|word| line.eq_ignore_ascii_case(word))
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = lines.iter().position(|line| code(line))?;
    let last = lines.iter().rposition(|line| code(line))?;
    let opens = is(
        lines.get(first)?,
        &[
            "begin",
            "begin transaction",
            "begin work",
            "start transaction",
        ],
    );
    let closes = is(
        lines.get(last)?,
        &["commit", "commit transaction", "commit work", "end"],
    );
    (opens && closes && first < last).then(|| {
        let inner = lines.iter().enumerate();
        let inner = inner.filter(|(index, _)| *index != first && *index != last);
        inner.map(|(_, line)| *line).collect()
    })
}

/// Tools that see for themselves that a statement cannot run in a transaction.
fn needs_no_transaction(text: &str) -> bool {
    let code = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    code.flat_map(|line| line.split(|next: char| !next.is_alphanumeric()))
        .any(|word| word.eq_ignore_ascii_case("concurrently"))
}

/// Whether a text is one statement to the splitter, for the dialect or, where that is not known, for any.
fn is_one_statement(text: &str, dialect: Option<Dialect>) -> bool {
    let one = |dialect: &Dialect| {
        let script = Script::new(text, *dialect);
        script.problems().is_empty() && script.statements().count() == 1
    };
    match dialect {
        Some(dialect) => one(&dialect),
        None => Dialect::ALL.iter().any(one),
    }
}

/// The first `${..}` of a text and its line.
fn placeholder(text: &str) -> Option<(usize, String)> {
    let (line, found) = (1..)
        .zip(text.lines())
        .find_map(|(number, line)| Some((number, line.split_once("${")?.1)))?;
    let (name, _) = found.split_once('}')?;
    Some((line, format!("${{{name}}}")))
}

#[cfg(test)]
mod tests;
