//! Places in a text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a text. Line and column count from 1; a column counts Unicode scalar values, so that an editor agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Bytes from the start of the text.
    pub offset: usize,
    /// Lines end with a line feed, a carriage return and line feed, or a lone carriage return.
    pub line: u32,
    /// Unicode scalar values from the start of the line.
    pub column: u32,
}

impl Default for Position {
    fn default() -> Self {
        Self::START
    }
}

impl Position {
    /// The start of every text.
    pub const START: Self = Self {
        offset: 0,
        line: 1,
        column: 1,
    };
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// Where the lines of a text start, so that an offset becomes a position without reading the text again.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (index, byte) in bytes.iter().enumerate() {
            // One comparison for nearly all of a text.
            if *byte > b'\r' {
                continue;
            }
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(index + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(index + 1);
            }
        }
        Self { starts }
    }

    pub(crate) fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = text
            .get(start..offset)
            .map_or(0, |before| before.chars().count())
            + 1;
        Position {
            offset,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_and_wide_characters() {
        let text = "é;\r\nb\rc\n\nx";
        let lines = Lines::new(text);
        for (needle, line, column) in [
            ("é", 1, 1),
            (";", 1, 2),
            ("b", 2, 1),
            ("c", 3, 1),
            ("x", 5, 1),
        ] {
            let offset = text.find(needle).unwrap();
            assert_eq!(
                lines.position(text, offset),
                Position {
                    offset,
                    line,
                    column
                },
                "{needle}"
            );
        }
    }
}
