//! What a script finds in its world.
//!
//! Argo CD gives every script the base and table libraries, `require("os")` with `time` and `date` only, and `require("json")`, of which its own scripts use `decode`. `useOpenLibs` adds gopher-lua's whole standard
//! library, files and processes included; here it adds strings, numbers and dates, and nothing that reaches out of the script. What is left out on purpose:
//! - `io`, and of `os` all but `time`, `date` and `difftime`: a script in a ConfigMap must not read the controller's files or environment;
//! - `load`, `loadstring`, `loadfile`, `dofile`, `string.dump`: LuaJIT does not check byte code, which can do anything;
//! - `coroutine`, `debug`, `newproxy`: they get around limits, and no health script needs them.
//!
//! `print` and `collectgarbage` are there and do nothing: scripts have them left over from debugging.

use jiff::Timestamp;
use mlua::{Error, Lua, MultiValue, Table, Value};

use super::budget::Budget;
use super::{answer, strings, time};

const REMOVED: [&str; 11] = [
    "load",
    "loadstring",
    "loadfile",
    "dofile",
    "newproxy",
    "gcinfo",
    "module",
    "coroutine",
    "jit",
    "package",
    "debug",
];

/// What calls what it is given. `unpack` is here for its price.
const NESTING: [&str; 2] = ["pcall", "unpack"];

/// An object's annotations together are no longer.
const LONGEST_JSON_BYTES: usize = 256 << 10;

/// Names of libraries that `require` knows.
const WITH_OPEN_LIBS: [&str; 3] = ["string", "math", "table"];

pub(super) fn install(
    lua: &Lua,
    open_libs: bool,
    now: Timestamp,
    budget: &Budget,
) -> mlua::Result<()> {
    let globals = lua.globals();
    for name in REMOVED {
        globals.raw_set(name, Value::Nil)?;
    }
    let nothing = lua.create_function(|_, _: MultiValue| Ok(()))?;
    globals.raw_set("print", &nothing)?;
    globals.raw_set("collectgarbage", &nothing)?;
    let os = time::library(lua, now)?;
    let json = json(lua, budget)?;
    if open_libs {
        globals.raw_set("os", &os)?;
        let string: Table = globals.raw_get("string")?;
        strings::install(lua, &string, budget)?;
        for name in ["rep", "upper", "lower", "reverse", "byte", "format"] {
            guard(lua, &string, name, budget)?;
        }
    }
    let table: Table = globals.raw_get("table")?;
    for name in NESTING {
        guard(lua, &globals, name, budget)?;
    }
    globals.raw_set("xpcall", xpcall(lua, &globals.raw_get("pcall")?)?)?;
    for name in ["sort", "concat", "insert", "remove"] {
        guard(lua, &table, name, budget)?;
    }
    let require = lua.create_function(move |lua, name: String| {
        match name.as_str() {
            "os" => return Ok(os.clone()),
            "json" => return Ok(json.clone()),
            _ => {}
        }
        if WITH_OPEN_LIBS.contains(&name.as_str())
            && let Some(library) = lua.globals().raw_get::<Option<Table>>(name.as_str())?
        {
            return Ok(library);
        }
        Err(Error::runtime(format!("module {name} not found")))
    })?;
    globals.raw_set("require", require)
}

/// `decode`: a text's value, or nil and why there is none.
fn json(lua: &Lua, budget: &Budget) -> mlua::Result<Table> {
    let budget = budget.clone();
    let decode = lua.create_function(move |lua, text: mlua::LuaString| {
        let text = text.as_bytes();
        budget.spend(text.len() as u64 + A_CALL)?;
        if text.len() > LONGEST_JSON_BYTES {
            let why = format!("the text is longer than {LONGEST_JSON_BYTES} bytes");
            return Ok((Value::Nil, Some(why)));
        }
        Ok(match serde_json::from_slice(&text) {
            Ok(value) => (answer::into_lua(lua, &value)?, None),
            Err(error) => (Value::Nil, Some(error.to_string())),
        })
    })?;
    lua.create_table_from([("decode", decode)])
}

/// LuaJIT's own function, with a price for long strings and tables, and not for ever inside itself: each level is one of the native stack, whose end is the
/// end of the process.
fn guard(lua: &Lua, library: &Table, name: &str, budget: &Budget) -> mlua::Result<()> {
    let original: mlua::Function = library.raw_get(name)?;
    let budget = budget.clone();
    let guarded = lua.create_function(move |_, arguments: MultiValue| {
        budget.spend(price(&arguments))?;
        let results = budget.nested(|| original.call::<MultiValue>(arguments))?;
        budget.spend(price(&results))?;
        Ok(results)
    })?;
    library.raw_set(name, guarded)
}

/// On top of `pcall`: LuaJIT's own would run the handler of a script that has run out of steps, and then the handler of the handler's error.
fn xpcall(lua: &Lua, pcall: &mlua::Function) -> mlua::Result<mlua::Function> {
    let pcall = pcall.clone();
    lua.create_function(
        move |_, (function, handler): (Value, mlua::Function)| -> mlua::Result<MultiValue> {
            let mut results: MultiValue = pcall.call(function)?;
            if results.front() != Some(&Value::Boolean(false)) {
                return Ok(results);
            }
            results.pop_front();
            let mut handled: MultiValue = pcall.call((handler, results))?;
            handled.pop_front();
            handled.push_front(Value::Boolean(false));
            Ok(handled)
        },
    )
}

/// A call through Rust takes as long as some instructions.
const A_CALL: u64 = 10;

/// In steps: what copying a string or moving the items of a table costs, roughly, against an instruction.
fn price(values: &MultiValue) -> u64 {
    let prices = values.iter().map(|value| match value {
        Value::String(text) => text.as_bytes().len() as u64 / 16,
        // As `sort` needs for some thousand items; nothing else needs as much.
        Value::Table(table) => table.raw_len() as u64 * 10,
        _ => 0,
    });
    prices.sum::<u64>() + A_CALL + values.len() as u64 / 8
}
