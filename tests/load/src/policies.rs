//! Policies files for what is measured, written to a folder of their own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The folder that `policies/build` fills.
#[derive(Debug, Clone)]
pub struct Built(pub PathBuf);

impl Built {
    /// A policy that looks for an annotation in every object and finds nothing: what small policies do. An annotation makes it misbehave.
    pub fn small(&self) -> PathBuf {
        self.0.join("guests/misbehaving.wasm")
    }

    /// No policy at all: the server's own cost.
    pub fn none(&self) -> String {
        "policies: []\n".into()
    }

    /// So many entries of the small policy.
    pub fn small_policies(&self, count: usize) -> String {
        let mut text = String::from("policies:\n");
        for number in 0..count {
            entry(&mut text, &format!("small-{number}"), &self.small(), "");
        }
        text
    }

    /// Tidegate's own, with the limits that they come with.
    pub fn own(&self) -> String {
        let mut text = String::from("policies:\n");
        let limits = "  limits: {memory: 256MiB, cpu: 1s, time: 3s}\n";
        entry(
            &mut text,
            "unsafe-sql",
            &self.0.join("unsafe-sql.wasm"),
            limits,
        );
        entry(&mut text, "wave-order", &self.0.join("wave-order.wasm"), "");
        text
    }

    /// `unsafe-sql`, and the small policy twice: as `good`, and as `bad` for objects that ask it to misbehave ([`crate::review::misbehaving`]).
    /// They are two, so that what one does to the other can be seen.
    pub fn good_and_bad(&self) -> String {
        let mut text = String::from("policies:\n");
        // A busy machine is no reason for a wrong answer: what stops a spinning policy is its CPU time.
        entry(&mut text, "good", &self.small(), "  limits: {time: 25s}\n");
        let bad = "  mutate: true\n  limits: {time: 25s}\n";
        entry(&mut text, "bad", &self.small(), bad);
        let patient = "  limits: {memory: 256MiB, cpu: 5s, time: 25s}\n";
        entry(
            &mut text,
            "unsafe-sql",
            &self.0.join("unsafe-sql.wasm"),
            patient,
        );
        text
    }

    /// So many different components in `folder`: copies of a small policy with a custom section each, so that none shares another's compiled code.
    pub fn different(&self, folder: &Path, count: usize) -> Result<String> {
        let component = self.0.join("require-owner.wasm");
        let component = std::fs::read(&component)
            .with_context(|| format!("reading {}", component.display()))?;
        let mut text = String::from("policies:\n");
        for number in 0..count {
            let path = folder.join(format!("copy-{number}.wasm"));
            let mut bytes = component.clone();
            // Section 0, six bytes, of which the first says that five are its name.
            bytes.extend_from_slice(&[0, 6, 5]);
            bytes.extend_from_slice(format!("{number:05}").as_bytes());
            std::fs::write(&path, bytes)?;
            entry(&mut text, &format!("copy-{number}"), &path, "");
        }
        Ok(text)
    }
}

fn entry(text: &mut String, name: &str, file: &Path, more: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, "- name: {name}\n  file: {}\n{more}", file.display());
}
