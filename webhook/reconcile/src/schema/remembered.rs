//! What wanted schemas turned out to be, remembered: a look at a database that is as wanted then costs one inspection, and no scratch place.
//!
//! What is remembered only ever serves to find that there is nothing to do: by comparing, or because the database's fingerprint is that of the answer. Where there is something, the wanted schema is tried out again, so that no
//! statement comes from an old answer.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tidegate_database::Fingerprint;
use tidegate_schemaplan::{Catalog, Engine};

use super::text::Gist;

/// All answers together describe no more statements' bytes than this; a catalog takes some times as much.
const MOST_BYTES: usize = 8 << 20;

/// What an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// What would these statements make at this place, which is served by this engine?
    pub(crate) fn new(place: &str, engine: Engine, gist: &Gist) -> Self {
        let mut digest = Sha256::new();
        digest.update(format!("{place}\0{engine:?}\0"));
        gist.add_to(&mut digest);
        Self(digest.finalize().into())
    }

    /// For digests.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a wanted schema turned out to be.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub(crate) catalog: Arc<Catalog>,
    /// That of a database that holds just this, in the same words.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    answers: HashMap<Question, Answer>,
    bytes: usize,
    /// Grows with each use.
    clock: u64,
}

#[derive(Debug)]
struct Answer {
    desired: Desired,
    bytes: usize,
    used: u64,
}

impl Remembered {
    /// The answer, if it is still known.
    pub(crate) fn get(&mut self, question: &Question) -> Option<Desired> {
        self.clock += 1;
        let answer = self.answers.get_mut(question)?;
        answer.used = self.clock;
        Some(answer.desired.clone())
    }

    /// Remembers an answer to a question of so many bytes; those that were not used for longest make room.
    pub(crate) fn put(&mut self, question: Question, bytes: usize, desired: Desired) {
        self.forget(&question);
        if bytes > MOST_BYTES {
            return;
        }
        while self.bytes + bytes > MOST_BYTES {
            let oldest = self.answers.iter().min_by_key(|(_, answer)| answer.used);
            let Some(oldest) = oldest.map(|(question, _)| *question) else {
                break;
            };
            self.forget(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        let used = self.clock;
        let answer = Answer {
            desired,
            bytes,
            used,
        };
        self.answers.insert(question, answer);
    }

    /// The answer did not hold.
    pub(crate) fn forget(&mut self, question: &Question) {
        if let Some(answer) = self.answers.remove(question) {
            self.bytes -= answer.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_schemaplan::Wanted;
    use tidegate_sqlplan::Dialect;

    use super::*;

    const ENGINE: Engine = Engine {
        dialect: Dialect::Sqlite,
        version: (3, 50),
    };

    fn asked(place: &str, engine: Engine, statement: &str) -> Question {
        let wanted = Wanted {
            statements: vec![statement.to_owned()],
            ..Wanted::default()
        };
        Question::new(place, engine, &Gist::of(&wanted))
    }

    fn question(place: &str) -> Question {
        asked(place, ENGINE, "x")
    }

    #[test]
    fn questions_differ_by_place_engine_and_statements() {
        let newer = Engine {
            version: (3, 51),
            ..ENGINE
        };
        for other in [
            asked("b", ENGINE, "x"),
            asked("a", newer, "x"),
            asked("a", ENGINE, "y"),
        ] {
            assert_ne!(other, question("a"));
        }
        assert_eq!(asked("a", ENGINE, "x"), question("a"));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut remembered = Remembered::default();
        let desired = || Desired {
            catalog: Arc::new(Catalog::empty(ENGINE)),
            fingerprint: None,
        };
        remembered.put(question("a"), MOST_BYTES / 2, desired());
        remembered.put(question("b"), MOST_BYTES / 2, desired());
        assert!(remembered.get(&question("a")).is_some());
        remembered.put(question("c"), MOST_BYTES / 4, desired());
        assert!(remembered.get(&question("b")).is_none());
        assert!(remembered.get(&question("a")).is_some());
        remembered.put(question("d"), MOST_BYTES + 1, desired());
        assert!(remembered.get(&question("d")).is_none());
        remembered.forget(&question("a"));
        remembered.forget(&question("c"));
        assert!(remembered.answers.is_empty() && remembered.bytes == 0);
    }
}
