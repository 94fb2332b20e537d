//! Rendered results that are kept, as JSON text: a tenth of the memory of the values, and read again in milliseconds.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::SourceType;

use crate::request::Rendered;

/// What is kept of one rendering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) manifests: Vec<Value>,
    pub(crate) source_types: Vec<SourceType>,
    pub(crate) warnings: Vec<String>,
}

impl Kept {
    /// As the answer to a request whose sources have these revisions.
    pub(crate) fn rendered(self, revisions: Vec<String>) -> Rendered {
        Rendered {
            manifests: self.manifests,
            revisions,
            source_types: self.source_types,
            warnings: self.warnings,
        }
    }
}

/// The results that were used last.
#[derive(Debug)]
pub(crate) struct Results {
    most_bytes: usize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    bytes: usize,
    /// The most recently used last: what it is the result of, and for which cluster where that mattered.
    list: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    cluster: Option<String>,
    text: String,
}

impl Results {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            entries: Mutex::default(),
        }
    }

    /// What was kept for a key, and for this cluster where that mattered.
    pub(crate) fn get(&self, key: &str, cluster: &str) -> Option<Kept> {
        let text = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let place = entries.list.iter().position(|entry| {
                entry.key == key
                    && entry
                        .cluster
                        .as_deref()
                        .is_none_or(|known| known == cluster)
            })?;
            let entry = entries.list.remove(place);
            let text = entry.text.clone();
            entries.list.push(entry);
            text
        };
        serde_json::from_str(&text).ok()
    }

    /// Keeps a result; `cluster` where it depends on the cluster.
    pub(crate) fn keep(&self, key: String, cluster: Option<String>, kept: &Kept) {
        let Ok(text) = serde_json::to_string(kept) else {
            return;
        };
        if text.len() > self.most_bytes {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&key);
        entries.bytes += text.len();
        entries.list.push(Entry { key, cluster, text });
        while entries.bytes > self.most_bytes && !entries.list.is_empty() {
            let oldest = entries.list.remove(0);
            entries.bytes -= oldest.text.len();
        }
    }

    /// Forgets what was kept for a key.
    pub(crate) fn forget(&self, key: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(key);
    }
}

impl Entries {
    fn remove(&mut self, key: &str) {
        self.list.retain(|entry| {
            let is_kept = entry.key != key;
            if !is_kept {
                self.bytes -= entry.text.len();
            }
            is_kept
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(name: &str) -> Kept {
        Kept {
            manifests: vec![json!({"metadata": {"name": name}})],
            source_types: vec![SourceType::Directory],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let size = serde_json::to_string(&kept("a")).expect("json").len();
        let results = Results::new(size * 2);
        results.keep("a".to_owned(), None, &kept("a"));
        results.keep("b".to_owned(), None, &kept("b"));
        assert_eq!(results.get("a", ""), Some(kept("a")));
        results.keep("c".to_owned(), None, &kept("c"));
        assert_eq!(results.get("b", ""), None);
        assert_eq!(results.get("a", ""), Some(kept("a")));
        results.keep("d".to_owned(), None, &kept(&"d".repeat(size * 2)));
        assert_eq!(
            results.get("d", ""),
            None,
            "it is larger than all that is kept"
        );
        results.forget("a");
        assert_eq!(results.get("a", ""), None);
        assert_eq!(results.get("c", ""), Some(kept("c")));
    }

    #[test]
    fn another_cluster_is_another_result_only_where_it_matters() {
        let results = Results::new(1 << 20);
        results.keep("chart".to_owned(), Some("1.36".to_owned()), &kept("a"));
        results.keep("folder".to_owned(), None, &kept("b"));
        assert_eq!(results.get("chart", "1.36"), Some(kept("a")));
        assert_eq!(results.get("chart", "1.37"), None);
        assert_eq!(results.get("folder", "1.37"), Some(kept("b")));
    }
}
