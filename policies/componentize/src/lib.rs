//! A core Wasm module of a policy to a component.
//!
//! The compiler makes a core module that carries its WIT world in a custom section. [`componentize`] wraps it into a component
//! of that world: the file that the host loads. The component imports only what the code really calls, which is how a policy
//! that never looks at the cluster provably cannot.
//!
//! It is not an optimizer: the module inside is the compiler's, but for one number. Its memory starts with [`FIRST_PAGES`] more than its stack and
//! data need, so that most reviews never grow it: to grow means for the host to change the protection of pages, twice a call, which stops its
//! other threads. Pages that are not touched cost nothing. Whether function names are in the module, which make a trap's backtrace readable, is
//! the compiler's `strip` setting.

use wasm_encoder::{MemorySection, MemoryType, Module, RawSection};
use wasmparser::{BinaryReaderError, Parser, Payload};
use wit_component::ComponentEncoder;

/// Pages of 64 KiB that a module's memory starts with, beyond those that it asks for.
const FIRST_PAGES: u64 = 16;

/// Why a module cannot be a component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a core Wasm module, or one without a WIT world.
    #[error(
        "failed to read the core module (is it a policy, built for wasm32-unknown-unknown, that calls `export_policy!`?): {0}"
    )]
    Module(String),
    /// It does not export what its world says, or imports what its world does not have.
    #[error("failed to wrap the module: {0}")]
    Encode(String),
}

/// Wraps a core module into a component, and validates it.
///
/// # Errors
/// When the bytes are no core module, carry no world, or do not fit it.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, Error> {
    let roomy = with_room(core_module).map_err(|problem| Error::Module(problem.to_string()))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&roomy)
        .map_err(|problem| Error::Module(format!("{problem:#}")))?
        .encode()
        .map_err(|problem| Error::Encode(format!("{problem:#}")))
}

/// The module with a larger memory from the start, as far as its own maximum lets it.
fn with_room(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut roomy = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::MemorySection(memories) = payload {
            let mut section = MemorySection::new();
            for memory in memories {
                let memory = memory?;
                let most = memory.maximum.unwrap_or(u64::MAX);
                section.memory(MemoryType {
                    minimum: memory.initial.saturating_add(FIRST_PAGES).min(most),
                    maximum: memory.maximum,
                    memory64: memory.memory64,
                    shared: memory.shared,
                    page_size_log2: memory.page_size_log2,
                });
            }
            roomy.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
            let data = module.get(place(range.start)..place(range.end));
            roomy.section(&RawSection {
                id,
                data: data.unwrap_or_default(),
            });
        }
    }
    Ok(roomy.finish())
}

#[cfg(test)]
mod tests {
    use super::{FIRST_PAGES, componentize, with_room};

    /// (memory INITIAL MOST) and a custom section behind it.
    fn module(initial: u8, most: Option<u8>) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        match most {
            None => module.extend_from_slice(&[5, 3, 1, 0, initial]),
            Some(most) => module.extend_from_slice(&[5, 4, 1, 1, initial, most]),
        }
        module.extend_from_slice(b"\0\x03\x01xy");
        module
    }

    #[test]
    fn a_memory_starts_with_room() {
        let pages = u8::try_from(FIRST_PAGES).unwrap();
        for (initial, most, expected) in [
            (1, None, 1 + pages),
            (1, Some(100), 1 + pages),
            (1, Some(3), 3),
            (3, Some(3), 3),
        ] {
            let roomy = with_room(&module(initial, most)).unwrap();
            assert_eq!(roomy, module(expected, most));
        }
    }

    #[track_caller]
    fn refused(module: &[u8], part: &str) {
        let problem = componentize(module)
            .expect_err("must be refused")
            .to_string();
        assert!(problem.contains(part), "{problem}");
    }

    #[test]
    fn what_is_no_policy_is_refused_with_a_reason() {
        refused(b"not wasm at all", "failed to read the core module");
        refused(b"", "failed to read the core module");
        // An empty core module that imports a function nobody offers: (import "env" "f" (func)).
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend_from_slice(b"\x01\x04\x01\x60\0\0");
        module.extend_from_slice(b"\x02\x09\x01\x03env\x01f\0\0");
        refused(&module, "env");
    }
}
