//! A table that somebody holds: what changes it waits in the middle of a statement for as long as a test likes, and nobody waits for a clock.
//!
//! Meanwhile the server falls over, or the network goes away. Both servers are had through one trait, so that what is to hold afterwards is said once.

use std::process::{Child, Command, Output, Stdio};

use tidegate_kit::{MariaDb, Postgres, Wire, mariadb, postgres};

/// A server of a test's own, which makes statements wait for its table `users`.
pub(crate) trait Server {
    /// Makes an empty database that keeps what is committed through a crash; servers of tests are made not to care.
    fn make(&self, database: &str);

    /// Its address.
    fn address(&self, database: &str) -> String;

    fn port(&self) -> u16;

    /// A row of what a query gives, values joined by `|`, by a client that is none of ours.
    fn ask(&self, database: &str, sql: &str) -> String;

    /// A client that holds the table: it may be read, and nothing else.
    fn holder(&self, database: &str) -> Command;

    fn is_held(&self, database: &str) -> bool;

    /// Whether somebody waits for a table.
    fn is_waited_for(&self, database: &str) -> bool;

    fn let_go(&self, database: &str);

    fn crash_and_restart(&mut self);

    /// How many databases are left that a wanted schema was tried out in.
    fn left_over(&self) -> String;
}

impl Server for Postgres {
    fn make(&self, database: &str) {
        self.ask("postgres", &format!("CREATE DATABASE {database}"));
        let durable = format!("ALTER DATABASE {database} SET synchronous_commit = on");
        self.ask("postgres", &durable);
    }

    fn address(&self, database: &str) -> String {
        self.url(database, "search_path=public&lock_timeout=2s")
    }

    fn port(&self) -> u16 {
        self.port()
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        let said = self.psql(database, sql).expect("psql starts");
        said.ok().expect(sql).trim().to_owned()
    }

    fn holder(&self, database: &str) -> Command {
        let mut holder = self.client(database);
        holder.args([
            "-c",
            "BEGIN; LOCK TABLE users IN SHARE MODE; SELECT pg_sleep(300)",
        ]);
        holder
    }

    fn is_held(&self, database: &str) -> bool {
        let sleeping = format!("SELECT count(*) FROM pg_stat_activity WHERE {}", ASLEEP.0);
        self.ask(database, &sleeping) != "0"
    }

    fn is_waited_for(&self, database: &str) -> bool {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'relation'";
        self.ask(database, waiting) != "0"
    }

    fn let_go(&self, database: &str) {
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {}",
            ASLEEP.0
        );
        self.ask(database, &end);
    }

    fn crash_and_restart(&mut self) {
        Self::crash_and_restart(self).expect("it starts again");
    }

    fn left_over(&self) -> String {
        let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'tidegate%'";
        self.ask("postgres", left)
    }
}

impl Server for MariaDb {
    fn make(&self, database: &str) {
        let durable = "SET GLOBAL innodb_flush_log_at_trx_commit = 2";
        self.ask("", &format!("{durable}; CREATE DATABASE {database}"));
    }

    fn address(&self, database: &str) -> String {
        self.url(database)
    }

    fn port(&self) -> u16 {
        self.port()
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        let said = self.sql(database, sql).expect(sql);
        said.trim().replace('\t', "|")
    }

    fn holder(&self, database: &str) -> Command {
        let mut holder = self.client(database).expect("a client");
        holder.args(["-e", "LOCK TABLES users READ; SELECT SLEEP(300)"]);
        holder
    }

    fn is_held(&self, database: &str) -> bool {
        let sleeping = format!(
            "SELECT id FROM information_schema.processlist WHERE {}",
            ASLEEP.1
        );
        !self.ask(database, &sleeping).is_empty()
    }

    fn is_waited_for(&self, database: &str) -> bool {
        let waiting = "SELECT id FROM information_schema.processlist WHERE db = database() AND state LIKE 'Waiting for table%'";
        !self.ask(database, waiting).is_empty()
    }

    fn let_go(&self, database: &str) {
        let end = format!(
            "SELECT concat('KILL ', id) FROM information_schema.processlist WHERE {}",
            ASLEEP.1
        );
        let end = self.ask(database, &end);
        self.ask("", &end);
    }

    fn crash_and_restart(&mut self) {
        Self::crash_and_restart(self).expect("it starts again");
        // It is a setting of the running server.
        self.ask("", "SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    }

    fn left_over(&self) -> String {
        let left =
            "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'tidegate%'";
        self.ask("", left)
    }
}

/// Who holds a table, to `PostgreSQL` and to MariaDB.
const ASLEEP: (&str, &str) = (
    "datname = current_database() AND wait_event = 'PgSleep'",
    "db = database() AND info LIKE 'SELECT SLEEP(300)%'",
);

/// What becomes of a program whose server falls over in the middle of a statement, and is back then.
pub(crate) fn crashed(server: &mut impl Server, database: &str, program: Command) -> Output {
    let mut holder = hold(server, database);
    let child = waiting(server, database, program, &server.address(database));
    server.crash_and_restart();
    holder.wait().expect("it is gone");
    ended(child)
}

/// What becomes of a program whose network goes away in the middle of a statement; it ends by itself, before anybody lets the table go.
pub(crate) fn cut_off(server: &impl Server, database: &str, program: Command) -> Output {
    let wire = Wire::to(server.port()).expect("a port");
    let through = through(&wire, server, database);
    let mut holder = hold(server, database);
    let child = waiting(server, database, program, &through);
    wire.cut();
    let output = ended(child);
    server.let_go(database);
    holder.wait().expect("it is gone");
    output
}

/// What becomes of a program that waits in the middle of a statement for longer than it may.
pub(crate) fn kept_waiting(server: &impl Server, database: &str, program: Command) -> Output {
    let mut holder = hold(server, database);
    let child = waiting(server, database, program, &server.address(database));
    let output = ended(child);
    server.let_go(database);
    holder.wait().expect("it is gone");
    output
}

/// The address of a database by way of a wire to its server.
pub(crate) fn through(wire: &Wire, server: &impl Server, database: &str) -> String {
    let direct = server.address(database);
    let port = |port| format!(":{port}/");
    let through = direct.replace(&port(server.port()), &port(wire.port()));
    assert_ne!(through, direct);
    through
}

/// Comes back when the table is held.
fn hold(server: &impl Server, database: &str) -> Child {
    let mut holder = server.holder(database);
    let holder = holder.stdout(Stdio::null()).stderr(Stdio::null());
    let mut holder = holder.spawn().expect("the client starts");
    while !server.is_held(database) {
        let ended = holder.try_wait().expect("it is ours");
        assert!(ended.is_none(), "it does not hold the table: {ended:?}");
    }
    holder
}

/// Starts a program, and comes back when one of its statements waits.
fn waiting(server: &impl Server, database: &str, mut program: Command, url: &str) -> Child {
    let program = program
        .env("TIDEGATE_DATABASE_URL", url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    while !server.is_waited_for(database) {
        let has_ended = child.try_wait().expect("it is ours");
        assert!(has_ended.is_none(), "it did not wait: {has_ended:?}");
    }
    child
}

/// What it left, which never has a password.
fn ended(child: Child) -> Output {
    let output = child.wait_with_output().expect("it ends");
    for said in [&output.stdout, &output.stderr] {
        let said = String::from_utf8_lossy(said);
        for password in [postgres::PASSWORD, mariadb::PASSWORD] {
            assert!(!said.contains(password), "{said}");
        }
    }
    output
}
