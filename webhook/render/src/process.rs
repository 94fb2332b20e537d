//! Runs somebody else's program on somebody else's input, and comes back in any case.
//!
//! A program starts with an environment made here, not with ours: no token, no kubeconfig, no user's configuration reaches it. It leads a process
//! group of its own, which is killed as a whole when its time is over or when it prints too much, so that a helper it started cannot stay behind.
//! On Linux its memory and the files it writes are limited by the kernel as well; the limits are set right after it started, before it has read
//! anything.
//!
//! This is not a sandbox: a program that means harm can still read what this user may read. `git`, `helm` and `kustomize` are trusted programs on input that
//! is not; what each of them could be talked into is closed where it is called.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::ProcessError;
use crate::redact;
use crate::settings::{Limits, Settings};

/// What a program says about an error is of use only at its end.
const LARGEST_ERROR_BYTES: u64 = 256 << 10;
/// The longest pause between two looks at whether a program has ended.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// One run of a program.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    settings: &'a Settings,
    program: &'a str,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    secrets: Vec<&'a str>,
    root: Option<&'a Path>,
    home: &'a Path,
    folder: &'a Path,
    input: Option<File>,
    time: Duration,
    without_programs: bool,
}

impl<'a> Run<'a> {
    /// A program, its home (a private folder) and the folder it starts in.
    pub(crate) fn new(
        settings: &'a Settings,
        program: &'a str,
        home: &'a Path,
        folder: &'a Path,
    ) -> Self {
        Self {
            settings,
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            secrets: Vec::new(),
            root: None,
            home,
            folder,
            input: None,
            time: settings.limits.render_time,
            without_programs: false,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<T: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = T>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, key: impl Into<String>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((key.into(), value.as_ref().to_owned()));
        self
    }

    /// Text that must not be in what is said about a failure.
    pub(crate) fn secret(mut self, secret: &'a str) -> Self {
        self.secrets.push(secret);
        self
    }

    /// The folder from whose point of view paths are told.
    pub(crate) fn root(mut self, root: &'a Path) -> Self {
        self.root = Some(root);
        self
    }

    /// What it reads; nothing, otherwise.
    pub(crate) fn input(mut self, input: File) -> Self {
        self.input = Some(input);
        self
    }

    pub(crate) fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// It finds no other program to start, and no proxy lets it out: for what should need neither.
    pub(crate) fn alone(mut self) -> Self {
        self.without_programs = true;
        self
    }

    /// What it prints.
    pub(crate) fn output(mut self) -> Result<Vec<u8>, ProcessError> {
        let program = self.program;
        let Some(path) = find(program, &self.settings.path) else {
            return Err(ProcessError::Missing {
                program: program.to_owned(),
            });
        };
        let input = self.input.take().map_or_else(Stdio::null, Stdio::from);
        let ended = run(
            self.command(&path).stdin(input),
            program,
            self.time,
            &self.settings.limits,
        )?;
        if ended.status.success() {
            return Ok(ended.out);
        }
        let mut said = String::from_utf8_lossy(&ended.err).into_owned();
        // A program of Go's that is out of memory tells it in one line, and then where each of its threads was.
        if let Some(line) = said.lines().find(|line| line.starts_with("fatal error: ")) {
            said = line.to_owned();
        }
        for folder in self.root.into_iter().chain([self.home]) {
            let folder = folder.to_string_lossy();
            said = said
                .replace(&format!("{folder}/"), "")
                .replace(&*folder, ".");
        }
        let mut said = redact::text(&said, &self.secrets);
        if said.is_empty() {
            said = ended.status.to_string();
        }
        Err(ProcessError::Failed {
            program: program.to_owned(),
            said,
        })
    }

    fn command(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command
            .args(&self.arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs(&self.settings.environment)
            .env("PATH", &self.settings.path)
            .env("HOME", self.home)
            .env("TMPDIR", self.home)
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("XDG_DATA_HOME", self.home.join("data"))
            .env("LC_ALL", "C.UTF-8");
        if self.without_programs {
            // Nothing listens there. Go's HTTP client, which helm and kustomize use, asks the proxy for every host but this one.
            let nowhere = "http://127.0.0.1:9";
            command.env("PATH", self.home.join("no-programs"));
            for key in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
                command.env(key, nowhere);
            }
            command.env_remove("NO_PROXY").env_remove("no_proxy");
        }
        for (key, value) in &self.environment {
            command.env(key, value);
        }
        command
    }
}

/// Where a program is; only whole paths are searched, so that no repository can bring its own.
pub(crate) fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// How a program ended, and what it printed.
struct Ended {
    status: ExitStatus,
    out: Vec<u8>,
    err: Vec<u8>,
}

fn run(
    command: &mut Command,
    program: &str,
    time: Duration,
    limits: &Limits,
) -> Result<Ended, ProcessError> {
    let failed = |cause| ProcessError::Start {
        program: program.to_owned(),
        cause: Arc::new(cause),
    };
    let until = Instant::now() + time;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    limit(&child, limits);
    let (send, receive) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        read(Pipe::Out, pipe, limits.output_bytes, send.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        read(Pipe::Err, pipe, LARGEST_ERROR_BYTES, send.clone());
    }
    drop(send);

    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut problem = None;
    // The channel closes when both pipes have: with that, nobody of the group prints any more.
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match receive.recv_timeout(left) {
            Ok((Pipe::Out, bytes)) if bytes.len() as u64 > limits.output_bytes => {
                problem = Some(ProcessError::TooMuchOutput {
                    program: program.to_owned(),
                    limit: limits.output_bytes,
                });
                break;
            }
            Ok((Pipe::Out, bytes)) => out = bytes,
            Ok((Pipe::Err, bytes)) => err = bytes,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                problem = Some(ProcessError::TimedOut {
                    program: program.to_owned(),
                    limit: time,
                });
                break;
            }
        }
    }
    if problem.is_none() {
        match wait(&mut child, until).map_err(failed)? {
            Some(status) => return Ok(Ended { status, out, err }),
            None => {
                problem = Some(ProcessError::TimedOut {
                    program: program.to_owned(),
                    limit: time,
                });
            }
        }
    }
    end(&mut child).map_err(failed)?;
    match problem {
        Some(problem) => Err(problem),
        None => Err(failed(std::io::ErrorKind::Other.into())),
    }
}

/// Which pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pipe {
    Out,
    Err,
}

/// Reads a pipe to its end, or to one byte more than it may have. Of standard error the rest is read and forgotten, or the program would stop.
fn read(
    which: Pipe,
    mut pipe: impl std::io::Read + Send + 'static,
    limit: u64,
    send: mpsc::Sender<(Pipe, Vec<u8>)>,
) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could not be read is missing from the end; the exit status tells why.
        let _ = pipe.by_ref().take(limit + 1).read_to_end(&mut bytes);
        if which == Pipe::Err {
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
        // Nobody listens any more when the program was stopped.
        let _ = send.send((which, bytes));
    });
}

/// Its exit status, or none when it has not ended by then. It has closed its output, so that this is a matter of moments for every honest program.
fn wait(child: &mut Child, until: Instant) -> std::io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Kills a program and all that it started, and waits for it.
fn end(child: &mut Child) -> std::io::Result<()> {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The group is gone when its last process is; then there is nothing to do.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait().map(drop)
}

#[cfg(target_os = "linux")]
fn limit(child: &Child, limits: &Limits) {
    use rustix::process::{Resource, Rlimit, prlimit};
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    for (resource, most) in [
        (Resource::Data, limits.memory_bytes),
        (Resource::Fsize, limits.written_file_bytes),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        // It fails where the program has ended, or where a lower limit holds already.
        let _ = prlimit(Some(pid), resource, limit);
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_: &Child, _: &Limits) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration, limits: Limits) -> Result<Vec<u8>, ProcessError> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::new(folder.path(), std::env::var_os("PATH").expect("a PATH"));
        settings.limits = limits;
        Run::new(&settings, "sh", folder.path(), folder.path())
            .args(["-c", script])
            .secret("hunter2")
            .time(time)
            .output()
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn output_comes_back_and_failure_says_why() {
        let out = shell("echo fine; echo noise >&2", LONG, Limits::default()).expect("it works");
        assert_eq!(out, b"fine\n");
        let error = shell("echo hunter2 is wrong >&2; exit 3", LONG, Limits::default())
            .expect_err("it fails");
        assert_eq!(error.to_string(), "sh failed: *** is wrong");
        let error = shell("exit 3", LONG, Limits::default()).expect_err("it fails");
        assert_eq!(error.to_string(), "sh failed: exit status: 3");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let settings = Settings::new("/", "relative:/nowhere");
        let error = Run::new(&settings, "helm", Path::new("/"), Path::new("/"))
            .output()
            .expect_err("it is not there");
        assert_eq!(
            error.to_string(),
            "helm is needed and is not on the PATH; install it"
        );
    }

    #[test]
    fn nothing_of_our_environment_is_inherited() {
        let out = shell("env | cut -d= -f1 | sort", LONG, Limits::default()).expect("it works");
        let out = String::from_utf8(out).expect("text");
        let mut names: Vec<&str> = out.lines().filter(|name| *name != "_").collect();
        // The shell makes these two itself.
        names.retain(|name| *name != "PWD" && *name != "SHLVL");
        assert_eq!(
            names,
            [
                "HOME",
                "LC_ALL",
                "PATH",
                "TMPDIR",
                "XDG_CACHE_HOME",
                "XDG_CONFIG_HOME",
                "XDG_DATA_HOME"
            ]
        );
    }

    #[test]
    fn what_takes_too_long_ends_with_all_that_it_started() {
        // The grandchild holds the pipe open: were it not killed, the run would not end.
        let error = shell(
            "sleep 600 & echo started; sleep 600",
            Duration::from_millis(300),
            Limits::default(),
        )
        .expect_err("it hangs");
        assert_eq!(error.to_string(), "sh was stopped after 300ms");
        // Closing its output does not save it.
        let error = shell(
            "exec >&- 2>&-; sleep 600",
            Duration::from_millis(300),
            Limits::default(),
        )
        .expect_err("it hangs");
        assert_eq!(error.to_string(), "sh was stopped after 300ms");
    }

    #[test]
    fn what_prints_too_much_is_stopped() {
        let limits = Limits {
            output_bytes: 1_000,
            ..Limits::default()
        };
        let error = shell("while :; do echo yes; done", LONG, limits).expect_err("it prints");
        assert_eq!(
            error.to_string(),
            "sh was stopped: it printed more than 1000 bytes"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_takes_too_much_memory_or_disk_fails() {
        let limits = Limits {
            memory_bytes: 32 << 20,
            written_file_bytes: 1 << 20,
            ..Limits::default()
        };
        // The kernel's limits come right after the start; a real program is still reading its input then.
        let limited = "while [ \"$(ulimit -f)\" = unlimited ]; do :; done;";
        let memory = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo ${#x}";
        shell(&format!("{limited} {memory}"), LONG, limits).expect_err("it has no memory");
        let disk = "head -c 2000000 /dev/zero > big";
        shell(&format!("{limited} {disk}"), LONG, limits).expect_err("the file is too large");
    }
}
