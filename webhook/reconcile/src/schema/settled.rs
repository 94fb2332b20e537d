//! What each object was last seen to have nothing to do about: a look at a database that is as it was then compares nothing.
//!
//! It is told by digests of everything that the comparison was made of, the database's own [`Fingerprint`] among it, so it never has to be given up:
//! whatever changes, on either side, is another matter.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use tidegate_database::Fingerprint;
use tidegate_model::ObjectKey;

use super::remembered::Question;
use super::snapshot::Wish;

/// A wanted schema, how it is wanted, and what the database held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matter([u8; 32]);

impl Matter {
    /// That what is asked for is wanted in this way, of a database with this fingerprint.
    pub(super) fn new(question: &Question, wish: &Wish, fingerprint: &Fingerprint) -> Self {
        let mut digest = Sha256::new();
        digest.update(question.as_bytes());
        digest.update(fingerprint.as_bytes());
        let narrowed = (&wish.settings, &wish.schemas);
        digest.update(serde_json::to_vec(&narrowed).unwrap_or_default());
        Self(digest.finalize().into())
    }
}

/// One matter for each object.
#[derive(Debug, Default)]
pub(crate) struct Settled(HashMap<ObjectKey, Matter>);

impl Settled {
    /// Whether this is what the object was last seen to have nothing to do about.
    pub(crate) fn is(&self, key: &ObjectKey, matter: Matter) -> bool {
        self.0.get(key) == Some(&matter)
    }

    /// There was nothing to do.
    pub(crate) fn note(&mut self, key: &ObjectKey, matter: Matter) {
        self.0.insert(key.clone(), matter);
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use tidegate_database::{Address, Databases};
    use tidegate_schemaplan::{Engine, RenameHint, Wanted};
    use tidegate_sqlplan::Dialect;

    use super::super::text::Gist;
    use super::*;

    async fn fingerprint(sql: &str) -> Fingerprint {
        let address = Address::parse("sqlite://x?mode=memory").expect("an address");
        let opened = Databases::default().open(&address).await;
        let mut session = opened.expect("memory is there");
        session.execute(sql).await.expect("it runs");
        let found = session.fingerprint().await.expect("it can be read");
        found.expect("SQLite has one")
    }

    #[tokio::test]
    async fn whatever_changes_is_another_matter() {
        let engine = Engine {
            dialect: Dialect::Sqlite,
            version: (3, 50),
        };
        let question = |sql: &str| {
            let wanted = Wanted {
                statements: vec![sql.to_owned()],
                ..Wanted::default()
            };
            Question::new("here", engine, &Gist::of(&wanted))
        };
        let (a, b) = (question("a"), question("b"));
        let one = fingerprint("CREATE TABLE t (a)").await;
        let other = fingerprint("CREATE TABLE t (b)").await;
        let wish = Wish::default();
        let mut excluding = Wish::default();
        excluding.settings.exclude = vec!["t".to_owned()];
        let mut renaming = Wish::default();
        renaming.settings.renames = vec![RenameHint {
            from: "a".to_owned(),
            to: "b".to_owned(),
        }];
        let narrowed = Wish {
            schemas: vec!["public".to_owned()],
            ..Wish::default()
        };
        let matter = Matter::new(&a, &wish, &one);
        for another in [
            Matter::new(&b, &wish, &one),
            Matter::new(&a, &excluding, &one),
            Matter::new(&a, &renaming, &one),
            Matter::new(&a, &narrowed, &one),
            Matter::new(&a, &wish, &other),
        ] {
            assert_ne!(another, matter);
        }
        assert_eq!(Matter::new(&a, &wish, &one), matter);
    }
}
