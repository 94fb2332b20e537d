//! The session itself: what it refuses, what it leaves behind, what it says.

use std::time::Duration;

use tidegate_database::{DatabaseError, TransactionMode};
use tidegate_kit::MariaDb;
use tidegate_schemaplan::{Settings, Statement, plan};
use tidegate_sqlplan::Dialect;

use crate::pairs::{bring, statements};
use crate::servers::{Server, connect, each, on_mariadb_alone, open};

fn sql(texts: &[&str]) -> Vec<Statement> {
    let statement = |text: &&str| Statement {
        sql: (*text).to_owned(),
        ..Statement::default()
    };
    texts.iter().map(statement).collect()
}

#[tokio::test]
async fn a_text_that_reaches_outside_is_refused_before_any_of_it_runs() {
    for server in each() {
        let mut session = open(server, "outside").await.unwrap();
        let text = "CREATE TABLE t (id int); DROP TABLE IF EXISTS beside.users;";
        server
            .sql(
                "",
                "CREATE DATABASE beside; CREATE TABLE beside.users (id int)",
            )
            .unwrap();
        let error = session
            .desired(&statements(server.dialect(), text), None)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, DatabaseError::Outside { number: 2, why, .. } if why.contains("`beside`")),
            "{error}"
        );
        assert_eq!(server.sql("beside", "SHOW TABLES").unwrap(), "users\n");
    }
}

#[tokio::test]
async fn a_text_may_name_the_database_that_it_is_for() {
    for server in each() {
        let mut session = open(server, "named").await.unwrap();
        let rows = "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (7)";
        server.sql("named", rows).unwrap();
        let text = "CREATE DATABASE IF NOT EXISTS named CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; USE named; DROP TABLE IF EXISTS named.orders;
        CREATE TABLE named.orders (id int PRIMARY KEY); CREATE TABLE `named`.lines (id int, FOREIGN KEY (id) REFERENCES named.orders (id) ON DELETE NO ACTION);
        CREATE VIEW named.ids AS SELECT named.orders.id FROM named.orders JOIN named.lines USING (id);";
        bring(&mut session, text).await.unwrap();
        assert_eq!(server.sql("named", "SELECT id FROM orders").unwrap(), "7\n");
        let view = server.sql("named", "SHOW FULL TABLES").unwrap();
        assert_eq!(view, "ids\tVIEW\nlines\tBASE TABLE\norders\tBASE TABLE\n");
        let lines = server.sql("named", "SHOW CREATE TABLE `lines`").unwrap();
        // MySQL leaves out what is so anyhow.
        let said = lines.contains("ON DELETE NO ACTION");
        assert!(said || server.is_mysql(), "{lines}");
        assert!(lines.contains("REFERENCES `orders` (`id`)"), "{lines}");
    }
}

#[tokio::test]
async fn a_statement_that_the_server_refuses_is_named_and_leaves_nothing() {
    for server in each() {
        let mut session = open(server, "wanted").await.unwrap();
        let text = "CREATE TABLE t (id int); CREATE TABLE u (id nonsense);";
        let error = session
            .desired(&statements(server.dialect(), text), None)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, DatabaseError::Wanted { number: 2, sql, .. } if sql.contains("nonsense")),
            "{error}"
        );
        let text = "CREATE TABLE c (a int, FOREIGN KEY (a) REFERENCES nowhere (id));";
        let error = session
            .desired(&statements(server.dialect(), text), None)
            .await
            .unwrap_err();
        assert!(!error.to_string().contains("tidegate"), "{error}");
        // What the text sets is over with it.
        let text = "SET foreign_key_checks = 0; CREATE TABLE c (a int, FOREIGN KEY (a) REFERENCES p (id)); CREATE TABLE p (id int PRIMARY KEY);";
        let desired = session
            .desired(&statements(server.dialect(), text), None)
            .await
            .unwrap();
        assert_eq!(desired.schemas[""].tables.len(), 2);
        let checks = session.query("SELECT @@foreign_key_checks", &[]).await;
        assert_eq!(checks.unwrap(), [[Some("1".to_owned())]]);
    }
}

#[tokio::test]
async fn without_the_right_to_a_scratch_database_it_says_what_to_grant() {
    for server in each() {
        open(server, "granted").await.unwrap();
        let grants = "DROP USER IF EXISTS narrow; CREATE USER narrow IDENTIFIED BY 'x'; GRANT ALL PRIVILEGES ON granted.* TO narrow;";
        server.sql("", grants).unwrap();
        let url = server.url_as("narrow", "x", "granted");
        let mut session = connect(&url).await.unwrap();
        let wanted = statements(server.dialect(), "CREATE TABLE t (id int)");
        let error = session.desired(&wanted, None).await.unwrap_err();
        let DatabaseError::NotGranted { remedy, .. } = &error else {
            panic!("{error}");
        };
        let (grant, _) = remedy.split_once(" TO ").unwrap();
        server.sql("", &format!("{grant} TO narrow")).unwrap();
        let mut session = connect(&url).await.unwrap();
        bring(&mut session, "CREATE TABLE t (id int)")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept_and_nothing_else() {
    on_mariadb_alone("what_a_crash_left_behind_is_swept_and_nothing_else");
    // On the shared one other tests sweep as well.
    let server = MariaDb::start().unwrap();
    server.sql("", "CREATE DATABASE sweep").unwrap();
    let mut session = connect(&server.url("sweep")).await.unwrap();
    let mut holder = connect(&server.url("")).await.unwrap();
    let left = "tidegate_scratch_0123456789abcdef";
    let held = "tidegate_scratch_fedcba9876543210";
    let other = "tidegate_scratch_of_somebody";
    for name in [left, held, other] {
        server.sql("", &format!("CREATE DATABASE {name}")).unwrap();
    }
    holder.lock(held, Duration::ZERO).await.unwrap();
    session.desired(&[], None).await.unwrap();
    let names = server.sql("", "SHOW DATABASES LIKE 'tidegate%'").unwrap();
    assert_eq!(names, format!("{held}\n{other}\n"));
    // Its holder is gone, however it went.
    drop(holder);
    while server
        .sql("", &format!("SELECT IS_FREE_LOCK('{held}')"))
        .unwrap()
        != "1\n"
    {
        std::thread::yield_now();
    }
    session.desired(&[], None).await.unwrap();
    let names = server.sql("", "SHOW DATABASES LIKE 'tidegate%'").unwrap();
    assert_eq!(names, format!("{other}\n"));
}

#[tokio::test]
async fn many_try_out_their_schemas_on_one_server_at_once() {
    for server in each() {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..6 {
            tasks.spawn(async move {
                let mut session = open(server, &format!("many_{number}")).await?;
                for _ in 0..3 {
                    bring(&mut session, &format!("CREATE TABLE t{number} (id int)")).await?;
                }
                anyhow::Ok(())
            });
        }
        for done in tasks.join_all().await {
            done.unwrap();
        }
    }
}

#[tokio::test]
async fn the_lock_is_atlas_own_and_excludes() {
    for server in each() {
        let name = "atlas_migrate_execute";
        let mut first = open(server, "lock").await.unwrap();
        open(server, "lock_too").await.unwrap();
        // It is the server's, whichever of its databases they are for.
        let mut second = connect(&server.url("lock_too")).await.unwrap();
        first.lock(name, Duration::ZERO).await.unwrap();
        let id = first.query("SELECT CONNECTION_ID()", &[]).await.unwrap();
        let id = id[0][0].clone().unwrap();
        let free = format!("SELECT IS_FREE_LOCK('{name}')");
        assert_eq!(server.sql("", &free).unwrap(), "0\n");
        let error = second.lock(name, Duration::ZERO).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the server is locked by somebody else (connection {id}): the lock atlas_migrate_execute is one for all databases of a MariaDB or MySQL server, \
                 so that it may be another one that is worked on; gave up after 0ns and changed nothing, try again when they are done"
            )
        );
        first.unlock(name).await.unwrap();
        second.lock(name, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_that_fails_says_what_stays() {
    for server in each() {
        let mut session = open(server, "fails").await.unwrap();
        let plan = sql(&[
            "CREATE TABLE a (id int)",
            "CREATE TABLE b (id nonsense)",
            "CREATE TABLE c (id int)",
        ]);
        let error = session
            .apply(&plan, TransactionMode::File)
            .await
            .unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(
                error,
                DatabaseError::Apply {
                    number: 2,
                    total: 3,
                    ..
                }
            ),
            "{said}"
        );
        assert!(said.contains("the statement before it stays"), "{said}");
        assert_eq!(server.sql("fails", "SHOW TABLES").unwrap(), "a\n");

        let rows = sql(&["INSERT INTO a VALUES (1)", "INSERT INTO nowhere VALUES (1)"]);
        session
            .apply(&rows, TransactionMode::File)
            .await
            .unwrap_err();
        let count = "SELECT count(*) FROM a";
        assert_eq!(server.sql("fails", count).unwrap(), "0\n");
        session
            .apply(&rows, TransactionMode::None)
            .await
            .unwrap_err();
        assert_eq!(server.sql("fails", count).unwrap(), "1\n");
    }
}

#[tokio::test]
async fn a_development_database_is_used_when_it_is_empty_and_is_empty_afterwards() {
    for server in each() {
        let mut session = open(server, "target").await.unwrap();
        let mut dev = open(server, "dev").await.unwrap();
        server
            .sql("", "ALTER DATABASE dev COLLATE latin1_swedish_ci")
            .unwrap();
        let text = "CREATE TABLE t (a varchar(5), b int); CREATE TABLE c (a int, KEY (a)); \
                CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f () RETURNS int DETERMINISTIC RETURN 1; CREATE PROCEDURE p () SELECT 1; \
                CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t; CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1;";
        let sequence = "CREATE SEQUENCE s; CREATE TABLE n (a int DEFAULT (nextval(s)));";
        // MySQL has none.
        let sequence = if server.is_mysql() { "" } else { sequence };
        let wanted = statements(server.dialect(), &format!("{sequence}{text}"));
        let in_dev = session.desired(&wanted, Some(&mut dev)).await.unwrap();
        let in_scratch = session.desired(&wanted, None).await.unwrap();
        assert_eq!(in_dev, in_scratch);
        assert!(dev.inspect().await.unwrap().is_empty());
        let collation = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'dev'";
        assert_eq!(server.sql("", collation).unwrap(), "latin1_swedish_ci\n");

        // What ran half-way goes as well.
        let broken = statements(
            server.dialect(),
            "CREATE TABLE t (a int); CREATE TABLE t (a int);",
        );
        let error = session.desired(&broken, Some(&mut dev)).await.unwrap_err();
        assert!(
            matches!(error, DatabaseError::Wanted { number: 2, .. }),
            "{error}"
        );
        assert!(dev.inspect().await.unwrap().is_empty());

        server.sql("dev", "CREATE TABLE kept (a int)").unwrap();
        let error = session.desired(&wanted, Some(&mut dev)).await.unwrap_err();
        assert!(
            matches!(&error, DatabaseError::DevNotEmpty { found } if found == "table kept"),
            "{error}"
        );
        assert_eq!(server.sql("dev", "SHOW TABLES").unwrap(), "kept\n");
    }
}

#[tokio::test]
async fn a_whole_server_is_brought_about_by_way_of_an_empty_one() {
    on_mariadb_alone("a_whole_server_is_brought_about_by_way_of_an_empty_one");
    let (server, empty) = (MariaDb::start().unwrap(), MariaDb::start().unwrap());
    let mut session = connect(&server.url("")).await.unwrap();
    let mut dev = connect(&empty.url("")).await.unwrap();
    let first = "CREATE DATABASE a COLLATE utf8mb4_bin; CREATE DATABASE b; USE a; CREATE TABLE p (id int PRIMARY KEY, x varchar(5)); \
                 CREATE TABLE b.c (id int, FOREIGN KEY (id) REFERENCES a.p (id)); CREATE VIEW b.v AS SELECT p.x, c.id FROM a.p JOIN b.c; \
                 CREATE TRIGGER r BEFORE INSERT ON p FOR EACH ROW SET NEW.x = 'y'; CREATE FUNCTION b.f (i int) RETURNS int RETURN i;";
    let second = "CREATE DATABASE a; CREATE TABLE a.p (id bigint PRIMARY KEY, x varchar(5)); CREATE DATABASE d; CREATE TABLE d.c (id int); \
                  CREATE VIEW d.w AS SELECT id FROM a.p; CREATE VIEW d.v AS SELECT id FROM d.w;";
    for text in [first, second, first] {
        let desired = session
            .desired(&statements(Dialect::Mariadb, text), Some(&mut dev))
            .await
            .unwrap();
        let current = session.inspect().await.unwrap();
        let planned = plan(&current, &desired, &Settings::default()).unwrap();
        session
            .apply(&planned.statements, TransactionMode::None)
            .await
            .unwrap();
        let after = session.inspect().await.unwrap();
        assert_eq!(after, desired);
        let again = plan(&after, &desired, &Settings::default()).unwrap();
        assert_eq!(again.statements, []);
    }
    let error = session
        .desired(&statements(Dialect::Mariadb, first), None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("name a database in the url"), "{error}");
    assert_eq!(dev.inspect().await.unwrap().schemas.len(), 0);
}

#[tokio::test]
async fn no_message_shows_the_password() {
    for server in each() {
        for url in [
            server.url_as("nobody", "s3cret", "x"),
            "mysql://nobody:s3cret@127.0.0.1:1/x?timeout=5".to_owned(),
        ] {
            let error = connect(&url).await.unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(matches!(error, DatabaseError::Connect { .. }), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
        let session = open(server, "shown").await.unwrap();
        assert!(!format!("{session:?}").contains(tidegate_kit::mariadb::PASSWORD));
    }
}

#[tokio::test]
async fn a_connection_is_as_safe_as_the_address_says() {
    let server = on_mariadb_alone("a_connection_is_as_safe_as_the_address_says");
    let ca = server.authority();
    let url = |parameters: &str| format!("{}?{parameters}", server.url(""));
    let ca = ca.display();
    for (parameters, encrypted) in [
        ("tls=false".to_owned(), false),
        (String::new(), true),
        ("tls=skip-verify".to_owned(), true),
        (format!("tls=true&ssl-ca={ca}"), true),
        (format!("ssl-mode=VERIFY_CA&ssl-ca={ca}"), true),
    ] {
        let mut session = connect(&url(&parameters)).await.unwrap();
        let rows = session
            .query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", &[])
            .await
            .unwrap();
        let cipher = rows[0][1].as_deref().unwrap_or_default();
        assert_eq!(!cipher.is_empty(), encrypted, "{parameters}: {cipher}");
    }
    // Signed by nobody whom this machine knows.
    let error = connect(&url("tls=true")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_dump_of_a_database_is_its_schema() {
    let server = on_mariadb_alone("a_dump_of_a_database_is_its_schema");
    let mut session = open(Server::MariaDb(server), "dumped").await.unwrap();
    let text = "CREATE SEQUENCE s START WITH 5;
        CREATE TABLE t (a varchar(50) DEFAULT 'it''s', n int DEFAULT (nextval(s)), d varchar(50) AS (concat('ä😀;', a)) VIRTUAL, j json,
          KEY i (a), CONSTRAINT k CHECK (a <> 'x')) COMMENT 'it''s';
        CREATE TABLE p (id int, d date) PARTITION BY HASH (id) PARTITIONS 2;
        CREATE TABLE h (id int) WITH SYSTEM VERSIONING;
        CREATE TABLE a (id int PRIMARY KEY, b_id int);
        CREATE TABLE b (id int PRIMARY KEY, a_id int, FOREIGN KEY (a_id) REFERENCES a (id));
        ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id);
        CREATE VIEW v AS SELECT t.a, p.id FROM t, p WHERE t.a LIKE '%\\\\%%';
        CREATE VIEW a_v AS SELECT * FROM v;
        CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 'it''s \\\\ 😀;'; END;
        CREATE TRIGGER q BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'z';
        CREATE PROCEDURE pr (IN n int) proc: BEGIN IF n = 0 THEN LEAVE proc; END IF; END;
        CREATE FUNCTION f (i int) RETURNS int DETERMINISTIC RETURN i + 1;
        CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO BEGIN DELETE FROM t; END;";
    bring(&mut session, text).await.unwrap();
    let dump = server.dump("dumped").unwrap();
    let planned = bring(&mut session, &dump).await.unwrap();
    assert_eq!(planned.statements, [], "{dump}");
}

#[tokio::test]
async fn the_fingerprint_stays_while_nobody_changes_the_schema_and_tells_every_change() {
    let server = on_mariadb_alone(
        "the_fingerprint_stays_while_nobody_changes_the_schema_and_tells_every_change",
    );
    let mut session = open(Server::MariaDb(server), "told").await.unwrap();
    let text = "CREATE TABLE p (id int PRIMARY KEY, x int, UNIQUE (x));
        CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a varchar(50) DEFAULT 'ä😀', b int, c int AS (b + 1) STORED, KEY i (a, b),
          CONSTRAINT k CHECK (b > 0), CONSTRAINT f FOREIGN KEY (b) REFERENCES p (id)) COMMENT 'it''s';
        CREATE TABLE parts (id int) PARTITION BY HASH (id) PARTITIONS 2;
        CREATE TABLE w (s date NOT NULL, e date NOT NULL, PERIOD FOR q (s, e));
        CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE s;
        CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'a\\\\b';
        CREATE PROCEDURE pr () SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t;
        INSERT INTO p VALUES (1, 1); INSERT INTO t (b) VALUES (1);";
    server.sql("told", text).unwrap();
    let looked = session.look(None).await.unwrap();
    let mut before = session.fingerprint().await.unwrap();
    assert!(before.is_some());
    assert_eq!(looked.fingerprint, before);
    for script in [
        "INSERT INTO t (b) VALUES (1); UPDATE t SET a = 'z'; SELECT nextval(s); INSERT INTO parts VALUES (1)",
        "ANALYZE TABLE t",
        "CREATE TEMPORARY TABLE tmp (id int)",
        "CREATE DATABASE told_not; CREATE TABLE told_not.t (id int)",
    ] {
        server.sql("told", script).unwrap();
        assert_eq!(session.fingerprint().await.unwrap(), before, "{script}");
        let looked = session.look(None).await.unwrap();
        assert_eq!(looked.fingerprint, before, "{script}");
    }
    for script in [
        "ALTER TABLE t COMMENT 'its'",
        "ALTER TABLE t MODIFY b int COMMENT 'n'",
        "ALTER TABLE t MODIFY b int COMMENT 'n' AFTER id",
        "ALTER TABLE t MODIFY a varchar(50) DEFAULT 'a😀'",
        "ALTER TABLE t DROP KEY i, ADD KEY i (b, a)",
        "ALTER TABLE t ALTER KEY i IGNORED",
        "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k CHECK (b > -1)",
        "ALTER TABLE t DROP FOREIGN KEY f; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES p (id) ON DELETE CASCADE",
        "ALTER TABLE t DROP FOREIGN KEY f; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES p (x) ON DELETE CASCADE",
        "ALTER TABLE parts COALESCE PARTITION 1",
        "CREATE OR REPLACE VIEW v AS SELECT a AS b FROM t",
        "ALTER SEQUENCE s INCREMENT 2",
        "ALTER TABLE s COMMENT = 'n'",
        "ALTER TABLE w DROP PERIOD FOR q; ALTER TABLE w ADD CONSTRAINT q CHECK (s < e)",
        "CREATE OR REPLACE TRIGGER r BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'a\\b'",
        "CREATE OR REPLACE PROCEDURE pr () SELECT 2",
        "ALTER EVENT e COMMENT 'n'",
        "ALTER TABLE t ADD SYSTEM VERSIONING",
        "ALTER DATABASE COMMENT 'ours'",
        "DELETE FROM parts; TRUNCATE parts; CREATE TABLE n (id int)",
    ] {
        server.sql("told", script).unwrap();
        let now = session.fingerprint().await.unwrap();
        assert_ne!(now, before, "{script}");
        assert_eq!(
            session.look(None).await.unwrap().fingerprint,
            now,
            "{script}"
        );
        before = now;
    }
}

#[tokio::test]
async fn what_the_lists_cannot_hold_has_no_fingerprint() {
    let server = on_mariadb_alone("what_the_lists_cannot_hold_has_no_fingerprint");
    let mut session = open(Server::MariaDb(server), "untold").await.unwrap();
    let text = "CREATE TABLE t (a varchar(50), d varchar(50) AS (concat('😀', a)) VIRTUAL)";
    server.sql("untold", text).unwrap();
    assert_eq!(session.look(None).await.unwrap().fingerprint, None);
}

#[tokio::test]
async fn what_cannot_be_made_again_is_named_and_left_alone() {
    let server = on_mariadb_alone("what_cannot_be_made_again_is_named_and_left_alone");
    let mut session = open(Server::MariaDb(server), "packages").await.unwrap();
    let package = "SET sql_mode = ORACLE; CREATE PACKAGE p AS FUNCTION f RETURN INT; END;";
    let package = format!("DELIMITER //\n{}//\n", package.replacen("; ", "//\n", 1));
    server.sql("packages", &package).unwrap();
    let desired = session.desired(&[], None).await.unwrap();
    let current = session.inspect().await.unwrap();
    let planned = plan(&current, &desired, &Settings::default()).unwrap();
    assert_eq!(planned.statements, []);
    assert_eq!(planned.not_managed, ["procedure package p is not managed"]);
}

#[tokio::test]
async fn times_are_those_of_the_servers_zone() {
    for server in each() {
        let mut session = open(server, "zone").await.unwrap();
        let asked = "SELECT @@session.time_zone, @@global.time_zone";
        let rows = session.query(asked, &[]).await.unwrap();
        assert_eq!(rows[0][0], rows[0][1]);
    }
}

#[tokio::test]
async fn questions_take_parameters_and_give_texts() {
    for server in each() {
        let mut session = open(server, "questions").await.unwrap();
        let rows = session
            .query(
                "SELECT ?, 1.50, NULL, '?', upper(?)",
                &["it's \\ here", "ä"],
            )
            .await
            .unwrap();
        let expected = [
            Some("it's \\ here".to_owned()),
            Some("1.50".to_owned()),
            None,
            Some("?".to_owned()),
            Some("Ä".to_owned()),
        ];
        assert_eq!(rows, [expected]);
    }
}
