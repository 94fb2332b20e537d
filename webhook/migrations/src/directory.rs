//! A folder of migrations as names and texts.

use crate::directive::Directives;
use crate::sum::{SUM_FILE, Sum, SumError};

/// The most files of one directory.
const MOST_FILES: usize = 20_000;

/// A folder of migrations: its files that end in `.sql`, by name, and its `atlas.sum`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    files: Vec<File>,
    sum: Option<String>,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    name: String,
    text: String,
}

/// Why a folder cannot be worked with, whatever is in the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Two files would write the same revision.
    #[error("{first} and {second} have the same version {version:?}: give one of them another")]
    DuplicateVersion {
        /// What their names begin with.
        version: String,
        /// The first file.
        first: String,
        /// The second file.
        second: String,
    },
    /// A name that says no version.
    #[error("{name} has no version: its name must begin with one")]
    NoVersion {
        /// The file.
        name: String,
    },
    /// More files than are read.
    #[error("the folder has {found} migrations, more than the {MOST_FILES} that are read")]
    TooMany {
        /// How many.
        found: usize,
    },
}

impl Directory {
    /// Takes what belongs to a directory out of a folder's (or a `ConfigMap`'s) entries; everything else is ignored, as Atlas does.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut sum = None;
        let mut files: Vec<File> = Vec::new();
        for (name, text) in entries {
            if name == SUM_FILE {
                sum = Some(text);
            } else if name.strip_suffix(".sql").is_some() && !name.contains('/') {
                // Names nearly always come in order.
                let place = files.partition_point(|file| file.name < name);
                if files.get(place).is_none_or(|other| other.name != name) {
                    files.insert(place, File { name, text });
                }
            }
        }
        Self { files, sum }
    }

    /// The migrations in the order of their names, which is the order in which they run. Names are compared byte by byte: `10.sql` is before `9.sql`.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The text of `atlas.sum`.
    pub fn sum_text(&self) -> Option<&str> {
        self.sum.as_deref()
    }

    /// What `atlas.sum` should say.
    pub fn sum(&self) -> Sum {
        Sum::of(&self.files)
    }

    /// Whether `atlas.sum` is there and right. A folder with no migrations needs none.
    pub fn verify(&self) -> Result<(), SumError> {
        match self.sum_text() {
            None if self.files.is_empty() => Ok(()),
            None => Err(SumError::Missing),
            Some(text) => Sum::parse(text)?.compare(&self.sum()),
        }
    }

    /// Whether every file has a version of its own.
    pub fn validate(&self) -> Result<(), DirectoryError> {
        if self.files.len() > MOST_FILES {
            return Err(DirectoryError::TooMany {
                found: self.files.len(),
            });
        }
        for (index, file) in self.files.iter().enumerate() {
            let version = file.version();
            if version.is_empty() {
                return Err(DirectoryError::NoVersion {
                    name: file.name.clone(),
                });
            }
            // Names that begin alike stand together.
            let behind = self.files.iter().skip(index + 1);
            let mut alike = behind.take_while(|other| other.name.starts_with(version));
            if let Some(second) = alike.find(|other| other.version() == version) {
                return Err(DirectoryError::DuplicateVersion {
                    version: version.to_owned(),
                    first: file.name.clone(),
                    second: second.name.clone(),
                });
            }
        }
        Ok(())
    }
}

impl File {
    /// With this name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Its name in the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name up to the first underscore, without `.sql`. Any text is a version.
    pub fn version(&self) -> &str {
        let stem = self.name.strip_suffix(".sql").unwrap_or(&self.name);
        stem.split_once('_').map_or(stem, |(version, _)| version)
    }

    /// The name from behind the first underscore, without `.sql`.
    pub fn description(&self) -> &str {
        let stem = self.name.strip_suffix(".sql").unwrap_or(&self.name);
        stem.split_once('_').map_or("", |(_, rest)| rest)
    }

    /// What its first comments ask for.
    pub fn directives(&self) -> Directives {
        Directives::of(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_version_and_description() {
        for (name, version, description) in [
            ("1.sql", "1", ""),
            (
                "20261121180000_add_users.sql",
                "20261121180000",
                "add_users",
            ),
            ("2.10.x-20_a_b.sql", "2.10.x-20", "a_b"),
            ("_x.sql", "", "x"),
            ("v1_.sql", "v1", ""),
            ("1_a.sql.sql", "1", "a.sql"),
        ] {
            let file = File::new(name, "");
            assert_eq!(
                (file.version(), file.description()),
                (version, description),
                "{name}"
            );
        }
    }

    #[test]
    fn only_migrations_and_the_sum_belong_to_a_directory() {
        let entries = [
            "b.sql",
            "a.sql",
            "README.md",
            "atlas.sum",
            "sub/c.sql",
            "d.SQL",
        ];
        let directory = Directory::new(entries.map(|name| (name.to_owned(), name.to_owned())));
        let names: Vec<&str> = directory.files().iter().map(File::name).collect();
        assert_eq!(names, ["a.sql", "b.sql"]);
        assert_eq!(directory.sum_text(), Some("atlas.sum"));
    }

    #[test]
    fn a_version_is_said_once() {
        let check = |names: &[&str], expected: Option<&str>| {
            let directory =
                Directory::new(names.iter().map(|name| ((*name).to_owned(), String::new())));
            let problem = directory.validate().err().map(|error| error.to_string());
            assert!(
                problem
                    .as_deref()
                    .unwrap_or_default()
                    .starts_with(expected.unwrap_or_default())
                    && problem.is_some() == expected.is_some(),
                "{names:?}: {problem:?}"
            );
        };
        check(&["1_a.sql", "2_a.sql", "10_a.sql"], None);
        check(
            &["1_a.sql", "1_b.sql"],
            Some("1_a.sql and 1_b.sql have the same version \"1\""),
        );
        check(&["_a.sql"], Some("_a.sql has no version"));
    }
}
