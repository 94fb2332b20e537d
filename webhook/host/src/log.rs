//! What policies write to the operator's log: cut, cleaned, and not too much of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bindings::tidegate::policy::log::Level;

/// Lines of one call; more are dropped.
const LINES_A_CALL: u32 = 16;
/// Lines of one policy in a second; more are dropped, and counted.
const LINES_A_SECOND: u32 = 100;
/// Characters of one line; the rest is cut.
const LONGEST_LINE: usize = 1024;

/// One policy's way into the log.
#[derive(Debug)]
pub(crate) struct LogGate {
    policy: Arc<str>,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    lines: u32,
    dropped: u64,
}

impl LogGate {
    pub(crate) fn new(policy: Arc<str>) -> Self {
        Self {
            policy,
            window: Mutex::new(Window {
                start: Instant::now(),
                lines: 0,
                dropped: 0,
            }),
        }
    }

    /// `lines` is the call's own count.
    pub(crate) fn write(&self, lines: &mut u32, level: Level, message: &str) {
        *lines = lines.saturating_add(1);
        if *lines > LINES_A_CALL || !self.admit() {
            return;
        }
        let (policy, message) = (&*self.policy, clean(message));
        match level {
            Level::Debug => tracing::debug!(policy, message, "policy says"),
            Level::Info => tracing::info!(policy, message, "policy says"),
            Level::Warn => tracing::warn!(policy, message, "policy says"),
        }
    }

    fn admit(&self) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.start.elapsed() >= Duration::from_secs(1) {
            let dropped = window.dropped;
            *window = Window {
                start: Instant::now(),
                lines: 0,
                dropped: 0,
            };
            if dropped > 0 {
                tracing::warn!(
                    policy = &*self.policy,
                    dropped,
                    "a policy wrote too many log lines"
                );
            }
        }
        window.lines += 1;
        if window.lines > LINES_A_SECOND {
            window.dropped += 1;
            return false;
        }
        true
    }
}

/// One line of printable characters: a policy must not draw on the operator's terminal or forge a second line.
pub(crate) fn clean(message: &str) -> String {
    let mut line: String = message
        .chars()
        .take(LONGEST_LINE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if message.chars().nth(LONGEST_LINE).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_short_printable_line() {
        assert_eq!(clean("a\nb\u{1b}[31mc\0"), "a b [31mc ");
        assert_eq!(clean(&"ä".repeat(2000)).chars().count(), LONGEST_LINE + 1);
    }

    #[test]
    fn a_second_holds_only_so_many_lines() {
        let gate = LogGate::new("chatty".into());
        let admitted = (0..10 * LINES_A_SECOND).filter(|_| gate.admit()).count();
        assert!(admitted >= LINES_A_SECOND as usize);
        assert!(admitted < 10 * LINES_A_SECOND as usize);
    }
}
