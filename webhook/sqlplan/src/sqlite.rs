//! SQLite's own texts, to the letter.
//!
//! A database of SQLite keeps each `CREATE` statement as text, and some things are only there: names of constraints, checks, generated columns,
//! `ON CONFLICT`, the words of a column's definition. The model of this room folds and forgets what makes no difference to a policy; who
//! inspects or rebuilds a table must not. Nothing here reads anything but SQLite.

use std::ops::Range;

use crate::cursor::{Cursor, unquote_or_word};
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::split::Script;
use crate::token::TokenKind;

/// A `CREATE TABLE` of SQLite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqliteTable {
    /// The bytes of its name in the text, quotes included.
    pub name_at: Range<usize>,
    /// The bytes of `users.` in `CHECK (users.age > 0)` of that table. No expression here has them, as a check can mean no other table; the text under
    /// another name must not have them.
    pub own_name_at: Vec<Range<usize>>,
    /// In order.
    pub columns: Vec<SqliteColumn>,
    /// The constraints written behind the columns, in order.
    pub constraints: Vec<SqliteConstraint>,
    /// `STRICT`.
    pub strict: bool,
    /// `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// Whether each word was understood.
    pub complete: bool,
    own_name: String,
}

/// A column's definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqliteColumn {
    /// Without quotes.
    pub name: String,
    /// The definition as written, from the name on.
    pub source: String,
    /// The bytes of the definition in the text.
    pub at: Range<usize>,
    /// The expression and whether it is stored.
    pub generated: Option<(String, bool)>,
    /// As written.
    pub default: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// `AUTOINCREMENT`.
    pub autoincrement: bool,
    /// As written.
    pub collation: Option<String>,
    /// What else is said of it that no pragma tells: `NOT NULL ON CONFLICT REPLACE`.
    pub attributes: String,
    /// The constraints within the definition, in order.
    pub constraints: Vec<SqliteConstraint>,
}

/// A constraint, of a column or a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteConstraint {
    /// Where it has one.
    pub name: Option<String>,
    /// What it demands.
    pub kind: SqliteConstraintKind,
    /// `ON CONFLICT REPLACE`, `DEFERRABLE INITIALLY DEFERRED`; in upper case.
    pub attributes: String,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteConstraintKind {
    /// With its columns, in order.
    PrimaryKey(Vec<String>),
    /// With its columns, in order.
    Unique(Vec<String>),
    /// With its expression in one spelling.
    Check(String),
    /// With the referring columns; what it refers to is told by a pragma.
    ForeignKey(Vec<String>),
}

impl SqliteTable {
    /// Reads a `CREATE TABLE`; none when the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let script = Script::new(text, Dialect::Sqlite);
        let statement = script.statements().next()?;
        let mut cursor = statement.cursor();
        head(&mut cursor, "table")?;
        let mut table = Self {
            complete: true,
            ..Self::default()
        };
        table.name_at = name(&mut cursor)?;
        table.own_name = unquote_or_word(text.get(table.name_at.clone())?);
        for item in cursor.group()?.items() {
            if item.is_any(&["constraint", "primary", "unique", "check", "foreign"]) {
                table.constraints(item);
            } else {
                table.column(item);
            }
        }
        while !cursor.is_done() {
            if cursor.accept("strict") {
                table.strict = true;
            } else if cursor.accept("without rowid") {
                table.without_rowid = true;
            } else if !cursor.accept_symbol(',') {
                table.complete = false;
                cursor.advance();
            }
        }
        Some(table)
    }

    /// All constraints, those within columns first.
    pub fn all_constraints(&self) -> impl Iterator<Item = &SqliteConstraint> {
        let inline = self.columns.iter().flat_map(|column| &column.constraints);
        inline.chain(&self.constraints)
    }

    /// The constraints of a table may follow each other without a comma.
    fn constraints(&mut self, mut item: Cursor<'_>) {
        let mut named = None;
        while !item.is_done() {
            if item.accept("constraint") {
                named = item.part();
                continue;
            }
            let kind = if item.accept("primary key") {
                let columns = parts(&mut item);
                SqliteConstraintKind::PrimaryKey(columns)
            } else if item.accept("unique") {
                SqliteConstraintKind::Unique(parts(&mut item))
            } else if item.accept("check") {
                SqliteConstraintKind::Check(self.expression(&mut item))
            } else if item.accept("foreign key") {
                let columns = parts(&mut item);
                self.complete &= item.accept("references") && item.name().is_some();
                item.group();
                SqliteConstraintKind::ForeignKey(columns)
            } else {
                self.complete = false;
                item.skip_one();
                continue;
            };
            let attributes = attributes(&mut item);
            self.constraints.push(SqliteConstraint {
                name: named.take(),
                kind,
                attributes,
            });
        }
    }

    fn column(&mut self, mut item: Cursor<'_>) {
        let whole = item;
        let Some(name) = item.part() else {
            self.complete = false;
            return;
        };
        let mut column = SqliteColumn {
            name: name.clone(),
            source: whole.source_between(0, usize::MAX).to_owned(),
            at: whole.offset()..whole.tokens().last().map_or(0, |token| token.end),
            ..SqliteColumn::default()
        };
        while !item.is_done() && !is_option(&item) {
            item.skip_one();
        }
        let mut named = None;
        while !item.is_done() {
            if item.accept("constraint") {
                named = item.part();
                continue;
            }
            let own = || vec![name.clone()];
            let kind = if item.accept("primary key") {
                item.accept_any(&["asc", "desc"]);
                SqliteConstraintKind::PrimaryKey(own())
            } else if item.accept("unique") {
                SqliteConstraintKind::Unique(own())
            } else if item.accept("check") {
                SqliteConstraintKind::Check(self.expression(&mut item))
            } else if item.accept("references") {
                self.complete &= item.name().is_some();
                item.group();
                SqliteConstraintKind::ForeignKey(own())
            } else {
                self.complete &= option(&mut item, &mut column);
                named = None;
                continue;
            };
            let attributes = attributes(&mut item);
            column.autoincrement |= item.accept("autoincrement");
            column.constraints.push(SqliteConstraint {
                name: named.take(),
                kind,
                attributes,
            });
        }
        self.columns.push(column);
    }

    /// The expression between brackets in one spelling, without its own table's name.
    fn expression(&mut self, item: &mut Cursor<'_>) -> String {
        let Some(group) = item.group() else {
            return String::new();
        };
        let tokens = group.tokens();
        let mut plain = Vec::with_capacity(tokens.len());
        let mut probe = group;
        while let Some(token) = probe.peek(0) {
            let follows_dot = probe
                .index()
                .checked_sub(1)
                .and_then(|before| tokens.get(before));
            let is_own = matches!(token.kind, TokenKind::Word | TokenKind::QuotedName)
                && probe.is_symbol(1, '.')
                && follows_dot.is_none_or(|before| before.kind != TokenKind::Symbol('.'))
                && unquote_or_word(probe.source(0)).eq_ignore_ascii_case(&self.own_name);
            if let Some(dot) = probe.peek(1).filter(|_| is_own) {
                self.own_name_at.push(token.start..dot.end);
                probe.advance();
            } else {
                plain.push(*token);
            }
            probe.advance();
        }
        group.with(&plain).canonical()
    }
}

/// A `CREATE INDEX` of SQLite: its parts and its condition, each in one spelling; none when the text is none.
pub fn read_sqlite_index(text: &str) -> Option<(Vec<String>, Option<String>)> {
    let script = Script::new(text, Dialect::Sqlite);
    let statement = script.statements().next()?;
    let effects = statement.read().effects;
    effects.into_iter().find_map(|found| match found.effect {
        Effect::CreateIndex(index) => {
            let rest = index.index.rest;
            let condition = rest
                .strip_prefix("where")
                .map(|rest| rest.trim().to_owned());
            Some((index.index.columns, condition))
        }
        _ => None,
    })
}

/// What stands behind the name of a view or trigger, in one spelling, and all its words that can be names, in lower case.
pub fn read_sqlite_object(text: &str) -> Option<(String, Vec<String>)> {
    let script = Script::new(text, Dialect::Sqlite);
    let statement = script.statements().next()?;
    let mut cursor = statement.cursor();
    head(&mut cursor, "view")
        .or_else(|| head(&mut cursor, "trigger"))
        .or_else(|| head(&mut cursor, "table"))
        .or_else(|| head(&mut cursor, "virtual table"))?;
    name(&mut cursor)?;
    let rest = cursor.remaining();
    let mut words = Vec::new();
    let mut probe = rest;
    while !probe.is_done() {
        match probe.kind() {
            Some(TokenKind::Word | TokenKind::QuotedName | TokenKind::Text) => {
                words.extend(probe.part().map(|word| word.to_lowercase()));
            }
            _ => probe.advance(),
        }
    }
    words.sort();
    words.dedup();
    Some((rest.canonical(), words))
}

/// `CREATE [TEMP] kind [IF NOT EXISTS]`.
fn head(cursor: &mut Cursor<'_>, kind: &str) -> Option<()> {
    let mut probe = *cursor;
    probe.accept("create").then_some(())?;
    probe.accept_any(&["temp", "temporary"]);
    probe.accept(kind).then_some(())?;
    probe.accept("if not exists");
    *cursor = probe;
    Some(())
}

/// The bytes of the name that comes next, without its qualifier.
fn name(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let mut at = cursor.peek(0)?;
    cursor.part()?;
    while cursor.accept_symbol('.') {
        at = cursor.peek(0)?;
        cursor.part()?;
    }
    Some(at.start..at.end)
}

/// The names between brackets, without order and collation.
fn parts(item: &mut Cursor<'_>) -> Vec<String> {
    let items = item.group().map(Cursor::items).unwrap_or_default();
    items
        .into_iter()
        .filter_map(|mut item| item.part())
        .collect()
}

fn is_option(item: &Cursor<'_>) -> bool {
    item.is_any(&[
        "constraint",
        "primary",
        "not",
        "null",
        "unique",
        "check",
        "default",
        "collate",
        "references",
        "as",
    ]) || item.sees("generated always")
}

/// An option that is no constraint of the table; false when it is not understood.
fn option(item: &mut Cursor<'_>, column: &mut SqliteColumn) -> bool {
    if item.accept("not null") {
        column.not_null = true;
        let attributes = attributes(item);
        if !attributes.is_empty() {
            column.attributes = format!("NOT NULL {attributes}");
        }
    } else if item.accept("null") {
        attributes(item);
    } else if item.accept("default") {
        let start = item.index();
        while item.accept_symbol('-') || item.accept_symbol('+') {}
        // `x'00'` is two tokens.
        let is_blob = item.is_word(0, "x")
            && item.peek(1).is_some_and(|next| {
                next.kind == TokenKind::Text && item.peek(0).is_some_and(|x| x.end == next.start)
            });
        if is_blob {
            item.advance();
        }
        item.skip_one();
        column.default = Some(item.source_between(start, item.index()).to_owned());
    } else if item.accept("collate") {
        column.collation = item.part();
    } else if item.accept("generated always as") || item.accept("as") {
        let expression = item.group().map(|it| it.canonical()).unwrap_or_default();
        let stored = item.accept("stored");
        if !stored {
            item.accept("virtual");
        }
        column.generated = Some((expression, stored));
    } else {
        item.skip_one();
        return false;
    }
    true
}

/// What may follow a constraint, in upper case; what SQLite reads and forgets is left out.
fn attributes(item: &mut Cursor<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    loop {
        if item.accept("on conflict") {
            let resolution = item.part().unwrap_or_default().to_uppercase();
            if resolution != "ABORT" {
                words.push(format!("ON CONFLICT {resolution}"));
            }
        } else if item.accept("on delete") || item.accept("on update") {
            if !item.accept_any(&["set null", "set default", "no action"]) {
                item.advance();
            }
        } else if item.accept("match") {
            item.advance();
        } else if item.accept("not deferrable") {
            item.accept_any(&["initially deferred", "initially immediate"]);
        } else if item.accept("deferrable initially deferred") {
            words.push("DEFERRABLE INITIALLY DEFERRED".to_owned());
        } else if item.accept("deferrable") {
            item.accept("initially immediate");
        } else {
            return words.join(" ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_to_the_letter() {
        let text = r#"CREATE TABLE "users" (
            id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
            email VARCHAR(50) NOT NULL ON CONFLICT IGNORE COLLATE nocase CONSTRAINT mail CHECK ("email" LIKE '%@%') DEFAULT -1,
            org INT REFERENCES orgs (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
            low TEXT GENERATED ALWAYS AS (lower("email")) STORED,
            d TEXT DEFAULT (date('now')), e BLOB DEFAULT x'00' NOT NULL,
            CONSTRAINT u UNIQUE (email, org) ON CONFLICT REPLACE
            CHECK (id > 0), FOREIGN KEY (org) REFERENCES orgs
        ) STRICT, WITHOUT ROWID"#;
        let table = SqliteTable::read(text).unwrap();
        assert!(table.complete && table.strict && table.without_rowid);
        assert_eq!(text.get(table.name_at.clone()), Some("\"users\""));
        let email = &table.columns[1];
        assert_eq!(email.attributes, "NOT NULL ON CONFLICT IGNORE");
        assert_eq!(email.default.as_deref(), Some("-1"));
        assert_eq!(email.collation.as_deref(), Some("nocase"));
        assert!(email.not_null && !email.autoincrement && table.columns[0].autoincrement);
        assert_eq!(
            email.constraints,
            [SqliteConstraint {
                name: Some("mail".to_owned()),
                kind: SqliteConstraintKind::Check("email like '%@%'".to_owned()),
                attributes: String::new(),
            }]
        );
        assert_eq!(
            table.columns[2].constraints[0].attributes,
            "DEFERRABLE INITIALLY DEFERRED"
        );
        assert_eq!(
            table.columns[3].generated,
            Some(("lower(email)".to_owned(), true))
        );
        assert_eq!(table.columns[4].default.as_deref(), Some("(date('now'))"));
        assert_eq!(table.columns[5].default.as_deref(), Some("x'00'"));
        assert_eq!(table.constraints.len(), 3);
        assert_eq!(table.all_constraints().count(), 6);
        assert_eq!(table.constraints[0].attributes, "ON CONFLICT REPLACE");
    }

    #[test]
    fn a_check_need_not_name_its_own_table() {
        let text = r#"CREATE TABLE "Users" (age INT CHECK (users.age < other.users.age), CHECK ("users"."age" > 'users.age'))"#;
        let table = SqliteTable::read(text).unwrap();
        let cut: Vec<&str> = table
            .own_name_at
            .iter()
            .filter_map(|at| text.get(at.clone()))
            .collect();
        assert_eq!(cut, ["users.", "\"users\"."]);
        let kinds: Vec<&SqliteConstraintKind> =
            table.all_constraints().map(|it| &it.kind).collect();
        assert_eq!(
            kinds,
            [
                &SqliteConstraintKind::Check("age<other.users.age".to_owned()),
                &SqliteConstraintKind::Check("age>'users.age'".to_owned())
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert_eq!(SqliteTable::read("CREATE VIEW v AS SELECT 1"), None);
        let table = SqliteTable::read("CREATE TABLE t (a INT FROBNICATE (1))").unwrap();
        assert!(table.complete, "it is a type of three words: {table:?}");
        let table = SqliteTable::read("CREATE TABLE t (a INT NOT NULL FROBNICATE)").unwrap();
        assert!(!table.complete);
    }

    #[test]
    fn a_view_is_the_same_however_its_names_are_quoted() {
        let read = |text| read_sqlite_object(text).unwrap();
        let (plain, words) = read("CREATE VIEW v AS SELECT a FROM t WHERE b = 'X'");
        assert_eq!(
            plain,
            read("CREATE VIEW \"v\" AS SELECT [a] FROM \"t\" WHERE b='X'").0
        );
        assert!(words.contains(&"t".to_owned()), "{words:?}");
        assert_ne!(
            plain,
            read("CREATE VIEW v AS SELECT a FROM t WHERE b = 'x'").0
        );
    }

    #[test]
    fn an_index_has_parts_and_a_condition() {
        assert_eq!(
            read_sqlite_index("CREATE UNIQUE INDEX i ON t (a, lower(b) DESC) WHERE a IS NOT NULL"),
            Some((
                vec!["a".to_owned(), "lower(b)desc".to_owned()],
                Some("a is not null".to_owned())
            ))
        );
    }
}
