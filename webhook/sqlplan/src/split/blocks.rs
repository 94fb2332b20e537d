//! Which semicolons are inside a statement: those of a routine's body.
//!
//! `BEGIN`, `IF` and `END` are words of code in one place and names or functions in another: `NEW.end`, `SET begin = 1`, `IF(a, b, c)`,
//! `DROP TABLE IF EXISTS`. What tells them apart is what stands before: a block begins where a statement can begin, and ends behind a
//! semicolon. Nothing here is a grammar; a body that no server takes may be cut anywhere.

use super::is_any;
use super::place::{Near, Place};
use crate::dialect::Dialect;

/// How far into a statement its kind may be named; `DEFINER = 'a'@'b'` stands before it.
const HEAD: usize = 24;

/// What may hold semicolons, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    stage: Stage,
    /// What is open, outermost first.
    open: Vec<Block>,
    /// Words that have been seen.
    words: usize,
    /// The token behind an `END IF`, which opens nothing.
    skipped: Option<usize>,
    /// A trigger's `ROW` or an event's `DO` has been seen: its body follows.
    body_follows: bool,
    /// `DECLARE .. HANDLER FOR ..`: a statement follows, and no word says where.
    in_handler: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What statement it is is not known yet.
    #[default]
    Head,
    /// A routine, in front of its body.
    Before(Kind),
    /// In a body.
    Inside,
    /// No semicolon can be inside any more.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A procedure or a function.
    Routine,
    Trigger,
    Event,
    Package,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Ends with `END` behind a semicolon.
    Begin,
    /// What Oracle's mode declares between `AS` and `BEGIN`.
    Declarations,
    /// A package, from `AS` to its `END`.
    Package,
    /// `CASE` within an expression.
    Choice,
    /// Ends with `END` and the word itself: `IF`, `CASE`, `LOOP`, `WHILE`, `REPEAT`, `FOR`.
    Compound(&'static str),
}

/// What ends with `END` and its own name.
const COMPOUND: [&str; 6] = ["if", "case", "loop", "while", "repeat", "for"];

impl Blocks {
    /// Whether a semicolon now is inside.
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Follows one word.
    pub(super) fn follow(&mut self, place: Place<'_>, dialect: Dialect) {
        self.words += 1;
        if self.skipped == Some(place.index) {
            return;
        }
        match self.stage {
            Stage::Over => {}
            Stage::Head => self.head(place, dialect),
            Stage::Before(kind) => self.before_body(kind, place, dialect),
            Stage::Inside => self.inside(place, dialect),
        }
        if self.stage == Stage::Inside && self.open.is_empty() {
            self.stage = Stage::Over;
        }
    }

    /// `CREATE [OR REPLACE] [DEFINER = ..] PROCEDURE`, and what else has a body.
    fn head(&mut self, place: Place<'_>, dialect: Dialect) {
        let (word, mysql) = (place.word(), dialect.is_mysql_like());
        let kind = match word.to_ascii_lowercase().as_str() {
            "procedure" | "function" => Some(Kind::Routine),
            "trigger" => Some(Kind::Trigger),
            "event" => Some(Kind::Event),
            "package" if mysql => Some(Kind::Package),
            _ => None,
        };
        let mut words = place.words_before();
        let first = words.next().unwrap_or(word);
        // A label may stand before a loop: `l: LOOP`.
        let begins =
            self.words == 1 || (self.words == 2 && matches!(place.before(), Near::Symbol(':')));
        if mysql
            && begins
            && let Some(compound) = compound(word)
        {
            self.enter(Block::Compound(compound));
            return;
        }
        if mysql && self.words == 2 && is_any(first, &["begin"]) && is_any(word, &["not"]) {
            self.enter(Block::Begin);
            return;
        }
        let goes_on = match self.words {
            1 => {
                is_any(word, &["create", "alter", "explain", "begin"])
                    || matches!(place.behind().1, Near::Symbol(':'))
            }
            _ => is_any(first, &["create", "alter", "explain"]),
        };
        let mut had_definer = false;
        let only_modifiers = words.all(|word| {
            had_definer |= is_any(word, &["definer"]);
            had_definer || is_modifier(word)
        });
        if !goes_on || !only_modifiers || self.words > HEAD {
            self.stage = Stage::Over;
            return;
        }
        // A user may be called so: `DEFINER = event@localhost`.
        let is_named = matches!(place.before(), Near::Symbol('=' | '@'));
        if let Some(kind) = kind.filter(|_| self.words > 1 && !is_named) {
            let has_body = is_any(first, &["create", "explain"]) || (kind == Kind::Event && mysql);
            self.stage = if has_body {
                Stage::Before(kind)
            } else {
                Stage::Over
            };
        } else if self.words > 1 && !had_definer && !is_modifier(word) {
            self.stage = Stage::Over;
        }
    }

    fn before_body(&mut self, kind: Kind, place: Place<'_>, dialect: Dialect) {
        if place.in_brackets {
            return;
        }
        let (word, before, (_, behind)) = (place.word(), place.before(), place.behind());
        if dialect == Dialect::Postgres {
            if is_any(word, &["begin"]) && behind.is(&["atomic"]) {
                self.enter(Block::Begin);
            }
            return;
        }
        if is_any(word, &["begin"]) && opens(before, behind) {
            self.enter(Block::Begin);
            return;
        }
        if !dialect.is_mysql_like() {
            return;
        }
        if is_any(word, &["as", "is"]) && matches!(kind, Kind::Package | Kind::Routine) {
            self.enter(if kind == Kind::Package {
                Block::Package
            } else {
                Block::Declarations
            });
            return;
        }
        // A trigger's and an event's own words say where the body is; before, INSERT is only named.
        let can_begin = match kind {
            Kind::Package => false,
            Kind::Routine => !before.is(&HEAD_ONLY),
            Kind::Trigger => {
                let orders = before.is(&["row"]) && is_any(word, &["follows", "precedes"]);
                self.body_follows && !orders && !before.is(&["follows", "precedes"])
            }
            Kind::Event => self.body_follows,
        };
        self.body_follows |= match kind {
            Kind::Trigger => is_any(word, &["row"]),
            Kind::Event => is_any(word, &["do"]),
            Kind::Routine | Kind::Package => false,
        };
        if !can_begin || matches!(behind, Near::Symbol(':')) {
            return;
        }
        match compound(word) {
            Some("if") if behind.is(&["not", "exists"]) => {}
            Some(compound) if !expects_value(before) => self.enter(Block::Compound(compound)),
            // One plain statement has no semicolon inside.
            _ if kind != Kind::Routine || is_any(word, &STATEMENTS) => self.stage = Stage::Over,
            _ => {}
        }
    }

    fn inside(&mut self, place: Place<'_>, dialect: Dialect) {
        let (word, before, (next, behind)) = (place.word(), place.before(), place.behind());
        if matches!(before, Near::Semicolon) {
            self.in_handler = false;
        }
        if matches!(before, Near::Symbol('.' | '@')) {
            return;
        }
        let mysql = dialect.is_mysql_like();
        let top = self.open.last().copied();
        if is_any(word, &["end"]) {
            match top {
                Some(Block::Choice) => {
                    self.open.pop();
                }
                Some(Block::Compound(kind)) if behind.is(&[kind]) => {
                    self.open.pop();
                    self.skipped = Some(next);
                }
                Some(Block::Begin | Block::Package | Block::Declarations)
                    if !place.in_brackets
                        && (matches!(before, Near::Semicolon)
                            || before.is(&["begin", "atomic"]))
                        && !matches!(behind, Near::Symbol('=' | '.' | ',' | '(')) =>
                {
                    self.open.pop();
                }
                _ => {}
            }
            return;
        }
        let at_statement = !place.in_brackets
            && (match before {
                Near::Semicolon | Near::Symbol(':') => true,
                Near::Word(_) if before.is(&["then", "else"]) => top != Some(Block::Choice),
                Near::Word(_) => {
                    before.is(&["begin", "atomic", "loop", "repeat", "do", "as", "is"])
                }
                Near::Nothing | Near::Symbol(_) | Near::Other => false,
            } || (self.in_handler
                && (before.is(&["found", "sqlexception", "sqlwarning"])
                    || matches!(before, Near::Other))));
        if is_any(word, &["case"]) {
            self.open.push(if at_statement && mysql {
                Block::Compound("case")
            } else {
                Block::Choice
            });
        } else if is_any(word, &["begin"]) {
            // A handler's condition may have any name.
            let opens =
                (at_statement || (self.in_handler && !place.in_brackets)) && opens(before, behind);
            if opens && dialect != Dialect::Postgres {
                if top == Some(Block::Declarations) {
                    self.open.pop();
                }
                self.open.push(Block::Begin);
            }
        } else if mysql && is_any(word, &["handler"]) {
            self.in_handler = true;
        } else if mysql
            && is_any(word, &["as", "is"])
            && top == Some(Block::Package)
            && !place.in_brackets
        {
            self.open.push(Block::Declarations);
        } else if let Some(compound) = compound(word).filter(|_| mysql && at_statement) {
            self.open.push(Block::Compound(compound));
        }
    }

    fn enter(&mut self, block: Block) {
        self.stage = Stage::Inside;
        self.open.push(block);
    }
}

/// Where a value is expected, `IF` and `REPEAT` are functions and `begin` is a column.
const EXPECTS_VALUE: [&str; 16] = [
    "return", "select", "set", "where", "and", "or", "xor", "not", "when", "by", "having", "on",
    "in", "like", "between", "distinct",
];

/// What stands in a routine's head before a word that is no statement: its name, a type, a character set, `SQL DATA`.
const HEAD_ONLY: [&str; 10] = [
    "procedure",
    "function",
    "exists",
    "returns",
    "character",
    "charset",
    "reads",
    "modifies",
    "contains",
    "no",
];

/// With what a body of one plain statement begins.
const STATEMENTS: [&str; 12] = [
    "return", "select", "set", "insert", "update", "delete", "replace", "call", "with", "do",
    "values", "signal",
];

fn is_modifier(word: &str) -> bool {
    is_any(
        word,
        &[
            "create",
            "or",
            "replace",
            "temp",
            "temporary",
            "aggregate",
            "definer",
            "query",
            "plan",
        ],
    )
}

fn compound(word: &str) -> Option<&'static str> {
    COMPOUND
        .into_iter()
        .find(|compound| word.eq_ignore_ascii_case(compound))
}

/// Whether a `BEGIN` between the two is no name.
fn opens(before: Near<'_>, behind: Near<'_>) -> bool {
    let is_used = matches!(behind, Near::Symbol(symbol) if !matches!(symbol, '(' | '@'));
    !expects_value(before) && !is_used
}

fn expects_value(before: Near<'_>) -> bool {
    before.is(&EXPECTS_VALUE)
        || matches!(before, Near::Symbol(symbol) if !matches!(symbol, ')' | ':'))
}
