//! Ends processes and removes folders when this process ends, however it ends.
//!
//! Dropping is not enough: a test that is killed, a `static`, `std::process::exit` and an abort all leave without it, and then
//! servers linger on the developer's machine. So a [`Guard`] is a small shell process that reads from a pipe which only this
//! process holds open. The kernel closes the pipe when this process is gone, the shell reads the end of its input, kills what
//! it was told about and removes what it was told about. Dropping a guard closes the same pipe: one way out, always tried.
//!
//! It is no `PR_SET_PDEATHSIG`: that is bound to the thread that started the child, and each Rust test is a thread.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, ensure};

/// Reads `kill PID`, `quit PID`, `ended` (all of them) and `remove PATH` lines until the pipe is closed. `read -r` with an empty IFS keeps spaces in paths.
/// The process group of each child is its own, so a negative id ends what the child itself started. Who is to quit has two
/// seconds to do so by itself, as a database server that gives back its shared memory.
const SCRIPT: &str = r#"
kill_list= quit_list=
while IFS= read -r line; do
  case $line in
    "kill "*) kill_list="$kill_list -${line#kill }" ;;
    "quit "*) quit_list="$quit_list ${line#quit }"; kill_list="$kill_list -${line#quit }" ;;
    "remove "*) set -- "$@" "${line#remove }" ;;
    ended) kill_list= quit_list= ;;
  esac
done
[ -z "$quit_list" ] || kill -s QUIT $quit_list 2>/dev/null
for id in $quit_list; do
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    case $(cat "/proc/$id/stat" 2>/dev/null) in ""|*") Z "*) break ;; esac
    sleep 0.1
  done
done
[ -z "$kill_list" ] || kill -s KILL -- $kill_list 2>/dev/null
[ $# = 0 ] || rm -rf -- "$@"
"#;

/// How [`Guard::strike`] ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// At once, whatever it is at. Its own children stay.
    Kill,
    /// As fast as it can with its children: for a database server no more than a crash.
    Quit,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Quit => "QUIT",
        }
    }
}

/// Owns child processes and folders; all of them end with it.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
    children: Vec<(String, Child)>,
}

impl Guard {
    /// A guard of nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "tidegate-kit-guard"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A ^C in the terminal goes to the whole foreground group; the shell must outlive us by its work.
            .process_group(0)
            .spawn()
            .context("starting /bin/sh to guard child processes")?;
        let pipe = shell.stdin.take();
        Ok(Self {
            shell,
            pipe,
            children: Vec::new(),
        })
    }

    /// Removes the folder and all that is in it at the end.
    pub fn remove_folder(&mut self, path: &Path) -> anyhow::Result<()> {
        self.tell(&format!("remove {}", path.display()))
    }

    /// Starts a process that ends with this guard, with standard input closed.
    pub fn spawn(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        self.start("kill", name, command)
    }

    /// As [`Self::spawn`], for a process that puts its things away when it gets SIGQUIT. It is killed when it does not end.
    pub fn spawn_to_quit(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        self.start("quit", name, command)
    }

    fn start(&mut self, how: &str, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let id = child.id();
        self.children.push((name.to_owned(), child));
        self.tell(&format!("{how} {id}"))
    }

    /// Ends all processes of this guard now, as a fault would, and waits until they are gone: others can be started in their place.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn strike(&mut self, signal: Signal) -> anyhow::Result<()> {
        for (name, child) in &mut self.children {
            let id = child.id().to_string();
            let struck = Command::new("/bin/sh")
                .args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal.name(), &id])
                .status()
                .with_context(|| format!("signalling {name}"))?;
            ensure!(struck.success(), "{name} could not be signalled");
            child
                .wait()
                .with_context(|| format!("waiting for the end of {name}"))?;
        }
        self.children.clear();
        // Their numbers may be somebody else's soon.
        self.tell("ended")
    }

    /// The name and exit status of a process that has ended although it should not have, if there is one.
    pub fn fallen(&mut self) -> anyhow::Result<Option<String>> {
        for (name, child) in &mut self.children {
            if let Some(status) = child
                .try_wait()
                .with_context(|| format!("looking after {name}"))?
            {
                return Ok(Some(format!("{name} ended with {status}")));
            }
        }
        Ok(None)
    }

    fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let pipe = self
            .pipe
            .as_mut()
            .context("the guard's shell has no input")?;
        writeln!(pipe, "{line}").context("telling the guard's shell")
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Best effort: the shell does the work even if it cannot be waited for.
        let _ = self.shell.wait();
        for (_, child) in &mut self.children {
            // Does nothing after the shell's work, unless the shell was killed by someone else.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn drop_ends_processes_with_their_children_and_removes_folders() {
        let folder = tempfile::Builder::new()
            .prefix("with space ")
            .tempdir()
            .unwrap()
            .keep();
        // All that the child starts holds the other end of this connection, so it closes when the last of them is gone.
        let (mut connection, end) = UnixStream::pair().unwrap();
        connection
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        let mut guard = Guard::new().unwrap();
        guard.remove_folder(&folder).unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "sleep 1000 & echo; wait"])
            .stdout(OwnedFd::from(end));
        guard.spawn("sh", &mut command).unwrap();
        drop(command); // it holds the other end as well
        connection.read_exact(&mut [0]).unwrap();
        assert_eq!(guard.fallen().unwrap(), None);

        drop(guard);
        assert_eq!(connection.read(&mut [0]).unwrap(), 0);
        assert!(!folder.exists());
    }

    #[test]
    fn a_process_that_ends_by_itself_is_named() {
        let mut guard = Guard::new().unwrap();
        guard
            .spawn("server", Command::new("/bin/sh").args(["-c", "exit 3"]))
            .unwrap();
        guard.children[0].1.wait().unwrap();
        assert_eq!(
            guard.fallen().unwrap().unwrap(),
            "server ended with exit status: 3"
        );
    }
}
