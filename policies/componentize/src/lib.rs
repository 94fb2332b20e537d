//! A core Wasm module of a policy to a component.
