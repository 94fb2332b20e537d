//! What a script has used up, and how that ends it.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use mlua::Error;

use super::{Limits, Surroundings};

/// The limit that ended a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exhausted {
    Steps(u64),
    Stopped,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(limit) => write!(
                f,
                "<string>: stopped after {limit} steps; a health script looks at one object and returns"
            ),
            // What Argo CD says: its scripts have a second.
            Self::Stopped => f.write_str("<string>: context deadline exceeded"),
        }
    }
}

impl std::error::Error for Exhausted {}

/// Shared by the hook and the functions that a script calls.
#[derive(Clone)]
pub(super) struct Budget(Rc<State>);

struct State {
    limits: Limits,
    stop: Arc<dyn Fn() -> bool + Send + Sync>,
    steps: Cell<u64>,
    depth: Cell<u32>,
    exhausted: Cell<Option<Exhausted>>,
}

/// Calls from Rust into Lua into Rust: each takes some kilobytes of the native stack.
const DEEPEST: u32 = 50;

impl Budget {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        Self(Rc::new(State {
            limits: surroundings.limits,
            stop: Arc::clone(&surroundings.stop),
            steps: Cell::new(0),
            depth: Cell::new(0),
            exhausted: Cell::new(None),
        }))
    }

    /// The limit that was reached, whatever the script made of the error since.
    pub(super) fn exhausted(&self) -> Option<Exhausted> {
        self.0.exhausted.get()
    }

    /// Takes some steps. Once this failed it fails for ever.
    pub(super) fn spend(&self, steps: u64) -> mlua::Result<()> {
        let state = &*self.0;
        if state.exhausted.get().is_none() {
            state.steps.set(state.steps.get().saturating_add(steps));
            if state.steps.get() > state.limits.steps {
                state
                    .exhausted
                    .set(Some(Exhausted::Steps(state.limits.steps)));
            } else if (state.stop)() {
                state.exhausted.set(Some(Exhausted::Stopped));
            }
        }
        match state.exhausted.get() {
            Some(exhausted) => Err(Error::external(exhausted)),
            None => Ok(()),
        }
    }

    /// For what is built outside of Lua's own memory.
    pub(super) fn fits(&self, bytes: usize) -> mlua::Result<()> {
        if bytes > self.0.limits.memory {
            return Err(Error::runtime("not enough memory"));
        }
        Ok(())
    }

    /// Runs what calls back into Lua.
    pub(super) fn nested<T>(&self, call: impl FnOnce() -> mlua::Result<T>) -> mlua::Result<T> {
        let depth = &self.0.depth;
        if depth.get() >= DEEPEST {
            return Err(Error::runtime("stack overflow"));
        }
        depth.set(depth.get() + 1);
        let result = call();
        depth.set(depth.get() - 1);
        result
    }
}

/// Lua's own message, without the trace that mlua adds: Argo CD takes it off too.
pub(super) fn message(error: &Error) -> String {
    let text = match error {
        Error::CallbackError { cause, .. } => return message(cause),
        Error::RuntimeError(text) | Error::MemoryError(text) => text.clone(),
        Error::SyntaxError { message, .. } => message.clone(),
        Error::ExternalError(error) => error.to_string(),
        other => other.to_string(),
    };
    let text = text.strip_prefix("runtime error: ").unwrap_or(&text);
    text.split_once("\nstack traceback:")
        .map_or(text, |(message, _)| message)
        .to_owned()
}
