//! The server under test: started on free ports, watched through `/proc`, stopped when dropped.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::client::Target;

/// Compiling a hundred policies takes a while when nothing is cached.
const START: Duration = Duration::from_mins(3);

/// Everything that servers of one run share.
#[derive(Debug)]
pub struct Bench {
    /// The `tidegate` program.
    pub program: PathBuf,
    /// Policies files, compiled code and the certificate authority; gone afterwards.
    pub folder: tempfile::TempDir,
}

impl Bench {
    /// Measures this program.
    pub fn new(program: PathBuf) -> Result<Self> {
        ensure!(program.is_file(), "there is no {}", program.display());
        let folder = tempfile::Builder::new().prefix("tidegate-").tempdir()?;
        Ok(Self { program, folder })
    }

    /// Starts a server with this policies file and waits until it is ready.
    pub fn start(&self, name: &str, policies: &str) -> Result<Server> {
        self.start_with(name, policies, &[])
    }

    /// The same with further arguments.
    pub fn start_with(&self, name: &str, policies: &str, more: &[&str]) -> Result<Server> {
        let file = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, policies)?;
        let (webhook, health) = free_ports()?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .args([Path::new("--policies"), &file])
            .args([Path::new("--cache"), &self.folder.path().join("cache")])
            .args([Path::new("--ca-folder"), &self.folder.path().join("ca")])
            .args(["--listen", &webhook.to_string()])
            .args(["--health", &health.to_string()])
            .args(["--drain", "0s", "--readiness", "every-policy"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Written at the default level, as in a container, and read by nobody.
            .stderr(Stdio::null());
        let begun = Instant::now();
        let child = command.spawn().context("starting tidegate")?;
        let mut server = Server {
            child,
            webhook,
            health,
            ca: self.folder.path().join("ca/ca.crt"),
            ready_after: Duration::ZERO,
        };
        loop {
            if get(health, "/readyz").is_ok_and(|(status, _)| status == 200) {
                server.ready_after = begun.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("tidegate ended with {status}; it was {command:?}");
            }
            if begun.elapsed() > START {
                let said = get(health, "/readyz").map(|(_, body)| body);
                bail!("tidegate is not ready: {said:?}; it was {command:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    webhook: SocketAddr,
    health: SocketAddr,
    ca: PathBuf,
    /// From starting the process to the first 200 of `/readyz`.
    pub ready_after: Duration,
}

impl Server {
    /// How to call it.
    pub fn target(&self) -> Result<Target> {
        Target::new(self.webhook, &self.ca)
    }

    /// Asks the health port.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        get(self.health, path)
    }

    /// User and system time of all its threads, to the nanosecond.
    pub fn processor_time(&self) -> Result<Duration> {
        let mut sum = 0;
        for task in std::fs::read_dir(self.proc("task"))? {
            // A thread that ends meanwhile takes its time with it: idle helpers, nothing that counts.
            if let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) {
                let nanos = text.split(' ').next().map(str::parse::<u64>);
                sum += nanos.context("schedstat is empty")??;
            }
        }
        Ok(Duration::from_nanos(sum))
    }

    /// User and system time of the process and of the programs that it ran and that have ended, in hundredths of a second: for work of threads and
    /// programs that come and go.
    pub fn whole_processor_time(&self) -> Result<Duration> {
        /// What the kernel counts in here, on every processor of today.
        const TICK: Duration = Duration::from_millis(10);
        let stat = std::fs::read_to_string(self.proc("stat"))?;
        // The name, in brackets, may hold anything; utime, stime, cutime and cstime are the 14th field and on, the state after the name is the 3rd.
        let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
        let ticks = fields.split(' ').skip(11).take(4).map(str::parse::<u32>);
        let ticks = ticks.sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// As [`Self::whole_processor_time`], when the process has come to rest: what it does after it has said that it is ready counts too, also while it
    /// waits for a database.
    pub async fn processor_time_at_rest(&self) -> Result<Duration> {
        const STILL: Duration = Duration::from_millis(500);
        const TRIES: usize = 120;
        let mut before = self.whole_processor_time()?;
        for _ in 0..TRIES {
            tokio::time::sleep(STILL).await;
            let now = self.whole_processor_time()?;
            if now == before && self.metric("tidegate_reconcile_inflight")? == 0 {
                return Ok(now);
            }
            before = now;
        }
        bail!("the program does not come to rest");
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`Self::forget_peak`], in MiB.
    pub fn peak(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// The peak counts from now.
    pub fn forget_peak(&self) -> Result<()> {
        Ok(std::fs::write(self.proc("clear_refs"), "5")?)
    }

    /// Open files and sockets.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(self.proc("fd"))?.count())
    }

    /// One of its own counters or gauges, by its name with its labels; 0 where it has none yet.
    pub fn metric(&self, name: &str) -> Result<i64> {
        let (_, text) = self.get("/metrics")?;
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.find_map(|rest| rest.strip_prefix(' '));
        Ok(value.map_or(Ok(0), str::parse)?)
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    fn status(&self, field: &str) -> Result<f64> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: f64 = kib.with_context(|| format!("no {field}"))?.parse()?;
        Ok(kib / 1024.0)
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.child.id()).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is a process that may have ended by itself; then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two ports that nobody listens on at the moment.
fn free_ports() -> Result<(SocketAddr, SocketAddr)> {
    let both = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let [webhook, health] = both;
    Ok((webhook?.local_addr()?, health?.local_addr()?))
}

/// Plain HTTP, one request on a connection.
fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let status = text.split(' ').nth(1).context("no status line")?.parse()?;
    Ok((status, text))
}
