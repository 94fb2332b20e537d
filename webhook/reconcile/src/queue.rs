//! What is to be reconciled, and when: a queue with one place for each object. Pure; times are given as the time since the start.
//!
//! - An object that is pushed twice is worked on once, at the earlier of the two times.
//! - An object that is pushed while it is worked on is worked on once more afterwards, never by two at a time.
//! - The oldest due time goes first, so that no object starves.
//! - There is a limit. What does not fit is turned away and comes again with its next event or the next listing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidegate_model::ObjectKey;

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    limit: usize,
    due: BTreeMap<ObjectKey, Duration>,
    order: BTreeSet<(Duration, ObjectKey)>,
    running: BTreeSet<ObjectKey>,
}

impl Queue {
    /// An empty queue for at most `limit` waiting objects.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            due: BTreeMap::new(),
            order: BTreeSet::new(),
            running: BTreeSet::new(),
        }
    }

    /// Asks for an object to be worked on at `due` or earlier. False when the queue is full.
    #[must_use]
    pub(crate) fn push(&mut self, key: ObjectKey, due: Duration) -> bool {
        match self.due.get(&key) {
            Some(&earlier) if earlier <= due => return true,
            Some(&later) => {
                self.order.remove(&(later, key.clone()));
            }
            None if self.due.len() >= self.limit => return false,
            None => {}
        }
        self.order.insert((due, key.clone()));
        self.due.insert(key, due);
        true
    }

    /// Takes the object that has been due the longest and is not being worked on. Give it back with [`Queue::finish`].
    pub(crate) fn pop(&mut self, now: Duration) -> Option<ObjectKey> {
        let next = self
            .order
            .iter()
            .take_while(|(due, _)| *due <= now)
            .find(|(_, key)| !self.running.contains(key))
            .cloned()?;
        self.order.remove(&next);
        let (_, key) = next;
        self.due.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    /// The object is not worked on any more.
    pub(crate) fn finish(&mut self, key: &ObjectKey) {
        self.running.remove(key);
    }

    /// The object is gone.
    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        if let Some(due) = self.due.remove(key) {
            self.order.remove(&(due, key.clone()));
        }
    }

    /// When [`Queue::pop`] will have something, if nothing else happens.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.order
            .iter()
            .find(|(_, key)| !self.running.contains(key))
            .map(|(due, _)| *due)
    }

    /// How many objects wait.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
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

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn queue(entries: &[(&str, u64)]) -> Queue {
        let mut queue = Queue::new(3);
        for (name, due) in entries {
            assert!(queue.push(key(name), at(*due)), "{name}");
        }
        queue
    }

    #[track_caller]
    fn pops(queue: &mut Queue, now: u64, expected: &[&str]) {
        let popped: Vec<String> = std::iter::from_fn(|| queue.pop(at(now)))
            .map(|key| key.name)
            .collect();
        assert_eq!(popped, expected);
    }

    #[test]
    fn the_longest_due_goes_first_and_the_future_waits() {
        let mut queue = queue(&[("a", 3), ("b", 1), ("c", 9)]);
        assert_eq!(queue.next_due(), Some(at(1)));
        pops(&mut queue, 5, &["b", "a"]);
        assert_eq!((queue.next_due(), queue.len()), (Some(at(9)), 1));
    }

    #[test]
    fn the_earlier_of_two_times_counts() {
        pops(&mut queue(&[("a", 9), ("a", 1)]), 1, &["a"]);
        pops(&mut queue(&[("a", 1), ("a", 9)]), 1, &["a"]);
    }

    #[test]
    fn an_object_is_never_worked_on_twice_at_once() {
        let mut queue = queue(&[("a", 1)]);
        pops(&mut queue, 1, &["a"]);
        assert!(queue.push(key("a"), at(1)));
        pops(&mut queue, 2, &[]);
        assert_eq!(queue.next_due(), None, "nothing to wake up for");
        queue.finish(&key("a"));
        pops(&mut queue, 2, &["a"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_full_queue_turns_away_strangers_only() {
        let mut queue = queue(&[("a", 1), ("b", 1), ("c", 5)]);
        assert!(!queue.push(key("d"), at(1)));
        assert!(queue.push(key("c"), at(1)));
        queue.remove(&key("a"));
        assert!(queue.push(key("d"), at(1)));
        pops(&mut queue, 1, &["b", "c", "d"]);
    }
}
