//! What a file of Jsonnet imports, with all that is imported from there.
//!
//! An import is the word `import`, `importstr` or `importbin` and a literal text; no name is ever computed. Wherever in a file the word stands, also in a
//! comment or a text, what follows is taken for an import: nothing that jsonnet would read can be hidden, and a comment with a path out of the repository
//! is refused with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::directory::read;
use crate::error::RenderError;
use crate::settings::Limits;
use crate::tree::Tree;

/// Refuses a file from which an import leads out of the tree. `paths` are searched after the importing file's own folder, the last first.
pub(super) fn refuse_outside(
    tree: &Tree,
    file: &Path,
    paths: &[PathBuf],
    limits: &Limits,
) -> Result<(), RenderError> {
    let mut open = vec![file.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(file) = open.pop() {
        if !seen.insert(file.clone()) {
            continue;
        }
        for import in imports(&read(tree, &file, limits)?) {
            if import.starts_with('/') {
                return Err(RenderError::path(
                    tree.shown(&file),
                    format!("the import `{import}` leads out of the repository"),
                ));
            }
            let folders = paths.iter().map(PathBuf::as_path).rev();
            for folder in file.parent().into_iter().chain(folders) {
                if let Some(found) = tree.find(folder, &import)?.filter(|it| it.is_file()) {
                    open.push(found);
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The names after each `import`, `importstr` and `importbin`.
fn imports(bytes: &[u8]) -> Vec<String> {
    const WORD: &[u8] = b"import";
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let Some(rest) = bytes.get(at..).and_then(|rest| rest.strip_prefix(WORD)) else {
            continue;
        };
        let rest = rest
            .strip_prefix(b"str")
            .or_else(|| rest.strip_prefix(b"bin"))
            .unwrap_or(rest);
        found.extend(literal(after_space(rest)));
    }
    found
}

/// Behind blanks and comments.
fn after_space(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        let end = match bytes {
            [b'/', b'*', ..] => position(bytes.get(2..), b"*/").map(|at| at + 4),
            [b'/', b'/', ..] | [b'#', ..] => position(Some(bytes), b"\n"),
            _ => return bytes,
        };
        bytes = end.and_then(|end| bytes.get(end..)).unwrap_or_default();
    }
}

fn position(bytes: Option<&[u8]>, wanted: &[u8]) -> Option<usize> {
    bytes?.windows(wanted.len()).position(|it| it == wanted)
}

/// A text in any of its forms; one of several lines is no name of a file.
fn literal(bytes: &[u8]) -> Option<String> {
    let (is_verbatim, bytes) = match bytes {
        [b'@', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let (quote, mut rest) = bytes.split_first().filter(|(it, _)| b"'\"".contains(it))?;
    let mut made = Vec::new();
    loop {
        rest = match rest {
            [] => return None,
            [first, second, after @ ..] if is_verbatim && first == quote && second == quote => {
                made.push(*quote);
                after
            }
            [first, ..] if first == quote => {
                return Some(String::from_utf8_lossy(&made).into_owned());
            }
            [b'\\', b'u', after @ ..] if !is_verbatim => {
                let digits = std::str::from_utf8(after.get(..4)?).ok()?;
                let code = u32::from_str_radix(digits, 16).ok()?;
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                made.extend(character.to_string().as_bytes());
                after.get(4..)?
            }
            [b'\\', escaped, after @ ..] if !is_verbatim => {
                made.push(*escaped);
                after
            }
            [byte, after @ ..] => {
                made.push(*byte);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_however_they_are_written() {
        for (text, expected) in [
            ("import 'a.libsonnet'", &["a.libsonnet"][..]),
            (
                "local a = importstr\"b\", c = importbin @'c''d';",
                &["b", "c'd"],
            ),
            ("import /* of */ // all\n # kinds\n 'a'", &["a"]),
            (r#"import "\u002fetc\/x""#, &["/etc/x"]),
            ("// import 'a'\n'import \"b\"'", &["a", "b"]),
            ("local important = 1; import x; import", &[]),
            ("import 'never ends", &[]),
            ("import |||\n  a\n|||", &[]),
        ] {
            assert_eq!(imports(text.as_bytes()), expected, "{text}");
        }
    }
}
