//! Who makes room when all places of a port are taken: the connection that will be missed least.
//!
//! First those that have never asked anything, the oldest first; then those that rest between two requests, the longest resting first; never one that
//! is being answered. So neither ten thousand connections that only open, nor any number that asked once and stay, keep the API server out: at worst it
//! opens another connection, which it does by itself when an idle one is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// All connections of a port.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crowd(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Counts the moments at which a connection came to rest, so that they can be told apart.
    moments: AtomicU64,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    by_age: BTreeMap<u64, Arc<Presence>>,
}

/// What a connection does, as far as others care.
#[derive(Debug)]
struct Presence {
    evicted: CancellationToken,
    /// [`STRANGER`], [`ANSWERING`], or the moment since when it rests.
    rests_since: AtomicU64,
}

const STRANGER: u64 = 0;
const ANSWERING: u64 = u64::MAX;

impl Crowd {
    /// A connection comes.
    pub(crate) fn enter(&self) -> Seat {
        let presence = Arc::new(Presence {
            evicted: CancellationToken::new(),
            rests_since: AtomicU64::new(STRANGER),
        });
        let mut seats = self.0.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let age = seats.next;
        seats.next += 1;
        seats.by_age.insert(age, Arc::clone(&presence));
        Seat {
            age,
            presence,
            crowd: self.clone(),
        }
    }

    /// Asks one to go, if there is one that is not being answered. It goes by itself.
    pub(crate) fn evict_one(&self) {
        let mut seats = self.0.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let resting = seats.by_age.iter().filter_map(|(age, presence)| {
            let since = presence.rests_since.load(Ordering::Relaxed);
            (since != ANSWERING).then_some((since, *age))
        });
        if let Some((_, age)) = resting.min()
            && let Some(presence) = seats.by_age.remove(&age)
        {
            presence.evicted.cancel();
        }
    }
}

/// A connection's place in the crowd, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    age: u64,
    presence: Arc<Presence>,
    crowd: Crowd,
}

impl Seat {
    /// Cancelled when it must make room.
    pub(crate) fn evicted(&self) -> CancellationToken {
        self.presence.evicted.clone()
    }

    /// It is being answered.
    pub(crate) fn answers(&self) {
        self.presence
            .rests_since
            .store(ANSWERING, Ordering::Relaxed);
    }

    /// It has been answered.
    pub(crate) fn rests(&self) {
        let moment = self.crowd.0.moments.fetch_add(1, Ordering::Relaxed) + 1;
        self.presence.rests_since.store(moment, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self
            .crowd
            .0
            .seats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seats.by_age.remove(&self.age);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missed_least_goes_first() {
        let crowd = Crowd::default();
        let seats: Vec<Seat> = (0..5).map(|_| crowd.enter()).collect();
        // 0 and 3 have never asked, 1 is being answered, 2 rests longer than 4 does since its second request.
        let doing = [(4, false), (1, true), (2, false), (4, false)];
        for (seat, still) in doing {
            seats[seat].answers();
            if !still {
                seats[seat].rests();
            }
        }
        let mut order = Vec::new();
        for _ in 0..5 {
            crowd.evict_one();
            let gone = (0..5).find(|at| seats[*at].evicted().is_cancelled() && !order.contains(at));
            order.extend(gone);
        }
        assert_eq!(order, [0, 3, 2, 4]);
    }

    #[test]
    fn who_has_left_is_not_asked_to_go() {
        let crowd = Crowd::default();
        let (left, stays) = (crowd.enter(), crowd.enter());
        drop(left);
        crowd.evict_one();
        assert!(stays.evicted().is_cancelled());
    }
}
