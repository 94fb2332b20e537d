//! A throw-away `PostgreSQL` server: the real thing, as tests of the room `database` need it.
//!
//! `initdb` makes a cluster in a temporary folder, `postgres` serves it on loopback and a free port, with a password and without a unix
//! socket; nothing is written through to the disk (`fsync=off`). It ends with its [`Postgres`] and with the process that holds it (see
//! [`crate::guard`]). `PostgreSQL` refuses to run as root, so as root it runs as the user `postgres`, which its package makes.
//!
//! A missing server is an error that says what to install, never a skipped test. `TIDEGATE_POSTGRES` names the folder with `initdb` and
//! `postgres` of another version than the one installed; `psql` is the installed one all the same.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use crate::guard::{Guard, Signal};
use crate::places::{free_port, on_small_disk};
use crate::tools::{Output, run};

/// The superuser's name; its password is [`PASSWORD`].
pub const USER: &str = "tide";

/// The superuser's password, which tests look for in messages.
pub const PASSWORD: &str = "low-and-high";

const LOG: &str = "postgres.log";

const SMALL_DISK: &str = "small";

/// How long the start may take. Under two seconds is usual.
const START: Duration = Duration::from_mins(2);

/// A running server, which ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Postgres {
    guard: Guard,
    /// As it was started.
    server: Command,
    /// The folder of `psql` and `pg_isready`.
    clients: PathBuf,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes a cluster, starts a server and waits until it takes connections. An error shows the end of the log.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(None)
    }

    /// As [`Self::start`], with a disk of so many bytes for the databases that [`Self::small_database`] makes.
    pub fn start_with_small_disk(bytes: u64) -> anyhow::Result<Self> {
        let this = Self::start_with(Some(bytes))?;
        let location = this.folder.join(SMALL_DISK);
        let create = format!("CREATE TABLESPACE small LOCATION '{}'", location.display());
        this.psql("postgres", &create)?.ok()?;
        Ok(this)
    }

    fn start_with(disk: Option<u64>) -> anyhow::Result<Self> {
        // A free port is only known by giving it back, and somebody else may take it in between.
        const ATTEMPTS: usize = 3;
        for _ in 1..ATTEMPTS {
            match Self::try_start(disk) {
                Err(error) if format!("{error:#}").contains("Address already in use") => {}
                other => return other,
            }
        }
        Self::try_start(disk)
    }

    /// Ends the server as a crash would, and starts it again with the same data and on the same port.
    pub fn crash_and_restart(&mut self) -> anyhow::Result<()> {
        // Killed, it would leave its processes, and those the data's lock.
        self.guard.strike(Signal::Quit)?;
        self.guard.spawn_to_quit("postgres", &mut self.server)?;
        self.wait()
    }

    /// The one server that all tests of this binary use. Tests then take a [`Self::database`] each.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// Makes an empty database with a name of its own, and returns the name.
    pub fn database(&self) -> anyhow::Result<String> {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?
            .ok()?;
        Ok(name)
    }

    /// As [`Self::database`], on the small disk.
    pub fn small_database(&self) -> anyhow::Result<String> {
        let name = self.database()?;
        self.psql(
            "postgres",
            &format!("ALTER DATABASE {name} SET TABLESPACE small"),
        )?
        .ok()?;
        Ok(name)
    }

    /// The address of a database as the superuser, for example with `search_path=public` as parameters.
    pub fn url(&self, database: &str, parameters: &str) -> String {
        self.url_as(USER, PASSWORD, database, parameters)
    }

    /// The address of a database as somebody else.
    pub fn url_as(&self, user: &str, password: &str, database: &str, parameters: &str) -> String {
        let ampersand = if parameters.is_empty() { "" } else { "&" };
        let port = self.port;
        format!(
            "postgres://{user}:{password}@127.0.0.1:{port}/{database}?sslmode=disable{ampersand}{parameters}"
        )
    }

    /// Runs a script with `psql` as superuser, stopping at the first error. Standard output has the rows: unaligned, separated by `|`.
    pub fn psql(&self, database: &str, script: &str) -> anyhow::Result<Output> {
        run(&mut self.client(database), script)
    }

    /// What [`Self::psql`] runs, for whoever wants to wait for it elsewhere.
    pub fn client(&self, database: &str) -> Command {
        let mut client = Command::new(self.clients.join("psql"));
        client
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url(database, ""));
        client
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn try_start(disk: Option<u64>) -> anyhow::Result<Self> {
        let clients = programs(&["psql", "pg_isready"])?;
        let programs = match std::env::var_os("TIDEGATE_POSTGRES") {
            Some(folder) => PathBuf::from(folder),
            None => programs(&["initdb", "postgres", "psql", "pg_isready"])?,
        };
        let owner = owner()?;
        let folder = tempfile::Builder::new()
            .prefix("tidegate-postgres-")
            .tempdir()
            .context("a folder for the server")?
            .keep();
        let mut guard = Guard::new()?;
        guard.remove_folder(&folder)?;
        let data = folder.join("data");
        fs::write(folder.join("password"), PASSWORD).context("writing the password file")?;
        if let Some((uid, gid)) = owner {
            for path in [&folder, &folder.join("password")] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid))
                    .with_context(|| format!("giving {} to postgres", path.display()))?;
            }
        }
        let own = |mut command: Command| {
            command.current_dir(&folder).env("LC_ALL", "C");
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            command
        };
        run(
            own(Command::new(programs.join("initdb")))
                .args(["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
                .args(["--auth=scram-sha-256", "-U", USER, "--pwfile=password"])
                .arg("-D")
                .arg(&data),
            "",
        )?
        .ok()
        .context("initdb")?;
        let port = free_port()?;
        let log = fs::File::create(folder.join(LOG)).context("the log")?;
        let program = programs.join("postgres");
        let mut server = own(match disk {
            None => Command::new(program),
            Some(bytes) => {
                let mount = folder.join(SMALL_DISK);
                fs::create_dir(&mount).context("a folder for the small disk")?;
                if let Some((uid, gid)) = owner {
                    std::os::unix::fs::chown(&mount, Some(uid), Some(gid))
                        .context("giving the small disk to postgres")?;
                }
                on_small_disk(&mount, bytes, &program)
            }
        });
        server
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(log);
        for setting in [
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "max_connections=60",
            "shared_buffers=64MB",
            "dynamic_shared_memory_type=mmap",
            "autovacuum=off",
            "jit=off",
        ] {
            server.args(["-c", setting]);
        }
        guard.spawn_to_quit("postgres", &mut server)?;
        let mut this = Self {
            guard,
            server,
            clients,
            folder,
            port,
            databases: AtomicU32::new(0),
        };
        this.wait()?;
        Ok(this)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let ready = Command::new(self.clients.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .context("running pg_isready")?;
            if ready.success() {
                return Ok(());
            }
            let fallen = self.guard.fallen()?;
            if fallen.is_some() || begun.elapsed() > START {
                let said = fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
                bail!(
                    "PostgreSQL in {} did not start: {}\n{said}",
                    self.folder.display(),
                    fallen.unwrap_or_else(|| format!("not ready after {START:?}")),
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where these programs are: of the search path, or of Debian's newest version, which is not on it.
fn programs(names: &[&str]) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    folders
        .into_iter()
        // A link leads to the folder that has all of them.
        .filter_map(|folder| {
            let first = folder.join(names.first()?);
            // Debian's wrapper of `psql` is in a folder without the server.
            let first = fs::canonicalize(first).ok()?;
            first.parent().map(Path::to_path_buf)
        })
        .find(|folder| names.iter().all(|name| folder.join(name).is_file()))
        .context(
            "there is no PostgreSQL server here (initdb, postgres, psql): run tests/setup, or install it",
        )
}

/// As whom the server runs where we are root.
fn owner() -> anyhow::Result<Option<(u32, u32)>> {
    let id = run(Command::new("id").arg("-u"), "")?.ok()?;
    if id.trim() != "0" {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find_map(|fields| match fields.as_slice() {
            ["postgres", _, uid, gid, ..] => Some((uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        })
        .map(Some)
        .context("PostgreSQL does not run as root, and there is no user postgres to run it as")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_and_ends_with_its_holder() {
        let server = Postgres::start().unwrap();
        let name = server.database().unwrap();
        let rows = server.psql(&name, "SELECT current_user, current_database(), 1;");
        assert_eq!(rows.unwrap().ok().unwrap(), format!("{USER}|{name}|1\n"));
        let (port, folder) = (server.port, server.folder.clone());
        drop(server);
        assert!(!folder.exists());
        std::net::TcpStream::connect(("127.0.0.1", port)).expect_err("nobody listens any more");
    }
}
