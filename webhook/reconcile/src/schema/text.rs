//! A wanted schema's text, and the little that most looks need to know of it.
//!
//! Reading a text takes time in proportion to its length: where its statements begin and end, what each would do, whether that may be. A database that is
//! as wanted needs none of it once it is known which statements they are, so that much is remembered for each object, by a digest of the text.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::Reason;
use tidegate_schemaplan::{RenameHint, Wanted, wanted};
use tidegate_sqlplan::Dialect;

use crate::problem::{Problem, list};

/// The text of a wanted schema.
#[derive(Debug)]
pub(super) struct Text {
    /// Where it is: part of the messages about it.
    pub(super) name: String,
    /// The text.
    pub(super) sql: String,
}

/// Tells a text from others, and the SQL that it was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextDigest([u8; 32]);

/// What reading a text came to, as far as it takes to see whether the schema is a known one.
#[derive(Debug, Clone)]
pub(crate) struct Gist {
    /// Each statement and a zero byte, whatever comments were between them; to be gone on with.
    statements: Sha256,
    /// Of how long each is: a zero byte in one of them is no end.
    lengths: [u8; 32],
    /// The hints in comments.
    pub(super) renames: Vec<RenameHint>,
}

/// One text's gist for each object.
#[derive(Debug, Default)]
pub(crate) struct Gists(HashMap<ObjectKey, (TextDigest, Gist)>);

impl Text {
    /// What tells it from others.
    pub(super) fn digest(&self, dialect: Dialect) -> TextDigest {
        let mut digest = Sha256::new();
        digest.update(format!("{dialect}\0"));
        digest.update(&self.sql);
        TextDigest(digest.finalize().into())
    }

    /// Reads it; not on a thread that answers others.
    ///
    /// # Errors
    /// It cannot be used; everything that speaks against it.
    pub(super) async fn read(&self, dialect: Dialect) -> Result<Wanted, Problem> {
        let texts = [(self.name.clone(), self.sql.clone())];
        let refuse = |message: String| Err(Problem::new(Reason::ReadSchema, message));
        match tokio::task::spawn_blocking(move || wanted(&texts, dialect)).await {
            Ok(Ok(wanted)) => Ok(wanted),
            Ok(Err(problems)) => refuse(list("the wanted schema cannot be used", problems)),
            Err(_) => refuse("reading the wanted schema ended early; it is tried again".to_owned()),
        }
    }
}

impl Gist {
    /// That of a text that was read.
    pub(super) fn of(wanted: &Wanted) -> Self {
        let (mut statements, mut lengths) = (Sha256::new(), Sha256::new());
        for statement in &wanted.statements {
            statements.update(statement);
            statements.update([0]);
            lengths.update((statement.len() as u64).to_be_bytes());
        }
        Self {
            statements,
            lengths: lengths.finalize().into(),
            renames: wanted.renames.clone(),
        }
    }

    /// A digest that has taken in the statements, each with a zero byte behind it.
    pub(super) fn statements(&self) -> Sha256 {
        self.statements.clone()
    }

    /// Tells these statements from all others.
    pub(super) fn add_to(&self, digest: &mut Sha256) {
        digest.update(self.lengths);
        digest.update(self.statements().finalize());
    }
}

impl Gists {
    /// That of this text, if it is the object's last one.
    pub(crate) fn get(&self, key: &ObjectKey, text: TextDigest) -> Option<Gist> {
        let (known, gist) = self.0.get(key)?;
        (*known == text).then(|| gist.clone())
    }

    /// The object's text came to this.
    pub(crate) fn note(&mut self, key: &ObjectKey, text: TextDigest, gist: Gist) {
        self.0.insert(key.clone(), (text, gist));
    }

    /// The object is gone.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use tidegate_model::words::{ATLAS_GROUP, ATLAS_SCHEMA};

    use super::*;

    fn text(sql: &str) -> Text {
        Text {
            name: "spec.schema.sql".to_owned(),
            sql: sql.to_owned(),
        }
    }

    /// Everything that tells the statements of a gist from others.
    fn told(statements: &[&str]) -> [u8; 32] {
        let statements = statements.iter().map(|&sql| sql.to_owned()).collect();
        let wanted = Wanted {
            statements,
            ..Wanted::default()
        };
        let mut digest = Sha256::new();
        Gist::of(&wanted).add_to(&mut digest);
        digest.finalize().into()
    }

    #[test]
    fn gists_differ_by_their_statements_and_where_those_end() {
        assert_eq!(told(&["a", "b"]), told(&["a", "b"]));
        for other in [
            &["b", "a"] as &[&str],
            &["ab"],
            &["a\0b"],
            &["a"],
            &["a", "b", ""],
        ] {
            assert_ne!(told(other), told(&["a", "b"]), "{other:?}");
        }
        assert_ne!(told(&["a\0b", "c"]), told(&["a", "b\0c"]));
    }

    #[tokio::test]
    async fn only_the_last_text_of_an_object_is_known() {
        let key = |name: &str| ObjectKey {
            group: ATLAS_GROUP.to_owned(),
            kind: ATLAS_SCHEMA.to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        };
        let mut gists = Gists::default();
        let first = text("CREATE TABLE t (a int); -- tidegate:rename x -> y");
        let digest = first.digest(Dialect::Sqlite);
        assert!(gists.get(&key("a"), digest).is_none());
        let wanted = first.read(Dialect::Sqlite).await.expect("it can be used");
        gists.note(&key("a"), digest, Gist::of(&wanted));
        let known = gists.get(&key("a"), digest).expect("it was noted");
        assert_eq!(known.renames, wanted.renames);
        assert_eq!(known.renames.len(), 1);
        for (name, other) in [
            ("b", digest),
            ("a", text("CREATE TABLE t (b int)").digest(Dialect::Sqlite)),
            ("a", first.digest(Dialect::Postgres)),
        ] {
            assert!(gists.get(&key(name), other).is_none());
        }
        gists.forget(&key("a"));
        assert!(gists.get(&key("a"), digest).is_none());
    }
}
