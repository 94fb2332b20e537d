//! The object into the script, and its answer out.
//!
//! Argo CD writes the returned table as JSON (gopher-json) and reads that as its own structure, which decides what odd answers mean; the same odd answers
//! mean the same here.

use std::collections::BTreeSet;

use mlua::{Error, Lua, Table, Value as LuaValue};
use serde_json::Value;

use crate::{Health, HealthError, Status};

/// Deeper objects are not what an API server stores, and each level is one of the native stack.
const DEEPEST: usize = 256;

/// A longer message is cut: it goes into the status of an Application, which has little more than a megabyte for all of them.
const LONGEST_MESSAGE_BYTES: usize = 32 << 10;

pub(super) fn into_lua(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    level_into_lua(lua, value, 0)
}

fn level_into_lua(lua: &Lua, value: &Value, depth: usize) -> mlua::Result<LuaValue> {
    if depth > DEEPEST {
        return Err(Error::runtime(format!(
            "the object is nested deeper than {DEEPEST} levels"
        )));
    }
    Ok(match value {
        Value::Null => LuaValue::Nil,
        Value::Bool(flag) => LuaValue::Boolean(*flag),
        // One kind of number, as in Lua 5.1.
        Value::Number(number) => LuaValue::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => LuaValue::String(lua.create_string(text)?),
        Value::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            // A `null` leaves no hole: what comes after it moves up.
            for item in items.iter().filter(|item| !item.is_null()) {
                table.raw_push(level_into_lua(lua, item, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), level_into_lua(lua, field, depth + 1)?)?;
            }
            LuaValue::Table(table)
        }
    })
}

/// What a script returned.
pub(super) fn health(returned: &LuaValue) -> Result<Health, HealthError> {
    let LuaValue::Table(table) = returned else {
        return match returned {
            LuaValue::Nil => Ok(Health::unsaid()),
            other => Err(HealthError::ReturnType(type_name(other))),
        };
    };
    let mut visited = BTreeSet::new();
    let encoded = encode(returned, &mut visited).map_err(HealthError::Unencodable)?;
    if encoded == Shape::List {
        return Ok(Health::unsaid());
    }
    let unreadable = |error: Error| HealthError::Unencodable(error.to_string());
    let status = field(table, "status").map_err(unreadable)?;
    let message = field(table, "message").map_err(unreadable)?;
    // A field of another type than string makes all of it unreadable, which is taken for nothing said.
    let (Ok(status), Ok(message)) = (text(status), text(message)) else {
        return Ok(Health::unsaid());
    };
    Ok(match Status::parse(&status) {
        Some(status) => Health::new(status, cut(message)),
        None => Health::new(Status::Unknown, "Lua returned an invalid health status"),
    })
}

/// As gopher-lua names types.
fn type_name(value: &LuaValue) -> &'static str {
    match value {
        LuaValue::Nil => "nil",
        LuaValue::Boolean(_) => "boolean",
        LuaValue::Integer(_) | LuaValue::Number(_) => "number",
        LuaValue::String(_) => "string",
        LuaValue::Table(_) => "table",
        LuaValue::Function(_) => "function",
        LuaValue::Thread(_) => "thread",
        _ => "userdata",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    List,
    Object,
}

/// Could this be written as JSON, and as what? A table is a list when its first key is a number, and also when it is empty.
fn encode(value: &LuaValue, visited: &mut BTreeSet<usize>) -> Result<Shape, String> {
    let table = match value {
        LuaValue::Nil | LuaValue::Boolean(_) | LuaValue::String(_) | LuaValue::Integer(_) => {
            return Ok(Shape::Plain);
        }
        LuaValue::Number(number) if number.is_finite() => return Ok(Shape::Plain),
        LuaValue::Number(_) => return Err("json: unsupported value".to_owned()),
        LuaValue::Table(table) => table,
        other => return Err(format!("cannot encode {} to JSON", type_name(other))),
    };
    // Seen before or too deep; the first is also said of a table that is only there twice.
    if visited.len() > DEEPEST || !visited.insert(table.to_pointer() as usize) {
        return Err("cannot encode recursively nested tables to JSON".to_owned());
    }
    let mut shape = None;
    let mut next = 1.0;
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let number = match &key {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a table has far fewer items than 2^53"
            )]
            LuaValue::Integer(index) => Some(*index as f64),
            LuaValue::Number(index) => Some(*index),
            _ => None,
        };
        let found = match &key {
            LuaValue::String(_) => Shape::Object,
            _ if number.is_some() => Shape::List,
            _ => return Err("cannot encode mixed or invalid key types".to_owned()),
        };
        if *shape.get_or_insert(found) != found {
            return Err("cannot encode mixed or invalid key types".to_owned());
        }
        if let Some(number) = number {
            if (number - next).abs() > f64::EPSILON {
                return Err("cannot encode sparse array".to_owned());
            }
            next += 1.0;
        }
        encode(&value, visited)?;
    }
    Ok(shape.unwrap_or(Shape::List))
}

/// Go's JSON decoder takes a field in any mixture of cases; the exact one is looked for first.
fn field(table: &Table, name: &str) -> mlua::Result<LuaValue> {
    let exact: LuaValue = table.raw_get(name)?;
    if !exact.is_nil() {
        return Ok(exact);
    }
    let mut found = LuaValue::Nil;
    let mut found_name = Vec::new();
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        if let LuaValue::String(key) = key {
            let key = key.as_bytes().to_vec();
            let better = found_name.is_empty() || key < found_name;
            if key.eq_ignore_ascii_case(name.as_bytes()) && better {
                found = value;
                found_name = key;
            }
        }
    }
    Ok(found)
}

fn text(value: LuaValue) -> Result<String, ()> {
    match value {
        LuaValue::Nil => Ok(String::new()),
        LuaValue::String(text) => Ok(String::from_utf8_lossy(&text.as_bytes()).into_owned()),
        _ => Err(()),
    }
}

fn cut(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE_BYTES {
        let end = (0..=LONGEST_MESSAGE_BYTES)
            .rev()
            .find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
    message
}
