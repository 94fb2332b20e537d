//! Statements of a wanted schema that would reach outside the scratch database, found before any of them runs.
//!
//! The scratch database is on the server that holds the real one, and the account that makes it can usually write both. So a text that says
//! `shop.users` where it should say `users` would change the real table while it is merely tried out. What is looked for: other databases' names, `USE`,
//! files, other servers, accounts, settings of the server, and texts that are run as SQL, which nobody can read beforehand.
//!
//! It reads tokens, not a grammar, and refuses too much rather than too little. The real database's own name is the exception: a text that is meant for
//! it may say so, and is tried out without it.

use tidegate_sqlplan::{Dialect, Effect, ObjectKind, Script};

use super::tokens::{Token, tokens};

/// Where statements will run.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) dialect: Dialect,
    /// The databases of the server.
    pub(super) databases: &'a [String],
    /// All of the server is theirs, as it holds nothing else.
    pub(super) whole_server: bool,
}

/// Engines whose tables are elsewhere.
const REMOTE_ENGINES: &[&str] = &["federated", "federatedx", "connect", "spider", "s3"];

/// Modes after which quotes mean something else than what was read.
const READING_MODES: &[&str] = &[
    "ansi",
    "no_backslash_escapes",
    "oracle",
    "db2",
    "maxdb",
    "mssql",
    "postgresql",
];

/// Words after which a table, view or routine is named.
const BEFORE_NAMES: &[&str] = &[
    "from",
    "join",
    "straight_join",
    "references",
    "into",
    "table",
    "tables",
    "update",
    "exists",
    "view",
    "trigger",
    "procedure",
    "function",
    "event",
    "sequence",
    "call",
    "to",
    "truncate",
    "ignore",
];

/// What a statement does that it may not, in words that follow "it"; none for one that may run.
pub(super) fn refused(sql: &str, surroundings: &Surroundings<'_>) -> Option<String> {
    by_effect(sql, surroundings).or_else(|| {
        let tokens = tokens(sql);
        by_word(&tokens, surroundings).or_else(|| {
            (!surroundings.whole_server)
                .then(|| other_database(&tokens, surroundings.databases))
                .flatten()
        })
    })
}

fn by_effect(sql: &str, surroundings: &Surroundings<'_>) -> Option<String> {
    let script = Script::new(sql, surroundings.dialect);
    let readings: Vec<_> = script
        .statements()
        .map(|statement| statement.read())
        .collect();
    readings
        .iter()
        .flat_map(|reading| &reading.effects)
        .find_map(|found| match &found.effect {
            Effect::Privilege { what } => Some(format!("changes accounts or rights ({what})")),
            Effect::FileAccess { what } => {
                Some(format!("reaches files, programs or other servers ({what})"))
            }
            Effect::ServerSetting { what } if what.starts_with("ALTER DATABASE") => None,
            Effect::ServerSetting { what } => Some(format!("changes the server ({what})")),
            Effect::SessionSetting { what }
                if what == "SET NAMES" || what == "SET CHARACTER SET" =>
            {
                Some(format!("changes how texts are read ({what})"))
            }
            Effect::DynamicSql { what } if !found.nested => {
                Some(format!("runs a text as SQL ({what})"))
            }
            Effect::Create { kind, .. } | Effect::Drop { kind, .. }
                if matches!(kind, ObjectKind::Database | ObjectKind::Schema)
                    && !surroundings.whole_server =>
            {
                Some("makes or drops a database, where the url names one".to_owned())
            }
            _ => None,
        })
}

fn by_word(tokens: &[Token], surroundings: &Surroundings<'_>) -> Option<String> {
    let at = |index: usize| tokens.get(index);
    let first = |word: &str| at(0).is_some_and(|token| token.is(word));
    let has = |index: usize, word: &str| at(index).is_some_and(|token| token.is(word));
    if first("use") && !surroundings.whole_server {
        return Some("goes to another database (USE)".to_owned());
    }
    if first("call") {
        return Some(
            "runs a routine, whose statements cannot be read beforehand (CALL)".to_owned(),
        );
    }
    if first("prepare") || first("execute") {
        return Some("runs a text as SQL (PREPARE, EXECUTE)".to_owned());
    }
    if first("alter")
        && (has(1, "database") || has(1, "schema"))
        && !surroundings.whole_server
        && !["character", "charset", "collate", "default", "comment"]
            .iter()
            .any(|word| has(2, word))
    {
        return Some("names the database that it alters; leave the name out".to_owned());
    }
    for (index, token) in tokens.iter().enumerate() {
        if token.is("engine") {
            let next = if at(index + 1) == Some(&Token::Symbol('=')) {
                index + 2
            } else {
                index + 1
            };
            if let Some(engine) = REMOTE_ENGINES.iter().find(|engine| has(next, engine)) {
                return Some(format!("makes a table that is elsewhere (engine {engine})"));
            }
        }
    }
    None
}

/// Modes are texts, and are looked at as such.
pub(super) fn sets_reading_mode(sql: &str) -> bool {
    let text = sql.to_ascii_lowercase();
    text.trim_start().starts_with("set")
        && text.contains("sql_mode")
        && READING_MODES.iter().any(|mode| text.contains(mode))
}

fn other_database(tokens: &[Token], databases: &[String]) -> Option<String> {
    let named = (0..tokens.len()).find_map(|index| database_at(tokens, index, databases))?;
    Some(format!(
        "names the database `{named}`; leave it out, the schema is tried out in another one"
    ))
}

/// The database that is named here, before a dot and the name of something in it.
pub(super) fn database_at<'a>(
    tokens: &'a [Token],
    index: usize,
    databases: &[String],
) -> Option<&'a str> {
    let name = |index: usize| match tokens.get(index) {
        Some(Token::Name(name)) => Some(name.as_str()),
        _ => None,
    };
    let dot = |index: usize| tokens.get(index) == Some(&Token::Symbol('.'));
    let (Some(first), true, Some(_)) = (name(index), dot(index + 1), name(index + 2)) else {
        return None;
    };
    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
    if matches!(before, Some(Token::Symbol('.' | '@')))
        || first.eq_ignore_ascii_case("new")
        || first.eq_ignore_ascii_case("old")
        // It can only be read, and says nothing that the account may not see.
        || first.eq_ignore_ascii_case("information_schema")
    {
        return None;
    }
    let known = databases
        .iter()
        .any(|database| database.eq_ignore_ascii_case(first));
    let alone = (0..tokens.len()).any(|other| {
        name(other).is_some_and(|name| name.eq_ignore_ascii_case(first)) && !dot(other + 1)
    });
    let of_three = dot(index + 3) && name(index + 4).is_some();
    (of_three || names_object(tokens, index) || (known && !alone)).then_some(first)
}

/// Whether what begins here is the name of a table or routine rather than a column of one.
fn names_object(tokens: &[Token], index: usize) -> bool {
    let word = |index: usize, word: &str| tokens.get(index).is_some_and(|token| token.is(word));
    let Some(before) = index.checked_sub(1) else {
        return false;
    };
    if word(before, "on") {
        // Of a trigger or an index; elsewhere it is a condition.
        return (word(0, "create") || word(0, "drop"))
            && tokens
                .iter()
                .take(before)
                .any(|token| token.is("trigger") || token.is("index"))
            && !tokens.iter().take(before).any(|token| token.is("on"));
    }
    if word(before, "like") {
        return word(0, "create") && before < 8;
    }
    if word(before, "update") && before.checked_sub(1).is_some_and(|key| word(key, "key")) {
        return false; // ON DUPLICATE KEY UPDATE
    }
    if word(before, "from") && in_function(tokens, before) {
        return false;
    }
    BEFORE_NAMES.iter().any(|known| word(before, known))
}

/// `extract(year from ..)` and the like.
fn in_function(tokens: &[Token], from: usize) -> bool {
    let mut depth = 0_usize;
    for index in (0..from).rev() {
        match tokens.get(index) {
            Some(Token::Symbol(')')) => depth += 1,
            Some(Token::Symbol('(')) if depth > 0 => depth -= 1,
            Some(Token::Symbol('(')) => {
                let function = index.checked_sub(1).and_then(|index| tokens.get(index));
                return function.is_some_and(|token| {
                    ["extract", "trim", "substring", "substr", "mid"]
                        .iter()
                        .any(|known| token.is(known))
                });
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str) -> Option<String> {
        let databases = ["shop".to_owned(), "users".to_owned()];
        let surroundings = Surroundings {
            dialect: Dialect::Mariadb,
            databases: &databases,
            whole_server: false,
        };
        refused(sql, &surroundings)
    }

    #[test]
    fn what_stays_inside_may_run() {
        for sql in [
            "CREATE TABLE users (id int, price decimal(10.2) DEFAULT 1.5, CHECK (users.id > 0))",
            "CREATE VIEW v AS SELECT u.id, users.id FROM users u JOIN users ON u.id = users.id",
            "CREATE VIEW v AS SELECT extract(year FROM u.day), trim(both 'x' from u.name) FROM users u",
            "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW SET NEW.a = OLD.a",
            "CREATE PROCEDURE p() BEGIN PREPARE s FROM 'SELECT 1'; END",
            "INSERT INTO users VALUES ('shop.users')",
            "SET FOREIGN_KEY_CHECKS = 0",
            "SET @@session.foreign_key_checks = 0",
            "SET NAMES utf8mb4",
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "LOCK TABLES users WRITE",
            "CREATE TABLE a (id int) -- shop.users\n",
            "SELECT 1 FROM dual",
            "CREATE VIEW v AS SELECT table_name FROM information_schema.tables",
            "CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW INSERT INTO log VALUES (1) ON DUPLICATE KEY UPDATE log.a = 2",
        ] {
            assert_eq!(check(sql), None, "{sql}");
        }
    }

    #[test]
    fn what_reaches_outside_is_refused_and_named() {
        for (sql, why) in [
            ("USE shop", "USE"),
            ("CREATE TABLE shop.users (id int)", "`shop`"),
            ("CREATE TABLE `other`.users (id int)", "`other`"),
            ("DROP TABLE IF EXISTS other.t", "`other`"),
            ("INSERT INTO other.t VALUES (1)", "`other`"),
            ("CREATE VIEW v AS SELECT * FROM a, shop.orders", "`shop`"),
            ("CREATE VIEW v AS SELECT other.t.id FROM x", "`other`"),
            ("CREATE TABLE t (id int REFERENCES other.t (id))", "`other`"),
            (
                "CREATE TRIGGER t BEFORE INSERT ON other.t FOR EACH ROW SET @a = 1",
                "`other`",
            ),
            ("CREATE INDEX i ON other.t (a)", "`other`"),
            ("/*!50100 DROP TABLE other.t */", "`other`"),
            ("CREATE DATABASE d", "database"),
            ("DROP DATABASE shop", "database"),
            ("ALTER DATABASE shop CHARACTER SET utf8mb4", "alters"),
            ("GRANT ALL ON *.* TO x", "GRANT"),
            ("CREATE USER x", "CREATE USER"),
            ("LOAD DATA INFILE 'x' INTO TABLE t", "LOAD"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", "OUTFILE"),
            ("SELECT load_file('/etc/passwd')", "load_file"),
            ("SET GLOBAL max_connections = 1", "SET GLOBAL"),
            ("PREPARE s FROM 'DROP TABLE x'", "PREPARE"),
            ("CALL p()", "CALL"),
            ("CREATE TABLE t (a int) ENGINE=FEDERATED", "federated"),
            (
                "CREATE TABLE t (a int) CONNECTION='mysql://x'",
                "CONNECTION",
            ),
            (
                "CREATE TABLE t (a int) DATA DIRECTORY='/x'",
                "DATA DIRECTORY",
            ),
            (
                "ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (9) DATA DIRECTORY='/x')",
                "DATA DIRECTORY",
            ),
            ("SET NAMES gbk", "SET NAMES"),
            ("SHUTDOWN", "SHUTDOWN"),
        ] {
            let refused = check(sql);
            assert!(
                refused.as_deref().is_some_and(|said| said.contains(why)),
                "{sql}: {refused:?}"
            );
        }
        assert!(sets_reading_mode("SET SESSION sql_mode = 'ANSI_QUOTES'"));
        assert!(!sets_reading_mode("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"));
    }
}
