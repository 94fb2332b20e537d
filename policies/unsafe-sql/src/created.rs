//! What a text has done so far.
//!
//! What was made earlier in the same text loses nothing, blocks nobody and breaks no program when it is changed: it is not there for anybody
//! yet. Beyond that this remembers what makes a later statement safe (a constraint that was validated, a view in the place of a renamed
//! table) or unsafe (an open transaction), and the types of columns, from this text and the files before it.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_sqlplan::{
    AlterAction, Column, Constraint, Dialect, Effect, Name, ObjectKind, Reading, Schema, Script,
    Statement,
};

use crate::document::Purpose;
use crate::settings::Settings;

/// What is remembered.
#[derive(Debug, Default, Clone)]
pub(crate) struct Created {
    /// Tables that certainly were not there before.
    tables: BTreeSet<String>,
    /// Tables of the session. They hide those of the same name from whoever names no schema, and only from them.
    temporary: BTreeSet<String>,
    /// Tables of `CREATE TABLE IF NOT EXISTS`, which may have been there.
    guarded: BTreeSet<String>,
    /// Indexes, views, types and the like.
    objects: BTreeSet<(ObjectKind, String)>,
    /// Columns and constraints that tables got, as table and name.
    columns: BTreeSet<(String, String)>,
    constraints: BTreeSet<(String, String)>,
    /// Of those columns the ones that are never NULL.
    required: BTreeSet<(String, String)>,
    /// Constraints added `NOT VALID`, and the column that one says is not NULL.
    unvalidated: BTreeMap<(String, String), Option<String>>,
    /// Columns that a validated constraint says are not NULL.
    never_null: BTreeSet<(String, String)>,
    /// SQLite's way to change a table: make a new one, copy, drop the old one, rename. These old ones are not lost.
    rebuilt: BTreeSet<String>,
    /// Views, routines and triggers that the text makes somewhere.
    anew: BTreeSet<(ObjectKind, String)>,
    /// Between `BEGIN` and `COMMIT`.
    in_transaction: bool,
    /// A text that says nothing else is run in a transaction.
    assumes_transaction: bool,
    /// What the text says of that itself.
    asked: Option<Around>,
    /// The text asks for no transaction around it, and ends each that it begins.
    own_transactions: bool,
    /// All that is known of the tables, from this text and those before it.
    schema: Schema,
}

impl Created {
    /// At the start of a text.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            assumes_transaction: settings.assume_in_transaction,
            ..Self::default()
        }
    }

    /// Whether the table was made here, so that it held nothing before.
    pub(crate) fn holds(&self, table: &Name, dialect: Dialect) -> bool {
        let key = table.key(dialect);
        self.tables.contains(&key)
            || in_session(table, dialect) && self.temporary.contains(&key)
            || match (&table.qualifier, dialect) {
                (Some(schema), Dialect::Postgres) => schema == "pg_temp",
                (Some(schema), Dialect::Sqlite) => schema.eq_ignore_ascii_case("temp"),
                _ => false,
            }
    }

    /// Whether the table was made here, or at least is meant to be.
    pub(crate) fn is_new(&self, table: &Name, dialect: Dialect) -> bool {
        self.holds(table, dialect) || self.guarded.contains(&table.key(dialect))
    }

    /// Whether an index, view, type or the like was made here.
    pub(crate) fn made(&self, kind: ObjectKind, name: &Name, dialect: Dialect) -> bool {
        self.objects.contains(&(kind, name.key(dialect)))
    }

    /// Whether the table got the column here.
    pub(crate) fn added_column(&self, table: &Name, column: &str, dialect: Dialect) -> bool {
        self.columns
            .contains(&(table.key(dialect), folded(column, dialect)))
    }

    /// Whether the table got the constraint here.
    pub(crate) fn added_constraint(&self, table: &Name, name: &str, dialect: Dialect) -> bool {
        self.constraints
            .contains(&(table.key(dialect), folded(name, dialect)))
    }

    /// Whether the domain is known to have a condition.
    pub(crate) fn is_checked_domain(&self, name: &Name, dialect: Dialect) -> bool {
        let domain = self
            .schema
            .objects
            .get(&(ObjectKind::Domain, name.key(dialect)));
        domain.is_some_and(|domain| domain.members.len() > 1)
    }

    /// Whether the constraint is known to be a CHECK.
    pub(crate) fn is_check(&self, table: &Name, name: &str, dialect: Dialect) -> bool {
        let same = |check: &Option<String>| {
            check
                .as_ref()
                .is_some_and(|check| folded(check, dialect) == folded(name, dialect))
        };
        let table = self.schema.tables.get(&table.key(dialect));
        table.is_some_and(|table| table.checks.iter().any(|check| same(&check.name)))
    }

    /// Whether the constraint was added here as `NOT VALID`.
    pub(crate) fn is_unvalidated(&self, table: &Name, name: &str, dialect: Dialect) -> bool {
        self.unvalidated
            .contains_key(&(table.key(dialect), folded(name, dialect)))
    }

    /// Whether a validated constraint says that the column is never NULL.
    pub(crate) fn is_never_null(&self, table: &Name, column: &str, dialect: Dialect) -> bool {
        self.never_null
            .contains(&(table.key(dialect), folded(column, dialect)))
    }

    /// Whether SQLite's dance changes this table.
    pub(crate) fn rebuilds(&self, table: &Name, dialect: Dialect) -> bool {
        self.rebuilt.contains(&table.key(dialect))
    }

    /// Whether the dance changes any.
    pub(crate) fn rebuilds_any(&self) -> bool {
        !self.rebuilt.is_empty()
    }

    /// Whether the text makes a view, routine or trigger of this name, before or after.
    pub(crate) fn makes(&self, kind: ObjectKind, name: &Name, dialect: Dialect) -> bool {
        self.anew.contains(&(kind, name.key(dialect)))
    }

    /// Between the text's own `BEGIN` and `COMMIT`.
    pub(crate) fn in_transaction(&self) -> bool {
        let around = match self.asked {
            None => self.assumes_transaction,
            Some(asked) => asked == Around::Transaction,
        };
        self.in_transaction || around
    }

    /// Whether the transactions of the text are its own affair: none is around it, and it leaves none open.
    pub(crate) fn own_transactions(&self) -> bool {
        self.own_transactions
    }

    /// Whether the column is known to be never NULL: it came here, or its table is known.
    pub(crate) fn is_required(&self, table: &Name, column: &str, dialect: Dialect) -> bool {
        let key = (table.key(dialect), folded(column, dialect));
        let known = self.column(table, column, dialect);
        self.required.contains(&key)
            || known.is_some_and(|column| !column.nullable && column.default.is_some())
    }

    /// A column as it was before the statement, where that is known.
    pub(crate) fn column(&self, table: &Name, column: &str, dialect: Dialect) -> Option<&Column> {
        self.schema.tables.get(&table.key(dialect))?.column(column)
    }

    /// The next file. What the last one made exists now, unless both come with the same change; its tables are known in any case.
    pub(crate) fn next_file(&mut self, same_change: bool) {
        if same_change {
            self.in_transaction = false;
            return;
        }
        let schema = std::mem::take(&mut self.schema);
        *self = Self {
            schema,
            assumes_transaction: self.assumes_transaction,
            ..Self::default()
        };
    }

    /// Reads a whole text before its first statement is judged.
    pub(crate) fn look_ahead(&mut self, script: &Script<'_>, readings: &[Reading]) {
        let dialect = script.dialect();
        self.find_rebuilds(readings, dialect);
        for effect in effects(readings) {
            if let Effect::Create {
                kind,
                name: Some(name),
                ..
            } = effect
                && (*kind == ObjectKind::View || is_routine(*kind))
            {
                self.anew.insert((*kind, name.key(dialect)));
            }
        }
        self.asked = asked(script);
        let none_around = self.asked == Some(Around::Nothing) || self.rebuilds_any();
        self.own_transactions = none_around && ends_what_it_begins(readings);
    }

    /// Remembers what a statement did.
    pub(crate) fn follow(
        &mut self,
        statement: &Statement<'_>,
        reading: &Reading,
        purpose: Purpose,
    ) {
        let dialect = statement.dialect();
        for found in reading.effects.iter().filter(|found| !found.nested) {
            self.follow_effect(&found.effect, dialect);
        }
        // A desired schema makes all that it alters.
        if purpose == Purpose::Migration {
            self.schema.follow(statement, reading);
        }
    }

    /// Remembers only what it says about tables: the text is not judged.
    pub(crate) fn learn(&mut self, text: &str, dialect: Dialect) {
        let script = Script::new(text, dialect);
        for statement in script.statements() {
            self.schema.follow(&statement, &statement.read());
        }
    }

    fn follow_effect(&mut self, effect: &Effect, dialect: Dialect) {
        match effect {
            Effect::CreateTable(definition) if !definition.or_replace || definition.temporary => {
                let key = definition.table.name.key(dialect);
                if definition.temporary {
                    self.temporary.insert(key);
                } else if definition.if_not_exists {
                    self.guarded.insert(key);
                } else {
                    self.tables.insert(key);
                }
            }
            // `SELECT .. INTO` makes its table too.
            Effect::CopyRows {
                into, makes: true, ..
            } if !self.is_new(into, dialect) => {
                self.tables.insert(into.key(dialect));
            }
            Effect::CreateIndex(definition) if !definition.if_not_exists => {
                if let Some(name) = &definition.index.name {
                    let name = Name::from(name.as_str());
                    self.objects.insert((ObjectKind::Index, name.key(dialect)));
                }
            }
            Effect::Create {
                kind,
                name: Some(name),
                or_replace: false,
            } => {
                // Rows of a view are rows like others to an index.
                if *kind == ObjectKind::MaterializedView {
                    self.guarded.insert(name.key(dialect));
                }
                self.objects.insert((*kind, name.key(dialect)));
            }
            Effect::Drop {
                kind: ObjectKind::Table,
                name,
                ..
            } => {
                let key = name.key(dialect);
                if !(in_session(name, dialect) && self.temporary.remove(&key)) {
                    self.tables.remove(&key);
                    self.guarded.remove(&key);
                }
            }
            Effect::Drop { kind, name, .. } => {
                self.objects.remove(&(*kind, name.key(dialect)));
            }
            Effect::Transaction { what } => {
                let begins = ["BEGIN", "START"].iter().any(|word| what.starts_with(word));
                let ends = ["COMMIT", "ROLLBACK", "END", "ABORT"]
                    .iter()
                    .any(|word| what.starts_with(word));
                self.in_transaction = begins || self.in_transaction && !ends;
            }
            Effect::AlterTable { table, action } => self.follow_action(table, action, dialect),
            _ => {}
        }
    }

    fn follow_action(&mut self, table: &Name, action: &AlterAction, dialect: Dialect) {
        let key = table.key(dialect);
        match action {
            AlterAction::RenameTable { to } => {
                if in_session(table, dialect) && self.temporary.remove(&key) {
                    self.temporary.insert(to.key(dialect));
                    return;
                }
                if self.tables.remove(&key) {
                    self.tables.insert(to.key(dialect));
                }
                if self.guarded.remove(&key) {
                    self.guarded.insert(to.key(dialect));
                }
            }
            AlterAction::AddColumn(definition) => {
                let column = (key, folded(&definition.column.name, dialect));
                if !definition.column.nullable {
                    self.required.insert(column.clone());
                }
                self.columns.insert(column);
            }
            AlterAction::RenameColumn { from, to }
                if self.columns.remove(&(key.clone(), folded(from, dialect))) =>
            {
                self.columns.insert((key, folded(to, dialect)));
            }
            AlterAction::AddConstraint {
                constraint,
                not_valid,
                ..
            } => {
                let Some(name) = name_of(constraint) else {
                    return;
                };
                let name = folded(name, dialect);
                if *not_valid {
                    self.unvalidated
                        .insert((key.clone(), name.clone()), never_null(constraint));
                }
                if let Constraint::Index(_) | Constraint::Unique(_) = constraint {
                    self.objects.insert((ObjectKind::Index, name.clone()));
                }
                self.constraints.insert((key, name));
            }
            AlterAction::ValidateConstraint { name } => {
                let validated = self
                    .unvalidated
                    .get(&(key.clone(), folded(name, dialect)))
                    .cloned()
                    .flatten();
                self.never_null
                    .extend(validated.map(|column| (key, column)));
            }
            _ => {}
        }
    }

    /// The tables of a SQLite text that are rebuilt: all rows of `x` go into a new table, which has the name `x` in the end, whichever of the
    /// two is renamed.
    fn find_rebuilds(&mut self, readings: &[Reading], dialect: Dialect) {
        if dialect != Dialect::Sqlite {
            return;
        }
        let all = || effects(readings);
        let renames = |from: &str, wanted: &str| {
            all().any(|effect| {
                matches!(effect, Effect::AlterTable { table, action: AlterAction::RenameTable { to } } if table.key(dialect) == from && to.key(dialect) == wanted)
            })
        };
        for (index, effect) in all().enumerate() {
            let Effect::Insert {
                table: new,
                copies: Some(old),
            } = effect
            else {
                continue;
            };
            let (new, old) = (new.key(dialect), old.key(dialect));
            let is_new = all().any(|effect| matches!(effect, Effect::CreateTable(definition) if definition.table.name.key(dialect) == new));
            // What is dropped before it was copied is lost.
            let lost = all().take(index).any(|effect| {
                matches!(effect, Effect::Drop { kind: ObjectKind::Table, name, .. } if name.key(dialect) == old)
            });
            if is_new && !lost && (renames(&new, &old) || renames(&old, &new)) {
                self.rebuilt.insert(old);
                self.rebuilt.insert(new);
            }
        }
    }
}

/// What does something, rather than holds or guards something: it can be made again from its text.
pub(crate) fn is_routine(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Trigger
            | ObjectKind::Event
            | ObjectKind::Rule
    )
}

/// Whether the name can be one of the session's. MySQL has those of each database.
fn in_session(table: &Name, dialect: Dialect) -> bool {
    table.qualifier.is_none() || dialect.is_mysql_like()
}

fn effects(readings: &[Reading]) -> impl Iterator<Item = &Effect> {
    readings
        .iter()
        .flat_map(|reading| reading.effects.iter().map(|found| &found.effect))
}

/// What a text asks its tool to put around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Transaction,
    Nothing,
}

/// How the migration tools are told to run a file without a transaction, and how to run it in one.
fn asked(script: &Script<'_>) -> Option<Around> {
    const WORDS: [(&str, Around); 5] = [
        ("atlas:txmode none", Around::Nothing),
        ("goose no transaction", Around::Nothing),
        ("transaction:false", Around::Nothing),
        ("atlas:txmode file", Around::Transaction),
        ("atlas:txmode all", Around::Transaction),
    ];
    script.comments().find_map(|(_, comment)| {
        let comment = comment.to_ascii_lowercase();
        let said = WORDS.iter().find(|(words, _)| comment.contains(words));
        said.map(|(_, around)| *around)
    })
}

fn ends_what_it_begins(readings: &[Reading]) -> bool {
    let mut open = false;
    for effect in effects(readings) {
        if let Effect::Transaction { what } = effect {
            let begins = what.starts_with("BEGIN") || what.starts_with("START");
            let commits = what.starts_with("COMMIT") || what.starts_with("END");
            if begins && open || commits && !open || !begins && !commits {
                return false;
            }
            open = begins;
        }
    }
    !open
}

fn name_of(constraint: &Constraint) -> Option<&str> {
    match constraint {
        Constraint::PrimaryKey(key) | Constraint::Unique(key) => key.name.as_deref(),
        Constraint::ForeignKey(key) => key.name.as_deref(),
        Constraint::Check(check) => check.name.as_deref(),
        Constraint::Index(index) => index.name.as_deref(),
        Constraint::Other(_) => None,
    }
}

/// The column of `CHECK (column IS NOT NULL)`.
fn never_null(constraint: &Constraint) -> Option<String> {
    let Constraint::Check(check) = constraint else {
        return None;
    };
    let column = check.expression.strip_suffix(" is not null")?;
    (!column.contains(' ')).then(|| column.to_owned())
}

fn folded(name: &str, dialect: Dialect) -> String {
    if dialect == Dialect::Postgres {
        name.to_owned()
    } else {
        name.to_lowercase()
    }
}
