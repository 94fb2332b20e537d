//! The servers that the tests of this binary run on: MariaDB always, and MySQL 8 where `TIDEGATE_TEST_MYSQL_URL` names one.
//!
//! What is not run on MySQL is in [`NOT_ON_MYSQL`] with its reason, and in `pairs.sql` where a line `-- mariadb REASON` says so of a pair. A test
//! that is in neither runs on both.

use std::io::{self, Write as _};

use tidegate_database::{Address, DatabaseError, Limits, Session};
use tidegate_kit::{MariaDb, MySql};
use tidegate_sqlplan::Dialect;

/// Tests that MySQL is left out of, and why.
const NOT_ON_MYSQL: &[(&str, &str)] = &[
    (
        "what_a_crash_left_behind_is_swept_and_nothing_else",
        "needs a server of its own",
    ),
    (
        "a_whole_server_is_brought_about_by_way_of_an_empty_one",
        "needs two servers of its own",
    ),
    (
        "a_connection_is_as_safe_as_the_address_says",
        "needs the server's certificate, and the driver is the same",
    ),
    (
        "a_dump_of_a_database_is_its_schema",
        "mysqldump is not to be had here; pairs.sql has dumps as texts",
    ),
    (
        "the_fingerprint_stays_while_nobody_changes_the_schema_and_tells_every_change",
        "MySQL has no fingerprint: each look is an inspection",
    ),
    (
        "what_the_lists_cannot_hold_has_no_fingerprint",
        "MySQL has no fingerprint: each look is an inspection",
    ),
    (
        "what_cannot_be_made_again_is_named_and_left_alone",
        "packages are MariaDB's",
    ),
];

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Server {
    MariaDb(&'static MariaDb),
    MySql(&'static MySql),
}

impl Server {
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::MariaDb(_) => Dialect::Mariadb,
            Self::MySql(_) => Dialect::Mysql,
        }
    }

    pub(crate) fn is_mysql(self) -> bool {
        self.dialect() == Dialect::Mysql
    }

    /// Makes an empty database.
    pub(crate) fn database(self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::MariaDb(server) => server
                .sql("", &format!("CREATE DATABASE `{name}`"))
                .map(|_| ()),
            Self::MySql(server) => server.database(name),
        }
    }

    pub(crate) fn sql(self, database: &str, statements: &str) -> anyhow::Result<String> {
        match self {
            Self::MariaDb(server) => server.sql(database, statements),
            Self::MySql(server) => server.sql(database, statements),
        }
    }

    pub(crate) fn url(self, database: &str) -> String {
        match self {
            Self::MariaDb(server) => server.url(database),
            Self::MySql(server) => server.url(database),
        }
    }

    /// The address of a database as somebody else.
    pub(crate) fn url_as(self, user: &str, password: &str, database: &str) -> String {
        match self {
            Self::MariaDb(server) => {
                format!(
                    "mariadb://{user}:{password}@127.0.0.1:{}/{database}",
                    server.port()
                )
            }
            Self::MySql(server) => server.url_as(user, password, database),
        }
    }
}

/// Every server that there is, named where a test fails on it.
#[allow(clippy::print_stdout, reason = "shown where the test fails")]
pub(crate) fn each() -> impl Iterator<Item = Server> {
    let named = MySql::named().expect("the MySQL server that is named");
    std::iter::once(Server::MariaDb(mariadb()))
        .chain(named.map(Server::MySql))
        .inspect(|server| println!("on {}", server.dialect()))
}

/// The server of a test that leaves MySQL out, which it has to have a reason for.
pub(crate) fn on_mariadb_alone(test: &str) -> &'static MariaDb {
    let mut reasons = NOT_ON_MYSQL.iter();
    let (_, reason) = reasons
        .find(|(name, _)| *name == test)
        .expect("a reason to leave MySQL out");
    if MySql::named().is_ok_and(|server| server.is_some()) {
        say(&format!("not run on MySQL 8: {test}: {reason}"));
    }
    mariadb()
}

fn mariadb() -> &'static MariaDb {
    MariaDb::shared().expect("a MariaDB server for tests")
}

/// Says it past the test harness, which swallows what passing tests print.
pub(crate) fn say(line: &str) {
    // Who closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A session with a database of its own.
pub(crate) async fn open(server: Server, database: &str) -> anyhow::Result<Session> {
    server.database(database)?;
    Ok(connect(&server.url(database)).await?)
}

pub(crate) async fn connect(url: &str) -> Result<Session, DatabaseError> {
    let address = Address::parse(url).expect("a test's own url");
    Session::open(&address, &Limits::default()).await
}
