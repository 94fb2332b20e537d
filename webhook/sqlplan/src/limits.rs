//! How much is read. Every limit is counted on tokens before anything recursive sees the text: a chain of 17,000 `OR` terms would otherwise
//! overflow a native stack while its tree is dropped.

/// The bytes of one text.
pub const TEXT: usize = 1024 * 1024;
/// The bytes of one statement.
pub const STATEMENT: usize = 256 * 1024;
/// The statements of one text.
pub const STATEMENTS: usize = 5_000;
/// The operators between two commas at the same depth.
pub const CHAIN: usize = 2_000;
/// The brackets open at once.
pub const BRACKETS: usize = 64;
/// The problems reported of one text; what is wrong a hundred times is wrong.
pub const PROBLEMS: usize = 100;
