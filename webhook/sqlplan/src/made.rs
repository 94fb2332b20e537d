//! `CREATE` and `DROP`, of whatever kind.

use crate::access;
use crate::alter::{self, AlterAction};
use crate::copies;
use crate::cursor::{Cursor, Name};
use crate::definition;
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::model::ObjectKind;
use crate::object;

/// From `CREATE` on; none when it is not one of these, else whether it was recognised entirely.
pub(crate) fn create(cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) -> Option<bool> {
    if let Some(definition) = definition::table(cursor) {
        let known = definition.complete || cursor.contains("as table");
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
        // PostgreSQL's is read to its end: the parser lacks the parameters of operator classes, and `ON ONLY`.
        let known = (plain || cursor.dialect() == Dialect::Postgres)
            && !definition.index.columns.is_empty();
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

/// What makes nothing but what it says: sequences, domains, SQLite's virtual tables, and routines, whose bodies are read here, statement by statement.
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
        ObjectKind::Sequence
            | ObjectKind::Domain
            | ObjectKind::View
            | ObjectKind::MaterializedView
            // What reaches out of the database was looked for before.
            | ObjectKind::Extension
            // It calls a function, which was judged where it was made.
            | ObjectKind::Trigger
    ) || event_trigger
        || describes_texts(*rest, kind)
        || whole.sees("create foreign table")
        || whole.sees("create aggregate")
        || whole.sees("create or replace aggregate")
        || whole.sees("create virtual table")
        || whole.sees("create rule")
        || whole.sees("create or replace rule")
        || routine
            && (rest.dialect() != Dialect::Postgres
                || language("plpgsql")
                || language("sql")
                || rest.contains("begin atomic") && !rest.contains("language"))
}

/// MySQL: of a database, only how its texts are stored.
fn describes_texts(mut rest: Cursor<'_>, kind: ObjectKind) -> bool {
    const WORDS: &[&str] = &[
        "default",
        "character",
        "set",
        "charset",
        "collate",
        "comment",
        "encryption",
    ];
    if !rest.dialect().is_mysql_like() || !matches!(kind, ObjectKind::Database | ObjectKind::Schema)
    {
        return false;
    }
    // Each option is a word or two, and a value.
    while !rest.is_done() {
        let words = rest.index();
        while rest.accept_any(WORDS) {}
        if rest.index() == words {
            return false;
        }
        rest.accept_symbol('=');
        rest.advance();
    }
    true
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
        ("access method", ObjectKind::Other),
        ("conversion", ObjectKind::Other),
        ("transform", ObjectKind::Other),
        ("text search configuration", ObjectKind::Other),
        ("text search dictionary", ObjectKind::Other),
        ("text search parser", ObjectKind::Other),
        ("text search template", ObjectKind::Other),
        ("procedural language", ObjectKind::Other),
        ("language", ObjectKind::Other),
        ("user", ObjectKind::Account),
        ("role", ObjectKind::Account),
        ("group", ObjectKind::Account),
    ];
    KINDS
        .iter()
        .find(|(words, _)| cursor.accept(words))
        .map(|(_, kind)| *kind)
}

/// From `DROP` on, as `create`.
pub(crate) fn drop_statement(mut cursor: Cursor<'_>, push: &mut dyn FnMut(Effect)) -> Option<bool> {
    cursor.accept("drop");
    // What the planner knows about columns; it holds no rows and nothing refers to it.
    if cursor.is_word(0, "statistics") {
        return Some(true);
    }
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
    let mut names = cursor.names();
    if names.is_empty() && kind == ObjectKind::Other {
        // `(a AS b)` of a cast, `FOR t LANGUAGE l` of a transform, an operator.
        let name = cursor.source_between(cursor.index(), cursor.tokens().len());
        names.push(Name {
            qualifier: None,
            name: name.chars().take(60).collect(),
        });
    }
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
