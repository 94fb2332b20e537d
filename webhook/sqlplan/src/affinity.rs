//! What a column of SQLite prefers to hold, whatever it is given. It comes out of the declared type's letters alone.

/// A storage class that values are turned into where that is possible (<https://www.sqlite.org/datatype3.html>, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// As [`Self::Numeric`]; another in a `CAST` only.
    Integer,
    /// Numbers become text.
    Text,
    /// All is kept as it is.
    Blob,
    /// Whole numbers become floating ones.
    Real,
    /// Text that looks like a number becomes one.
    Numeric,
}

impl Affinity {
    /// Of a column that is declared so, by the rules of section 3.1 in their order. (`ANY` in a `STRICT` table is not of them.)
    pub fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if declared.is_empty() || has(&["BLOB"]) {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}
