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
    /// PostgreSQL: `ENABLE ROW LEVEL SECURITY`.
    ProtectRows,
    /// PostgreSQL: `ALTER COLUMN .. ADD GENERATED .. AS IDENTITY`.
    AddIdentity {
        /// The column.
        column: String,
    },
    /// PostgreSQL: `ALTER COLUMN .. DROP IDENTITY`.
    DropIdentity {
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
    /// `DROP CONSTRAINT`, `DROP PRIMARY KEY`, `DROP FOREIGN KEY`.
    DropConstraint {
        /// Its name; none for the primary key.
        name: Option<String>,
    },
    /// MySQL's `DROP CHECK`.
    DropCheck {
        /// Its name.
        name: String,
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
    /// PostgreSQL: the rows that a constraint was added `NOT VALID` for are looked at.
    ValidateConstraint {
        /// Its name.
        name: String,
    },
    /// PostgreSQL: a partition becomes a table of its own.
    DetachPartition {
        /// The partition.
        partition: Name,
        /// Without blocking: `CONCURRENTLY`, or the `FINALIZE` of one.
        concurrently: bool,
    },
    /// PostgreSQL: the table moves to another schema.
    SetSchema {
        /// The new schema.
        to: String,
    },
    /// MySQL: `ALGORITHM`, in lower case. The server refuses what it cannot do by it.
    Algorithm {
        /// `copy`, `inplace`, `nocopy`, `instant` or `default`.
        name: String,
    },
    /// MySQL: `LOCK`, in lower case. The server refuses what needs more.
    LockLevel {
        /// `none`, `shared`, `exclusive` or `default`.
        name: String,
    },
    /// A property of the whole table that makes the server write all of it again: `ENGINE`, `CONVERT TO CHARACTER SET`, `SET UNLOGGED`.
    Rebuild {
        /// The words.
        what: String,
    },
    /// MySQL: a property of the whole table that rows do not feel.
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
    while cursor.accept_any(&["online", "ignore"]) {}
    cursor
        .accept_any(&["foreign table", "table"])
        .then_some(())?;
    cursor.accept("if exists");
    cursor.accept("only");
    let table = cursor.name()?;
    cursor.accept_symbol('*');
    // MariaDB's: how long to wait for the lock.
    if !cursor.accept("nowait") && cursor.accept("wait") {
        cursor.advance();
    }
    let mut actions = Vec::new();
    for item in cursor.remaining().items() {
        let offset = item.offset();
        action(item, &mut |action| actions.push((offset, action)));
        actions.extend(partitioned_behind(item));
    }
    Some(AlterTable { table, actions })
}

/// MySQL: how a table is partitioned may stand behind the last action, with no comma between.
fn partitioned_behind(mut item: Cursor<'_>) -> Option<(usize, AlterAction)> {
    const HOW: [&str; 2] = ["remove partitioning", "partition by"];
    if !item.dialect().is_mysql_like() {
        return None;
    }
    item.skip_one();
    while !HOW.iter().any(|words| item.sees(words)) {
        if item.is_done() {
            return None;
        }
        item.skip_one();
    }
    let what = shown(item.remaining());
    Some((item.offset(), AlterAction::Rebuild { what }))
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
    } else if item.is_any(&["truncate", "exchange", "discard", "import"]) {
        push(AlterAction::DestroyPartition { what });
    } else if item.accept("owner to") {
        push(
            item.part()
                .map_or(other, |owner| AlterAction::OwnerTo { owner }),
        );
    } else if item.dialect() == Dialect::Postgres {
        push(of_postgres(item, what).unwrap_or(other));
    } else if item.dialect().is_mysql_like() {
        of_mysql(item, what, other, push);
    } else {
        push(other);
    }
}

/// What only PostgreSQL has.
fn of_postgres(mut item: Cursor<'_>, what: String) -> Option<AlterAction> {
    if item.accept("validate constraint") {
        return item
            .part()
            .map(|name| AlterAction::ValidateConstraint { name });
    }
    if item.accept("detach partition") {
        let partition = item.name()?;
        let concurrently = item.accept_any(&["concurrently", "finalize"]);
        return Some(AlterAction::DetachPartition {
            partition,
            concurrently,
        });
    }
    if item.accept("set schema") {
        return item.part().map(|to| AlterAction::SetSchema { to });
    }
    if item.is_word(0, "disable") || item.sees("no force row level security") {
        return Some(AlterAction::DisableChecks { what });
    }
    if item.sees("enable row level security") {
        return Some(AlterAction::ProtectRows);
    }
    let rebuilds = ["logged", "unlogged", "tablespace", "access"];
    if item.is_word(0, "set") && rebuilds.iter().any(|word| item.is_word(1, word)) {
        return Some(AlterAction::Rebuild { what });
    }
    let harmless = [
        "enable",
        "force row level security",
        "cluster on",
        "set without cluster",
        "replica identity",
        "attach partition",
        "set statistics",
        "inherit",
        "no inherit",
        "reset",
    ];
    let sets_parameters = item.is_word(0, "set") && item.is_symbol(1, '(');
    (sets_parameters || harmless.iter().any(|words| item.sees(words)))
        .then_some(AlterAction::Harmless)
}

/// What only MySQL and MariaDB have. Table options may stand behind one another without commas.
fn of_mysql(
    mut item: Cursor<'_>,
    what: String,
    other: AlterAction,
    push: &mut dyn FnMut(AlterAction),
) {
    if item.is_any(&["algorithm", "lock"]) {
        return online(item, push);
    }
    // `ENABLE KEYS` builds the indexes again that `DISABLE KEYS` leaves behind.
    if item.sees("disable keys") {
        return push(AlterAction::Rebuild { what });
    }
    if item.is_any(&["comment", "auto_increment", "enable", "disable"]) {
        return push(AlterAction::Harmless);
    }
    let harmless = ["optimize", "analyze", "check", "repair"];
    if harmless.iter().any(|word| item.is_word(0, word)) && item.is_word(1, "partition") {
        let rebuilds = item.is_any(&["optimize", "repair"]);
        return push(if rebuilds {
            AlterAction::Rebuild { what }
        } else {
            AlterAction::Harmless
        });
    }
    if !item.is_any(TABLE_OPTIONS) && !item.is_any(REBUILDING) {
        return push(other);
    }
    // A default for columns to come is no conversion of those that are there.
    let converts = item.is_word(0, "convert");
    let mut rebuilds = converts;
    while !item.is_done() && !converts {
        rebuilds |= item.is_any(REBUILDING);
        item.skip_one();
    }
    push(if rebuilds {
        AlterAction::Rebuild { what }
    } else {
        AlterAction::TableOption { what }
    });
}

/// `ALGORITHM = x LOCK = y`, in any order, with or without what is between them.
pub(crate) fn online(mut cursor: Cursor<'_>, push: &mut dyn FnMut(AlterAction)) {
    while !cursor.is_done() {
        let is_algorithm = cursor.is_word(0, "algorithm");
        if is_algorithm || cursor.is_word(0, "lock") {
            cursor.advance();
            cursor.accept_symbol('=');
            let name = cursor.source(0).to_lowercase();
            push(if is_algorithm {
                AlterAction::Algorithm { name }
            } else {
                AlterAction::LockLevel { name }
            });
        }
        cursor.skip_one();
    }
}

/// The table options for which MySQL writes the table again.
const REBUILDING: &[&str] = &[
    "engine",
    "row_format",
    "key_block_size",
    "encryption",
    "encrypted",
    "page_compressed",
    "pack_keys",
    "order",
    "force",
    "partition",
    "remove",
    "reorganize",
    "rebuild",
    "coalesce",
];

/// How MySQL's other table options start.
const TABLE_OPTIONS: &[&str] = &[
    "convert",
    "default",
    "charset",
    "character",
    "collate",
    "max_rows",
    "min_rows",
    "avg_row_length",
    "checksum",
    "compression",
    "insert_method",
    "stats_auto_recalc",
    "stats_persistent",
    "stats_sample_pages",
];

fn added(mut item: Cursor<'_>, push: &mut dyn FnMut(AlterAction), other: AlterAction) {
    if item.sees("partition") {
        return push(AlterAction::Harmless);
    }
    if item.dialect() == Dialect::Mariadb && item.sees("system versioning") {
        return push(AlterAction::Rebuild {
            what: "add system versioning".to_owned(),
        });
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
        let postgres = item.dialect() == Dialect::Postgres;
        // What is not enforced looks at no row either.
        let not_valid = item.contains("not valid") || item.contains("not enforced");
        if postgres
            && !not_valid
            && let Some(column) = never_null(item)
        {
            return push(AlterAction::SetNotNull { column });
        }
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

/// The column of PostgreSQL 18's `CONSTRAINT name NOT NULL column`.
fn never_null(mut item: Cursor<'_>) -> Option<String> {
    if item.accept("constraint") {
        item.part()?;
    }
    item.accept("not null").then(|| item.part()).flatten()
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
    if mysql && item.accept("check") {
        return item.part().map(|name| AlterAction::DropCheck { name });
    }
    if item.accept("constraint") || item.accept("foreign key") {
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
    if item.accept("constraint") || item.accept("check") {
        // PostgreSQL: when it is checked; MySQL: whether it is enforced.
        return Some(if item.contains("not enforced") {
            AlterAction::DisableChecks {
                what: "NOT ENFORCED".to_owned(),
            }
        } else {
            AlterAction::Harmless
        });
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
    if item.accept("drop identity") {
        return Some(AlterAction::DropIdentity { column });
    }
    // PostgreSQL's numbering of a column, from here on.
    if item.accept_any(&["drop expression", "set generated", "restart"]) {
        return Some(AlterAction::Harmless);
    }
    let harmless = [
        "statistics",
        "storage",
        "compression",
        "visible",
        "invisible",
    ];
    let sets = item.is_any(&["set", "reset"]);
    (sets && (item.is_symbol(1, '(') || harmless.iter().any(|word| item.is_word(1, word))))
        .then_some(AlterAction::Harmless)
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
