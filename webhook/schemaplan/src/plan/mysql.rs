//! MySQL and MariaDB.
//!
//! Nothing here is transactional, so the order is one in which a plan that stops half-way leaves a schema that works as far as it goes, and
//! planning again goes on from there: what is in the way goes first (triggers and foreign keys that change), then tables are made and
//! changed, those that are referred to before those that refer, then what is no longer wanted goes, then views, routines and triggers come.
//!
//! Of two tables that refer to each other one gets its foreign key at the end. The order of existing columns is not planned, as Atlas does not plan it:
//! moving one copies the table and changes nothing that a query by name sees. A new one comes where the wanted table has it.

mod alter;
mod columns;
mod kept;
mod keys;
mod narrow;
mod nowhere;
mod objects;
mod order;
mod renames;
mod sequences;
mod tables;
mod text;

use self::objects::Objects;
use self::tables::Work;
use crate::catalog::Catalog;
use crate::diff::Change;
use crate::plan::{Plan, Refusal, Statement};
use crate::settings::{RenameHint, Settings};

/// A table by the name of its schema and its own.
type Name<'a> = (&'a str, &'a str);

/// See [`crate::plan()`].
pub(super) fn plan(
    current: &Catalog,
    desired: &Catalog,
    changes: &[Change<'_>],
    settings: &Settings,
) -> Result<Plan, Vec<Refusal>> {
    let dialect = desired.engine.dialect;
    let mut refusals = nowhere::refused(changes, current, desired, settings);
    refusals.extend(renames::refused(dialect, changes));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut work = Work::new(dialect, changes);
    work.lift_foreign_keys(current, desired);
    let objects = Objects::new(dialect, changes, current, desired)?;

    let mut statements = work.renames();
    statements.extend(objects.in_the_way());
    statements.extend(work.foreign_keys_dropped());
    statements.extend(work.schemas());
    // Tables and sequences share their names, so that one may stand where the other is to come.
    let becomes_sequence = |name| objects.makes_sequence(name);
    let becomes_table = |name| work.created.contains_key(&name);
    statements.extend(work.tables_dropped(becomes_sequence));
    statements.extend(objects.sequences_dropped(becomes_table));
    statements.extend(objects.sequences());
    statements.extend(work.tables());
    statements.extend(work.tables_dropped(|name| !becomes_sequence(name)));
    statements.extend(objects.sequences_dropped(|name| !becomes_table(name)));
    statements.extend(objects.made());
    statements.extend(work.schemas_dropped());
    Ok(Plan {
        statements,
        not_managed: objects::not_managed(current, desired),
    })
}

/// Renames of columns whose names differ in upper and lower case only: to these servers they are one name, and must not be dropped and added.
pub(super) fn respelled(current: &Catalog, desired: &Catalog) -> Vec<RenameHint> {
    let mut hints = Vec::new();
    for (schema, content) in &current.schemas {
        let dot = if schema.is_empty() { "" } else { "." };
        for (name, table) in &content.tables {
            let wanted = desired
                .schemas
                .get(schema)
                .and_then(|content| content.tables.get(name));
            let Some(wanted) = wanted else {
                continue;
            };
            for column in table.columns.keys() {
                if wanted.columns.contains_key(column) {
                    continue;
                }
                let mut names = wanted.columns.keys();
                let other = names.find(|other| other.to_lowercase() == column.to_lowercase());
                hints.extend(other.map(|other| RenameHint {
                    from: format!("{schema}{dot}{name}.{column}"),
                    to: other.clone(),
                }));
            }
        }
    }
    hints
}

fn statement(sql: String, destructive: bool, purpose: String) -> Statement {
    Statement {
        sql,
        destructive,
        alone: false,
        together: false,
        purpose,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{
        Check, Column, Engine, ForeignKey, Generated, Index, IndexPart, PrimaryKey, Schema, Table,
    };
    use crate::plan::plan;
    use crate::settings::Skip;
    use tidegate_sqlplan::Dialect;

    fn catalog(dialect: Dialect, table: Table) -> Catalog {
        let mut schema = Schema::default();
        schema.tables.insert("t".to_owned(), table);
        let engine = Engine {
            dialect,
            version: (8, 0),
        };
        let mut catalog = Catalog::empty(engine);
        catalog.schemas.insert(String::new(), schema);
        catalog
    }

    fn table() -> Table {
        let mut table = Table::default();
        for name in ["a", "b"] {
            let column = Column {
                data_type: "int".to_owned(),
                ..Column::default()
            };
            table.columns.insert(name.to_owned(), column);
        }
        table.primary_key = Some(PrimaryKey {
            parts: vec![IndexPart {
                column: Some("a".to_owned()),
                ..IndexPart::default()
            }],
            ..PrimaryKey::default()
        });
        table
    }

    #[track_caller]
    fn check(dialect: Dialect, old: Table, new: Table, expected: &[&str]) {
        let (old, new) = (catalog(dialect, old), catalog(dialect, new));
        let planned = plan(&old, &new, &Settings::default()).unwrap();
        let statements: Vec<&str> = planned
            .statements
            .iter()
            .map(|statement| statement.sql.as_str())
            .collect();
        assert_eq!(statements, expected);
    }

    /// What is MySQL's alone, and which no server of ours can try.
    #[test]
    fn mysql_has_words_of_its_own() {
        let mut old = table();
        let mut new = table();
        old.checks.insert(
            "c".to_owned(),
            Check {
                expression: "`a` > 0".to_owned(),
                ..Check::default()
            },
        );
        new.checks.insert(
            "c".to_owned(),
            Check {
                expression: "`a` > 0".to_owned(),
                attributes: "NOT ENFORCED".to_owned(),
                ..Check::default()
            },
        );
        let mut index = Index {
            parts: vec![IndexPart {
                expression: Some("lower(`b`)".to_owned()),
                descending: true,
                ..IndexPart::default()
            }],
            ..Index::default()
        };
        index.options.insert("ignored".to_owned(), String::new());
        new.indexes.insert("i".to_owned(), index.clone());
        new.columns.insert(
            "g".to_owned(),
            Column {
                data_type: "int".to_owned(),
                generated: Some(Generated {
                    expression: "`a` + 1".to_owned(),
                    stored: true,
                }),
                ..Column::default()
            },
        );
        check(
            Dialect::Mysql,
            old,
            new.clone(),
            &[
                "ALTER TABLE `t` DROP CHECK `c`, ADD COLUMN `g` int GENERATED ALWAYS AS (`a` + 1) STORED NOT NULL, \
                 ADD INDEX `i` ((lower(`b`)) DESC) INVISIBLE, ADD CONSTRAINT `c` CHECK (`a` > 0) NOT ENFORCED",
            ],
        );
        let mut visible = new.clone();
        index.options.clear();
        visible.indexes.insert("i".to_owned(), index);
        check(
            Dialect::Mysql,
            new.clone(),
            visible.clone(),
            &["ALTER TABLE `t` ALTER INDEX `i` VISIBLE"],
        );
        check(
            Dialect::Mariadb,
            new,
            visible,
            &["ALTER TABLE `t` ALTER INDEX `i` NOT IGNORED"],
        );
    }

    #[test]
    fn an_engine_that_keeps_nothing_loses_the_rows() {
        let of = |engine: &str| {
            let mut table = table();
            table.options.insert("engine".to_owned(), engine.to_owned());
            catalog(Dialect::Mysql, table)
        };
        let lost = |from: &str, to: &str| {
            let (old, new) = (of(from), of(to));
            plan(&old, &new, &Settings::default())
                .unwrap()
                .is_destructive()
        };
        assert!(lost("InnoDB", "BLACKHOLE"));
        assert!(!lost("InnoDB", "MyISAM"));
        assert!(!lost("BLACKHOLE", "InnoDB"));
    }

    #[test]
    fn a_table_that_stays_though_it_is_not_wanted_lets_go_of_what_changes() {
        let mut old = catalog(Dialect::Mariadb, table());
        let mut new = catalog(Dialect::Mariadb, table());
        let mut child = table();
        child.foreign_keys.insert(
            "fk".to_owned(),
            ForeignKey {
                columns: vec!["b".to_owned()],
                table: "t".to_owned(),
                referred: vec!["a".to_owned()],
                ..ForeignKey::default()
            },
        );
        let tables = |catalog: &mut Catalog, name: &str, table: Table| {
            let schema = catalog.schemas.entry(String::new()).or_default();
            schema.tables.insert(name.to_owned(), table);
        };
        tables(&mut old, "c", child);
        let mut wider = table();
        "bigint".clone_into(&mut wider.columns["a"].data_type);
        tables(&mut new, "t", wider);
        let skipping = Settings {
            skip: Skip {
                drop_table: true,
                ..Skip::default()
            },
            ..Settings::default()
        };
        let planned = plan(&old, &new, &skipping).unwrap();
        let statements: Vec<&str> = planned
            .statements
            .iter()
            .map(|statement| statement.sql.as_str())
            .collect();
        assert_eq!(
            statements,
            [
                "ALTER TABLE `c` DROP FOREIGN KEY `fk`",
                "ALTER TABLE `t` MODIFY COLUMN `a` bigint NOT NULL",
                "ALTER TABLE `c` ADD CONSTRAINT `fk` FOREIGN KEY (`b`) REFERENCES `t` (`a`)",
            ]
        );
    }

    #[test]
    fn mysql_renames_no_column_that_another_is_computed_from_and_makes_one_fulltext_index_at_a_time()
     {
        let mut old = table();
        let generated = Generated {
            expression: "`b` + 1".to_owned(),
            stored: false,
        };
        let computed = Column {
            data_type: "int".to_owned(),
            generated: Some(generated),
            ..Column::default()
        };
        old.columns.insert("g".to_owned(), computed);
        let mut new = old.clone();
        let column = new.columns.shift_remove("b").unwrap();
        new.columns.insert("c".to_owned(), column);
        new.columns["g"].generated.as_mut().unwrap().expression = "`c` + 1".to_owned();
        let settings = Settings {
            renames: vec![RenameHint {
                from: "t.b".to_owned(),
                to: "c".to_owned(),
            }],
            ..Settings::default()
        };
        let planned = |dialect: Dialect| {
            let sides = [&old, &new].map(|side| catalog(dialect, side.clone()));
            plan(&sides[0], &sides[1], &settings)
        };
        let refused = Refusal {
            object: "column t.b".to_owned(),
            reason: "MySQL does not rename it while the column g is computed from it: leave g out in one version of the schema, and add it again in the next"
                .to_owned(),
        };
        assert_eq!(planned(Dialect::Mysql), Err(vec![refused]));
        assert!(planned(Dialect::Mariadb).is_ok());

        let mut new = table();
        for name in ["f", "g"] {
            let index = Index {
                parts: vec![IndexPart {
                    column: Some("b".to_owned()),
                    ..IndexPart::default()
                }],
                options: [("type".to_owned(), "FULLTEXT".to_owned())].into(),
                ..Index::default()
            };
            new.indexes.insert(name.to_owned(), index);
        }
        let both = "ALTER TABLE `t` ADD FULLTEXT INDEX `f` (`b`), ADD FULLTEXT INDEX `g` (`b`)";
        check(Dialect::Mariadb, table(), new.clone(), &[both]);
        let each = [
            "ALTER TABLE `t` ADD FULLTEXT INDEX `f` (`b`)",
            "ALTER TABLE `t` ADD FULLTEXT INDEX `g` (`b`)",
        ];
        check(Dialect::Mysql, table(), new, &each);
    }

    #[test]
    fn a_foreign_key_to_a_table_that_is_nowhere_is_refused_before_anything_runs() {
        let old = catalog(Dialect::Mariadb, table());
        let mut child = table();
        let key = |to: &str| ForeignKey {
            columns: vec!["b".to_owned()],
            table: to.to_owned(),
            referred: vec!["a".to_owned()],
            ..ForeignKey::default()
        };
        child.foreign_keys.insert("fk".to_owned(), key("gone"));
        child.foreign_keys.insert("own".to_owned(), key("T"));
        let changed = catalog(Dialect::Mariadb, child.clone());
        let refused = |table: &str| {
            vec![Refusal {
                object: format!("table {table}"),
                reason: "its foreign key fk refers to table gone, which neither the wanted schema nor the database has; add the table or leave the key out"
                    .to_owned(),
            }]
        };
        let settings = Settings::default();
        assert_eq!(plan(&old, &changed, &settings).unwrap_err(), refused("t"));
        let mut added = old.clone();
        let schema = added.schemas.entry(String::new()).or_default();
        schema.tables.insert("c".to_owned(), child.clone());
        assert_eq!(plan(&old, &added, &settings).unwrap_err(), refused("c"));
        // It may be excluded, or there.
        let excluding = Settings {
            exclude: vec!["gone".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            plan(&old, &added, &excluding).map(|it| it.statements.len()),
            Ok(1)
        );
        let mut there = old;
        let schema = there.schemas.entry(String::new()).or_default();
        schema.tables.insert("gone".to_owned(), table());
        assert!(plan(&there, &added, &settings).is_ok());
    }

    #[test]
    fn columns_stay_where_they_are_and_new_ones_come_between() {
        let of = |names: &[&str]| {
            let mut table = Table::default();
            for name in names {
                let column = Column {
                    data_type: "int".to_owned(),
                    nullable: true,
                    ..Column::default()
                };
                table.columns.insert((*name).to_owned(), column);
            }
            table
        };
        let dialect = Dialect::Mysql;
        check(
            dialect,
            of(&["a", "b", "c", "d"]),
            of(&["d", "a", "b", "c"]),
            &[],
        );
        check(
            dialect,
            of(&["a", "b", "c", "d", "e"]),
            of(&["b", "n", "e", "a", "c"]),
            &["ALTER TABLE `t` DROP COLUMN `d`, ADD COLUMN `n` int NULL AFTER `b`"],
        );
        check(
            dialect,
            of(&["a", "b"]),
            of(&["a", "n", "b"]),
            &["ALTER TABLE `t` ADD COLUMN `n` int NULL AFTER `a`"],
        );
    }

    #[test]
    fn a_counter_is_moved_forward_only() {
        let with = |next: &str| {
            let mut table = table();
            let options = &mut table.options;
            options.insert("auto_increment".to_owned(), next.to_owned());
            table
        };
        let dialect = Dialect::Mariadb;
        check(
            dialect,
            with("5"),
            with("9"),
            &["ALTER TABLE `t` AUTO_INCREMENT=9"],
        );
        check(dialect, with("9"), with("5"), &[]);
        check(dialect, with("9"), table(), &[]);
        check(
            dialect,
            table(),
            with("9"),
            &["ALTER TABLE `t` AUTO_INCREMENT=9"],
        );
    }
}
