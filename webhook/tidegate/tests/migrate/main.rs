//! `tidegate migrate` as its users run it: the real program, folders on disk, real databases.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is a test; clippy's own exception knows only functions marked so"
)]

mod crash;
mod disk;
mod down;
mod drift;
mod folder;
#[path = "../held/mod.rs"]
mod held;
mod middle;
mod servers;
mod sqlite;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A first file.
const USERS: (&str, &str) = (
    "1_users.sql",
    "CREATE TABLE users (id int PRIMARY KEY);\nINSERT INTO users VALUES (1);\n",
);

/// Three statements of a second one.
const MORE: &str =
    "CREATE TABLE more (a int);\nINSERT INTO users VALUES (2);\nINSERT INTO more VALUES (3);\n";

/// A folder with migrations and room for a database, of this test alone.
struct Place {
    folder: tempfile::TempDir,
}

/// What a run of the program left.
struct Run {
    code: i32,
    out: String,
    error: String,
}

impl Place {
    /// With these files in `migrations`, sealed.
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(place.folder.path().join("migrations")).unwrap();
        place.write(files);
        place
    }

    /// Writes files into `migrations` and seals it.
    fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            fs::write(self.path().join("migrations").join(name), text).unwrap();
        }
        self.run(&["hash"]).fine();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .arg("migrate")
            .args(arguments)
            .current_dir(self.path())
            // Locks of SQLite are files there.
            .env("TMPDIR", self.path())
            .env_remove("TIDEGATE_DATABASE_URL");
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    /// On the database of this place.
    fn on(&self, arguments: &[&str]) -> Run {
        self.at("sqlite://x.db", arguments)
    }

    /// On another database.
    fn at(&self, url: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        Run::of(&command.env("TIDEGATE_DATABASE_URL", url).output().unwrap())
    }

    /// The rows that a query on the database gives, values joined by `|`.
    fn rows(&self, sql: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.path().join("x.db")).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|column| match row.get_ref(column).unwrap() {
                rusqlite::types::ValueRef::Null => "NULL".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Real(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned()
                }
            });
            found.push(values.collect::<Vec<_>>().join("|"));
        }
        found
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Exit code 0, and what it said.
    #[track_caller]
    fn fine(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.error);
        self.out
    }

    /// Exit code 0, and what it said as JSON.
    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.fine()).unwrap()
    }

    /// Exit code 1 with these words on standard error.
    #[track_caller]
    fn refused(self, expected: &str) {
        let all = format!("{}{}", self.out, self.error);
        assert!(
            self.code == 1 && all.contains(expected),
            "{}: {all}",
            self.code
        );
    }

    /// This exit code, and these words on standard error.
    #[track_caller]
    fn error_of(self, code: i32, expected: &str) {
        assert!(
            self.code == code && self.error.contains(expected),
            "{}: {}{}",
            self.code,
            self.out,
            self.error
        );
    }
}
