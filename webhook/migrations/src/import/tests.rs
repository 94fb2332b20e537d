use super::*;

fn entries(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let files = files.iter();
    files
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

/// Files as `name: text` with lines joined by `|`, then notes as `file: text`.
#[track_caller]
fn check(tool: Tool, files: &[(&str, &str)], expected: &[(&str, &str)], notes: &[(&str, &str)]) {
    let entries = entries(files);
    let imported = import(tool, &entries, None).expect("it can be taken over");
    let seen: Vec<(&str, String)> = imported
        .files
        .iter()
        .map(|file| (file.name(), file.text().trim_end().replace('\n', "|")))
        .collect();
    let seen: Vec<(&str, &str)> = seen
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(imported.notes.len(), notes.len(), "{:?}", imported.notes);
    for (note, (file, text)) in imported.notes.iter().zip(notes) {
        assert!(note.file == *file && note.text.contains(text), "{note:?}");
    }
    assert_eq!(Tool::detect(&entries), Some(tool));
}

#[track_caller]
fn check_refused(tool: Tool, files: &[(&str, &str)], expected: &str) {
    let refused = import(tool, &entries(files), None).map_err(|error| error.to_string());
    assert!(
        refused
            .as_ref()
            .is_err_and(|refused| refused.starts_with(expected)),
        "{refused:?}"
    );
}

#[test]
fn flyway() {
    check(
        Tool::Flyway,
        &[
            ("V1__users.sql", "CREATE TABLE u (a int);\n"),
            ("V2_1__more users.sql", "x;"),
            (
                "sub/V10__index.sql",
                "CREATE INDEX CONCURRENTLY i ON u (a);",
            ),
            ("U1__users.sql", "DROP TABLE u;"),
            ("R__views.sql", "CREATE VIEW v AS SELECT 1;"),
            ("B2__all.sql", "CREATE TABLE u (a int);"),
            ("V2_1__more users.sql.conf", "executeInTransaction=false\n"),
            ("V3__code.java", "class X {}"),
            ("readme.sql", "x"),
        ],
        &[
            ("01.00_users.sql", "CREATE TABLE u (a int);"),
            (
                "02.00b_all.sql",
                "-- atlas:checkpoint||CREATE TABLE u (a int);",
            ),
            ("02.01_more_users.sql", "-- atlas:txmode none||x;"),
            (
                "10.00_index.sql",
                "-- atlas:txmode none||CREATE INDEX CONCURRENTLY i ON u (a);",
            ),
            ("10.00r1_views.sql", "CREATE VIEW v AS SELECT 1;"),
        ],
        &[
            ("U1__users.sql", "the way back"),
            ("R__views.sql", "runs once, behind all others"),
            ("B2__all.sql", "is a checkpoint"),
            ("V3__code.java", "not imported: it is a program"),
            ("", "filled up with zeros to 2 digits"),
        ],
    );
    check_refused(
        Tool::Flyway,
        &[("V1__a.sql", "SELECT 1;\nCREATE TABLE ${schema}.t (a int);")],
        "V1__a.sql, line 2: flyway fills in the placeholder ${schema}",
    );
    check_refused(
        Tool::Flyway,
        &[("V1__a.sql", "x"), ("sub/V1__b.sql", "x")],
        "1_a.sql and 1_b.sql have the same version",
    );
}

#[test]
fn golang_migrate() {
    check(
        Tool::GolangMigrate,
        &[
            (
                "1_users.up.sql",
                "-- users\nBEGIN;\nCREATE TABLE u (a int);\nCOMMIT;\n",
            ),
            ("1_users.down.sql", "DROP TABLE u;"),
            ("2_index.up.sql", "CREATE INDEX concurrently i ON u (a);"),
            ("notes.sql", "x"),
        ],
        &[
            ("1_users.sql", "-- users|CREATE TABLE u (a int);"),
            (
                "2_index.sql",
                "-- atlas:txmode none||CREATE INDEX concurrently i ON u (a);",
            ),
        ],
        &[
            ("1_users.up.sql", "BEGIN and COMMIT were taken away"),
            ("1_users.down.sql", "the way back"),
            ("notes.sql", "not imported: its name"),
        ],
    );
    check_refused(
        Tool::GolangMigrate,
        &[("a.sql", "x")],
        "no migration of golang-migrate among the files",
    );
}

#[test]
fn goose() {
    check(
        Tool::Goose,
        &[
            (
                "00001_users.sql",
                "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS $$ BEGIN; END; $$ LANGUAGE plpgsql;\n-- +goose StatementEnd\nSELECT 1;\n-- +goose Down\nDROP TABLE u;\n",
            ),
            (
                "00002_odd.sql",
                "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose StatementBegin\nIF 1 THEN a; END IF; b;\n-- +goose StatementEnd\n",
            ),
            ("00003_code.go", "package x"),
        ],
        &[
            (
                "00001_users.sql",
                "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; END; $$ LANGUAGE plpgsql;|SELECT 1;",
            ),
            (
                "00002_odd.sql",
                "-- atlas:delimiter -- end of statement|-- atlas:txmode none||SELECT 1;|-- end of statement|IF 1 THEN a; END IF; b;|-- end of statement",
            ),
        ],
        &[
            ("00001_users.sql", "its way back was left out"),
            ("00002_odd.sql", "kept apart by -- atlas:delimiter"),
            ("00003_code.go", "it is a program"),
        ],
    );
    check_refused(
        Tool::Goose,
        &[("1_a.sql", "SELECT 1;")],
        "1_a.sql: it has no line `-- +goose Up`",
    );
    check_refused(
        Tool::Goose,
        &[("1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nx;")],
        "1_a.sql: `-- +goose StatementBegin` and `StatementEnd` do not match",
    );
    check_refused(
        Tool::Goose,
        &[(
            "1_a.sql",
            "-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${X}';",
        )],
        "1_a.sql, line 3: goose fills in the placeholder ${X}",
    );
}

#[test]
fn dbmate() {
    check(
        Tool::Dbmate,
        &[
            (
                "20260101000000_users.sql",
                "-- migrate:up\nCREATE TABLE u (a int);\n\n-- migrate:down\nDROP TABLE u;\n",
            ),
            (
                "20260102000000_index.sql",
                "-- migrate:up transaction:false\nCREATE INDEX i ON u (a);\n",
            ),
        ],
        &[
            ("20260101000000_users.sql", "CREATE TABLE u (a int);"),
            (
                "20260102000000_index.sql",
                "-- atlas:txmode none||CREATE INDEX i ON u (a);",
            ),
        ],
        &[("20260101000000_users.sql", "its way back was left out")],
    );
    check_refused(
        Tool::Dbmate,
        &[("1_a.sql", "SELECT 1;")],
        "1_a.sql: it has no line `-- migrate:up`",
    );
}

#[test]
fn liquibase() {
    check(
        Tool::Liquibase,
        &[
            (
                "002-index.sql",
                "-- liquibase formatted sql\n-- changeset ann:3 runInTransaction:false\nCREATE INDEX i ON u (a);\n",
            ),
            (
                "001-users.sql",
                "--liquibase formatted sql\n\n--changeset ann:1 context:test runOnChange: false\n--comment: users\nCREATE TABLE u (a int);\n--rollback DROP TABLE u;\n--changeset bob:more endDelimiter:/\n--preconditions onFail:HALT\nCREATE TABLE v (a int)\n/\n",
            ),
            ("changelog.xml", "<x/>"),
        ],
        &[
            (
                "1.1_001-users_1.sql",
                "--comment: users|CREATE TABLE u (a int);",
            ),
            (
                "1.2_001-users_more.sql",
                "-- atlas:delimiter /||CREATE TABLE v (a int)|/",
            ),
            (
                "2.1_002-index_3.sql",
                "-- atlas:txmode none||CREATE INDEX i ON u (a);",
            ),
        ],
        &[
            ("changelog.xml", "only formatted SQL is"),
            ("001-users.sql", "change set 1: its way back was left out"),
            ("001-users.sql", "change set 1: `context:test` was left out"),
            (
                "001-users.sql",
                "change set more: its preconditions were left out",
            ),
        ],
    );
    check_refused(
        Tool::Liquibase,
        &[("a.sql", "--liquibase formatted sql\nSELECT 1;")],
        "a.sql: it has no line `--changeset AUTHOR:ID`",
    );
}

#[test]
fn a_plain_folder_is_nobodys() {
    assert_eq!(
        Tool::detect(&entries(&[("1_a.sql", "SELECT 1;"), ("Very__odd.sql", "")])),
        None
    );
}
