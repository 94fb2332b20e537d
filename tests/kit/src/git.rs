//! `git`, as somebody whom no configuration of this machine knows.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Runs git in a folder; its standard output, trimmed. An error is what it said.
pub fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ])
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@b")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@b")])
        .output()
        .context("running git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {arguments:?} failed: {said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
