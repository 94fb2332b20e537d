//! Who may change a database when several objects name it. Pure.
//!
//! The rule is the simplest sound one: **the object that was created first has the schema, the others are told so.** Two objects
//! with different ideas of one schema would otherwise undo each other's work for ever. Namespace and name decide between objects of the same
//! second, so that every replica and every restart comes to the same answer. When the first one goes, or moves to another
//! database, the next one is let in at its next retry.
//!
//! Schemas of one database are apart: each may have an object of its own. An object for all of them overlaps with every one.
//!
//! A claim is known from the first time its object is looked at. Between a start and that moment a younger object may have its turn; it cannot
//! do harm in it, because a plan that drops what the older one made is refused, and both would have to add. A server that is known by two names
//! counts as two here; the lock that it gives out while a plan runs is one all the same.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_database::Place;
use tidegate_model::ObjectKey;

/// Which object names which database.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_server: BTreeMap<String, BTreeSet<(i64, ObjectKey)>>,
    by_object: BTreeMap<ObjectKey, (i64, Claim)>,
}

/// What an object is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    server: String,
    /// None of them named: all.
    schemas: BTreeSet<String>,
}

impl Claim {
    /// Of the place that an address names, narrowed to the schemas named beside it.
    pub(crate) fn new(place: &Place, schemas: &[String]) -> Self {
        Self {
            server: place.server.clone(),
            schemas: match &place.schema {
                Some(schema) => BTreeSet::from([schema.clone()]),
                None => schemas.iter().cloned().collect(),
            },
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.server == other.server
            && (self.schemas.is_empty()
                || other.schemas.is_empty()
                || !self.schemas.is_disjoint(&other.schemas))
    }
}

impl Claims {
    /// Notes that an object, created at `created` (seconds since 1970), names a database. Returns who has it, when that is another.
    pub(crate) fn claim(
        &mut self,
        key: &ObjectKey,
        created: i64,
        claim: &Claim,
    ) -> Option<ObjectKey> {
        let held = self.by_object.get(key);
        if held.is_none_or(|(since, held)| *since != created || claim != held) {
            self.release(key);
            self.by_object.insert(key.clone(), (created, claim.clone()));
            self.by_server
                .entry(claim.server.clone())
                .or_default()
                .insert((created, key.clone()));
        }
        let older = self.by_server.get(&claim.server)?.iter();
        let mut older = older.take_while(|(since, other)| (*since, other) < (created, key));
        let holder = older.find(|(_, other)| {
            let theirs = self.by_object.get(other);
            theirs.is_some_and(|(_, theirs)| theirs.overlaps(claim))
        });
        holder.map(|(_, key)| key.clone())
    }

    /// The object is gone, or names no database any more.
    pub(crate) fn release(&mut self, key: &ObjectKey) {
        let Some((created, claim)) = self.by_object.remove(key) else {
            return;
        };
        if let Some(claimants) = self.by_server.get_mut(&claim.server) {
            claimants.remove(&(created, key.clone()));
            if claimants.is_empty() {
                self.by_server.remove(&claim.server);
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

    /// `server` or `server/schema,schema`.
    fn claim(text: &str) -> Claim {
        let (server, schemas) = text.split_once('/').unwrap_or((text, ""));
        let place = Place {
            server: server.to_owned(),
            schema: None,
        };
        let schemas: Vec<String> = schemas
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        Claim::new(&place, &schemas)
    }

    /// Claims in order; each is (object, created, database, who has it instead).
    #[track_caller]
    fn check(claims: &mut Claims, steps: &[(&str, i64, &str, Option<&str>)]) {
        for (name, created, database, expected) in steps {
            let holder = claims
                .claim(&key(name), *created, &claim(database))
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
                ("young", 9, "a", None),
                ("old", 1, "a", None),
                ("young", 9, "a", Some("old")),
            ],
        );
        check(
            claims,
            &[
                ("same-b", 1, "b", None),
                ("same-a", 1, "b", None),
                ("same-b", 1, "b", Some("same-a")),
            ],
        );
    }

    #[test]
    fn schemas_of_one_database_are_apart() {
        check(
            &mut Claims::default(),
            &[
                ("a", 1, "db/one", None),
                ("b", 2, "db/two,three", None),
                ("c", 3, "db/three", Some("b")),
                ("d", 4, "db", Some("a")),
                ("e", 5, "db/four", Some("d")),
                ("f", 6, "other/one", None),
            ],
        );
        let bound = Place {
            server: "db".into(),
            schema: Some("one".into()),
        };
        assert!(Claim::new(&bound, &["two".into()]).overlaps(&claim("db/one")));
        assert!(!Claim::new(&bound, &["two".into()]).overlaps(&claim("db/two")));
    }

    #[test]
    fn the_next_one_is_let_in_when_the_first_goes_or_moves() {
        let claims = &mut Claims::default();
        check(
            claims,
            &[
                ("a", 1, "x", None),
                ("b", 2, "x", Some("a")),
                ("c", 3, "x", Some("a")),
            ],
        );
        claims.release(&key("a"));
        check(
            claims,
            &[
                ("b", 2, "x", None),
                ("c", 3, "x", Some("b")),
                ("b", 2, "y", None),
                ("c", 3, "x", None),
            ],
        );
        claims.release(&key("b"));
        claims.release(&key("c"));
        assert!(claims.by_server.is_empty() && claims.by_object.is_empty());
    }

    #[test]
    fn an_object_made_anew_goes_to_the_end_of_the_line() {
        let claims = &mut Claims::default();
        check(
            claims,
            &[
                ("a", 1, "x", None),
                ("b", 2, "x", Some("a")),
                ("a", 3, "x", Some("b")),
                ("b", 2, "x", None),
            ],
        );
    }
}
