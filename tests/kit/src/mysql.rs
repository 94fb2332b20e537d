//! A MySQL 8 server that somebody else runs: no registry has one that the tests could start for themselves.
//!
//! [`VARIABLE`] names it, by an address without a database and an account that may do everything: `mysql://root:secret@127.0.0.1:3306/`. The server is
//! given away: it has to hold no databases but its own the first time, and is then marked as the tests' ([`MARK`]); from then on they make
//! and drop databases there as they like. Where the variable is not set [`not_run`] says so, once, past the test harness: what was not run must
//! not look as if it had been.

use std::io::{self, Write as _};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow, ensure};

use crate::mariadb::program;
use crate::tools::run;

/// The environment variable with the address.
pub const VARIABLE: &str = "TIDEGATE_TEST_MYSQL_URL";

/// A database that says that the server is for tests.
const MARK: &str = "tidegate_tests";

/// The server that [`VARIABLE`] names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MySql {
    user: String,
    password: String,
    host: String,
    port: u16,
}

impl MySql {
    /// The server, looked at once in a process; none where the variable is not set, which is said once.
    pub fn named() -> anyhow::Result<Option<&'static Self>> {
        static NAMED: OnceLock<Result<Option<MySql>, String>> = OnceLock::new();
        let find = || match std::env::var(VARIABLE) {
            Ok(url) => Self::at(&url).map(Some),
            Err(_) => {
                not_run();
                Ok(None)
            }
        };
        NAMED
            .get_or_init(|| find().map_err(|error| format!("{VARIABLE}: {error:#}")))
            .as_ref()
            .map(Option::as_ref)
            .map_err(|message| anyhow!("{message}"))
    }

    /// Makes an empty database, in the place of one that an earlier run left.
    pub fn database(&self, name: &str) -> anyhow::Result<()> {
        let make = format!("DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}`");
        self.sql("", &make).map(|_| ())
    }

    /// The address of a database, or of the whole server where the name is empty.
    pub fn url(&self, database: &str) -> String {
        self.url_as(&self.user, &self.password, database)
    }

    /// The address of a database as somebody else.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        let (host, port) = (&self.host, self.port);
        format!("mysql://{user}:{password}@{host}:{port}/{database}")
    }

    /// Runs statements past every code of ours and gives back what they print: a line a row, columns behind tabs.
    pub fn sql(&self, database: &str, statements: &str) -> anyhow::Result<String> {
        // MariaDB's client speaks to both.
        let mut client = Command::new(program("mariadb")?);
        client
            .args(["--no-defaults", "--protocol=tcp", "--batch"])
            .args(["--skip-column-names", "--default-character-set=utf8mb4"])
            .arg(format!("--host={}", self.host))
            .arg(format!("--port={}", self.port))
            .arg(format!("--user={}", self.user))
            .arg(format!("--password={}", self.password));
        if !database.is_empty() {
            client.arg(database);
        }
        run(&mut client, statements)?.ok()
    }

    fn at(url: &str) -> anyhow::Result<Self> {
        let server = Self::parse(url)
            .context("it has to be an address like mysql://root:secret@127.0.0.1:3306/")?;
        let version = server.sql("", "SELECT VERSION()")?;
        let is_mysql = !version.to_ascii_lowercase().contains("mariadb");
        ensure!(is_mysql, "it is a MariaDB ({})", version.trim());
        let others = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')";
        let others = server.sql("", others)?;
        let is_ours = others.is_empty() || others.lines().any(|name| name == MARK);
        ensure!(
            is_ours,
            "the server holds databases ({}), and the tests would drop those of their names; name an empty one, or \
             make a database {MARK} there to give it away",
            others.trim().replace('\n', ", ")
        );
        server.sql("", &format!("CREATE DATABASE IF NOT EXISTS {MARK}"))?;
        Ok(server)
    }

    /// Nothing but what the client takes as it is: no escapes, no parameters.
    fn parse(url: &str) -> Option<Self> {
        let (account, place) = url.strip_prefix("mysql://")?.rsplit_once('@')?;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "3306"));
        let plain = !user.is_empty() && !host.is_empty() && !account.contains('%');
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok().filter(|_| plain)?,
        })
    }
}

/// Past the test harness, which swallows what passing tests print.
fn not_run() {
    let said = format!("MySQL 8 was not run: {VARIABLE} names no server\n");
    // Who closed standard error does not want to know.
    let _ = io::stderr().write_all(said.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_or_refused() {
        let server = MySql::parse("mysql://root:a:b@db:3307/").unwrap();
        assert_eq!(server.url("shop"), "mysql://root:a:b@db:3307/shop");
        let server = MySql::parse("mysql://root@db").unwrap();
        assert_eq!(server.url(""), "mysql://root:@db:3306/");
        for url in [
            "mariadb://root@db/",
            "mysql://db:3306/",
            "mysql://root@db:x/",
            "mysql://root@db:3306/shop",
            "mysql://root:a%20b@db/",
        ] {
            assert_eq!(MySql::parse(url), None, "{url}");
        }
    }
}
