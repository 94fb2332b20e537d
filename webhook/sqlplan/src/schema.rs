//! Statements folded into a schema.

use std::borrow::Borrow;

use crate::alter::AlterAction;
use crate::cursor::{Cursor, Name, unquote};
use crate::definition;
use crate::dialect::Dialect;
use crate::effect::{Effect, Found, Reading};
use crate::expression;
use crate::model::{Index, Object, ObjectKind, Schema, Table};
use crate::problem::{ProblemKind, SqlProblem};
use crate::settle::settle;
use crate::split::Script;
use crate::statement::Statement;
use crate::token::TokenKind;
use crate::types;

/// Reads a text that describes a schema, and nothing else. Every problem is given, in order; with any, there is no schema.
pub fn parse_schema(text: &str, dialect: Dialect) -> Result<Schema, Vec<SqlProblem>> {
    let script = Script::new(text, dialect);
    let mut problems = script.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut schema = Schema::default();
    for statement in script.statements() {
        let reading = statement.read();
        if let Err(problem) = statement.check(&reading) {
            problems.push(problem);
            continue;
        }
        if reading.effects.is_empty() && !is_remark(&statement) {
            problems.push(foreign(&statement));
        }
        for found in reading.effects.iter().filter(|found| !found.nested) {
            if !schema.apply(found, &statement) {
                problems.push(foreign(&statement));
            }
        }
    }
    if problems.is_empty() {
        settle(&mut schema, dialect);
        Ok(schema)
    } else {
        Err(problems)
    }
}

/// Folds what can be folded and leaves the rest: for comparing, where the rest has been judged already. A reading belongs to each statement.
pub fn fold<R: Borrow<Reading>>(
    statements: &[Statement<'_>],
    readings: &[R],
    dialect: Dialect,
) -> Schema {
    let mut schema = Schema::default();
    for (statement, reading) in statements.iter().zip(readings) {
        schema.follow(statement, reading.borrow());
    }
    settle(&mut schema, dialect);
    schema
}

fn foreign(statement: &Statement<'_>) -> SqlProblem {
    let head: Vec<&str> = statement.sql().split_whitespace().take(2).collect();
    let head: String = head.join(" ").chars().take(40).collect();
    let message = format!("`{head} ..` does not describe a schema; only CREATE and ALTER TABLE do");
    SqlProblem {
        kind: ProblemKind::Unparsed { message },
        position: statement.position(),
    }
}

/// `COMMENT ON`, which changes nothing that is compared.
fn is_remark(statement: &Statement<'_>) -> bool {
    statement.cursor().sees("comment on")
}

impl Schema {
    /// Does to the schema what a statement outside any routine's body does, as far as it is a change of a schema.
    pub fn follow(&mut self, statement: &Statement<'_>, reading: &Reading) {
        for found in reading.effects.iter().filter(|found| !found.nested) {
            self.apply(found, statement);
        }
    }

    /// Does to the schema what the statement does to a database; false when it is no change of a schema, or of what is not there.
    pub(crate) fn apply(&mut self, found: &Found, statement: &Statement<'_>) -> bool {
        let dialect = statement.dialect();
        match &found.effect {
            Effect::CreateTable(definition) => {
                let key = definition.table.name.key(dialect);
                if definition.if_not_exists && self.tables.contains_key(&key) {
                    return true;
                }
                let mut table = definition.table.clone();
                place(&mut table, statement);
                table.statements.push(statement.sql().to_owned());
                self.tables.insert(key, table);
                true
            }
            Effect::CreateIndex(definition) => {
                let Some(table) = self.tables.get_mut(&definition.table.key(dialect)) else {
                    return false;
                };
                let position = statement.position_of(definition.index.position.offset);
                table.indexes.push(Index {
                    position,
                    ..definition.index.clone()
                });
                true
            }
            Effect::Create {
                kind,
                name: Some(name),
                ..
            } => {
                let object = Object {
                    name: name.clone(),
                    definition: statement.cursor().canonical(),
                    members: members(*kind, statement.cursor()),
                    position: statement.position(),
                };
                self.objects.insert((*kind, name.key(dialect)), object);
                true
            }
            Effect::AlterTable { table, action } => {
                let key = table.key(dialect);
                if let AlterAction::RenameTable { to } = action {
                    return self.rename(&key, to, dialect);
                }
                let Some(table) = self.tables.get_mut(&key) else {
                    return false;
                };
                let changed = alter(table, action, dialect);
                // A column that this statement brought knows its byte only.
                for column in &mut table.columns {
                    column.position = statement.position_of(column.position.offset);
                }
                let sql = statement.sql();
                if changed && table.statements.last().is_none_or(|last| last != sql) {
                    table.statements.push(sql.to_owned());
                }
                changed
            }
            Effect::Drop {
                kind: ObjectKind::Table,
                name,
                ..
            } => self.tables.shift_remove(&name.key(dialect)).is_some(),
            Effect::Drop {
                kind: ObjectKind::Index,
                name,
                ..
            } => {
                let key = dialect.column_key(&name.name);
                let named = |index: &Index| {
                    index
                        .name
                        .as_deref()
                        .is_some_and(|name| dialect.column_key(name) == key)
                };
                self.tables
                    .values_mut()
                    .for_each(|table| table.indexes.retain(|index| !named(index)));
                true
            }
            Effect::Drop { kind, name, .. } => {
                self.objects.remove(&(*kind, name.key(dialect))).is_some()
            }
            // Beside the effect of making the thing.
            Effect::DefinerRights { .. } | Effect::CopyRows { makes: true, .. } => true,
            _ => false,
        }
    }

    fn rename(&mut self, key: &str, to: &Name, dialect: Dialect) -> bool {
        let Some(mut table) = self.tables.shift_remove(key) else {
            return false;
        };
        table.name = to.clone();
        self.tables.insert(to.key(dialect), table);
        true
    }
}

/// Gives the offsets of a definition their lines and columns.
fn place(table: &mut Table, statement: &Statement<'_>) {
    table.position = statement.position_of(table.position.offset);
    for column in &mut table.columns {
        column.position = statement.position_of(column.position.offset);
    }
    for index in &mut table.indexes {
        index.position = statement.position_of(index.position.offset);
    }
}

/// The words of `AS ENUM ('a', 'b')`, the attributes of a composite type, the columns of a view whose names can be told.
fn members(kind: ObjectKind, mut cursor: Cursor<'_>) -> Vec<String> {
    while !cursor.is_done() && !cursor.accept("as") {
        cursor.skip_one();
    }
    match kind {
        ObjectKind::Type if cursor.accept("enum") => cursor
            .group()
            .map(Cursor::items)
            .unwrap_or_default()
            .iter()
            .filter(|item| item.kind() == Some(TokenKind::Text))
            .map(|item| unquote(item.source(0)))
            .collect(),
        ObjectKind::Type => cursor
            .group()
            .map(Cursor::items)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mut item| {
                Some(format!(
                    "{} {}",
                    item.part()?,
                    types::read(&mut item).0.canonical
                ))
            })
            .collect(),
        ObjectKind::Domain => {
            let mut members = vec![types::read(&mut cursor).0.canonical];
            while !cursor.is_done() {
                if cursor.accept("not null") {
                    members.push("not null".to_owned());
                } else if cursor.accept("check") {
                    members.extend(cursor.group().map(expression::canonical));
                } else {
                    cursor.skip_one();
                }
            }
            members
        }
        ObjectKind::View | ObjectKind::MaterializedView => selected(cursor).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The names of what a plain SELECT gives; none when they cannot be told from the text.
fn selected(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    cursor.accept("select").then_some(())?;
    cursor.accept_any(&["distinct", "all"]);
    let start = cursor.index();
    while !cursor.is_done() && !cursor.is_word(0, "from") {
        cursor.skip_one();
    }
    let list = cursor.range(start, cursor.index());
    list.items().into_iter().map(selected_name).collect()
}

/// `x`, `t.x`, `.. AS x`.
fn selected_name(item: Cursor<'_>) -> Option<String> {
    let dialect = item.dialect();
    let mut last = item;
    let mut alias = None;
    while !last.is_done() {
        if last.accept("as") {
            alias = last.part();
        } else {
            last.skip_one();
        }
    }
    let mut plain = item;
    let name = alias.or_else(|| {
        plain
            .name()
            .filter(|_| plain.is_done())
            .map(|name| name.name)
    })?;
    Some(dialect.column_key(&name))
}

/// How a table's options say that policies decide who sees which rows.
const ROW_SECURITY: &str = "row level security";

fn alter(table: &mut Table, action: &AlterAction, dialect: Dialect) -> bool {
    let same = |left: &str, right: &str| dialect.column_key(left) == dialect.column_key(right);
    let position = |table: &Table, name: &str| {
        table
            .columns
            .iter()
            .position(|column| same(&column.name, name))
    };
    match action {
        AlterAction::AddColumn(definition) => definition::add_column(table, (**definition).clone()),
        AlterAction::AddConstraint { constraint, .. } => {
            definition::add_constraint(table, constraint.clone(), dialect);
        }
        AlterAction::DropColumn { column } => {
            table.columns.retain(|known| !same(&known.name, column));
        }
        AlterAction::ModifyColumn { column, definition } => {
            let Some(index) = position(table, column) else {
                return false;
            };
            let definition = (**definition).clone();
            table.uniques.extend(definition.unique);
            if let Some(slot) = table.columns.get_mut(index) {
                *slot = definition.column;
            }
        }
        AlterAction::RenameColumn { from, to } => {
            let Some(column) = position(table, from).and_then(|index| table.columns.get_mut(index))
            else {
                return false;
            };
            column.name.clone_from(to);
        }
        AlterAction::SetType { column, .. }
        | AlterAction::SetNotNull { column }
        | AlterAction::DropNotNull { column }
        | AlterAction::SetDefault { column, .. } => {
            let Some(column) =
                position(table, column).and_then(|index| table.columns.get_mut(index))
            else {
                return false;
            };
            match action {
                AlterAction::SetType { data_type, .. } => column.data_type = data_type.clone(),
                AlterAction::SetDefault { default, .. } => column.default.clone_from(default),
                other => column.nullable = matches!(other, AlterAction::DropNotNull { .. }),
            }
        }
        AlterAction::DropConstraint { name: None } => table.primary_key = None,
        AlterAction::DropConstraint { name: Some(name) } | AlterAction::DropCheck { name } => {
            let kept = |candidate: &Option<String>| {
                candidate
                    .as_deref()
                    .is_none_or(|candidate| !same(candidate, name))
            };
            table.uniques.retain(|key| kept(&key.name));
            table.foreign_keys.retain(|key| kept(&key.name));
            table.checks.retain(|check| kept(&check.name));
        }
        AlterAction::DropIndex { name } => {
            table.indexes.retain(|index| {
                index
                    .name
                    .as_deref()
                    .is_none_or(|candidate| !same(candidate, name))
            });
            table.uniques.retain(|key| {
                key.name
                    .as_deref()
                    .is_none_or(|candidate| !same(candidate, name))
            });
        }
        AlterAction::AddIdentity { column } | AlterAction::DropIdentity { column } => {
            let Some(column) =
                position(table, column).and_then(|index| table.columns.get_mut(index))
            else {
                return false;
            };
            column.auto_increment = matches!(action, AlterAction::AddIdentity { .. });
        }
        AlterAction::ProtectRows => table.options.push(ROW_SECURITY.to_owned()),
        AlterAction::Harmless
        | AlterAction::DisableChecks { .. }
        | AlterAction::OwnerTo { .. }
        | AlterAction::ValidateConstraint { .. }
        | AlterAction::Algorithm { .. }
        | AlterAction::LockLevel { .. }
        | AlterAction::Rebuild { .. }
        | AlterAction::TableOption { .. } => {}
        AlterAction::RenameTable { .. }
        | AlterAction::DestroyPartition { .. }
        | AlterAction::DetachPartition { .. }
        | AlterAction::SetSchema { .. }
        | AlterAction::Other { .. } => return false,
    }
    true
}
