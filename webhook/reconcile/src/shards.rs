//! Which of several replicas works on an object. Pure.
//!
//! Each replica announces whom it takes to be alive (`View`), and an object belongs to the one of them that scores highest for it (rendezvous hashing:
//! when one comes or goes, only its own objects change hands). Views differ for moments, so a view alone is not enough. A replica works on an object only
//!
//! 1. if it owns it by the view that it **has announced**, and by the one that it is about to announce, and
//! 2. if no other living replica owns it by *its* announced view, read **after** the own one was written.
//!
//! Of two that want an object, the later writer reads the earlier one's claim; whoever gives an object up announces it only when its work has ended. So there are
//! never two, whatever order writes and reads come in. Who is dead is told by a version that has not changed for a time on our own clock, which is longer
//! than the time after which a replica that cannot renew stops by itself (`leases`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tidegate_model::ObjectKey;

use crate::kinds::Kind;

/// Whom a replica takes to be alive.
pub(crate) type View = BTreeSet<String>;

/// What a replica may work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    me: String,
    /// The others go by it.
    announced: View,
    /// It will be announced when nothing is under way any more that it gives away.
    next: Option<View>,
    /// The others that are alive, and what they announced.
    others: BTreeMap<String, View>,
    /// After it the others may think that we are gone; none where there are no others ever.
    valid_until: Option<Instant>,
}

impl Shard {
    /// All of it: nobody else works here.
    pub(crate) fn whole() -> Self {
        let me = String::new();
        Self {
            announced: View::from([me.clone()]),
            me,
            next: None,
            others: BTreeMap::new(),
            valid_until: None,
        }
    }

    /// Nothing, until something was announced.
    pub(crate) fn none(me: &str) -> Self {
        Self {
            me: me.to_owned(),
            announced: View::new(),
            next: None,
            others: BTreeMap::new(),
            valid_until: Some(Instant::now()),
        }
    }

    /// What follows from a listing that was asked for after `announced` had been written.
    pub(crate) fn seen(
        me: &str,
        announced: View,
        others: BTreeMap<String, View>,
        valid_until: Instant,
    ) -> Self {
        let mut alive: View = others.keys().cloned().collect();
        alive.insert(me.to_owned());
        Self {
            me: me.to_owned(),
            next: (alive != announced).then_some(alive),
            announced,
            others,
            valid_until: Some(valid_until),
        }
    }

    /// The same, for longer.
    pub(crate) fn valid_until(&self, instant: Instant) -> Self {
        Self {
            valid_until: Some(instant),
            ..self.clone()
        }
    }

    /// Whether an object is ours to work on, as long as it is valid.
    pub(crate) fn has(&self, key: &ObjectKey) -> bool {
        let key = share(key);
        let is_mine = |view: &View| owner(&key, view) == Some(self.me.as_str());
        is_mine(&self.announced)
            && self.next.as_ref().is_none_or(is_mine)
            && !self
                .others
                .iter()
                .any(|(other, view)| owner(&key, view) == Some(other.as_str()))
    }

    /// When the work has to stop unless it was renewed until then.
    pub(crate) const fn expires(&self) -> Option<Instant> {
        self.valid_until
    }

    /// Whether nothing may be worked on any more.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.valid_until.is_some_and(|until| now >= until)
    }

    /// The view that waits for work to end.
    pub(crate) const fn next(&self) -> Option<&View> {
        self.next.as_ref()
    }

    /// Whether both divide the objects alike.
    pub(crate) fn divides_like(&self, other: &Self) -> bool {
        (&self.announced, &self.next, &self.others)
            == (&other.announced, &other.next, &other.others)
    }
}

/// For a log: who shares the work, as announced, and with whom it is about to be shared.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |view: &View| view.iter().cloned().collect::<Vec<_>>().join(", ");
        f.write_str(&words(&self.announced))?;
        match &self.next {
            Some(next) => write!(f, ", soon {}", words(next)),
            None => Ok(()),
        }
    }
}

/// What of a key decides whose it is. All of Atlas' objects go together: two that want one database are told apart in the memory of one process.
fn share(key: &ObjectKey) -> String {
    match Kind::of(key) {
        Some(Kind::AtlasSchema | Kind::AtlasMigration) => key.group.clone(),
        _ => key.to_string(),
    }
}

/// The member that scores highest for a share. The score must be the same in every version of this program.
fn owner<'v>(share: &str, members: &'v View) -> Option<&'v str> {
    let score = |member: &str| {
        let mut digest = Sha256::new();
        digest.update(member);
        digest.update([0]);
        digest.update(share);
        let digest: [u8; 32] = digest.finalize().into();
        digest
    };
    members
        .iter()
        .map(String::as_str)
        .max_by_key(|member| score(member))
}

/// A replica's Lease as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name, which is the replica's.
    pub(crate) name: String,
    /// Its version: another one is a sign of life.
    pub(crate) version: String,
    /// What it announces.
    pub(crate) view: View,
}

/// Since when each replica has shown no sign of life, on our own clock: other machines' clocks tell nothing.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    seen: BTreeMap<String, (String, Instant)>,
}

impl Roster {
    /// Notes a listing, and parts the living from the dead. One that is seen for the first time lives.
    pub(crate) fn note(
        &mut self,
        listed: Vec<Listed>,
        now: Instant,
        patience: Duration,
    ) -> (Vec<Listed>, Vec<Listed>) {
        let names: BTreeSet<&str> = listed.iter().map(|lease| lease.name.as_str()).collect();
        self.seen.retain(|name, _| names.contains(name.as_str()));
        listed.into_iter().partition(|lease| {
            let known = self
                .seen
                .entry(lease.name.clone())
                .or_insert_with(|| (lease.version.clone(), now));
            if known.0 != lease.version {
                *known = (lease.version.clone(), now);
            }
            now.saturating_duration_since(known.1) < patience
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidegate_model::words::{APPLICATION, ARGO_GROUP, ATLAS_GROUP, ATLAS_SCHEMA};

    use super::*;

    fn view(members: &str) -> View {
        members.split_whitespace().map(str::to_owned).collect()
    }

    fn key(group: &str, kind: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: Some("argocd".to_owned()),
            name: name.to_owned(),
        }
    }

    fn applications() -> Vec<ObjectKey> {
        (0..300)
            .map(|n| key(ARGO_GROUP, APPLICATION, &format!("app-{n}")))
            .collect()
    }

    /// What a replica has that announced a view, and read what the others announced: `b=a b c=b c`.
    fn shard(me: &str, announced: &str, others: &str) -> Shard {
        let others = others.split('/').filter(|other| !other.is_empty());
        let others = others.map(|other| {
            let (name, members) = other.split_once('=').unwrap();
            (name.to_owned(), view(members))
        });
        Shard::seen(me, view(announced), others.collect(), Instant::now())
    }

    #[test]
    fn each_has_its_part_and_only_the_parts_of_who_comes_or_goes_move() {
        let count = |shard: &Shard| applications().iter().filter(|key| shard.has(key)).count();
        assert_eq!(count(&Shard::whole()), 300);
        assert_eq!(count(&Shard::none("a")), 0);
        assert_eq!(count(&shard("a", "a", "")), 300);
        let parts = [
            count(&shard("a", "a b c", "b=a b c/c=a b c")),
            count(&shard("b", "a b c", "a=a b c/c=a b c")),
            count(&shard("c", "a b c", "a=a b c/b=a b c")),
        ];
        assert_eq!(parts.iter().sum::<usize>(), 300);
        assert!(
            parts.iter().all(|part| (60..140).contains(part)),
            "{parts:?}"
        );
        for object in applications() {
            let object = share(&object);
            let (before, after) = (view("a b c"), view("a b"));
            let before = owner(&object, &before);
            assert!(before == Some("c") || before == owner(&object, &after));
        }
    }

    #[test]
    fn nothing_is_taken_that_somebody_still_claims() {
        // `a` came; `b`, which had all, has not given anything up yet.
        let new = shard("a", "a b", "b=b");
        assert!(!applications().iter().any(|object| new.has(object)));
        // Before it announces that it knows of `a`, `b` begins nothing that it will give up.
        let old = shard("b", "b", "a=a b");
        assert_eq!(old.next(), Some(&view("a b")));
        for object in applications() {
            let goes = owner(&share(&object), &view("a b")) == Some("a");
            assert_eq!(old.has(&object), !goes);
        }
    }

    #[test]
    fn the_objects_of_atlas_stay_together() {
        let shard = shard("a", "a b c", "b=a b c/c=a b c");
        let has: BTreeSet<bool> = (0..50)
            .map(|n| shard.has(&key(ATLAS_GROUP, ATLAS_SCHEMA, &n.to_string())))
            .collect();
        assert_eq!(has.len(), 1);
    }

    #[test]
    fn who_shows_no_sign_of_life_is_dead_and_comes_back_with_one() {
        let start = Instant::now();
        let patience = Duration::from_secs(8);
        let mut roster = Roster::default();
        let mut check = |second: u64, leases: &[(&str, &str)], alive: &str| {
            let listed = leases.iter().map(|(name, version)| Listed {
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                view: View::new(),
            });
            let now = start + Duration::from_secs(second);
            let (living, dead) = roster.note(listed.collect(), now, patience);
            let names: Vec<&str> = living.iter().map(|lease| lease.name.as_str()).collect();
            assert_eq!(names.join(" "), alive, "{second}");
            assert_eq!(dead.len(), leases.len() - living.len());
        };
        check(0, &[("a", "1"), ("b", "2")], "a b");
        check(7, &[("a", "1"), ("b", "3")], "a b");
        check(8, &[("a", "1"), ("b", "3")], "b");
        check(9, &[("a", "4"), ("b", "3")], "a b");
        check(14, &[("b", "3")], "b");
        check(15, &[("a", "4"), ("b", "3")], "a");
    }

    /// A replica of a world in which writes and reads come in any order.
    #[derive(Debug, Clone)]
    struct Replica {
        name: &'static str,
        /// What it goes by.
        shard: Shard,
        /// What it works on.
        works: BTreeSet<usize>,
        is_up: bool,
    }

    proptest! {
        /// Whatever order things happen in, an object is never worked on by two.
        #[test]
        fn never_two(events in prop::collection::vec((0..3_usize, 0..6_u8, 0..12_usize), 1..200)) {
            let objects: Vec<ObjectKey> = applications().into_iter().take(12).collect();
            let mut replicas: Vec<Replica> = ["a", "b", "c"].map(|name| Replica {
                name, shard: Shard::none(name), works: BTreeSet::new(), is_up: false,
            }).into();
            let mut leases: BTreeMap<&str, View> = BTreeMap::new();
            for (index, event, object) in events {
                let replica = &mut replicas[index];
                match event {
                    // It comes, or goes as the dead do: at once, with its Lease.
                    0 if replica.is_up && object == 0 => {
                        leases.remove(replica.name);
                        *replica = Replica { shard: Shard::none(replica.name), works: BTreeSet::new(), is_up: false, ..replica.clone() };
                    }
                    0 => {
                        replica.is_up = true;
                        leases.entry(replica.name).or_default();
                    }
                    // It announces what waits, once nothing is under way that it gives away.
                    1 | 2 if replica.is_up => {
                        let is_drained = replica.works.iter().all(|n| replica.shard.has(&objects[*n]));
                        if let (Some(next), true) = (replica.shard.next().cloned(), is_drained) {
                            leases.insert(replica.name, next);
                        }
                    }
                    // It reads.
                    3 if replica.is_up => {
                        let announced = leases.get(replica.name).cloned().unwrap_or_default();
                        let others = leases.iter().filter(|(name, _)| **name != replica.name);
                        let others = others.map(|(name, view)| ((*name).to_owned(), view.clone()));
                        replica.shard = Shard::seen(replica.name, announced, others.collect(), Instant::now());
                    }
                    // It works, by what it read last.
                    4 if replica.is_up && replica.shard.has(&objects[object]) => {
                        replica.works.insert(object);
                    }
                    5 => {
                        replica.works.remove(&object);
                    }
                    _ => {}
                }
                for n in 0..objects.len() {
                    let workers = replicas.iter().filter(|replica| replica.works.contains(&n)).count();
                    prop_assert!(workers <= 1, "{n}: {replicas:?}");
                }
            }
        }
    }
}
