//! Why a call failed, in the words of the admission room. The user reads a short reason; the operator's log has the guest's frames.

use tidegate_admission::{Limits, PolicyFailure};
use wasmtime::{Trap, WasmBacktrace};

use crate::log::clean;

/// Frames of a trap that are worth a log line.
const FRAMES: usize = 5;

/// Reads a wasmtime error. `memory_refused`: the guest was refused memory before it failed.
pub(crate) fn failure(
    policy: &str,
    error: &wasmtime::Error,
    limits: &Limits,
    memory_refused: bool,
) -> PolicyFailure {
    let failure = classify(error, limits, memory_refused);
    let frames = frames(error);
    let (reason, detail) = (
        failure.reason(),
        clean(&format!("{:#}", error.root_cause())),
    );
    tracing::debug!(policy, reason, detail, frames, "a policy call failed");
    failure
}

fn classify(error: &wasmtime::Error, limits: &Limits, memory_refused: bool) -> PolicyFailure {
    if error
        .downcast_ref::<wasmtime::PoolConcurrencyLimitError>()
        .is_some()
    {
        return PolicyFailure::Overloaded;
    }
    // wasmtime keeps the type of this error to itself, so it is known by its words; a test holds us to them.
    if error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls")
    {
        return PolicyFailure::Output(limits.output);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => PolicyFailure::Stack,
        Some(Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds) if memory_refused => {
            PolicyFailure::Memory(limits.memory)
        }
        Some(Trap::UnreachableCodeReached) => PolicyFailure::Trap("it panicked or aborted".into()),
        Some(Trap::IntegerDivisionByZero) => PolicyFailure::Trap("it divided by zero".into()),
        Some(Trap::MemoryOutOfBounds) => {
            PolicyFailure::Trap("it went out of the bounds of its memory".into())
        }
        Some(trap) => PolicyFailure::Trap(trap.to_string()),
        None if memory_refused => PolicyFailure::Memory(limits.memory),
        // Strings that are no UTF-8, lists outside of memory, enum values that do not exist.
        None => PolicyFailure::Answer(clean(&format!("{:#}", error.root_cause()))),
    }
}

fn frames(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let names = backtrace.frames().iter().take(FRAMES).map(|frame| {
        frame.func_name().map_or_else(
            || format!("function {}", frame.func_index()),
            |name| rustc_name(name).to_owned(),
        )
    });
    clean(&names.collect::<Vec<_>>().join(" < "))
}

/// Without the hash that the compiler appends.
fn rustc_name(name: &str) -> &str {
    name.rsplit_once("::h").map_or(
        name,
        |(path, hash)| if hash.len() == 16 { path } else { name },
    )
}
