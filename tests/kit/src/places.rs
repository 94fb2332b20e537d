//! Where a throw-away server can be: a folder that goes with it, and a port that nobody has.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// A folder of this name's beginning, in memory where the system has such a place: servers wait for the disk at each write. Whoever guards the server
/// removes it, also when this process does not live to do so.
pub(crate) fn temporary_folder(name: &str) -> anyhow::Result<PathBuf> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(name);
    let folder = builder
        .tempdir_in("/dev/shm")
        .or_else(|_| builder.tempdir())
        .context("making a temporary folder")?;
    Ok(folder.keep())
}

/// A command that runs another where a folder is a disk of so many bytes: a tmpfs that only this process and its children see, and that goes with them.
/// `unshare` gives it a name space of mounts, and for whoever is not root one of users, in which one may mount. The process keeps its number.
///
/// The other command's arguments follow.
pub fn on_small_disk(folder: &Path, bytes: u64, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-current-user", "--keep-caps", "--mount"])
        .args(["/bin/sh", "-c"])
        .arg("mount -t tmpfs -o \"size=$1\" tidegate \"$2\" && shift 2 && exec \"$@\"")
        .args(["sh", &bytes.to_string()])
        .args([folder, program]);
    command
}

/// A port of loopback that nobody listened on a moment ago.
///
/// # Errors
/// There is none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    let address = listener.local_addr().context("looking for a free port")?;
    Ok(address.port())
}
