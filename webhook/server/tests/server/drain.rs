//! Going without losing a request.
