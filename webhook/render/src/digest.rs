//! Names for things in a cache.

use sha2::{Digest as _, Sha256};

/// A digest over texts, each with its length, so that no two lists have the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
        self
    }

    pub(crate) fn texts<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Self {
        texts.into_iter().fold(self, Self::text)
    }

    /// 32 hexadecimal digits.
    pub(crate) fn short(self) -> String {
        format!("{:.32x}", self.0.finalize())
    }
}
