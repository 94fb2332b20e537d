//! A throw-away MariaDB server: its own data, loopback, a free port, nothing that waits for a disk.
//!
//! What MariaDB says of a schema is written nowhere but in its code, so plans are tried on the real program. It ends with its [`MariaDb`], and
//! also when the process that holds it is killed (see [`crate::guard`]). A missing server is an error that says what to install, never a
//! skipped test.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use crate::certificates::Authority;
use crate::guard::{Guard, Signal};
use crate::places::{free_port, on_small_disk, temporary_folder};
use crate::tools::run;

/// Who the tests are on the server. The account may do everything.
pub const USER: &str = "tidegate";

/// Its password, which no message may show.
pub const PASSWORD: &str = "hunter2";

/// How long the start may take. One second is usual; this is for busy machines.
const START: Duration = Duration::from_mins(1);

/// A running server, which ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct MariaDb {
    guard: Guard,
    /// As it was started.
    server: Command,
    folder: PathBuf,
    port: u16,
}

impl MariaDb {
    /// Makes an empty server and starts it. An error shows the last lines of its log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(None)
    }

    /// As [`Self::start`], with a disk of so many bytes at [`Self::small_disk`].
    pub fn start_with_small_disk(bytes: u64) -> anyhow::Result<Self> {
        Self::start_with(Some(bytes))
    }

    fn start_with(disk: Option<u64>) -> anyhow::Result<Self> {
        // A free port is only known by giving it back, and somebody else may take it in between.
        match Self::try_start(disk) {
            Err(error) if format!("{error:#}").contains("Address already in use") => {
                Self::try_start(disk)
            }
            other => other,
        }
    }

    /// Kills the server, and starts it again with the same data and on the same port.
    pub fn crash_and_restart(&mut self) -> anyhow::Result<()> {
        self.guard.strike(Signal::Kill)?;
        self.guard.spawn("mariadbd", &mut self.server)?;
        self.wait()
    }

    /// A folder for tables (`DATA DIRECTORY`).
    pub fn small_disk(&self) -> PathBuf {
        self.folder.join("small")
    }

    /// The one server that all tests of this binary use. Tests then need databases of their own.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<MariaDb, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// The address of a database, or of the whole server where the name is empty.
    pub fn url(&self, database: &str) -> String {
        format!(
            "mariadb://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that signed the server's, in a file. The server takes connections with and without TLS.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Runs statements with MariaDB's own client, past every code of ours, and gives back what they print: a line a row, columns behind tabs.
    pub fn sql(&self, database: &str, statements: &str) -> anyhow::Result<String> {
        run(&mut self.client(database)?, statements)?.ok()
    }

    /// What [`Self::sql`] runs, for whoever wants to wait for it elsewhere.
    pub fn client(&self, database: &str) -> anyhow::Result<Command> {
        let mut client = self.program("mariadb")?;
        client.args(["--batch", "--skip-column-names"]);
        if !database.is_empty() {
            client.arg(database);
        }
        Ok(client)
    }

    /// What MariaDB's own dump says of a database's schema.
    pub fn dump(&self, database: &str) -> anyhow::Result<String> {
        let mut dump = self.program("mariadb-dump")?;
        dump.args([
            "--no-data",
            "--routines",
            "--events",
            "--triggers",
            database,
        ]);
        run(&mut dump, "")?.ok()
    }

    /// One of MariaDB's own clients, let in.
    fn program(&self, name: &str) -> anyhow::Result<Command> {
        let mut client = Command::new(program(name)?);
        client
            .arg("--no-defaults")
            .arg(format!("--socket={}", self.folder.join("socket").display()))
            .args([format!("--user={USER}"), format!("--password={PASSWORD}")])
            .arg("--default-character-set=utf8mb4");
        Ok(client)
    }

    fn try_start(disk: Option<u64>) -> anyhow::Result<Self> {
        let mut guard = Guard::new()?;
        let folder = temporary_folder("tidegate-mariadb-")?;
        guard.remove_folder(&folder)?;
        let data = format!("--datadir={}", folder.join("data").display());
        let account = fs::metadata(&folder)
            .context("looking at the temporary folder")?
            .uid();
        // The server does not run as root unless it is told to, in so many words.
        let user = (account == 0).then_some("--user=root");
        let mut install = Command::new(program("mariadb-install-db")?);
        install
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                &data,
            ])
            .args(user)
            // As below: what makes one server clears the tables of what makes another.
            .env("TMPDIR", &folder);
        run(&mut install, "")?
            .ok()
            .context("mariadb-install-db could not make an empty server")?;

        let authority = Authority::new("tidegate-kit")?;
        let identity = authority.server("mariadbd", &["127.0.0.1"])?;
        let ssl = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.join(format!("{name}.pem"));
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            Ok(format!("--ssl-{name}={}", path.display()))
        };
        let ssl = [
            ssl("ca", authority.certificate())?,
            ssl("cert", &identity.certificate)?,
            ssl("key", &identity.key)?,
        ];
        let init = folder.join("init.sql");
        let accounts = ["localhost", "127.0.0.1"].map(|host| {
            format!(
                "CREATE USER IF NOT EXISTS '{USER}'@'{host}' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'{host}' WITH GRANT OPTION;\n"
            )
        });
        let accounts = accounts.concat();
        fs::write(&init, accounts).context("writing the server's first statements")?;
        let log = File::create(folder.join("log")).context("making the server's log")?;
        let errors = log.try_clone().context("sharing a log file")?;
        let port = free_port()?;
        let program = program("mariadbd")?;
        let mut server = match disk {
            None => Command::new(program),
            Some(bytes) => {
                let mount = folder.join("small");
                fs::create_dir(&mount).context("a folder for the small disk")?;
                on_small_disk(&mount, bytes, &program)
            }
        };
        server
            .args([
                "--no-defaults",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--skip-slave-start",
                "--performance-schema=OFF",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_general_ci",
                "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=16M",
                "--innodb-log-buffer-size=2M",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=0",
                "--aria-pagecache-buffer-size=8M",
                "--key-buffer-size=1M",
                "--table-open-cache=4000",
            ])
            .arg(&data)
            // A server that starts clears its temporary folder of tables; it must not be another one's.
            .arg(format!("--tmpdir={}", folder.display()))
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()))
            .arg(format!("--init-file={}", init.display()))
            .args(&ssl)
            .args(user)
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(errors));
        guard.spawn("mariadbd", &mut server)?;
        let mut started = Self {
            guard,
            server,
            folder,
            port,
        };
        started.wait()?;
        Ok(started)
    }

    /// The first statements have run when the port is open.
    fn wait(&mut self) -> anyhow::Result<()> {
        const PAUSE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + START;
        loop {
            let fallen = self.guard.fallen()?;
            if fallen.is_none() && TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            let problem = match fallen {
                Some(fallen) => fallen,
                None if Instant::now() >= deadline => "time is up".to_owned(),
                None => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            let log = fs::read(self.folder.join("log")).unwrap_or_default();
            bail!(
                "waiting until mariadbd listens: {problem}\n{}",
                String::from_utf8_lossy(&log)
            );
        }
    }
}

/// The path of one of the server's programs, which Debian keeps partly off the search path of ordinary users.
pub(crate) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/libexec", "/usr/local/sbin"];
    std::env::split_paths(&path)
        .chain(more.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| {
            format!("{name} is not installed; run tests/setup, or install mariadb-server")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_runs_while_it_is_held() {
        let server = MariaDb::start().unwrap();
        assert_eq!(server.sql("", "SELECT 1, 'x'").unwrap(), "1\tx\n");
        assert!(server.url("shop").ends_with("/shop"));
        let (port, folder) = (server.port(), server.folder.clone());
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }
}
