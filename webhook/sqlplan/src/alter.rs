//! `ALTER TABLE`, action by action.
//!
//! sqlparser lacks many of MySQL's forms and reads `DROP KEY x` and `DROP CHECK x` as dropping a column of that name, so they are read here.

use crate::column;
use crate::cursor::{Cursor, Name};
use crate::definition::{self, ColumnDefinition, Constraint};
use crate::dialect::Dialect;
use crate::types::{self, SqlType};

/// `ALTER TABLE` with all its actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// The table.
    pub table: Name,
    /// Each action, with the byte of the text where it starts.
    pub actions: Vec<(usize, AlterAction)>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterAction {
    /// `ADD [COLUMN]`.
    AddColumn(Box<ColumnDefinition>),
    /// `DROP [COLUMN]`.
    DropColumn {
        /// The column.
        column: String,
    },
    /// `MODIFY` and `CHANGE`: the column becomes what is written.
    ModifyColumn {
        /// Its name until now.
        column: String,
        /// What it becomes.
        definition: Box<ColumnDefinition>,
    },
    /// `ALTER COLUMN .. TYPE`.
    SetType {
        /// The column.
        column: String,
        /// Its new type.
        data_type: SqlType,
    },
    /// `ALTER COLUMN .. SET NOT NULL`.
    SetNotNull {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN .. DROP NOT NULL`.
    DropNotNull {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN .. SET DEFAULT` and, without a value, `DROP DEFAULT`.
    SetDefault {
        /// The column.
        column: String,
        /// Canonical.
        default: Option<String>,
    },
    /// PostgreSQL: `ALTER COLUMN .. ADD GENERATED .. AS IDENTITY`.
    AddIdentity {
        /// The column.
        column: String,
    },
    /// `ADD CONSTRAINT` and its short forms.
    AddConstraint {
        /// The constraint.
        constraint: Constraint,
        /// PostgreSQL: rows that are there are not looked at.
        not_valid: bool,
        /// PostgreSQL: made of an index that is there.
        using_index: bool,
    },
    /// `DROP CONSTRAINT`, `DROP PRIMARY KEY`, `DROP FOREIGN KEY`, `DROP CHECK`.
    DropConstraint {
        /// Its name; none for the primary key.
        name: Option<String>,
    },
    /// `DROP INDEX` and `DROP KEY`.
    DropIndex {
        /// The index.
        name: String,
    },
    /// `RENAME TO`.
    RenameTable {
        /// The new name.
        to: Name,
    },
    /// `RENAME COLUMN`.
    RenameColumn {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// `DROP`, `TRUNCATE`, `EXCHANGE` or `DISCARD` of a partition or table space: rows go away.
    DestroyPartition {
        /// The words.
        what: String,
    },
    /// `OWNER TO`.
    OwnerTo {
        /// The new owner.
        owner: String,
    },
    /// PostgreSQL: `DISABLE TRIGGER`, `DISABLE RULE`, `DISABLE ROW LEVEL SECURITY`: checks are off from now on.
    DisableChecks {
        /// The words.
        what: String,
    },
    /// MySQL: a property of the whole table, as `ENGINE` and `CONVERT TO CHARACTER SET`.
    TableOption {
        /// The words.
        what: String,
    },
    /// Changes nothing that is stored in the table.
    Harmless,
    /// Not recognised here; the parser may know it.
    Other {
        /// The first words.
        what: String,
    },
}

/// From `ALTER` on; none when it alters no table.
pub(crate) fn alter_table(mut cursor: Cursor<'_>) -> Option<AlterTable> {
    cursor.accept("alter").then_some(())?;
    cursor.accept_any(&["online", "ignore"]);
    cursor
        .accept_any(&["foreign table", "table"])
        .then_some(())?;
    cursor.accept("if exists");
    cursor.accept("only");
    let table = cursor.name()?;
    cursor.accept_symbol('*');
    let mut actions = Vec::new();
    for item in cursor.remaining().items() {
        let offset = item.offset();
        action(item, &mut |action| actions.push((offset, action)));
    }
    Some(AlterTable { table, actions })
}

fn action(mut item: Cursor<'_>, push: &mut dyn FnMut(AlterAction)) {
    let what = shown(item);
    let other = AlterAction::Other { what: what.clone() };
    if item.accept("add") {
        added(item, push, other);
    } else if item.accept("drop") {
        push(dropped(item, what).unwrap_or(other));
    } else if item.accept("modify") || item.accept("change") {
        let renames = what.to_ascii_lowercase().starts_with("change");
        item.accept("column");
        item.accept("if exists");
        let named = if renames {
            item.part()
        } else {
            item.word_at(0)
                .map(str::to_owned)
                .or_else(|| item.remaining().part())
        };
        match (named, column::read(item.remaining())) {
            (Some(column), Some(definition)) => {
                let column = if renames {
                    column
                } else {
                    definition.column.name.clone()
                };
                push(AlterAction::ModifyColumn {
                    column,
                    definition: Box::new(definition),
                });
            }
            _ => push(other),
        }
    } else if item.accept("alter") {
        push(altered(item).unwrap_or(other));
    } else if item.accept("rename") {
        push(renamed(item).unwrap_or(other));
    } else if item.is_any(&["truncate", "exchange", "discard", "import"])
        || (item.is_word(0, "coalesce"))
    {
        push(AlterAction::DestroyPartition { what });
    } else if item.is_any(&[
        "validate",
        "comment",
        "auto_increment",
        "algorithm",
        "lock",
        "enable",
        "cluster",
        "replica",
    ]) || item.sees("attach partition")
        || item.sees("set statistics")
        || item.sees("set (")
    {
        push(if item.is_word(0, "enable") || item.is_word(0, "cluster") {
            other
        } else {
            AlterAction::Harmless
        });
    } else if item.accept("owner to") {
        push(
            item.part()
                .map_or(other, |owner| AlterAction::OwnerTo { owner }),
        );
    } else if item.dialect() == Dialect::Postgres && item.is_word(0, "disable") {
        push(AlterAction::DisableChecks { what });
    } else if item.dialect().is_mysql_like() && item.is_any(TABLE_OPTIONS) {
        push(AlterAction::TableOption { what });
    } else {
        push(other);
    }
}

/// How MySQL's table options start.
const TABLE_OPTIONS: &[&str] = &[
    "engine",
    "convert",
    "default",
    "charset",
    "character",
    "collate",
    "row_format",
    "key_block_size",
    "max_rows",
    "min_rows",
    "avg_row_length",
    "checksum",
    "compression",
    "encryption",
    "insert_method",
    "pack_keys",
    "stats_auto_recalc",
    "stats_persistent",
    "stats_sample_pages",
    "order",
    "force",
    "partition",
    "remove",
    "reorganize",
    "rebuild",
    "optimize",
    "analyze",
    "check",
    "repair",
];

fn added(mut item: Cursor<'_>, push: &mut dyn FnMut(AlterAction), other: AlterAction) {
    if item.sees("partition") {
        return push(AlterAction::Harmless);
    }
    let column_word = item.accept("column");
    let guarded = item.accept("if not exists");
    if item.is_symbol(0, '(') {
        for inner in item.group().map(Cursor::items).unwrap_or_default() {
            added(inner, push, other.clone());
        }
        return;
    }
    if !column_word && !guarded {
        let not_valid = item.contains("not valid");
        let using_index = item.contains("using index");
        if let Some(constraint) = definition::constraint(item.remaining()) {
            return push(AlterAction::AddConstraint {
                constraint,
                not_valid,
                using_index,
            });
        }
    }
    push(
        column::read(item.remaining())
            .map_or(other, |column| AlterAction::AddColumn(Box::new(column))),
    );
}

fn dropped(mut item: Cursor<'_>, what: String) -> Option<AlterAction> {
    let mysql = item.dialect().is_mysql_like();
    if item.accept("column") {
        item.accept("if exists");
        return item.part().map(|column| AlterAction::DropColumn { column });
    }
    if item.accept("primary key") {
        return Some(AlterAction::DropConstraint { name: None });
    }
    if item.accept("constraint") || item.accept("foreign key") || (mysql && item.accept("check")) {
        item.accept("if exists");
        return item
            .part()
            .map(|name| AlterAction::DropConstraint { name: Some(name) });
    }
    if mysql && item.accept_any(&["index", "key"]) {
        item.accept("if exists");
        return item.part().map(|name| AlterAction::DropIndex { name });
    }
    if item.is_word(0, "partition") || (mysql && item.sees("system versioning")) {
        return Some(AlterAction::DestroyPartition { what });
    }
    item.accept("if exists");
    item.part().map(|column| AlterAction::DropColumn { column })
}

fn altered(mut item: Cursor<'_>) -> Option<AlterAction> {
    if item.accept("index") {
        return Some(AlterAction::Harmless);
    }
    if item.accept("constraint") {
        return None;
    }
    item.accept("column");
    let column = item.part()?;
    if item.accept("set not null") {
        return Some(AlterAction::SetNotNull { column });
    }
    if item.accept("drop not null") {
        return Some(AlterAction::DropNotNull { column });
    }
    if item.accept("set default") {
        let default = item.canonical();
        return Some(AlterAction::SetDefault {
            column,
            default: (default != "null").then_some(default),
        });
    }
    if item.accept("drop default") {
        return Some(AlterAction::SetDefault {
            column,
            default: None,
        });
    }
    if item.accept("set data type") || item.accept("type") {
        let (data_type, _) = types::read(&mut item);
        return Some(AlterAction::SetType { column, data_type });
    }
    if item.accept_any(&[
        "add generated always as identity",
        "add generated by default as identity",
    ]) {
        return Some(AlterAction::AddIdentity { column });
    }
    if item.accept_any(&["set statistics", "set storage", "set compression"]) || item.sees("set (")
    {
        return Some(AlterAction::Harmless);
    }
    None
}

fn renamed(mut item: Cursor<'_>) -> Option<AlterAction> {
    if item.accept_any(&["index", "key", "constraint"]) {
        return Some(AlterAction::Harmless);
    }
    if item.accept("to") || item.accept("as") {
        return item.name().map(|to| AlterAction::RenameTable { to });
    }
    item.accept("column");
    let from = item.name()?;
    if item.accept("to") {
        return item.part().map(|to| AlterAction::RenameColumn {
            from: from.name,
            to,
        });
    }
    (item.is_done() && item.dialect() != Dialect::Postgres)
        .then_some(AlterAction::RenameTable { to: from })
}

/// The first words of an action, for messages: never values.
fn shown(item: Cursor<'_>) -> String {
    let words: Vec<&str> = (0..4).map_while(|ahead| item.word_at(ahead)).collect();
    words.join(" ")
}
