//! Policies in sandboxes: load, compile, cache, limit, call.
