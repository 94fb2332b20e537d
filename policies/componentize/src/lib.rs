//! A core Wasm module of a policy to a component.
//!
//! The compiler makes a core module that carries its WIT world in a custom section. [`componentize`] wraps it into a component
//! of that world: the file that the host loads. The component imports only what the code really calls, which is how a policy
//! that never looks at the cluster provably cannot.
//!
//! It is not an optimizer: the module inside is the compiler's, byte for byte. Whether function names are in it, which make a
//! trap's backtrace readable, is the compiler's `strip` setting.

use wit_component::ComponentEncoder;

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
    ComponentEncoder::default()
        .validate(true)
        .module(core_module)
        .map_err(|problem| Error::Module(format!("{problem:#}")))?
        .encode()
        .map_err(|problem| Error::Encode(format!("{problem:#}")))
}

#[cfg(test)]
mod tests {
    use super::componentize;

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
