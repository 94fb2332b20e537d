//! The fenced blocks of a Markdown page.

use crate::{Case, Trouble, sql, yaml};
use serde_json::Value;

/// A fenced block: the line of its first line of text, its info string and its text.
struct Block<'a> {
    line: u32,
    info: &'a str,
    text: String,
}

/// What an info string says.
#[derive(Default)]
pub(crate) struct Info<'a> {
    pub(crate) dialect: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) settings: Option<Value>,
    patch: bool,
}

pub(crate) fn cases(text: &str) -> Result<Vec<Case>, Vec<Trouble>> {
    let mut cases: Vec<Case> = Vec::new();
    let mut problems = Vec::new();
    let mut follows_yaml = false;
    for block in blocks(text).map_err(|problem| vec![problem])? {
        let (language, rest) = block.info.split_once(' ').unwrap_or((block.info, ""));
        if !matches!(language, "sql" | "yaml") || rest.split(' ').any(|word| word == "example") {
            follows_yaml = false;
            continue;
        }
        let fence = block.line - 1;
        let result = Info::parse(rest)
            .map_err(|message| (fence, message))
            .and_then(|info| {
                if info.patch {
                    let case = cases
                        .last_mut()
                        .filter(|_| follows_yaml && language == "yaml");
                    let case = case.ok_or_else(|| {
                        (fence, "`patch` does not follow a yaml block".to_owned())
                    })?;
                    case.patched = Some(yaml::document(block.line, &block.text)?);
                } else if language == "yaml" {
                    if info.dialect.or(info.kind).is_some() {
                        return Err((fence, "`dialect` and `kind` are for sql blocks".to_owned()));
                    }
                    cases.push(yaml::case(block.line, &block.text, info.settings)?);
                } else {
                    cases.push(sql::case(block.line, &block.text, info)?);
                }
                Ok(())
            });
        follows_yaml = language == "yaml" && result.is_ok();
        problems.extend(result.err());
    }
    if problems.is_empty() {
        Ok(cases)
    } else {
        Err(problems)
    }
}

/// The fenced blocks, after `CommonMark`: a fence is three or more backticks, and ends at one at least as long.
fn blocks(text: &str) -> Result<Vec<Block<'_>>, Trouble> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block<'_>)> = None;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let trimmed = line.trim();
        let ticks = trimmed.bytes().take_while(|byte| *byte == b'`').count();
        let info = trimmed.trim_start_matches('`');
        match &mut open {
            Some((opening, _)) if ticks >= *opening && info.is_empty() => {
                blocks.extend(open.take().map(|(_, block)| block));
            }
            Some((_, block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None if ticks >= 3 && !info.contains('`') => {
                let block = Block {
                    line: number + 1,
                    info: info.trim(),
                    text: String::new(),
                };
                open = Some((ticks, block));
            }
            None => {}
        }
    }
    match open {
        Some((_, block)) => Err((block.line - 1, "the fenced block does not end".to_owned())),
        None => Ok(blocks),
    }
}

impl<'a> Info<'a> {
    /// Words and `key=value` pairs, a value with blanks in single quotes.
    fn parse(text: &'a str) -> Result<Self, String> {
        let mut info = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = rest.find([' ', '=']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let value;
            (value, rest) = match after.strip_prefix('=') {
                Some(quoted) if quoted.starts_with('\'') => quoted
                    .trim_start_matches('\'')
                    .split_once('\'')
                    .map(|(value, rest)| (Some(value), rest))
                    .ok_or_else(|| format!("the value of `{word}` does not end with a quote"))?,
                Some(bare) => {
                    let (value, rest) = bare.split_at(bare.find(' ').unwrap_or(bare.len()));
                    (Some(value), rest)
                }
                None => (None, after),
            };
            rest = rest.trim_start();
            match (word, value) {
                ("patch", None) => info.patch = true,
                ("dialect", Some(dialect)) => info.dialect = Some(dialect),
                ("kind", Some(kind)) => info.kind = Some(kind),
                ("settings", Some(json)) => {
                    let settings = serde_json::from_str(json);
                    info.settings =
                        Some(settings.map_err(|problem| format!("settings: {problem}"))?);
                }
                _ => {
                    return Err(format!(
                        "`{word}` is not known here (known: dialect=, kind=, settings='..', patch, example)"
                    ));
                }
            }
        }
        Ok(info)
    }
}
