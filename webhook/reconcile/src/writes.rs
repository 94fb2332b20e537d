//! Which events are echoes of our own writes. Pure.
//!
//! An Application has no status subresource, so each status that we write looks like a wish to the watch: its generation grows. The API server tells each
//! write its resource version, and an event that carries one of ours is nobody's wish. Only the latest few of each object are remembered; an echo that
//! is older costs one look more.

use std::collections::{BTreeMap, VecDeque};

use tidegate_model::ObjectKey;

/// More writes than one reconciliation makes while their events are on the way.
const REMEMBERED: usize = 32;

/// The resource versions of our latest writes, by object.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    by_object: BTreeMap<ObjectKey, VecDeque<String>>,
}

impl Writes {
    /// Notes that a write of ours has this resource version.
    pub(crate) fn note(&mut self, key: &ObjectKey, resource_version: &str) {
        let known = self.by_object.entry(key.clone()).or_default();
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        known.push_back(resource_version.to_owned());
    }

    /// Whether it was ours.
    pub(crate) fn is_own(&self, key: &ObjectKey, resource_version: &str) -> bool {
        self.by_object
            .get(key)
            .is_some_and(|known| known.iter().any(|own| own == resource_version))
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        self.by_object.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_writes_of_each_object_are_known() {
        let key = |name: &str| ObjectKey {
            group: "g".into(),
            kind: "K".into(),
            namespace: None,
            name: name.into(),
        };
        let mut writes = Writes::default();
        for version in 0..=REMEMBERED {
            writes.note(&key("a"), &version.to_string());
        }
        for (name, version, expected) in [
            ("a", "1", true),
            ("a", "32", true),
            ("a", "0", false),
            ("b", "1", false),
        ] {
            assert_eq!(
                writes.is_own(&key(name), version),
                expected,
                "{name} {version}"
            );
        }
        writes.forget(&key("a"));
        assert!(!writes.is_own(&key("a"), "1"));
    }
}
