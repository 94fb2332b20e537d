//! Lua's patterns (reference manual, section 5.4.1), with a price for every step.
//!
//! The interpreter's own matcher is one call for a hook that counts instructions, and some patterns take for ever: `.-.-.-.-x` on a few thousand characters.
//! This one spends the script's budget, and nests no deeper than it says.

/// A pattern that is none, or that took too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatternError {
    /// The pattern is wrong; the words are Lua's.
    Malformed(&'static str),
    /// The price was not paid.
    Stopped,
}

/// What was between two parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    /// `()`: where it stands, from 0.
    Position(usize),
    /// From, to.
    Range(usize, usize),
}

/// One match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) captures: Vec<Capture>,
}

/// Lua's own limits.
const MOST_CAPTURES: usize = 32;
const DEEPEST: usize = 200;

/// Steps between two payments.
const STEPS_A_PAYMENT: u64 = 64;

/// The first match at `from` or after it, or exactly at `from` where `anchored`. `pay` is asked for every few steps.
pub(super) fn search(
    text: &[u8],
    pattern: &[u8],
    from: usize,
    anchored: bool,
    pay: &dyn Fn(u64) -> bool,
) -> Result<Option<Match>, PatternError> {
    let mut matcher = Matcher {
        text,
        pattern,
        captures: Vec::new(),
        depth: 0,
        unpaid: 0,
        pay,
    };
    for start in from..=text.len() {
        matcher.captures.clear();
        if let Some(end) = matcher.run(start, 0)? {
            return Ok(Some(Match {
                start,
                end,
                captures: matcher.closed()?,
            }));
        }
        if anchored {
            break;
        }
    }
    Ok(None)
}

type Found = Result<Option<usize>, PatternError>;

struct Matcher<'a> {
    text: &'a [u8],
    pattern: &'a [u8],
    /// Start and, once it is closed, what it is.
    captures: Vec<(usize, Option<Capture>)>,
    depth: usize,
    unpaid: u64,
    pay: &'a dyn Fn(u64) -> bool,
}

impl Matcher<'_> {
    fn step(&mut self) -> Result<(), PatternError> {
        self.unpaid += 1;
        if self.unpaid >= STEPS_A_PAYMENT {
            self.unpaid = 0;
            if !(self.pay)(STEPS_A_PAYMENT) {
                return Err(PatternError::Stopped);
            }
        }
        Ok(())
    }

    fn closed(&self) -> Result<Vec<Capture>, PatternError> {
        let captures = self.captures.iter();
        captures
            .map(|(_, closed)| closed.ok_or(PatternError::Malformed("unfinished capture")))
            .collect()
    }

    fn at(&self, position: usize) -> Option<u8> {
        self.pattern.get(position).copied()
    }

    fn run(&mut self, text: usize, pattern: usize) -> Found {
        if self.depth >= DEEPEST {
            return Err(PatternError::Malformed("pattern too complex"));
        }
        self.depth += 1;
        let found = self.run_here(text, pattern);
        self.depth -= 1;
        found
    }

    fn run_here(&mut self, mut text: usize, mut pattern: usize) -> Found {
        loop {
            self.step()?;
            let Some(byte) = self.at(pattern) else {
                return Ok(Some(text));
            };
            match (byte, self.at(pattern + 1)) {
                (b'(', Some(b')')) => {
                    return self.open(text, pattern + 2, Some(Capture::Position(text)));
                }
                (b'(', _) => return self.open(text, pattern + 1, None),
                (b')', _) => return self.close(text, pattern + 1),
                (b'$', None) => return Ok((text == self.text.len()).then_some(text)),
                (b'%', Some(b'b')) => match self.balance(text, pattern + 2)? {
                    Some(after) => {
                        text = after;
                        pattern += 4;
                        continue;
                    }
                    None => return Ok(None),
                },
                (b'%', Some(b'f')) => {
                    let set = pattern + 2;
                    if self.at(set) != Some(b'[') {
                        return Err(PatternError::Malformed("missing '[' after '%f' in pattern"));
                    }
                    let end = self.item_end(set)?;
                    let before = text.checked_sub(1).and_then(|at| self.text.get(at));
                    let after = self.text.get(text);
                    let inside =
                        |byte: Option<&u8>| self.in_set(byte.copied().unwrap_or(0), set, end);
                    if inside(before) || !inside(after) {
                        return Ok(None);
                    }
                    pattern = end;
                    continue;
                }
                (b'%', Some(digit @ b'0'..=b'9')) => match self.repeat_of(text, digit)? {
                    Some(after) => {
                        text = after;
                        pattern += 2;
                        continue;
                    }
                    None => return Ok(None),
                },
                _ => {}
            }
            let end = self.item_end(pattern)?;
            let fits = self.fits(text, pattern, end);
            match self.at(end) {
                Some(b'?') => {
                    if fits && let Some(found) = self.run(text + 1, end + 1)? {
                        return Ok(Some(found));
                    }
                    pattern = end + 1;
                }
                Some(b'+') if !fits => return Ok(None),
                Some(b'+') => return self.longest(text + 1, pattern, end),
                Some(b'*') => return self.longest(text, pattern, end),
                Some(b'-') => return self.shortest(text, pattern, end),
                _ if !fits => return Ok(None),
                _ => {
                    text += 1;
                    pattern = end;
                }
            }
        }
    }

    fn longest(&mut self, text: usize, item: usize, end: usize) -> Found {
        let mut count = 0;
        while self.fits(text + count, item, end) {
            self.step()?;
            count += 1;
        }
        loop {
            if let Some(found) = self.run(text + count, end + 1)? {
                return Ok(Some(found));
            }
            if count == 0 {
                return Ok(None);
            }
            count -= 1;
        }
    }

    fn shortest(&mut self, mut text: usize, item: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.run(text, end + 1)? {
                return Ok(Some(found));
            }
            if !self.fits(text, item, end) {
                return Ok(None);
            }
            text += 1;
        }
    }

    fn open(&mut self, text: usize, pattern: usize, closed: Option<Capture>) -> Found {
        if self.captures.len() >= MOST_CAPTURES {
            return Err(PatternError::Malformed("too many captures"));
        }
        self.captures.push((text, closed));
        let found = self.run(text, pattern)?;
        if found.is_none() {
            self.captures.pop();
        }
        Ok(found)
    }

    fn close(&mut self, text: usize, pattern: usize) -> Found {
        let open = self
            .captures
            .iter()
            .rposition(|(_, closed)| closed.is_none());
        let Some(open) = open else {
            return Err(PatternError::Malformed("invalid pattern capture"));
        };
        self.set_closed(open, Some(text));
        let found = self.run(text, pattern)?;
        if found.is_none() {
            self.set_closed(open, None);
        }
        Ok(found)
    }

    fn set_closed(&mut self, index: usize, end: Option<usize>) {
        if let Some((start, closed)) = self.captures.get_mut(index) {
            *closed = end.map(|end| Capture::Range(*start, end));
        }
    }

    /// `%bxy`: from x to the y that belongs to it.
    fn balance(&mut self, text: usize, pair: usize) -> Found {
        let (Some(open), Some(close)) = (self.at(pair), self.at(pair + 1)) else {
            return Err(PatternError::Malformed("unbalanced pattern"));
        };
        if self.text.get(text) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        let mut at = text + 1;
        while let Some(&byte) = self.text.get(at) {
            self.step()?;
            at += 1;
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// `%1`: what the first capture was, once more.
    fn repeat_of(&mut self, text: usize, digit: u8) -> Found {
        let invalid = PatternError::Malformed("invalid capture index");
        let index = usize::from(digit - b'0').checked_sub(1).ok_or(invalid)?;
        let Some((_, Some(Capture::Range(start, end)))) = self.captures.get(index).copied() else {
            return Err(invalid);
        };
        for _ in start..end {
            self.step()?;
        }
        let wanted = self.text.get(start..end).unwrap_or_default();
        let rest = self.text.get(text..).unwrap_or_default();
        Ok(rest.starts_with(wanted).then_some(text + wanted.len()))
    }

    /// Where the single character class that starts here ends.
    fn item_end(&self, item: usize) -> Result<usize, PatternError> {
        match self.at(item) {
            Some(b'%') if self.at(item + 1).is_none() => {
                Err(PatternError::Malformed("malformed pattern (ends with '%')"))
            }
            Some(b'%') => Ok(item + 2),
            Some(b'[') => {
                let mut at = item + 1;
                if self.at(at) == Some(b'^') {
                    at += 1;
                }
                // A bracket that comes first is one of the set.
                let first = at;
                loop {
                    match self.at(at) {
                        None => {
                            return Err(PatternError::Malformed("malformed pattern (missing ']')"));
                        }
                        Some(b']') if at > first => return Ok(at + 1),
                        Some(b'%') => at += 2,
                        Some(_) => at += 1,
                    }
                }
            }
            _ => Ok(item + 1),
        }
    }

    fn fits(&self, text: usize, item: usize, end: usize) -> bool {
        let Some(&byte) = self.text.get(text) else {
            return false;
        };
        match self.at(item) {
            Some(b'.') => true,
            Some(b'%') => self.at(item + 1).is_some_and(|class| in_class(byte, class)),
            Some(b'[') => self.in_set(byte, item, end),
            other => other == Some(byte),
        }
    }

    /// `item` is at the opening bracket, `end` after the closing one.
    fn in_set(&self, byte: u8, item: usize, end: usize) -> bool {
        let mut set = self.pattern.get(item + 1..end - 1).unwrap_or_default();
        let inverted = set.first() == Some(&b'^');
        if inverted {
            set = set.get(1..).unwrap_or_default();
        }
        let mut inside = false;
        loop {
            set = match set {
                [] => return inside != inverted,
                [b'%', class, rest @ ..] => {
                    inside |= in_class(byte, *class);
                    rest
                }
                [from, b'-', to, rest @ ..] => {
                    inside |= (*from..=*to).contains(&byte);
                    rest
                }
                [one, rest @ ..] => {
                    inside |= *one == byte;
                    rest
                }
            };
        }
    }
}

/// `%a` and its like; a capital letter is everything else.
fn in_class(byte: u8, class: u8) -> bool {
    let inside = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    inside != class.is_ascii_uppercase()
}
