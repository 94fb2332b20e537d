//! Who may change a database when several objects name it. Pure.
//!
//! The rule is the simplest sound one: **the object that was created first has the database, the others are told so.** Two objects
//! with different ideas of one schema would otherwise undo each other's work for ever. Namespace and name decide between objects of the same
//! second, so that every replica and every restart comes to the same answer. When the first one goes, or moves to another
//! database, the next one is let in at its next retry.
//!
//! A claim is known from the first time its object is looked at. Between a start and that moment a younger object may have its turn; it cannot
//! do harm in it, because a plan that drops what the older one made is refused, and both would have to add.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tidegate_model::ObjectKey;

/// Which object names which database.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_database: BTreeMap<PathBuf, BTreeSet<(i64, ObjectKey)>>,
    by_object: BTreeMap<ObjectKey, (i64, PathBuf)>,
}

impl Claims {
    /// Notes that an object, created at `created` (seconds since 1970), names a database. Returns who has it, when that is another.
    pub(crate) fn claim(
        &mut self,
        key: &ObjectKey,
        created: i64,
        database: &Path,
    ) -> Option<ObjectKey> {
        let held = self.by_object.get(key);
        if held.is_none_or(|(since, path)| *since != created || path != database) {
            self.release(key);
            self.by_object
                .insert(key.clone(), (created, database.to_path_buf()));
            self.by_database
                .entry(database.to_path_buf())
                .or_default()
                .insert((created, key.clone()));
        }
        let (_, first) = self.by_database.get(database)?.first()?;
        (first != key).then(|| first.clone())
    }

    /// The object is gone, or names no database any more.
    pub(crate) fn release(&mut self, key: &ObjectKey) {
        let Some((created, database)) = self.by_object.remove(key) else {
            return;
        };
        if let Some(claimants) = self.by_database.get_mut(&database) {
            claimants.remove(&(created, key.clone()));
            if claimants.is_empty() {
                self.by_database.remove(&database);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            group: "g".into(),
            kind: "K".into(),
            namespace: None,
            name: name.into(),
        }
    }

    /// Claims in order; each is (object, created, database, who has it instead).
    #[track_caller]
    fn check(claims: &mut Claims, steps: &[(&str, i64, &str, Option<&str>)]) {
        for (name, created, database, expected) in steps {
            let holder = claims
                .claim(&key(name), *created, Path::new(database))
                .map(|key| key.name);
            assert_eq!(holder.as_deref(), *expected, "{name} on {database}");
        }
    }

    #[test]
    fn the_first_created_has_the_database() {
        let claims = &mut Claims::default();
        check(
            claims,
            &[
                ("young", 9, "/a", None),
                ("old", 1, "/a", None),
                ("young", 9, "/a", Some("old")),
            ],
        );
        check(
            claims,
            &[
                ("same-b", 1, "/b", None),
                ("same-a", 1, "/b", None),
                ("same-b", 1, "/b", Some("same-a")),
            ],
        );
    }

    #[test]
    fn the_next_one_is_let_in_when_the_first_goes_or_moves() {
        let claims = &mut Claims::default();
        check(
            claims,
            &[
                ("a", 1, "/x", None),
                ("b", 2, "/x", Some("a")),
                ("c", 3, "/x", Some("a")),
            ],
        );
        claims.release(&key("a"));
        check(
            claims,
            &[
                ("b", 2, "/x", None),
                ("c", 3, "/x", Some("b")),
                ("b", 2, "/y", None),
                ("c", 3, "/x", None),
            ],
        );
        claims.release(&key("b"));
        claims.release(&key("c"));
        assert!(claims.by_database.is_empty() && claims.by_object.is_empty());
    }

    #[test]
    fn an_object_made_anew_goes_to_the_end_of_the_line() {
        let claims = &mut Claims::default();
        check(
            claims,
            &[
                ("a", 1, "/x", None),
                ("b", 2, "/x", Some("a")),
                ("a", 3, "/x", Some("b")),
                ("b", 2, "/x", None),
            ],
        );
    }
}
