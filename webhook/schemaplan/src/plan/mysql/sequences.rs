//! A sequence that changes: its options, its engine, its comment, and whether it has to begin again.
//!
//! What a sequence has counted to is no part of a schema and stays, as long as it can. Where the range is moved on beyond it the server refuses the change, and
//! where the end of the range is drawn back behind it, it takes the change and has nothing left for the next row. So there, and only there, the sequence
//! begins again at its start. A plan that may give a number once more that was given says that it loses something: the number that was reached.

use std::ops::RangeInclusive;

use super::text::{literal, qualified};
use super::{Name, statement};
use crate::catalog::Object;
use crate::plan::Statement;

/// The statements from one to the other.
pub(super) fn changed(name: Name<'_>, old: &Object, new: &Object) -> Vec<Statement> {
    let what = qualified(name.0, name.1);
    let mut statements = Vec::new();
    let (before, after) = (parts(&old.definition), parts(&new.definition));
    if before.options != after.options {
        let restart = restart(old.reached.0.as_deref(), before.options, after.options);
        let (word, purpose) = match restart {
            Restart::No => ("", format!("change sequence {}", name.1)),
            _ => (
                " RESTART",
                format!(
                    "change sequence {}, which begins again at its start",
                    name.1
                ),
            ),
        };
        statements.push(statement(
            format!("ALTER SEQUENCE {what} {}{word}", after.options),
            restart == Restart::Repeating,
            purpose,
        ));
    }
    // No options of ALTER SEQUENCE; a sequence is a table as well.
    let mut of_table = Vec::new();
    if before.engine != after.engine {
        of_table.push(format!("ENGINE = {}", after.engine));
    }
    if old.comment != new.comment {
        let comment = new.comment.as_deref().unwrap_or_default();
        of_table.push(format!("COMMENT = {}", literal(comment)));
    }
    if !of_table.is_empty() {
        statements.push(statement(
            format!("ALTER TABLE {what} {}", of_table.join(", ")),
            false,
            format!("change the engine or comment of sequence {}", name.1),
        ));
    }
    statements
}

/// What the definition of a sequence says.
#[derive(Debug)]
struct Parts<'a> {
    options: &'a str,
    engine: &'a str,
}

fn parts(definition: &str) -> Parts<'_> {
    let (options, engine) = definition
        .split_once(" ENGINE=")
        .unwrap_or((definition, ""));
    Parts { options, engine }
}

/// Whether a sequence goes on from where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// It goes on, or has run out before.
    No,
    /// It begins again, with numbers that it has not given.
    Fresh,
    /// It begins again, with numbers that it may have given.
    Repeating,
}

/// What the options say of the numbers that a sequence gives.
#[derive(Debug)]
struct Range {
    start: i128,
    all: RangeInclusive<i128>,
    falls: bool,
    cycles: bool,
}

impl Range {
    /// None where the server writes what this does not know.
    fn of(options: &str) -> Option<Self> {
        let mut words = options.split_ascii_whitespace();
        let (mut start, mut first, mut last, mut step) = (None, None, None, None);
        let mut cycles = false;
        while let Some(word) = words.next() {
            match word {
                "with" => start = words.next()?.parse().ok(),
                "minvalue" => first = words.next()?.parse().ok(),
                "maxvalue" => last = words.next()?.parse().ok(),
                "by" => step = words.next()?.parse::<i128>().ok(),
                "cycle" => cycles = true,
                _ => {}
            }
        }
        Some(Self {
            start: start?,
            all: first?..=last?,
            // By nothing is by the server's own step, which is upwards.
            falls: step? < 0,
            cycles,
        })
    }

    /// The numbers up to this one, which is not among them; all where it began again at its end.
    fn given(&self, next: i128) -> RangeInclusive<i128> {
        if self.cycles {
            self.all.clone()
        } else if next == self.start {
            RangeInclusive::new(1, 0)
        } else if self.falls {
            next + 1..=*self.all.end()
        } else {
            *self.all.start()..=next - 1
        }
    }

    /// The numbers from its start on.
    fn coming(&self) -> RangeInclusive<i128> {
        if self.cycles {
            self.all.clone()
        } else if self.falls {
            *self.all.start()..=self.start
        } else {
            self.start..=*self.all.end()
        }
    }

    /// Whether a number lies behind the end that it counts to.
    fn is_over(&self, next: i128) -> bool {
        if self.falls {
            next < *self.all.start()
        } else {
            next > *self.all.end()
        }
    }
}

/// `next` is what it would give next, where that is known.
fn restart(next: Option<&str>, old: &str, new: &str) -> Restart {
    let known = next.and_then(|next| Some((next.parse().ok()?, Range::of(old)?, Range::of(new)?)));
    let Some((next, old, new)) = known else {
        return Restart::No;
    };
    if new.all.contains(&next) {
        return Restart::No;
    }
    // A cycle begins again by itself; and what had run out before has run out still.
    if new.is_over(next) && (new.cycles || (old.is_over(next) && old.falls == new.falls)) {
        return Restart::No;
    }
    let (given, coming) = (old.given(next), new.coming());
    let repeats =
        !given.is_empty() && given.start() <= coming.end() && coming.start() <= given.end();
    if repeats {
        Restart::Repeating
    } else {
        Restart::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Aside;

    fn options(start: i64, least: i64, most: i64, step: i64, cycle: &str) -> String {
        format!(
            "start with {start} minvalue {least} maxvalue {most} increment by {step} cache 1000 {cycle}"
        )
    }

    #[test]
    fn a_sequence_begins_again_only_where_it_cannot_go_on() {
        const MOST: i64 = i64::MAX - 1;
        let plain = options(1, 1, MOST, 1, "nocycle");
        let small = options(1, 1, 500, 1, "nocycle");
        let later = options(100, 100, MOST, 1, "nocycle");
        let down = options(-1, -MOST, -1, -1, "nocycle");
        let cycle = options(1, 1, 500, 1, "cycle");
        let least = options(1, 1, 50, 1, "nocycle");
        for (next, old, new, expected) in [
            // In the range, or not known.
            ("1", &plain, &small, Restart::No),
            ("500", &plain, &small, Restart::No),
            ("100", &plain, &later, Restart::No),
            ("?", &plain, &later, Restart::No),
            // The range begins further on, so that what comes was never given.
            ("1", &plain, &later, Restart::Fresh),
            ("99", &plain, &later, Restart::Fresh),
            // The other way: all is on the other side of nothing.
            ("1001", &plain, &down, Restart::Fresh),
            ("-40", &down, &plain, Restart::Fresh),
            // The range ends before what was reached.
            ("501", &plain, &small, Restart::Repeating),
            ("100", &later, &least, Restart::Fresh),
            ("101", &later, &least, Restart::Fresh),
            ("1001", &plain, &cycle, Restart::No),
            ("1", &cycle, &later, Restart::Repeating),
            // It had run out before, and goes on to.
            ("501", &small, &least, Restart::No),
        ] {
            assert_eq!(
                restart(Some(next), old, new),
                expected,
                "{next}: {old} -> {new}"
            );
        }
        assert_eq!(restart(None, &plain, &later), Restart::No);
        assert_eq!(restart(Some("5"), "of tomorrow", &later), Restart::No);
    }

    #[test]
    fn options_and_engine_and_comment_change_each_in_its_own_way() {
        let sequence = |options: &str, engine: &str, reached: Option<&str>| Object {
            definition: format!("{options} ENGINE={engine}"),
            reached: Aside(reached.map(str::to_owned)),
            ..Object::default()
        };
        let (plain, small) = (
            options(1, 1, 900, 1, "nocycle"),
            options(1, 1, 500, 1, "nocycle"),
        );
        let old = sequence(&plain, "InnoDB", Some("700"));
        let new = Object {
            comment: Some("it's".to_owned()),
            ..sequence(&small, "Aria", None)
        };
        let told: Vec<(String, bool)> = changed(("", "s"), &old, &new)
            .into_iter()
            .map(|it| (it.sql, it.destructive))
            .collect();
        assert_eq!(
            told,
            [
                (format!("ALTER SEQUENCE `s` {small} RESTART"), true),
                (
                    "ALTER TABLE `s` ENGINE = Aria, COMMENT = 'it''s'".to_owned(),
                    false
                ),
            ]
        );
    }
}
