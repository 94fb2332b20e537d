//! One holder at a time for each database within this process.
//!
//! SQLite's own lock keeps other processes out, but only for the length of a transaction; this one also covers the time between an
//! inspection and the change that was planned from it. It is advisory and is lost with the process, which is right: nothing is half done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The turns, by canonical path. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locks {
    turns: Arc<Mutex<BTreeMap<PathBuf, Weak<Turn<()>>>>>,
}

impl Locks {
    /// Waits for the turn at a path, in order of arrival.
    pub(crate) async fn acquire(&self, path: &Path) -> OwnedMutexGuard<()> {
        let turn = self.turn(path);
        turn.lock_owned().await
    }

    fn turn(&self, path: &Path) -> Arc<Turn<()>> {
        // A poisoned map is a map: nothing that can panic happens while it is held.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(path).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::new(()));
        turns.insert(path.to_path_buf(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_second_holder_waits_and_a_stranger_does_not() {
        let locks = Locks::default();
        let Poll::Ready(first) = poll(pin!(locks.acquire(Path::new("/a")))) else {
            panic!("the first has to wait")
        };
        let mut second = pin!(locks.acquire(Path::new("/a")));
        assert!(poll(second.as_mut()).is_pending());
        assert!(poll(pin!(locks.acquire(Path::new("/b")))).is_ready());
        drop(first);
        assert!(poll(second.as_mut()).is_ready());
    }

    #[test]
    fn turns_that_nobody_holds_are_forgotten() {
        let locks = Locks::default();
        for number in 0..100 {
            assert!(poll(pin!(locks.acquire(Path::new(&format!("/{number}"))))).is_ready());
        }
        assert_eq!(locks.turns.lock().map(|turns| turns.len()).ok(), Some(1));
    }
}
