//! Lines that mean something to a client or to Atlas rather than to a server: `DELIMITER`, `USE`, `-- atlas:delimiter`, and remarks that no server takes
//! for comments.

use super::{Lexer, is_word_part, unescaped};
use crate::problem::ProblemKind;
use crate::token::TokenKind;

/// The mysql client's command.
pub(super) const DELIMITER: &str = "delimiter";

/// Atlas' directive, at the start of a file.
const ATLAS_DELIMITER: &str = "-- atlas:delimiter ";

impl Lexer<'_> {
    /// Atlas changes the delimiter by a comment in the first line. It is followed, and complained of: no other tool knows it.
    pub(super) fn first_line(&mut self) {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let Some(chosen) = line.strip_prefix(ATLAS_DELIMITER).map(unescaped) else {
            return;
        };
        if !chosen.is_empty() {
            let start = self.at;
            self.line_comment();
            self.push(TokenKind::Comment, start);
            self.delimiter = chosen;
        }
    }

    /// The mysql client's command comes before a delimiter that looks like it.
    pub(super) fn is_delimiter_command(&self) -> bool {
        if !self.dialect.is_mysql_like() {
            return false;
        }
        let head = self.rest().get(..DELIMITER.len() + 1).unwrap_or_default();
        head.ends_with([' ', '\t']) && head.trim_end().eq_ignore_ascii_case(DELIMITER)
    }

    /// The mysql client's `USE name`, which ends with its line where no delimiter does it: no server takes it together with what follows.
    pub(super) fn is_use_line(&self) -> bool {
        const USE: &str = "use";
        let head = self.rest().get(..USE.len()).unwrap_or_default();
        if !self.dialect.is_mysql_like() || !head.eq_ignore_ascii_case(USE) {
            return false;
        }
        let behind = self.rest().get(USE.len()..).unwrap_or_default();
        let Some((line, next)) = behind.split_once('\n') else {
            return false;
        };
        let name = line.trim_start_matches([' ', '\t']);
        let length = match name.strip_prefix('`') {
            Some(quoted) => quoted.find('`').map_or(0, |end| end + 2),
            None => name.find(|it| !is_word_part(it)).unwrap_or(name.len()),
        };
        let (_, rest) = name.split_at_checked(length).unwrap_or((name, ""));
        let rest = rest.trim();
        name.len() < line.len()
            && length > 0
            && (rest.is_empty() || rest.starts_with('#') || rest.starts_with("-- "))
            && !line.contains(self.delimiter.as_str())
            && !next.trim_start().starts_with(self.delimiter.as_str())
    }

    /// A line that Atlas takes for a comment, where a statement would begin: `--` before a word for MySQL, `#` for the others. No statement begins so, for
    /// any server. With a delimiter in it, it is left to be refused: for other tools what stands behind that is a statement.
    pub(super) fn begins_with_a_remark(&self) -> bool {
        let mark = if self.dialect.is_mysql_like() {
            "--"
        } else {
            "#"
        };
        let line = self.rest().split(['\n', '\r']).next().unwrap_or_default();
        self.at_start && line.starts_with(mark) && !line.contains(self.delimiter.as_str())
    }

    /// The mysql client takes the first word after `DELIMITER` and forgets the rest of the line; Atlas takes the line, and lets it be quoted and
    /// escaped. Atlas is followed, and where the two differ that is complained of.
    pub(super) fn delimiter_line(&mut self, start: usize) {
        let line = self.rest().split(['\n', '\r']).next().unwrap_or_default();
        self.at += line.len();
        let chosen = line.trim();
        let first = chosen.split(char::is_whitespace).next().unwrap_or_default();
        let remark = chosen.get(first.len()..).unwrap_or_default().trim_start();
        // No delimiter of anybody's goes on with a remark.
        let is_remarked = ["-- ", "#", "/*"].iter().any(|it| remark.starts_with(it));
        let chosen = if is_remarked { first } else { chosen };
        let within = |quote: char| chosen.strip_prefix(quote)?.strip_suffix(quote);
        let quoted = within('\'').or_else(|| within('"'));
        // Outside routines this is a trick; the splitter says so, knowing what the statements between the directives are.
        let agreed = !chosen.is_empty()
            && chosen.len() <= 16
            && !chosen.contains(['\'', '"', '`', '\\'])
            && !chosen.contains(char::is_whitespace)
            && chosen.is_ascii();
        if !agreed {
            let shown: String = format!("DELIMITER {chosen}").chars().take(40).collect();
            self.complaints
                .push((start, ProblemKind::DelimiterDirective { directive: shown }));
        }
        let chosen = unescaped(
            &quoted.map_or_else(|| chosen.to_owned(), |quoted| quoted.replace("''", "'")),
        );
        if !chosen.is_empty() {
            self.delimiter = chosen;
        }
    }
}
