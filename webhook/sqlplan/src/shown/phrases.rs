//! Phrases of a few words that the parser lacks, as a table.

use super::{Edit, edit_of};
use crate::cursor::Cursor;
use crate::dialect::Dialect;

/// Signs with which a phrase may begin.
const SIGNS: [char; 3] = ['(', ')', ','];

/// The phrases of one dialect.
pub(super) fn of(dialect: Dialect) -> Vec<&'static [Part]> {
    STAND_INS
        .iter()
        .filter(|(dialects, _)| dialects.contains(&dialect))
        .map(|(_, parts)| *parts)
        .collect()
}

/// What is said otherwise of those that stand here.
pub(super) fn stand_ins(place: Cursor<'_>, phrases: &[&[Part]], edits: &mut Vec<Edit>) {
    if place.word_at(0).is_some() || SIGNS.iter().any(|sign| place.is_symbol(0, *sign)) {
        for parts in phrases {
            stand_in(place, parts, edits);
        }
    }
}

/// One part of a phrase.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// A word that stays.
    Stays(&'static str),
    /// A word that goes.
    Goes(&'static str),
    /// A word that the parser knows by another, no longer one.
    Becomes(&'static str, &'static str),
    /// A sign that stays.
    Sign(char),
    /// A sign that goes.
    NoSign(char),
    /// A name that stays.
    Name,
    /// A name that goes.
    NoName,
    /// Brackets that go, with all inside.
    NoGroup,
}

use Part::{Becomes, Goes, Name, NoGroup, NoName, NoSign, Sign, Stays};

const ALL: &[Dialect] = &Dialect::ALL;
const POSTGRES: &[Dialect] = &[Dialect::Postgres];
const SQLITE: &[Dialect] = &[Dialect::Sqlite];
const MYSQL: &[Dialect] = &[Dialect::Mysql, Dialect::Mariadb];

/// Phrases that the parser lacks, wherever they stand. One line each; what needs more than words is a function of its own.
const STAND_INS: &[(&[Dialect], &[Part])] = &[
    (ALL, &[Goes("exclude"), Goes("current"), Goes("row")]),
    (ALL, &[Goes("exclude"), Goes("no"), Goes("others")]),
    (ALL, &[Goes("exclude"), Goes("group")]),
    (ALL, &[Goes("exclude"), Goes("ties")]),
    (POSTGRES, &[Stays("between"), Goes("symmetric")]),
    (POSTGRES, &[Stays("between"), Goes("asymmetric")]),
    (POSTGRES, &[Goes("at"), Goes("local")]),
    (POSTGRES, &[Goes("current"), Goes("of"), Name]),
    (POSTGRES, &[Sign('('), Goes("variadic")]),
    (POSTGRES, &[Sign(','), Goes("variadic")]),
    (POSTGRES, &[Stays("update"), Goes("only"), Name]),
    (POSTGRES, &[Stays("from"), Goes("only"), Name]),
    (POSTGRES, &[Goes("collate"), NoName]),
    (POSTGRES, &[Sign(')'), NoSign('.'), NoSign('*')]),
    (POSTGRES, &[Stays("xmlelement"), Sign('('), Goes("name")]),
    (POSTGRES, &[Goes("format"), Goes("json")]),
    (POSTGRES, &[Goes("null"), Goes("on"), Goes("empty")]),
    (POSTGRES, &[Goes("error"), Goes("on"), Goes("empty")]),
    (POSTGRES, &[Goes("null"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("error"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("false"), Goes("on"), Goes("error")]),
    (POSTGRES, &[Goes("with"), Goes("unique"), Goes("keys")]),
    (POSTGRES, &[Goes("without"), Goes("unique"), Goes("keys")]),
    (POSTGRES, &[Goes("with"), Goes("wrapper")]),
    (POSTGRES, &[Goes("without"), Goes("wrapper")]),
    (POSTGRES, &[Goes("with"), Goes("array"), Goes("wrapper")]),
    (
        SQLITE,
        &[Stays("as"), Goes("not"), Goes("materialized"), Sign('(')],
    ),
    (SQLITE, &[Stays("as"), Goes("materialized"), Sign('(')]),
    (SQLITE, &[Goes("not"), Goes("indexed")]),
    (SQLITE, &[Goes("indexed"), Goes("by"), NoName]),
    (SQLITE, &[Stays("into"), Name, Goes("as"), NoName]),
    (
        MYSQL,
        &[Goes("lock"), Goes("in"), Goes("share"), Goes("mode")],
    ),
    (
        MYSQL,
        &[
            Stays("as"),
            Stays("char"),
            Goes("character"),
            Goes("set"),
            NoName,
        ],
    ),
    (
        MYSQL,
        &[Stays("as"), Stays("char"), Goes("charset"), NoName],
    ),
    (
        MYSQL,
        &[
            Stays("as"),
            Stays("char"),
            NoGroup,
            Goes("character"),
            Goes("set"),
            NoName,
        ],
    ),
    (
        MYSQL,
        &[Stays("as"), Stays("char"), NoGroup, Goes("charset"), NoName],
    ),
    (MYSQL, &[Stays("as"), Stays("signed"), Goes("int")]),
    (MYSQL, &[Stays("as"), Stays("unsigned"), Goes("int")]),
    (MYSQL, &[Goes("next"), Goes("value"), Goes("for"), Name]),
    (MYSQL, &[Goes("previous"), Goes("value"), Goes("for"), Name]),
    (MYSQL, &[Goes("sounds"), Stays("like")]),
    (MYSQL, &[Becomes("distinctrow", "distinct")]),
    (MYSQL, &[Stays("into"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("from"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("update"), Name, Goes("partition"), NoGroup]),
    (MYSQL, &[Stays("analyze"), Goes("local"), Stays("table")]),
    (
        MYSQL,
        &[Stays("analyze"), Goes("no_write_to_binlog"), Stays("table")],
    ),
    (MYSQL, &[Becomes("second_microsecond", "second")]),
    (MYSQL, &[Becomes("minute_microsecond", "minute")]),
    (MYSQL, &[Becomes("minute_second", "minute")]),
    (MYSQL, &[Becomes("hour_microsecond", "hour")]),
    (MYSQL, &[Becomes("hour_second", "hour")]),
    (MYSQL, &[Becomes("hour_minute", "hour")]),
    (MYSQL, &[Becomes("day_microsecond", "day")]),
    (MYSQL, &[Becomes("day_second", "day")]),
    (MYSQL, &[Becomes("day_minute", "day")]),
    (MYSQL, &[Becomes("day_hour", "day")]),
    (MYSQL, &[Becomes("year_month", "year")]),
];

/// The phrase, if it stands here.
fn stand_in(mut place: Cursor<'_>, parts: &[Part], edits: &mut Vec<Edit>) {
    let mut found: Vec<Edit> = Vec::new();
    for part in parts {
        let from = place.index();
        let (matches, edit) = match *part {
            Stays(word) => (place.accept(word), None),
            Goes(word) => (place.accept(word), Some("")),
            Becomes(word, other) => (place.accept(word), Some(other)),
            Sign(sign) => (place.accept_symbol(sign), None),
            NoSign(sign) => (place.accept_symbol(sign), Some("")),
            Name => (place.name().is_some(), None),
            NoName => (place.name().is_some(), Some("")),
            NoGroup => (place.group().is_some(), Some("")),
        };
        if !matches {
            return;
        }
        if let Some(instead) = edit {
            found.extend(edit_of(place, from, place.index(), instead));
        }
    }
    edits.extend(found);
}
