//! Where each field of a YAML or JSON document stands in its file.
//!
//! A finding names a field by JSON pointer and, for SQL inside a field, a line and column of that text; a person wants the line of the file. A
//! block scalar (`sql: |`) keeps its lines, so a place inside it has an exact place in the file; in any other scalar the best that can be said
//! is where it begins.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// A place in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    start: Place,
    /// For a block scalar: where its text begins, blank lines included.
    block: Option<Place>,
}

/// The fields of one document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locations {
    fields: BTreeMap<String, Field>,
}

/// One document of a stream: its text, where it starts, and where its fields are.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    pub(crate) text: &'t str,
    pub(crate) start: Place,
    pub(crate) locations: Locations,
}

/// Splits a stream into its documents. An error is the reader's own message, with line and column.
pub(crate) fn documents(text: &str) -> Result<Vec<Document<'_>>, String> {
    let mut found = Vec::new();
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        match &event {
            Event::DocumentStart(..) => walk = Walk::default(),
            Event::DocumentEnd => {
                if let (Some(start), Some((from, place))) = (walk.first_line, walk.begin) {
                    let end = span.start.byte_offset().unwrap_or(text.len());
                    let from = line_start(text, from, start);
                    let body = text.get(from..end.max(from)).unwrap_or_default();
                    found.push(Document {
                        text: body,
                        start: place,
                        locations: std::mem::take(&mut walk.locations),
                    });
                }
            }
            _ => walk.event(&event, &span),
        }
    }
    Ok(found)
}

impl Locations {
    /// Where the field at a pointer begins; else its nearest ancestor that is there.
    pub(crate) fn of(&self, pointer: &str) -> Option<Place> {
        self.nearest(pointer).map(|(field, _)| field.start)
    }

    /// Where the field at a pointer begins, and nothing else in its place.
    pub(crate) fn at(&self, pointer: &str) -> Option<Place> {
        self.fields.get(pointer).map(|field| field.start)
    }

    /// Where a line and column of the text at a pointer stand in the file.
    pub(crate) fn inside(&self, pointer: &str, line: usize, column: usize) -> Option<Place> {
        let (field, exact) = self.nearest(pointer)?;
        match (exact, field.block) {
            (true, Some(text)) => Some(Place {
                line: (text.line + line).saturating_sub(1),
                column: (text.column + column).saturating_sub(1),
            }),
            _ => Some(field.start),
        }
    }

    /// The fields below a pointer, as if it were the document.
    pub(crate) fn below(&self, pointer: &str) -> Self {
        let inside = format!("{pointer}/");
        let fields = self
            .fields
            .iter()
            .filter(|(key, _)| *key == pointer || key.starts_with(&inside))
            .filter_map(|(key, field)| Some((key.strip_prefix(pointer)?.to_owned(), *field)))
            .collect();
        Self { fields }
    }

    fn nearest(&self, pointer: &str) -> Option<(&Field, bool)> {
        let mut at = pointer;
        loop {
            if let Some(field) = self.fields.get(at) {
                return Some((field, at == pointer));
            }
            at = at.get(..at.rfind('/')?)?;
        }
    }
}

/// What a finding marks of a line, from its place on: up to the end of the statement or value, without what follows it.
pub(crate) fn marked(rest: &str) -> &str {
    let upto = rest.split([';', '#']).next().unwrap_or_default();
    upto.trim_end().trim_end_matches(',')
}

/// The column behind what is marked from a place on, in the same line.
pub(crate) fn end_column(text: &str, place: Place) -> usize {
    let line = text.lines().nth(place.line.saturating_sub(1));
    let mut rest = line.unwrap_or_default().chars();
    rest.by_ref()
        .take(place.column.saturating_sub(1))
        .for_each(drop);
    place.column + marked(rest.as_str()).chars().count()
}

/// Where the walk through the events is.
#[derive(Default)]
struct Walk {
    /// For each open collection: its pointer, and what comes next in it.
    open: Vec<(String, Next)>,
    locations: Locations,
    begin: Option<(usize, Place)>,
    first_line: Option<usize>,
}

enum Next {
    Key,
    Value(String),
    Item(usize),
}

impl Walk {
    fn event(&mut self, event: &Event<'_>, span: &Span) {
        let (is_start, next) = match event {
            Event::MappingStart(..) => (true, Some(Next::Key)),
            Event::SequenceStart(..) => (true, Some(Next::Item(0))),
            Event::Scalar(..) | Event::Alias(_) => (false, None),
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                return;
            }
            _ => return,
        };
        if self.begin.is_none() {
            self.begin = span.start.byte_offset().map(|offset| (offset, place(span)));
            self.first_line = Some(span.start.col());
        }
        if let (Some((_, next @ Next::Key)), Event::Scalar(key, ..)) = (self.open.last_mut(), event)
        {
            *next = Next::Value(escape(key));
            return;
        }
        let pointer = self.advance();
        let block = match event {
            Event::Scalar(value, ScalarStyle::Literal, ..) => Some(block_start(value, span)),
            _ => None,
        };
        self.locations.fields.insert(
            pointer.clone(),
            Field {
                start: place(span),
                block,
            },
        );
        if is_start {
            self.open.push((pointer, next.unwrap_or(Next::Key)));
        }
    }

    /// The pointer of the value that comes now.
    fn advance(&mut self) -> String {
        match self.open.last_mut() {
            None => String::new(),
            Some((parent, next)) => match std::mem::replace(next, Next::Key) {
                Next::Value(key) => format!("{parent}/{key}"),
                Next::Item(index) => {
                    *next = Next::Item(index + 1);
                    format!("{parent}/{index}")
                }
                // A key that is itself a collection; nothing here has such keys.
                Next::Key => format!("{parent}/?"),
            },
        }
    }
}

fn place(span: &Span) -> Place {
    Place {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The start of the line on which a document's first node stands, if nothing but white space is before it.
fn line_start(text: &str, offset: usize, column: usize) -> usize {
    let start = offset.saturating_sub(column);
    match text.get(start..offset) {
        Some(before) if before.bytes().all(|byte| byte == b' ') => start,
        _ => offset,
    }
}

/// Where a block scalar's text begins. The parser's span begins with its first line that is not blank.
fn block_start(value: &str, span: &Span) -> Place {
    let blank = value.len() - value.trim_start_matches('\n').len();
    let first = place(span);
    Place {
        line: first.line.saturating_sub(blank),
        ..first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\napiVersion: v1\nmetadata:\n  annotations:\n    a/b: x\nspec:\n  schema:\n    sql: |\n\n      create table t (\n        id int\n      );\n  list:\n  - one\n  - two: 2\n---\nkind: B\nsql: >\n  a\n  b\nquoted: \"x\\ny\"\nplain: |- # SQL\n  x\n";

    #[track_caller]
    fn check(
        locations: &Locations,
        pointer: &str,
        inside: Option<(usize, usize)>,
        expected: (usize, usize),
    ) {
        let got = match inside {
            Some((line, column)) => locations.inside(pointer, line, column),
            None => locations.of(pointer),
        };
        assert_eq!(
            got,
            Some(Place {
                line: expected.0,
                column: expected.1
            }),
            "{pointer}"
        );
    }

    #[test]
    fn fields_are_found_where_they_stand() {
        let documents = documents(FILE).unwrap();
        let [first, second] = documents.as_slice() else {
            panic!("{documents:?}")
        };
        assert!(first.text.starts_with("apiVersion: v1") && !first.text.contains("kind: B"));
        assert!(second.text.starts_with("kind: B"), "{:?}", second.text);
        assert_eq!((first.start.line, second.start.line), (2, 17));
        let first = &first.locations;
        check(first, "/apiVersion", None, (2, 13));
        check(first, "/metadata/annotations/a~1b", None, (5, 10));
        check(first, "/spec/schema/sql", Some((1, 1)), (9, 7));
        check(first, "/spec/schema/sql", Some((3, 3)), (11, 9));
        check(first, "/spec/list/1/two", None, (15, 10));
        check(first, "/spec/list/7/nothing", None, (14, 5));
        check(first, "/nowhere", None, (2, 1));
        check(&second.locations, "/sql", Some((2, 1)), (19, 3));
        check(&second.locations, "/plain", Some((1, 1)), (23, 3));
        check(&second.locations, "/quoted", Some((2, 1)), (21, 9));
    }

    #[test]
    fn what_is_marked_ends_with_the_statement_or_the_line() {
        let text =
            "DROP TABLE \u{e4}; SELECT 1;\r\n  DROP TABLE\n    b; -- last\nsql: x # y\n  DROP a,";
        for (line, column, expected) in [
            (1, 1, 13),
            (1, 15, 23),
            (2, 3, 13),
            (3, 5, 6),
            (4, 6, 7),
            (4, 99, 99),
            (5, 3, 9),
            (9, 1, 1),
        ] {
            let end = end_column(text, Place { line, column });
            assert_eq!(end, expected, "{line}:{column}");
        }
    }

    #[test]
    fn broken_yaml_says_where() {
        let error = documents("a: [1,\nb: }").unwrap_err();
        assert!(error.contains("line"), "{error}");
    }
}
