//! Which object reads which Secret or `ConfigMap`, and at which version it did. Pure.
//!
//! It answers one question: this one changed, who has to look again? Whoever read it at the version that it has now does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tidegate_model::ObjectKey;

/// What an object can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SourceKind {
    Secret,
    ConfigMap,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    pub(crate) kind: SourceKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The index, both ways.
#[derive(Debug, Default)]
pub(crate) struct References {
    by_object: BTreeMap<ObjectKey, BTreeSet<Source>>,
    /// With the version that was read; none where there was nothing to read.
    by_source: BTreeMap<Source, BTreeMap<ObjectKey, Option<String>>>,
}

impl References {
    /// An object is about to read a source for the first time: a change that is seen from now on counts.
    pub(crate) fn expect(&mut self, key: &ObjectKey, source: &Source) {
        let sources = self.by_object.entry(key.clone()).or_default();
        if sources.insert(source.clone()) {
            let readers = self.by_source.entry(source.clone()).or_default();
            readers.insert(key.clone(), None);
        }
    }

    /// Notes all that an object read.
    pub(crate) fn note(&mut self, key: &ObjectKey, read: BTreeMap<Source, Option<String>>) {
        self.forget(key);
        for (source, version) in read {
            self.by_object
                .entry(key.clone())
                .or_default()
                .insert(source.clone());
            self.by_source
                .entry(source)
                .or_default()
                .insert(key.clone(), version);
        }
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        for source in self.by_object.remove(key).unwrap_or_default() {
            if let Some(readers) = self.by_source.get_mut(&source) {
                readers.remove(key);
                if readers.is_empty() {
                    self.by_source.remove(&source);
                }
            }
        }
    }

    /// Who has to look again, now that the source has this version, or is gone.
    pub(crate) fn outdated(&self, source: &Source, version: Option<&str>) -> Vec<ObjectKey> {
        let readers = self.by_source.get(source).into_iter().flatten();
        readers
            .filter(|(_, read)| read.as_deref() != version)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Where something is read.
    pub(crate) fn places(&self) -> BTreeSet<(SourceKind, String)> {
        self.by_source
            .keys()
            .map(|source| (source.kind, source.namespace.clone()))
            .collect()
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: "g".into(),
            kind: "K".into(),
            namespace: Some("n".into()),
            name: name.into(),
        }
    }

    fn secret(name: &str) -> Source {
        Source {
            kind: SourceKind::Secret,
            namespace: "n".into(),
            name: name.into(),
        }
    }

    fn read(sources: &[(&str, Option<&str>)]) -> BTreeMap<Source, Option<String>> {
        sources
            .iter()
            .map(|(name, version)| (secret(name), version.map(str::to_owned)))
            .collect()
    }

    #[track_caller]
    fn check(references: &References, name: &str, version: Option<&str>, expected: &[&str]) {
        let outdated = references.outdated(&secret(name), version);
        let names: Vec<&str> = outdated.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, expected, "{name} at {version:?}");
    }

    #[test]
    fn whoever_read_another_version_looks_again() {
        let mut references = References::default();
        references.expect(&key("a"), &secret("url"));
        check(&references, "url", Some("1"), &["a"]);
        references.note(&key("a"), read(&[("url", Some("1")), ("password", None)]));
        references.note(&key("b"), read(&[("url", Some("2"))]));
        check(&references, "url", Some("1"), &["b"]);
        check(&references, "url", Some("3"), &["a", "b"]);
        check(&references, "url", None, &["a", "b"]);
        check(&references, "password", Some("1"), &["a"]);
        check(&references, "password", None, &[]);
        check(&references, "other", Some("1"), &[]);
        references.expect(&key("a"), &secret("url"));
        check(&references, "url", Some("1"), &["b"]);
        references.note(&key("a"), read(&[("url", Some("2"))]));
        check(&references, "password", Some("1"), &[]);
        check(&references, "url", Some("2"), &[]);
        assert_eq!(references.places().len(), 1);
        references.forget(&key("a"));
        references.forget(&key("b"));
        assert!(references.by_object.is_empty() && references.by_source.is_empty());
    }
}
