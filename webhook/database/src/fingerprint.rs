//! What tells what a database holds from anything else, for less than reading it.
//!
//! It is exact: two that are alike mean that two inspections would be. SQLite keeps every text that an inspection is made of in one place, its
//! `sqlite_schema`, and the fingerprint is made of those; PostgreSQL marks each row of its catalogs with who wrote it, and the fingerprint is made of the
//! marks. MariaDB is asked for digests of what an inspection would read. MySQL has none here.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tidegate_schemaplan::Catalog;

/// Two that are equal: two equal catalogs. It holds nothing that could be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// All of it.
    pub catalog: Catalog,
    /// By what it can be told from others later; none where the engine cannot.
    pub fingerprint: Option<Fingerprint>,
}

/// What a plan was made from, and still has to be there when it runs. It is when the fingerprint is the same, and else when nothing of the catalog differs.
#[derive(Debug, Clone)]
pub struct PlannedFrom {
    /// All that there was.
    pub catalog: Arc<Catalog>,
    /// By what that is told for less; none where the engine cannot.
    pub fingerprint: Option<Fingerprint>,
}

impl From<Catalog> for Inspected {
    fn from(catalog: Catalog) -> Self {
        Self {
            catalog,
            fingerprint: None,
        }
    }
}

impl From<Inspected> for PlannedFrom {
    fn from(inspected: Inspected) -> Self {
        Self {
            catalog: Arc::new(inspected.catalog),
            fingerprint: inspected.fingerprint,
        }
    }
}

impl From<Sha256> for Fingerprint {
    fn from(digest: Sha256) -> Self {
        Self(digest.finalize().into())
    }
}

impl Fingerprint {
    /// For digests.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A fingerprint in the making: each thing once, in any order.
#[derive(Debug, Default)]
pub(crate) struct Things(Vec<[u8; 32]>);

impl Things {
    /// A thing with all that is known of it. The parts do not run into each other.
    pub(crate) fn add<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        self.0.push(digest.finalize().into());
    }

    /// Those of another part of the same database.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn fingerprint(mut self) -> Fingerprint {
        self.0.sort_unstable();
        Fingerprint(Sha256::digest(self.0.as_flattened()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(things: &[&[&str]]) -> Fingerprint {
        let mut made = Things::default();
        for thing in things {
            made.add(thing.iter().map(|part| part.as_bytes()));
        }
        made.fingerprint()
    }

    #[test]
    fn order_is_nothing_and_everything_else_is() {
        let one = of(&[&["table", "a"], &["table", "b"]]);
        assert_eq!(one, of(&[&["table", "b"], &["table", "a"]]));
        for other in [
            of(&[&["table", "a"]]),
            of(&[&["table", "a"], &["table", "b"], &["table", "b"]]),
            of(&[&["tablea", ""], &["table", "b"]]),
            of(&[&["table", "a", ""], &["table", "b"]]),
            of(&[]),
        ] {
            assert_ne!(one, other);
        }
    }
}
