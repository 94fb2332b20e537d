//! Write a Tidegate policy in Rust: one trait, one macro.
