//! What SQLite's shell writes into `.schema` and `.dump` though it makes itself: settings of a connection, SQLite's own tables with what they hold, and
//! the tables behind virtual ones. None of it is anybody's schema, and SQLite refuses to run the most of it.

use tidegate_sqlplan::{Dialect, Script, Statement};

/// Settings of a connection or of a file's format.
const SETTINGS: &[&str] = &[
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "encoding",
    "foreign_keys",
    "journal_mode",
    "mmap_size",
    "page_size",
    "synchronous",
    "temp_store",
    "user_version",
];

/// SQLite's own tables.
const OWN: &[&str] = &["sqlite_sequence", "sqlite_stat1", "sqlite_stat4"];

/// More words than any of these statements is known by.
const HEAD: usize = 9;

/// What a text has of it.
pub(crate) struct Bookkeeping {
    /// The names of tables behind virtual ones, in lower case.
    shadows: Vec<String>,
}

impl Bookkeeping {
    /// Looks which virtual tables a text makes.
    pub(crate) fn of(script: &Script<'_>) -> Self {
        if script.dialect() != Dialect::Sqlite {
            return Self { shadows: vec![] };
        }
        let statements = script.statements();
        let shadows = statements.flat_map(|statement| shadows(&head(&statement)));
        Self {
            shadows: shadows.collect(),
        }
    }

    /// Whether a statement is of it.
    pub(crate) fn has(&self, statement: &Statement<'_>) -> bool {
        if statement.dialect() != Dialect::Sqlite {
            return false;
        }
        let words = head(statement);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["analyze", ..] => true,
            ["pragma", name, ..] => SETTINGS.contains(name),
            ["create", "table", "if", "not", "exists", name, ..]
            | ["create", "table", name, ..] => {
                OWN.contains(name) || self.shadows.iter().any(|it| it == name)
            }
            ["delete", "from", name] | ["insert", "into", name, ..] => OWN.contains(name),
            _ => false,
        }
    }
}

/// The first words in lower case, names without their quotes.
fn head(statement: &Statement<'_>) -> Vec<String> {
    let words = statement
        .sql()
        .split(|it: char| !it.is_alphanumeric() && it != '_');
    let words = words.filter(|word| !word.is_empty());
    words.take(HEAD).map(str::to_ascii_lowercase).collect()
}

/// The tables that a virtual one makes behind itself, as SQLite's own modules name them.
fn shadows(words: &[String]) -> Vec<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (name, module) = match words.as_slice() {
        [
            "create",
            "virtual",
            "table",
            "if",
            "not",
            "exists",
            name,
            "using",
            module,
        ]
        | ["create", "virtual", "table", name, "using", module, ..] => (*name, *module),
        _ => return vec![],
    };
    let suffixes: &[&str] = match module {
        "fts3" | "fts4" => &["content", "segments", "segdir", "docsize", "stat"],
        "fts5" => &["data", "idx", "content", "docsize", "config"],
        "rtree" | "rtree_i32" | "geopoly" => &["node", "rowid", "parent"],
        _ => &[],
    };
    let names = suffixes.iter().map(|suffix| format!("{name}_{suffix}"));
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn left(text: &str, expected: &[&str]) {
        let script = Script::new(text, Dialect::Sqlite);
        let bookkeeping = Bookkeeping::of(&script);
        let statements = script.statements();
        let left: Vec<&str> = statements
            .filter(|statement| !bookkeeping.has(statement))
            .map(|statement| statement.sql())
            .collect();
        assert_eq!(left, expected);
    }

    /// As the shell writes it.
    #[test]
    fn what_makes_itself_is_left_out_of_a_dump() {
        left(
            "PRAGMA foreign_keys=OFF; CREATE TABLE t(id integer primary key autoincrement);
             CREATE TABLE sqlite_sequence(name,seq); CREATE TABLE sqlite_stat1(tbl,idx,stat);
             ANALYZE sqlite_schema; INSERT INTO sqlite_stat1 VALUES('t',NULL,'1');
             DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence VALUES('t',7);",
            &["CREATE TABLE t(id integer primary key autoincrement)"],
        );
        left(
            "CREATE VIRTUAL TABLE \"F\" using fts5(a) /* F(a) */; CREATE TABLE IF NOT EXISTS 'F_data'(id INTEGER PRIMARY KEY, block BLOB);
             CREATE VIRTUAL TABLE IF NOT EXISTS r USING rtree(id,x,y); CREATE TABLE IF NOT EXISTS \"r_node\"(nodeno INTEGER PRIMARY KEY,data);",
            &[
                "CREATE VIRTUAL TABLE \"F\" using fts5(a)",
                "CREATE VIRTUAL TABLE IF NOT EXISTS r USING rtree(id,x,y)",
            ],
        );
    }

    #[test]
    fn what_only_looks_like_it_stays() {
        let text = "CREATE TABLE f_data(a int)";
        left(text, &[text]);
        let text = "DELETE FROM sqlite_sequence WHERE name = 't'";
        left(text, &[text]);
        let text = "PRAGMA recursive_triggers = on";
        left(text, &[text]);
    }
}
