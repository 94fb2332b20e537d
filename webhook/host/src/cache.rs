//! Compiled code on disk, so that a start costs milliseconds instead of seconds.
//!
//! Compiled code is machine code: whoever can write it owns the process. So an entry is only ever used when it carries a MAC under a key that this
//! user alone can read (`trust`); a flipped bit, an entry of another key, another policy or another wasmtime is the same as none, and the component is
//! compiled again. The MAC covers the entry's name, so that entries cannot be exchanged for each other. What is checked is what is loaded: the
//! bytes are read once.

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::source::ComponentDigest;
use crate::trust::{self, Key};

/// The first bytes of an entry; another layout gets another number.
const MAGIC: &[u8; 16] = b"tidegate code 1\n";
const MAC_LENGTH: usize = 32;
const SUFFIX: &str = "code";
/// Entries kept; the oldest go first.
const MOST_ENTRIES: usize = 256;
/// No compiled policy is that large.
const LARGEST_ENTRY: u64 = 512 << 20;

/// The folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: Key,
    /// Of wasmtime's version, its flags and this machine's processor.
    engine: [u8; 32],
    written: AtomicU64,
}

impl Cache {
    /// Opens a folder, which is made if it does not exist.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> Result<Self, trust::TrustError> {
        let key = trust::open(folder)?;
        let mut hasher = StableHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            folder: folder.to_owned(),
            key,
            engine: hasher.0.finalize().into(),
            written: AtomicU64::new(0),
        })
    }

    /// The compiled component, if there is an entry that can be trusted.
    pub(crate) fn get(&self, engine: &Engine, digest: &ComponentDigest) -> Option<Component> {
        let name = self.name(digest);
        let code = match self.read(&name) {
            Ok(Some(code)) => code,
            Ok(None) => return None,
            Err(error) => {
                tracing::warn!(entry = name, %error, "an entry of the policy cache is not used; the policy is compiled again");
                return None;
            }
        };
        // SAFETY: deserializing is unsafe because it trusts the bytes to be what `Component::serialize` gave. These are: `read` has checked, on this
        // very buffer, a MAC that only a process of this user with the folder's key can have made, and `put` makes it over nothing but that.
        #[allow(unsafe_code, reason = "the one place; see SAFETY")]
        let component = unsafe { Component::deserialize(engine, code) };
        component
            .inspect_err(|error| tracing::warn!(entry = name, %error, "an entry of the policy cache does not fit"))
            .ok()
    }

    /// Keeps a compiled component. That it cannot be kept is worth a warning, nothing more.
    pub(crate) fn put(&self, digest: &ComponentDigest, component: &Component) {
        let name = self.name(digest);
        let written = component
            .serialize()
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|code| self.write(&name, &code));
        if let Err(error) = written {
            tracing::warn!(entry = name, %error, "a compiled policy could not be kept in the cache");
        }
    }

    /// The entry's file name: what was compiled, and by what.
    fn name(&self, digest: &ComponentDigest) -> String {
        let mut hash = Sha256::new();
        hash.update(MAGIC);
        hash.update(digest.bytes());
        hash.update(self.engine);
        format!("{:x}.{SUFFIX}", hash.finalize())
    }

    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.bytes())
            .expect("HMAC takes keys of any length");
        mac.update(MAGIC);
        mac.update(name.as_bytes());
        mac.update(code);
        mac
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut entry = Vec::new();
        file.take(LARGEST_ENTRY).read_to_end(&mut entry)?;
        let body = entry
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.split_at_checked(MAC_LENGTH));
        let (mac, code) = body.ok_or_else(|| io::Error::other("it is no entry of this cache"))?;
        self.mac(name, code)
            .verify_slice(mac)
            .map_err(|_| io::Error::other("it was changed, or written under another key"))?;
        entry.drain(..MAGIC.len() + MAC_LENGTH);
        Ok(Some(entry))
    }

    /// Whole or not at all: under another name first, then renamed.
    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .folder
            .join(format!(".{name}.{}.{number}", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(&self.mac(name, code).finalize().into_bytes())?;
            file.write_all(code)?;
            fs::rename(&temporary, self.folder.join(name))
        };
        write().inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.prune()
    }

    /// Old versions of policies do not stay for ever.
    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry
                .path()
                .extension()
                .is_some_and(|suffix| suffix == SUFFIX)
            {
                entries.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(MOST_ENTRIES);
        entries
            .into_iter()
            .take(surplus)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The standard library's hashers may change with its version, and a name on disk must not.
struct StableHasher(Sha256);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.clone().finalize();
        hash.iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
