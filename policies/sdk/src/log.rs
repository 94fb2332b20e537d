//! Lines for the operator's log. The host cuts long lines and limits their number. On a native target they go nowhere.

#[cfg(target_arch = "wasm32")]
use crate::bindings::tidegate::policy::log::{Level, write};

/// For the policy's author.
pub fn debug(message: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Debug, message);
    let _ = message;
}

/// Worth a line.
pub fn info(message: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Info, message);
    let _ = message;
}

/// Something is wrong, but the verdict stands.
pub fn warn(message: &str) {
    #[cfg(target_arch = "wasm32")]
    write(Level::Warn, message);
    let _ = message;
}
