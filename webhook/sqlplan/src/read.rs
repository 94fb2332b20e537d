//! What a statement does, read from its tokens.
//!
//! A grammar of what is dangerous rather than of SQL: it reads each statement's head, and every place inside at which another statement can
//! start (a CTE, a trigger's body, a DO block). It also serves where the parser gives up, which is where the dangerous statements are: one to
//! three in a hundred real statements do not parse. What neither understands is for the caller to refuse.

use crate::access;
use crate::alter::{self, AlterAction};
use crate::copies;
use crate::cursor::{Cursor, Name, unquote};
use crate::definition;
use crate::dialect::Dialect;
use crate::dml;
use crate::effect::{Effect, Found, Reading};
use crate::model::ObjectKind;
use crate::object;
use crate::token::{self, TokenKind};

/// Bodies in bodies that are looked into.
const BODIES: usize = 3;

pub(crate) fn read(cursor: Cursor<'_>) -> Reading {
    let mut reading = Reading::default();
    read_into(cursor, &mut reading, BODIES);
    // What makes a routine does one thing; the rest is what the routine does.
    let own = reading
        .effects
        .iter()
        .position(|found| matches!(found.effect, Effect::Create { .. }))
        .filter(|_| cursor.is_word(0, "create"));
    if own.is_some() || cursor.is_word(0, "do") {
        let own = own.map_or(0, |index| index + 1);
        for found in reading.effects.iter_mut().skip(own) {
            found.nested = true;
        }
    }
    reading
}

fn read_into(mut cursor: Cursor<'_>, reading: &mut Reading, bodies: usize) {
    if cursor.is_any(&["explain", "describe", "desc"])
        || (cursor.dialect() == Dialect::Mariadb
            && cursor.is_word(0, "analyze")
            && !cursor.is_word(1, "table"))
    {
        let runs = cursor.is_word(0, "analyze") || explains_by_running(&cursor);
        if !runs {
            return;
        }
        while !cursor.is_done()
            && !cursor.is_any(&[
                "select", "insert", "update", "delete", "merge", "with", "values", "create",
                "execute", "replace",
            ])
        {
            cursor.skip_one();
        }
    }
    if let Some(literal) = literal_sql(&cursor) {
        let judged = bodies > 0 && is_plain_sql(&literal);
        if judged {
            body(&literal, reading, bodies);
        } else {
            reading.effects.push(Found {
                effect: Effect::DynamicSql {
                    what: cursor.source(0).to_uppercase(),
                },
                offset: cursor.offset(),
                nested: false,
            });
        }
        reading.known = true;
        return;
    }
    if cursor.is_word(0, "do") && cursor.dialect() == Dialect::Postgres {
        reading.known = !cursor.contains("language") || cursor.contains("language plpgsql");
    } else if let Some(known) = head(cursor, &mut reading.effects) {
        reading.known = known;
    } else if let Some(known) = access::head(cursor, &mut reading.effects) {
        reading.known = known;
    }
    if !cursor.is_any(&["grant", "revoke", "comment"]) {
        inside(cursor, reading, bodies);
    }
}

/// The string of `EXECUTE 'x'`, `EXECUTE IMMEDIATE 'x'` and `PREPARE p FROM 'x'`, where it is one string and no more: it is what runs.
fn literal_sql<'a>(cursor: &Cursor<'a>) -> Option<Cursor<'a>> {
    let mut probe = *cursor;
    if probe.accept("prepare") {
        probe.part()?;
        probe.accept("from").then_some(())?;
    } else if probe.accept("execute") {
        let immediate = probe.accept("immediate");
        (immediate || cursor.dialect() == Dialect::Postgres).then_some(())?;
    } else {
        return None;
    }
    let literal = probe;
    matches!(probe.kind(), Some(TokenKind::Text | TokenKind::Body)).then_some(())?;
    probe.advance();
    let ends = probe.is_done() || probe.is_delimiter() || probe.is_any(&["using", "into"]);
    ends.then_some(literal)
}

/// Whether a string is read as the server will read it: no escapes, and statements whose words are looked for in bodies.
fn is_plain_sql(literal: &Cursor<'_>) -> bool {
    let source = literal.source(0);
    let inner = source.trim_start_matches(['\'', '"', '$']).trim_start();
    let first: String = inner
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    !source.contains('\\')
        && STATEMENTS.contains(&first.to_ascii_lowercase().as_str())
        && !source.contains(';')
}

/// The words of which a statement in a body starts with one.
const STATEMENTS: &[&str] = &[
    "drop", "truncate", "alter", "grant", "revoke", "execute", "copy", "create", "delete",
    "update", "insert", "set", "perform", "reassign", "with", "select", "lock", "cluster",
    "vacuum", "reindex", "refresh", "load", "import", "merge", "replace", "rename", "optimize",
];

/// `EXPLAIN ANALYZE` runs the statement.
fn explains_by_running(cursor: &Cursor<'_>) -> bool {
    let mut options = *cursor;
    options.advance();
    options.accept("extended");
    if options.is_symbol(0, '(') {
        let Some(group) = options.group() else {
            return false;
        };
        return group.items().iter().any(|item| {
            item.is_word(0, "analyze") && !item.is_word(1, "false") && !item.is_word(1, "off")
        });
    }
    options.accept("verbose");
    options.is_word(0, "analyze")
}

/// Reads the head of a statement; none when it is not one of these, else whether it was recognised entirely.
fn head(cursor: Cursor<'_>, effects: &mut Vec<Found>) -> Option<bool> {
    let offset = cursor.offset();
    let mut push = |effect: Effect| {
        effects.push(Found {
            effect,
            offset,
            nested: false,
        });
    };
    match cursor.word_at(0)?.to_ascii_lowercase().as_str() {
        "create" => create(cursor, &mut push),
        "alter" => {
            if let Some(alter) = alter::alter_table(cursor) {
                let known = alter
                    .actions
                    .iter()
                    .all(|(_, action)| is_recognised(action));
                for (offset, action) in alter.actions {
                    effects.push(Found {
                        effect: Effect::AlterTable {
                            table: alter.table.clone(),
                            action,
                        },
                        offset,
                        nested: false,
                    });
                }
                return Some(known);
            }
            object::alter(cursor, &mut push)
        }
        "select" => {
            if let Some(copy) = copies::select_into(cursor) {
                push(copy);
            }
            None
        }
        "drop" => drop_statement(cursor, &mut push),
        "rename" => {
            let mut cursor = cursor;
            cursor.accept("rename");
            cursor.accept_any(&["table", "tables"]).then_some(())?;
            cursor.accept("if exists");
            for mut item in cursor.remaining().items() {
                push(Effect::Rename {
                    kind: ObjectKind::Table,
                    name: item.name()?,
                });
            }
            Some(true)
        }
        "truncate" if !cursor.is_symbol(1, '(') => {
            let mut cursor = cursor;
            cursor.advance();
            cursor.accept("table");
            cursor.accept("if exists");
            cursor.accept("only");
            let names = cursor.names();
            let cascade = cursor.contains("cascade");
            for table in &names {
                push(Effect::Truncate {
                    table: table.clone(),
                    cascade,
                });
            }
            Some(!names.is_empty())
        }
        _ => None,
    }
}

/// What an action is made of was read to the last word.
fn is_recognised(action: &AlterAction) -> bool {
    match action {
        AlterAction::AddColumn(definition) | AlterAction::ModifyColumn { definition, .. } => {
            definition.complete
        }
        AlterAction::Other { .. } => false,
        _ => true,
    }
}

fn create(cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) -> Option<bool> {
    if let Some(definition) = definition::table(cursor) {
        let known = definition.complete;
        let copy = if definition.temporary {
            None
        } else {
            copies::into(cursor, &definition.table.name, false, true)
        };
        push(Effect::CreateTable(Box::new(definition)));
        if let Some(copy) =
            copy.filter(|_| cursor.contains("select") || cursor.contains("as table"))
        {
            push(copy);
        }
        return Some(known);
    }
    if let Some(definition) = definition::index(cursor) {
        let plain = ["", "fulltext", "spatial"].contains(&definition.index.rest.as_str());
        let known = plain && !definition.index.columns.is_empty();
        let table = definition.table.clone();
        push(Effect::CreateIndex(Box::new(definition)));
        if cursor.dialect().is_mysql_like() {
            online_options(cursor, &table, push);
        }
        return Some(known);
    }
    if let Some(what) = object::definer_rights(&cursor) {
        push(Effect::DefinerRights { what });
    }
    if object::rule_that_swallows(&cursor) {
        push(Effect::IntegrityOff {
            what: "CREATE RULE .. DO INSTEAD NOTHING".to_owned(),
        });
        return Some(true);
    }
    let mut rest = cursor;
    rest.accept("create");
    let or_replace = rest.accept_any(&["or replace", "or alter"]);
    if cursor.contains("soname") || access::language_of_programs(&cursor).is_some() {
        return None;
    }
    // Words between CREATE and the kind; DEFINER = 'x'@'y' among them.
    for _ in 0..10 {
        if let Some(kind) = kind(&mut rest) {
            if matches!(kind, ObjectKind::Account | ObjectKind::Other) {
                return None;
            }
            rest.accept("if not exists");
            let name = rest.name();
            let reaches_out =
                |name: &Name| kind == ObjectKind::Extension && object::reaches_out(&name.name);
            if let Some(name) = name.as_ref().filter(|name| reaches_out(name)) {
                push(Effect::FileAccess {
                    what: format!("CREATE EXTENSION {name}"),
                });
            }
            push(Effect::Create {
                kind,
                name,
                or_replace,
            });
            return Some(is_known(&cursor, &rest, kind));
        }
        if rest.is_done() || rest.is_symbol(0, '(') {
            break;
        }
        rest.advance();
    }
    None
}

/// MySQL writes how an index is made or dropped behind it, as it does in `ALTER TABLE`.
fn online_options(cursor: Cursor<'_>, table: &Name, push: &mut dyn FnMut(Effect)) {
    alter::online(cursor, &mut |action| {
        push(Effect::AlterTable {
            table: table.clone(),
            action,
        });
    });
}

/// What makes nothing but what it says: sequences, SQLite's virtual tables, and routines, whose bodies are read here, statement by statement.
/// PostgreSQL's other languages are programs.
fn is_known(whole: &Cursor<'_>, rest: &Cursor<'_>, kind: ObjectKind) -> bool {
    let routine = matches!(
        kind,
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Trigger | ObjectKind::Event
    );
    let language = |name: &str| rest.contains(&format!("language {name}"));
    let event_trigger = routine && whole.sees("create event trigger");
    matches!(
        kind,
        ObjectKind::Sequence | ObjectKind::View | ObjectKind::MaterializedView
    ) || event_trigger
        || whole.sees("create foreign table")
        || whole.sees("create aggregate")
        || whole.sees("create or replace aggregate")
        || whole.sees("create virtual table")
        || routine
            && (rest.dialect() != Dialect::Postgres || language("plpgsql") || language("sql"))
}

/// Steps over the words of a kind of object.
pub(crate) fn kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    const KINDS: &[(&str, ObjectKind)] = &[
        ("database", ObjectKind::Database),
        ("schema", ObjectKind::Schema),
        ("tables", ObjectKind::Table),
        ("table", ObjectKind::Table),
        ("foreign table", ObjectKind::Table),
        ("materialized view", ObjectKind::MaterializedView),
        ("view", ObjectKind::View),
        ("index", ObjectKind::Index),
        ("sequence", ObjectKind::Sequence),
        ("type", ObjectKind::Type),
        ("domain", ObjectKind::Domain),
        ("extension", ObjectKind::Extension),
        ("function", ObjectKind::Function),
        ("aggregate", ObjectKind::Function),
        ("procedure", ObjectKind::Procedure),
        ("routine", ObjectKind::Procedure),
        ("event trigger", ObjectKind::Trigger),
        ("trigger", ObjectKind::Trigger),
        ("event", ObjectKind::Event),
        ("rule", ObjectKind::Rule),
        ("policy", ObjectKind::Policy),
        ("user mapping", ObjectKind::Other),
        ("server", ObjectKind::Other),
        ("foreign data wrapper", ObjectKind::Other),
        ("publication", ObjectKind::Other),
        ("subscription", ObjectKind::Other),
        ("tablespace", ObjectKind::Other),
        ("collation", ObjectKind::Other),
        ("operator", ObjectKind::Other),
        ("cast", ObjectKind::Other),
        ("user", ObjectKind::Account),
        ("role", ObjectKind::Account),
        ("group", ObjectKind::Account),
    ];
    KINDS
        .iter()
        .find(|(words, _)| cursor.accept(words))
        .map(|(_, kind)| *kind)
}

fn drop_statement(mut cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) -> Option<bool> {
    cursor.accept("drop");
    let temporary = cursor.accept_any(&["temporary", "temp"]);
    let kind = kind(&mut cursor)?;
    if kind == ObjectKind::Account {
        return None;
    }
    // MySQL knows no schemas beside databases.
    let kind = if kind == ObjectKind::Schema && cursor.dialect().is_mysql_like() {
        ObjectKind::Database
    } else {
        kind
    };
    let concurrently = cursor.accept("concurrently");
    cursor.accept("if exists");
    let names = cursor.names();
    // MySQL's `DROP INDEX i ON t` is an ALTER TABLE.
    if kind == ObjectKind::Index && cursor.dialect().is_mysql_like() && cursor.accept("on") {
        let (Some(index), Some(table)) = (names.first(), cursor.name()) else {
            return None;
        };
        push(Effect::AlterTable {
            table: table.clone(),
            action: AlterAction::DropIndex {
                name: index.name.clone(),
            },
        });
        online_options(cursor, &table, push);
        return Some(true);
    }
    let cascade = cursor.contains("cascade");
    for name in &names {
        push(Effect::Drop {
            kind,
            name: name.clone(),
            cascade,
            concurrently,
            temporary,
        });
    }
    Some(!names.is_empty())
}

/// Every place inside a statement where another can start.
fn inside(cursor: Cursor<'_>, reading: &mut Reading, bodies: usize) {
    let with = cursor.is_word(0, "with");
    let postgres = cursor.dialect() == Dialect::Postgres;
    let routine = cursor.is_any(&["create", "do", "begin", "declare"]);
    let mut probe = cursor;
    let mut before = Before::Start;
    while !probe.is_done() {
        let opens = match before {
            Before::Start | Before::Open => true,
            Before::Close => with,
            Before::Word => false,
        };
        if opens {
            let so_far = reading.effects.len();
            dml::head(probe, &mut reading.effects);
            if with {
                for found in reading.effects.iter_mut().skip(so_far) {
                    chosen_before(&cursor, &mut found.effect);
                }
            }
            // Inside bodies other heads count too; the statement's own head was read before.
            if routine && probe.index() > 0 && before == Before::Open {
                let _ = head_of_body(probe, &mut reading.effects);
            }
        }
        access::call(probe, &mut reading.effects);
        // Elsewhere it is a string and nothing more.
        let is_body = match probe.kind() {
            Some(TokenKind::Body) => routine,
            Some(TokenKind::Text) => {
                routine && postgres && (before == Before::Open || cursor.is_word(0, "do"))
            }
            _ => false,
        };
        if is_body && bodies > 0 {
            body(&probe, reading, bodies);
        }
        before = match probe.kind() {
            Some(TokenKind::Symbol('(' | ';') | TokenKind::Delimiter) => Before::Open,
            Some(TokenKind::Symbol(')')) => Before::Close,
            Some(TokenKind::Word) if probe.is_any(OPENING) => Before::Open,
            _ => Before::Word,
        };
        probe.advance();
    }
}

/// Rows of a CTE are those that the CTE chose.
fn chosen_before(whole: &Cursor<'_>, effect: &mut Effect) {
    let Effect::CopyRows { from, bounded, .. } = effect else {
        return;
    };
    let mut probe = *whole;
    while !probe.is_done() {
        let Some(name) = probe.part() else {
            probe.advance();
            continue;
        };
        if name != from.name {
            continue;
        }
        // Its columns.
        probe.group();
        if probe.accept("as") {
            probe.accept_any(&["materialized", "not materialized"]);
            *bounded |= probe.group().is_some_and(copies::is_bounded_query);
            return;
        }
    }
}

#[derive(PartialEq, Clone, Copy)]
enum Before {
    Start,
    Open,
    Close,
    Word,
}

/// Words behind which a statement can start.
const OPENING: &[&str] = &[
    "as",
    "begin",
    "then",
    "else",
    "loop",
    "do",
    "row",
    "instead",
    "also",
    "atomic",
    "repeat",
    "statement",
    "handler",
    "immediately",
    "sqlexception",
    "sqlwarning",
    "found",
];

fn head_of_body(cursor: Cursor<'_>, effects: &mut Vec<Found>) -> Option<bool> {
    if cursor.is_any(&["drop", "truncate", "alter", "rename"]) {
        head(cursor, effects)
    } else if cursor.is_any(&["execute", "prepare", "grant", "revoke", "copy", "load"])
        || cursor.sees("set password")
    {
        access::head(cursor, effects)
    } else {
        None
    }
}

/// The text between dollar quotes, as the code it usually is.
fn body(cursor: &Cursor<'_>, reading: &mut Reading, bodies: usize) {
    let source = cursor.source(0);
    let unquoted;
    let (inner, start) = if cursor.kind() == Some(TokenKind::Body) {
        let tag = source
            .get(1..)
            .and_then(|rest| rest.find('$'))
            .map_or(0, |index| index + 2);
        let inner = source
            .get(tag..source.len().saturating_sub(tag))
            .unwrap_or_default();
        (inner, cursor.offset() + tag)
    } else {
        // Doubled quotes make places inside it inexact: all are where the string starts.
        unquoted = unquote(source);
        (unquoted.as_str(), cursor.offset())
    };
    let exact = cursor.kind() == Some(TokenKind::Body);
    let (tokens, _) = token::tokens(inner, cursor.dialect());
    let tokens: Vec<_> = tokens
        .into_iter()
        .filter(|token| token.kind != TokenKind::Comment)
        .collect();
    let mut found = Reading::default();
    let mut from = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == TokenKind::Delimiter || index + 1 == tokens.len() {
            body_statement(
                Cursor::new(
                    inner,
                    cursor.dialect(),
                    tokens.get(from..=index).unwrap_or_default(),
                ),
                &mut found,
                bodies - 1,
            );
            from = index + 1;
        }
    }
    reading
        .effects
        .extend(found.effects.into_iter().map(|found| Found {
            offset: if exact { found.offset + start } else { start },
            ..found
        }));
}

/// One statement of a body, behind the words of the procedural language.
fn body_statement(cursor: Cursor<'_>, found: &mut Reading, bodies: usize) {
    let mut probe = cursor;
    let mut starts = true;
    while !probe.is_done() {
        if starts && probe.is_any(STATEMENTS) {
            let one = probe.remaining();
            // In a body EXECUTE runs a text; a call behind it makes the text.
            let makes_text = one.is_word(0, "execute") && one.is_symbol(2, '(');
            if makes_text && one.dialect() == Dialect::Postgres {
                found.effects.push(Found {
                    effect: Effect::DynamicSql {
                        what: "EXECUTE".to_owned(),
                    },
                    offset: one.offset(),
                    nested: false,
                });
            }
            read_into(one, found, bodies);
            return;
        }
        starts = probe.is_any(&["begin", "then", "else", "loop"]) || probe.is_symbol(0, '>');
        access::call(probe, &mut found.effects);
        probe.advance();
    }
}
