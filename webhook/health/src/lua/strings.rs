//! The four functions of the string library that match patterns, over [`pattern`](super::pattern).

use std::cell::Cell;

use mlua::{Error, Function, Lua, LuaString, MultiValue, Table, Value};

use super::budget::Budget;
use super::pattern::{Capture, Match, PatternError, search};

/// Puts them into the library in place of LuaJIT's, and takes out what makes byte code.
pub(super) fn install(lua: &Lua, library: &Table, budget: &Budget) -> mlua::Result<()> {
    library.raw_set("dump", Value::Nil)?;
    let held = budget.clone();
    let find =
        lua.create_function(
            move |lua,
                  (text, pattern, init, plain): (
                LuaString,
                LuaString,
                Option<f64>,
                Option<bool>,
            )| {
                let bytes = text.as_bytes();
                let from = start(init, bytes.len());
                if plain == Some(true) || !has_specials(&pattern.as_bytes()) {
                    return find_plain(&bytes, &pattern.as_bytes(), from, &held);
                }
                let Some(found) = first(&bytes, &pattern.as_bytes(), from, &held)? else {
                    return Ok(MultiValue::from_iter([Value::Nil]));
                };
                let mut values = vec![place(found.start + 1), place(found.end)];
                for capture in &found.captures {
                    values.push(value(lua, &bytes, *capture)?);
                }
                Ok(MultiValue::from_vec(values))
            },
        )?;
    library.raw_set("find", find)?;
    let held = budget.clone();
    let matching = lua.create_function(
        move |lua, (text, pattern, init): (LuaString, LuaString, Option<f64>)| {
            let bytes = text.as_bytes();
            let from = start(init, bytes.len());
            match first(&bytes, &pattern.as_bytes(), from, &held)? {
                Some(found) => values(lua, &bytes, &found),
                None => Ok(MultiValue::from_iter([Value::Nil])),
            }
        },
    )?;
    library.raw_set("match", matching)?;
    let held = budget.clone();
    let each = lua.create_function(move |lua, (text, pattern): (LuaString, LuaString)| {
        every(lua, text, pattern, held.clone())
    })?;
    library.raw_set("gmatch", each)?;
    let held = budget.clone();
    let replace = lua.create_function(
        move |lua, (text, pattern, by, most): (LuaString, LuaString, Value, Option<f64>)| {
            let (replaced, count) = replace(lua, &text, &pattern, &by, most, &held)?;
            Ok((lua.create_string(replaced)?, count))
        },
    )?;
    library.raw_set("gsub", replace)
}

/// From Lua's 1-based and possibly negative index.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the length first"
)]
fn start(init: Option<f64>, length: usize) -> usize {
    let init = init.unwrap_or(1.0);
    let from = if init < 0.0 {
        length as f64 + init
    } else {
        init - 1.0
    };
    // Past the end there is nothing to find, not even nothing.
    from.clamp(0.0, length as f64 + 1.0) as usize
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a string is far shorter than 2^53"
)]
fn place(position: usize) -> Value {
    Value::Number(position as f64)
}

fn has_specials(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"^$*+?.([%-".contains(byte))
}

fn find_plain(
    text: &[u8],
    wanted: &[u8],
    from: usize,
    budget: &Budget,
) -> mlua::Result<MultiValue> {
    let rest = text.get(from..);
    let found = match (
        rest,
        rest.map(std::str::from_utf8),
        std::str::from_utf8(wanted),
    ) {
        (None, ..) => None,
        (Some(_), Some(Ok(rest)), Ok(wanted)) => {
            // Takes no more than the sum of both lengths.
            budget.spend(rest.len() as u64 / 8)?;
            rest.find(wanted)
        }
        (Some(rest), ..) => {
            budget.spend((rest.len() as u64).saturating_mul(wanted.len() as u64) / 8)?;
            (0..=rest.len()).find(|at| rest.get(*at..).is_some_and(|rest| rest.starts_with(wanted)))
        }
    };
    Ok(match found {
        Some(at) => MultiValue::from_iter([place(from + at + 1), place(from + at + wanted.len())]),
        None => MultiValue::from_iter([Value::Nil]),
    })
}

fn first(text: &[u8], pattern: &[u8], from: usize, budget: &Budget) -> mlua::Result<Option<Match>> {
    match pattern {
        [b'^', rest @ ..] => look(text, rest, from, true, budget),
        pattern => look(text, pattern, from, false, budget),
    }
}

fn look(
    text: &[u8],
    pattern: &[u8],
    from: usize,
    anchored: bool,
    budget: &Budget,
) -> mlua::Result<Option<Match>> {
    let pay = |steps| budget.spend(steps).is_ok();
    search(text, pattern, from, anchored, &pay).map_err(|error| match error {
        PatternError::Malformed(problem) => Error::runtime(problem),
        // Says again what it said, now as an error.
        PatternError::Stopped => budget
            .spend(0)
            .err()
            .unwrap_or_else(|| Error::runtime("stopped")),
    })
}

fn value(lua: &Lua, text: &[u8], capture: Capture) -> mlua::Result<Value> {
    match capture {
        Capture::Position(at) => Ok(place(at + 1)),
        Capture::Range(from, to) => lua
            .create_string(text.get(from..to).unwrap_or_default())
            .map(Value::String),
    }
}

/// All captures, or the whole match where there is none.
fn values(lua: &Lua, text: &[u8], found: &Match) -> mlua::Result<MultiValue> {
    if found.captures.is_empty() {
        let whole = Capture::Range(found.start, found.end);
        return Ok(MultiValue::from_iter([value(lua, text, whole)?]));
    }
    let captures = found.captures.iter();
    captures.map(|capture| value(lua, text, *capture)).collect()
}

/// A function that gives the next match each time.
fn every(lua: &Lua, text: LuaString, pattern: LuaString, budget: Budget) -> mlua::Result<Function> {
    let next = Cell::new(0);
    lua.create_function(move |lua, _: MultiValue| {
        let bytes = text.as_bytes();
        let Some(found) = look(&bytes, &pattern.as_bytes(), next.get(), false, &budget)? else {
            next.set(bytes.len() + 1);
            return Ok(MultiValue::from_iter([Value::Nil]));
        };
        // An empty match is not found twice.
        let step = usize::from(found.end == found.start);
        next.set(found.end + step);
        values(lua, &bytes, &found)
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: as many as there are"
)]
fn replace(
    lua: &Lua,
    text: &LuaString,
    pattern: &LuaString,
    by: &Value,
    most: Option<f64>,
    budget: &Budget,
) -> mlua::Result<(Vec<u8>, usize)> {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (pattern, anchored) = match &*pattern {
        [b'^', rest @ ..] => (rest, true),
        pattern => (pattern, false),
    };
    let most = most.map_or(usize::MAX, |most| most.max(0.0) as usize);
    let mut written = Vec::new();
    let (mut at, mut count) = (0, 0);
    while count < most {
        let Some(found) = look(&text, pattern, at, anchored, budget)? else {
            break;
        };
        count += 1;
        written.extend_from_slice(text.get(at..found.start).unwrap_or_default());
        match replacement(lua, &text, &found, by, budget)? {
            Some(new) => written.extend_from_slice(&new),
            None => {
                written.extend_from_slice(text.get(found.start..found.end).unwrap_or_default());
            }
        }
        budget.fits(written.len())?;
        at = found.end;
        if found.end == found.start {
            written.extend(text.get(at));
            at += 1;
        }
        if anchored || at > text.len() {
            break;
        }
    }
    written.extend_from_slice(text.get(at..).unwrap_or_default());
    Ok((written, count))
}

/// None keeps what was there.
fn replacement(
    lua: &Lua,
    text: &[u8],
    found: &Match,
    by: &Value,
    budget: &Budget,
) -> mlua::Result<Option<Vec<u8>>> {
    let new = match by {
        Value::String(template) => {
            return fill(lua, &template.as_bytes(), text, found).map(Some);
        }
        Value::Number(_) | Value::Integer(_) => {
            return Ok(Some(by.to_string()?.into_bytes()));
        }
        Value::Table(table) => {
            let key = values(lua, text, found)?.into_iter().next();
            budget.nested(|| table.get::<Value>(key))?
        }
        Value::Function(function) => {
            let arguments = values(lua, text, found)?;
            budget.nested(|| function.call::<Value>(arguments))?
        }
        other => {
            return Err(Error::runtime(format!(
                "bad argument #3 to 'gsub' (string/function/table expected, got {})",
                other.type_name()
            )));
        }
    };
    match new {
        Value::Nil | Value::Boolean(false) => Ok(None),
        Value::String(text) => Ok(Some(text.as_bytes().to_vec())),
        Value::Number(_) | Value::Integer(_) => Ok(Some(new.to_string()?.into_bytes())),
        other => Err(Error::runtime(format!(
            "invalid replacement value (a {})",
            other.type_name()
        ))),
    }
}

/// `%1` to `%9` are captures, `%0` the whole match, `%%` a percent sign.
fn fill(lua: &Lua, template: &[u8], text: &[u8], found: &Match) -> mlua::Result<Vec<u8>> {
    let mut written = Vec::new();
    let mut rest = template;
    loop {
        rest = match rest {
            [] => return Ok(written),
            [b'%', digit @ b'0'..=b'9', after @ ..] => {
                let index = usize::from(digit - b'0');
                let whole = Capture::Range(found.start, found.end);
                let capture = match (index, found.captures.as_slice()) {
                    (0, _) | (1, []) => whole,
                    (index, captures) => *captures
                        .get(index - 1)
                        .ok_or_else(|| Error::runtime("invalid capture index"))?,
                };
                match value(lua, text, capture)? {
                    Value::String(piece) => written.extend_from_slice(&piece.as_bytes()),
                    number => written.extend_from_slice(number.to_string()?.as_bytes()),
                }
                after
            }
            [b'%', other, after @ ..] => {
                written.push(*other);
                after
            }
            [other, after @ ..] => {
                written.push(*other);
                after
            }
        };
    }
}
