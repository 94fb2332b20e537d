//! A large wanted schema in parts that can be tried out one after another.
//!
//! For each statement that makes something, SQLite goes through all that it has made before: a thousand tables with their indexes take it fifty times as
//! long as a hundred. But a table with its indexes is made without a look at any other table, foreign keys too: whether there is what they refer to
//! is asked when rows come. So where a schema is nothing but tables and indexes, parts of it in an empty database each give the same as the whole in
//! one. Where it is anything else, or a part fails, the whole is tried out as it is, and its errors are those that are told.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_sqlplan::{Dialect, Effect, Name, Script};

/// How many tables a part has: fewer cost more beginnings, more cost more looking.
const TABLES: usize = 50;

/// The statements in parts, each in their order; none where they have to stay together, or are too few to bother.
pub(super) fn parts(statements: &[String]) -> Option<Vec<Vec<String>>> {
    let mut parts: Vec<Vec<String>> = Vec::new();
    let mut part_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for sql in statements {
        let (made, of) = match only_effect(sql)? {
            Effect::CreateTable(it) if !it.temporary && !it.if_not_exists && !it.derived => {
                let table = key(&it.table.name)?;
                let part = part_of.len() / TABLES;
                if part == parts.len() {
                    parts.push(Vec::new());
                }
                part_of.insert(table.clone(), part);
                (table, part)
            }
            Effect::CreateIndex(it) if !it.if_not_exists => {
                let name = key(&Name::from(it.index.name?.as_str()))?;
                (name, *part_of.get(&key(&it.table)?)?)
            }
            _ => return None,
        };
        // The same name twice is an error in the whole, and would be none in parts.
        if !names.insert(made) {
            return None;
        }
        parts.get_mut(of)?.push(sql.clone());
    }
    (parts.len() > 1).then_some(parts)
}

/// What a statement does, where that is one thing.
fn only_effect(sql: &str) -> Option<Effect> {
    let script = Script::new(sql, Dialect::Sqlite);
    let mut statements = script.statements();
    let (statement, None) = (statements.next()?, statements.next()) else {
        return None;
    };
    let mut effects = statement.read().effects.into_iter();
    match (effects.next(), effects.next()) {
        (Some(found), None) => Some(found.effect),
        _ => None,
    }
}

/// A name of this database, as SQLite tells names apart; none where another database is named.
fn key(name: &Name) -> Option<String> {
    let qualified = name.qualifier.is_some();
    (!qualified).then(|| name.key(Dialect::Sqlite))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables with an index each, all indexes behind all tables.
    fn tables(count: usize) -> Vec<String> {
        let tables = (0..count).map(|it| format!("CREATE TABLE t{it} (a int REFERENCES t0 (a))"));
        let indexes = (0..count).map(|it| format!("CREATE INDEX i{it} ON T{it} (a)"));
        tables.chain(indexes).collect()
    }

    #[test]
    fn an_index_goes_with_its_table_and_everything_once() {
        let all = tables(TABLES + 2);
        let parts = parts(&all).unwrap();
        assert_eq!(
            parts.iter().map(Vec::len).collect::<Vec<_>>(),
            [2 * TABLES, 4]
        );
        let last = parts.last().unwrap();
        assert_eq!(
            last.first().unwrap(),
            "CREATE TABLE t50 (a int REFERENCES t0 (a))"
        );
        assert_eq!(last.last().unwrap(), "CREATE INDEX i51 ON T51 (a)");
    }

    #[test]
    fn what_is_not_a_table_or_an_index_keeps_all_together() {
        assert_eq!(parts(&tables(TABLES)), None, "too few");
        for more in [
            "CREATE VIEW v AS SELECT * FROM t1",
            "CREATE TRIGGER r AFTER INSERT ON t1 BEGIN DELETE FROM t2; END",
            "CREATE TABLE t1 (a int)",
            "CREATE TABLE T1 (a int)",
            "CREATE TABLE i1 (a int)",
            "CREATE INDEX i1 ON t2 (a)",
            "CREATE INDEX i ON nowhere (a)",
            "CREATE INDEX IF NOT EXISTS i ON t1 (a)",
            "CREATE TABLE IF NOT EXISTS n (a int)",
            "CREATE TABLE n AS SELECT * FROM t1",
            "CREATE TABLE temp.n (a int)",
            "CREATE TEMPORARY TABLE n (a int)",
            "CREATE VIRTUAL TABLE n USING fts5(a)",
            "ALTER TABLE t1 ADD COLUMN b int",
            "INSERT INTO t1 VALUES (1)",
            "PRAGMA user_version = 1",
        ] {
            let mut all = tables(TABLES + 2);
            all.push(more.to_owned());
            assert_eq!(parts(&all), None, "{more}");
        }
    }
}
