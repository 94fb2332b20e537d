//! What a statement's first words say about transactions.

use tidegate_sqlplan::Dialect;

/// The first words of a statement, in lower case, without the comments between them.
pub(super) fn first_words(sql: &str, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while words.len() < count && !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else if rest.starts_with("--") || rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else {
            let end = rest
                .find(|next: char| !(next.is_alphanumeric() || next == '_'))
                .unwrap_or(rest.len());
            let Some((word, behind)) = rest.split_at_checked(end) else {
                break;
            };
            if word.is_empty() {
                break;
            }
            words.push(word.to_lowercase());
            rest = behind;
        }
        rest = rest.trim_start();
    }
    words
}

/// Whether a statement begins or ends a transaction (or a part of one); its first word.
pub(super) fn transaction_control(sql: &str) -> Option<String> {
    let words = first_words(sql, 2);
    let first = words.first()?.as_str();
    let second = words.get(1).map_or("", String::as_str);
    let controls = match first {
        "commit" | "rollback" | "end" | "abort" => true,
        // MariaDB's block begins with the same word.
        "begin" => second != "not",
        "start" | "prepare" => second == "transaction",
        "xa" => true,
        _ => false,
    };
    controls.then(|| first.to_uppercase())
}

/// Whether the statement and the row that counts it can be one transaction.
pub(super) fn can_share_a_transaction(sql: &str, dialect: Dialect) -> bool {
    let words = first_words(sql, 4);
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    if transaction_control(sql).is_some() || matches!(word(0), "savepoint" | "release") {
        return false;
    }
    match dialect {
        Dialect::Sqlite => !matches!(word(0), "pragma" | "vacuum" | "attach" | "detach"),
        Dialect::Postgres => {
            let concurrently = words.iter().any(|word| word == "concurrently")
                || (word(0) == "alter" && sql.to_lowercase().contains("concurrently"));
            let never = match word(0) {
                "vacuum" => true,
                "create" | "drop" => {
                    matches!(word(1), "database" | "tablespace" | "subscription")
                }
                "alter" => {
                    word(1) == "system"
                        || (word(1) == "type" && sql.to_lowercase().contains("add value"))
                }
                "reindex" => matches!(word(1), "database" | "system" | "schema"),
                _ => false,
            };
            !concurrently && !never
        }
        // DDL commits by itself, and what a routine does cannot be seen.
        Dialect::Mysql | Dialect::Mariadb => matches!(
            word(0),
            "insert" | "update" | "delete" | "replace" | "select" | "with" | "values" | "do"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_known_by_their_words() {
        for (sql, expected) in [
            ("BEGIN;", Some("BEGIN")),
            ("/* x */ -- y\n commit", Some("COMMIT")),
            ("START TRANSACTION READ ONLY", Some("START")),
            ("START SLAVE", None),
            ("BEGIN NOT ATOMIC SELECT 1; END", None),
            ("PREPARE s FROM 'x'", None),
            ("PREPARE TRANSACTION 'x'", Some("PREPARE")),
            ("", None),
            ("(SELECT 1)", None),
        ] {
            assert_eq!(transaction_control(sql).as_deref(), expected, "{sql}");
        }
    }

    #[test]
    fn what_cannot_be_in_a_transaction_is_known() {
        for (dialect, sql, expected) in [
            (Dialect::Sqlite, "PRAGMA foreign_keys = off", false),
            (Dialect::Sqlite, "CREATE TABLE t (a)", true),
            (
                Dialect::Postgres,
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                false,
            ),
            (
                Dialect::Postgres,
                "create unique index concurrently i on t (a)",
                false,
            ),
            (Dialect::Postgres, "CREATE INDEX i ON t (a)", true),
            (
                Dialect::Postgres,
                "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
                false,
            ),
            (Dialect::Postgres, "VACUUM t", false),
            (Dialect::Postgres, "ALTER TYPE e ADD VALUE 'x'", false),
            (Dialect::Mariadb, "INSERT INTO t VALUES (1)", true),
            (Dialect::Mariadb, "CREATE TABLE t (a int)", false),
            (Dialect::Mysql, "CALL p()", false),
        ] {
            assert_eq!(can_share_a_transaction(sql, dialect), expected, "{sql}");
        }
    }
}
