//! Running a script in a sandbox.
//!
//! Argo CD runs scripts by gopher-lua, which is Lua 5.1 with `goto`; LuaJIT is the same language (Lua 5.1 without `goto` cannot parse some of the scripts that
//! Argo CD ships, Lua 5.4 prints whole numbers as `2.0`). A script has a fresh state each time, so that no object sees what another left behind.
//!
//! A script is somebody else's program, and may be wrong or hostile. What holds it:
//! - the libraries that it gets ([`libraries`]): none that reads, writes, loads or waits;
//! - a limit for its steps, which a hook counts in the interpreter, and which long strings and tables make dearer; the compiler of LuaJIT stays off, as compiled code calls no hook;
//! - a limit for its memory, in the allocator;
//! - a limit for what a pattern may try, as one call of `string.find` can take for ever and is a single step ([`pattern`]);
//! - a limit for calls through Rust, as they nest on the native stack;
//! - the caller's own stop sign, which sees a clock where this crate does not.
//!
//! `pcall` catches a lack of memory or depth, and none of the others.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use mlua::{HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Value as LuaValue, VmState};
use serde_json::Value;

use crate::customizations::Script;
use crate::{Health, HealthError};

mod answer;
mod budget;
mod libraries;
mod pattern;
mod strings;
mod time;

use budget::Budget;

/// What a script may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of the interpreter, and characters that patterns look at.
    pub steps: u64,
    /// Bytes, the object itself included.
    pub memory: usize,
}

impl Default for Limits {
    /// Many times what looking at one object's conditions takes.
    fn default() -> Self {
        Self {
            steps: 5_000_000,
            memory: 32 << 20,
        }
    }
}

/// What a script may know of the world, and what ends it.
#[derive(Clone)]
pub struct Surroundings {
    /// What `os.time()` says.
    pub now: Timestamp,
    /// What a script may use.
    pub limits: Limits,
    /// Asked every few steps: true ends the script. For deadlines, as this crate has no clock.
    pub stop: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Surroundings {
    /// With the usual limits, and nothing that stops a script before them.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            limits: Limits::default(),
            stop: Arc::new(|| false),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("now", &self.now)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How many steps are taken between two looks at the limits.
const STEPS_A_LOOK: u32 = 100;

pub(crate) fn run(
    script: &Script<'_>,
    object: &Value,
    surroundings: &Surroundings,
) -> Result<Health, HealthError> {
    let budget = Budget::new(surroundings);
    let returned = execute(script, object, surroundings, &budget);
    if let Some(exhausted) = budget.exhausted() {
        return Err(HealthError::Script(exhausted.to_string()));
    }
    returned?
}

/// The outer error is Lua's, the inner one is about what the script returned.
fn execute(
    script: &Script<'_>,
    object: &Value,
    surroundings: &Surroundings,
    budget: &Budget,
) -> Result<Result<Health, HealthError>, HealthError> {
    let failed = |error: mlua::Error| HealthError::Script(budget::message(&error));
    // Not JIT: it is that library which turns the compiler on.
    let libraries = if script.open_libs {
        StdLib::TABLE | StdLib::STRING | StdLib::MATH
    } else {
        StdLib::TABLE
    };
    let lua =
        Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false)).map_err(failed)?;
    libraries::install(&lua, script.open_libs, surroundings.now, budget).map_err(failed)?;
    lua.set_memory_limit(surroundings.limits.memory)
        .map_err(failed)?;
    let object = answer::into_lua(&lua, object).map_err(failed)?;
    lua.globals().set("obj", object).map_err(failed)?;
    let looks = budget.clone();
    let before = lua.used_memory();
    lua.set_hook(
        HookTriggers::new().every_nth_instruction(STEPS_A_LOOK),
        move |lua, _| match looks.spend(price_of_a_look(lua, before)) {
            Ok(()) => Ok(VmState::Continue),
            Err(error) => {
                end(lua, &looks)?;
                Err(error)
            }
        },
    )
    .map_err(failed)?;
    let values: MultiValue = lua
        .load(script.text)
        .set_name("=<string>")
        .set_mode(mlua::chunk::ChunkMode::Text)
        .call(())
        .map_err(failed)?;
    // Argo CD looks at the last value returned.
    let last = values.into_iter().next_back().unwrap_or(LuaValue::Nil);
    Ok(answer::health(&last))
}

/// The steps taken, and more where the script holds much: `s .. s` of a long string is one step to the hook and megabytes to the machine.
fn price_of_a_look(lua: &Lua, before: usize) -> u64 {
    u64::from(STEPS_A_LOOK) + lua.used_memory().saturating_sub(before) as u64 / 256
}

/// From here on every instruction fails, also the one after a `pcall` that caught the last failure.
fn end(lua: &Lua, budget: &Budget) -> mlua::Result<()> {
    let budget = budget.clone();
    lua.set_hook(HookTriggers::new().every_nth_instruction(1), move |_, _| {
        budget.spend(0).map(|()| VmState::Continue)
    })
}
