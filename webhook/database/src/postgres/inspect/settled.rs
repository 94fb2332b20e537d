//! Expressions as the server writes them once it has read its own writing.
//!
//! `PostgreSQL` keeps an expression as a tree and writes it down when asked. Two forms are not read back as the tree that they were written from:
//!
//! - `s IN ('a', 'b')` on a `varchar` is written `ANY ((ARRAY[..])::text[])`, and a cast of `ARRAY[..]` is read as a cast of each element;
//! - `e BETWEEN 1 AND 5 AND f` is written `((a AND b) AND f)`, and a chain that begins with a chain is read as one.
//!
//! So a check that a person wrote and the same check made of what the server said of it differ in text, once and for ever. Both are brought to
//! the second form here, which the server keeps. This is about these two forms, and no parser of SQL: what it does not know it leaves.

use std::borrow::Cow;

use tidegate_schemaplan::{Catalog, ObjectKind, Schema, Table};

/// How deep parentheses may go; what is deeper is left as it is.
const DEPTH: usize = 200;

/// Settles all expressions of a catalog.
pub(super) fn settle(catalog: &mut Catalog) {
    for schema in catalog.schemas.values_mut() {
        schema.tables.values_mut().for_each(settle_table);
        settle_objects(schema);
    }
}

fn settle_table(table: &mut Table) {
    for check in table.checks.values_mut() {
        settle_text(&mut check.expression);
    }
    for column in table.columns.values_mut() {
        if let Some(generated) = &mut column.generated {
            settle_text(&mut generated.expression);
        }
    }
    for index in table.indexes.values_mut() {
        for option in ["where", "exclude"] {
            index
                .options
                .get_mut(option)
                .into_iter()
                .for_each(settle_text);
        }
        for part in &mut index.parts {
            part.expression.iter_mut().for_each(settle_text);
        }
        index.create.iter_mut().for_each(settle_text);
    }
}

/// A function's body in quotes is the text of a person; one that the server has read it writes itself.
fn settle_objects(schema: &mut Schema) {
    for (kind, objects) in &mut schema.objects {
        let is_written_by_the_server = matches!(
            kind,
            ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Policy
                | ObjectKind::Rule
                | ObjectKind::Trigger
                | ObjectKind::Domain
                | ObjectKind::Statistics
                | ObjectKind::Function
                | ObjectKind::Procedure
        );
        let is_routine = matches!(kind, ObjectKind::Function | ObjectKind::Procedure);
        if !is_written_by_the_server {
            continue;
        }
        for object in objects.values_mut() {
            if is_routine && object.create.contains("\nAS ") {
                continue;
            }
            settle_text(&mut object.definition);
            settle_text(&mut object.create);
            object.labels.iter_mut().for_each(settle_text);
        }
    }
}

fn settle_text(text: &mut String) {
    if let Cow::Owned(settled) = settled(text) {
        *text = settled;
    }
}

fn settled(text: &str) -> Cow<'_, str> {
    let mut settled = Cow::Borrowed(text);
    if text.contains("ARRAY[") && (text.contains("]::") || text.contains("])::")) {
        settled = Cow::Owned(casts_inside(text));
    }
    if settled.contains(" AND ") || settled.contains(" OR ") {
        let mut rest: &str = &settled;
        let nodes = read(&mut rest, 0);
        if let Some(nodes) = nodes.filter(|_| rest.is_empty()) {
            let mut written = String::with_capacity(settled.len());
            write(&nodes, &mut written);
            settled = Cow::Owned(written);
        }
    }
    settled
}

/// `(ARRAY[a, b])::t[]` to `ARRAY[(a)::t, (b)::t]`; without the parentheses where the server wrote none.
fn casts_inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(array) = rest.strip_prefix("(ARRAY[")
            && let Some((elements, behind)) = elements(array)
            && let Some((data_type, behind)) = behind.strip_prefix(")").and_then(cast)
        {
            let cast = elements.map_each(|element| format!("({element})::{data_type}"));
            out.push_str(&cast);
            rest = behind;
        } else if let Some(array) = rest.strip_prefix("ARRAY[")
            && let Some((elements, behind)) = elements(array)
            && let Some((data_type, behind)) = cast(behind)
        {
            let cast = elements.map_each(|element| format!("{element}::{data_type}"));
            out.push_str(&cast);
            rest = behind;
        } else {
            let (token, behind) = rest.split_at_checked(token(rest)).unwrap_or((rest, ""));
            out.push_str(token);
            rest = behind;
        }
    }
    out
}

/// The elements of an array.
struct Elements<'a>(Vec<&'a str>);

impl Elements<'_> {
    fn map_each(&self, one: impl Fn(&str) -> String) -> String {
        let all: Vec<String> = self.0.iter().map(|element| one(element)).collect();
        format!("ARRAY[{}]", all.join(", "))
    }
}

/// The elements up to the bracket that closes, and what is behind it. None for arrays of arrays.
fn elements(text: &str) -> Option<(Elements<'_>, &str)> {
    let mut depth = 0_usize;
    let (mut at, mut begun) = (0, 0);
    let mut elements = Vec::new();
    loop {
        let rest = text.get(at..)?;
        match rest.chars().next()? {
            '(' | '[' => depth += 1,
            ']' if depth == 0 => {
                elements.push(text.get(begun..at)?.trim());
                let is_plain = elements
                    .iter()
                    .all(|element| !element.is_empty() && !element.starts_with("ARRAY["));
                return is_plain.then_some((Elements(elements), rest.get(1..)?));
            }
            ')' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                elements.push(text.get(begun..at)?.trim());
                begun = at + 1;
            }
            _ => {}
        }
        at += token(rest);
    }
}

/// The element's type of `::type[]`, and what is behind.
fn cast(text: &str) -> Option<(&str, &str)> {
    let (data_type, behind) = text.strip_prefix("::")?.split_once("[]")?;
    let is_name =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '"' | '(' | ')' | ',');
    let balanced = data_type.matches('(').count() == data_type.matches(')').count();
    (balanced && !behind.starts_with('[') && data_type.chars().all(is_name))
        .then_some((data_type, behind))
}

/// Bytes of a quoted text, a word or a single character.
fn token(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    match first {
        '\'' | '"' => {
            // A doubled quote is the end of one and the beginning of another.
            let end = characters.find(|(_, c)| *c == first);
            end.map_or(text.len(), |(at, _)| at + 1)
        }
        c if is_word(c) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// A text in parentheses, and what is between.
#[derive(Debug)]
enum Node<'a> {
    Text(&'a str),
    /// `AND` or `OR`.
    Connective(&'a str),
    Group(Vec<Self>),
}

/// Up to the parenthesis that closes, or the end. None where parentheses do not match, or go too deep.
fn read<'a>(rest: &mut &'a str, depth: usize) -> Option<Vec<Node<'a>>> {
    let mut nodes = Vec::new();
    while !rest.is_empty() {
        let (token, behind) = rest.split_at_checked(token(rest))?;
        match token {
            ")" if depth > 0 => return Some(flattened(nodes)),
            ")" => return None,
            "(" => {
                if depth == DEPTH {
                    return None;
                }
                *rest = behind;
                nodes.push(Node::Group(read(rest, depth + 1)?));
                *rest = rest.strip_prefix(')')?;
                continue;
            }
            "AND" | "OR" => nodes.push(Node::Connective(token)),
            _ => nodes.push(Node::Text(token)),
        }
        *rest = behind;
    }
    (depth == 0).then_some(nodes)
}

/// `(a AND b) AND c` to `a AND b AND c`.
fn flattened(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    loop {
        let joins = match nodes.as_slice() {
            [
                Node::Group(first),
                Node::Text(" "),
                Node::Connective(word),
                ..,
            ] => {
                let mut connectives = first.iter().filter_map(|node| match node {
                    Node::Connective(word) => Some(*word),
                    _ => None,
                });
                connectives.next() == Some(*word) && connectives.all(|other| other == *word)
            }
            _ => false,
        };
        if !joins {
            return nodes;
        }
        let mut behind = nodes.split_off(1);
        if let Some(Node::Group(first)) = nodes.pop() {
            nodes = first;
        }
        nodes.append(&mut behind);
    }
}

fn write(nodes: &[Node<'_>], out: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) | Node::Connective(text) => out.push_str(text),
            Node::Group(inner) => {
                out.push('(');
                write(inner, out);
                out.push(')');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_reads_otherwise_is_written_as_it_reads_it() {
        for (written, kept) in [
            (
                "((s)::text = ANY ((ARRAY['a'::character varying, 'b,]'::character varying])::text[]))",
                "((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b,]'::character varying)::text]))",
            ),
            (
                "s = ANY (ARRAY['a'::character varying]::text[])",
                "s = ANY (ARRAY['a'::character varying::text])",
            ),
            (
                "(((e >= 1) AND (e <= 5)) AND (e <> 3))",
                "((e >= 1) AND (e <= 5) AND (e <> 3))",
            ),
            (
                "((((a) OR (b)) OR (c)) OR (d))",
                "((a) OR (b) OR (c) OR (d))",
            ),
            (
                "( SELECT 1 WHERE (((a = ')'::text) AND b) AND c))",
                "( SELECT 1 WHERE ((a = ')'::text) AND b AND c))",
            ),
        ] {
            assert_eq!(settled(written), kept);
            assert_eq!(settled(kept), kept, "it is kept");
        }
    }

    #[test]
    fn what_the_server_keeps_stays() {
        for text in [
            "((e <> 3) AND ((e >= 1) AND (e <= 5)))",
            "(((a) OR (b)) AND (c))",
            "((NOT ((a) AND (b))) AND (c))",
            "f(((a) AND (b)), c)",
            "(a = ANY (ARRAY[1, 2]))",
            "((ARRAY[ARRAY['a'::text]])::character varying[] IS NULL)",
            "('(ARRAY[1])::text[] AND ((a AND b) AND c)'::text = x)",
            "unbalanced ( AND",
        ] {
            assert_eq!(settled(text), text);
        }
    }
}
