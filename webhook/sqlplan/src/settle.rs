//! A schema brought to one form, once all of it has been read.
//!
//! Some meanings depend on what stands elsewhere: the character set of a column on its table's, the columns that a foreign key refers to on the
//! other table's primary key, a sequence on the column that it counts for. Two texts that mean the same are the same after this.

use crate::dialect::Dialect;
use crate::model::{Column, ObjectKind, Schema, Table};
use crate::types::Values;

pub(crate) fn settle(schema: &mut Schema, dialect: Dialect) {
    refer_to_columns(schema);
    match dialect {
        Dialect::Mysql | Dialect::Mariadb => {
            schema.tables.values_mut().for_each(settle_charsets);
            if dialect == Dialect::Mariadb {
                schema.tables.values_mut().for_each(settle_json);
            }
        }
        Dialect::Postgres => settle_sequences(schema),
        Dialect::Sqlite => {
            leave_shadows_out(schema);
            schema.tables.values_mut().for_each(settle_row_ids);
        }
    }
    for table in schema.tables.values_mut() {
        table.options.sort();
    }
}

/// `REFERENCES users` means the primary key of `users`.
fn refer_to_columns(schema: &mut Schema) {
    let mut found = Vec::new();
    for (place, table) in schema.tables.values().enumerate() {
        for (number, key) in table.foreign_keys.iter().enumerate() {
            let referred = schema.tables.get(&key.table);
            if let Some(primary) = referred.and_then(|table| table.primary_key.as_ref())
                && key.referred.is_empty()
            {
                found.push((place, number, primary.columns.clone()));
            }
        }
    }
    for (place, number, columns) in found {
        let table = schema.tables.get_index_mut(place).map(|(_, table)| table);
        if let Some(key) = table.and_then(|table| table.foreign_keys.get_mut(number)) {
            key.referred = columns;
        }
    }
}

/// Each text column's character set and collation, from the table's where it has none of its own; nothing where they are the defaults.
fn settle_charsets(table: &mut Table) {
    let Table {
        columns,
        charset,
        collation,
        ..
    } = table;
    for column in columns {
        if !matches!(
            column.data_type.values,
            Values::Characters(_) | Values::Labels(_)
        ) {
            column.charset = None;
            column.collation = None;
            continue;
        }
        let own = column.charset.is_some() || column.collation.is_some();
        let (set, order) = if own {
            (column.charset.take(), column.collation.take())
        } else {
            (charset.clone(), collation.clone())
        };
        // A collation's name starts with its character set's.
        let of_collation = order
            .as_deref()
            .and_then(|order| order.split('_').next())
            .map(str::to_owned);
        let set = set.or(of_collation).map(|set| {
            if set == "utf8" {
                "utf8mb3".to_owned()
            } else {
                set
            }
        });
        let order = order.map(|order| match order.strip_prefix("utf8_") {
            Some(rest) => format!("utf8mb3_{rest}"),
            None => order,
        });
        column.collation = order.filter(|order| !DEFAULT_COLLATIONS.contains(&order.as_str()));
        column.charset = set.filter(|set| set != "utf8mb4");
    }
}

/// MariaDB's JSON is a longtext with a collation and a check, and is dumped as such.
fn settle_json(table: &mut Table) {
    let Table {
        columns, checks, ..
    } = table;
    for column in columns {
        let check = format!("json_valid({})", column.name.to_lowercase());
        let before = checks.len();
        checks.retain(|candidate| candidate.expression != check);
        if checks.len() < before || column.data_type.written.eq_ignore_ascii_case("json") {
            column.charset = None;
            column.collation = None;
        }
    }
}

/// What a character set sorts by when nothing is said, in the versions that are about.
const DEFAULT_COLLATIONS: &[&str] = &[
    "utf8mb4_0900_ai_ci",
    "utf8mb4_general_ci",
    "utf8mb4_uca1400_ai_ci",
    "utf8mb3_general_ci",
    "utf8mb3_uca1400_ai_ci",
    "latin1_swedish_ci",
    "ascii_general_ci",
    "binary",
];

/// `pg_dump` writes a serial column as a sequence and a default that asks it for the next number.
fn settle_sequences(schema: &mut Schema) {
    let mut owned = Vec::new();
    for (key, table) in &mut schema.tables {
        for column in &mut table.columns {
            if column
                .default
                .as_deref()
                .is_some_and(|default| default.starts_with("nextval("))
            {
                column.auto_increment = true;
                column.default = None;
            }
            if column.auto_increment {
                owned.push(format!("{key}_{}_seq", column.name));
            }
        }
    }
    for name in owned {
        schema.objects.remove(&(ObjectKind::Sequence, name));
    }
}

/// SQLite's own tables, and those in which a virtual table keeps what it has: `.schema` shows them, nobody writes them.
fn leave_shadows_out(schema: &mut Schema) {
    const SHADOWS: &[&str] = &[
        "data", "idx", "content", "docsize", "config", "node", "rowid", "parent", "segments",
        "segdir", "stat",
    ];
    let virtual_tables: Vec<String> = schema
        .objects
        .keys()
        .filter(|(kind, _)| *kind == ObjectKind::Table)
        .map(|(_, name)| name.clone())
        .collect();
    schema.tables.retain(|name, _| {
        let is_shadow = name.rsplit_once('_').is_some_and(|(table, part)| {
            SHADOWS.contains(&part) && virtual_tables.iter().any(|known| known == table)
        });
        !is_shadow && !name.starts_with("sqlite_")
    });
}

/// `INTEGER PRIMARY KEY`, spelled so, is the row's number: never NULL, and given by itself.
fn settle_row_ids(table: &mut Table) {
    let Some(key) = &table.primary_key else {
        return;
    };
    let [only] = key.columns.as_slice() else {
        return;
    };
    if table.options.iter().any(|option| option == "without rowid") {
        return;
    }
    let is_row_id = |column: &&mut Column| {
        column.name.to_lowercase() == *only
            && column.data_type.written.eq_ignore_ascii_case("integer")
    };
    if let Some(column) = table.columns.iter_mut().find(is_row_id) {
        column.nullable = false;
        column.auto_increment = true;
    }
}
