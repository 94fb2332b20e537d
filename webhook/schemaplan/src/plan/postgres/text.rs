//! Tables, columns, constraints and indexes as SQL.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::catalog::{Check, Column, ForeignKey, Identity, Index, IndexPart, PrimaryKey, Table};
use crate::plan::text;

use super::TableName;
use super::parts::comes_late;

/// A name in quotes.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name with its schema, where the scope is more than one.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        quote(name)
    } else {
        format!("{}.{}", quote(schema), quote(name))
    }
}

/// As the catalog names a thing in `needs`.
pub(super) fn joined(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

/// Names one behind the other, with commas between them, as `regclass` writes them: in quotes where they need it. A comma in quotes ends none.
pub(super) fn names(list: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let is_end = move |c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    };
    list.split(is_end).map(str::trim_start)
}

/// A name as `regclass` writes it, as [`joined`] would.
pub(super) fn unquoted(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut was_quote = false;
    let mut is_quoted = false;
    for c in name.chars() {
        if c == '"' {
            // Two in a row, inside, are one of the name's own.
            if was_quote && !is_quoted {
                plain.push(c);
            }
            is_quoted = !is_quoted;
        } else {
            plain.push(c);
        }
        was_quote = c == '"';
    }
    plain
}

/// Likewise, without its schema's. Of one with a dot in it, what stands behind the dot.
pub(super) fn unqualified(name: &str) -> String {
    let plain = unquoted(name);
    plain.rsplit('.').next().unwrap_or_default().to_owned()
}

/// A routine's name without its arguments.
pub(super) fn own_name(name: &str) -> &str {
    name.split_once('(').map_or(name, |(own, _)| own)
}

/// What tells a text from others, in a few letters that are part of any name.
pub(super) fn short_digest(text: &str) -> String {
    let digest = format!("{:x}", Sha256::digest(text));
    digest.chars().take(12).collect()
}

/// A text in quotes, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}

/// Whether an expression has this column in it: the name as a word, or in quotes.
pub(super) fn mentions(expression: &str, name: &str) -> bool {
    if expression.contains(&quote(name)) {
        return true;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    expression.match_indices(name).any(|(at, _)| {
        let before = expression
            .get(..at)
            .and_then(|text| text.chars().next_back());
        let behind = expression
            .get(at + name.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !behind.is_some_and(is_word)
    })
}

/// A column as in `CREATE TABLE` and `ADD COLUMN`. `serial` says that its sequence is made with it.
pub(super) fn column(name: &str, column: &Column, serial: bool) -> String {
    let data_type = match (serial, column.data_type.as_str()) {
        (true, "smallint") => "smallserial",
        (true, "integer") => "serial",
        (true, "bigint") => "bigserial",
        (_, other) => other,
    };
    let mut sql = format!("{} {data_type}", quote(name));
    if let Some(collation) = &column.collation {
        let _ = write!(sql, " COLLATE {collation}");
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored {
            "STORED"
        } else {
            "VIRTUAL"
        };
        let _ = write!(
            sql,
            " GENERATED ALWAYS AS ({}) {kind}",
            generated.expression
        );
    }
    if let Some(identity) = column
        .identity
        .as_ref()
        .filter(|identity| identity.kind != "serial")
    {
        let _ = write!(sql, " {}", generated_as_identity(identity));
    }
    if let Some(default) = column.default.as_ref().filter(|_| !serial) {
        let _ = write!(sql, " DEFAULT {default}");
    }
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
    sql
}

pub(super) fn generated_as_identity(identity: &Identity) -> String {
    let kind = identity.kind.to_uppercase();
    let name = identity.sequence.as_ref();
    let name = name.map(|name| format!("SEQUENCE NAME {} ", quote(name)));
    let options = name.unwrap_or_default() + &identity.options;
    match options.trim_end() {
        "" => format!("GENERATED {kind} AS IDENTITY"),
        options => format!("GENERATED {kind} AS IDENTITY ({options})"),
    }
}

/// The sequence that a column of a table owns, as an SQL expression: its name as text.
pub(super) fn owned_sequence((schema, table): TableName<'_>, column: &str) -> String {
    let (table, column) = (literal(&qualified(schema, table)), literal(column));
    format!("pg_get_serial_sequence({table}, {column})")
}

/// The sequence of a `serial` as the server wrote it, which is SQL: `s.t_c_seq`, `"T_c_seq"`.
pub(super) fn sequence_of(column: &Column) -> Option<String> {
    column
        .identity
        .as_ref()
        .filter(|identity| identity.kind == "serial")?;
    called(column)
}

/// The sequence that a column's default calls, owned or not, likewise.
pub(super) fn called(column: &Column) -> Option<String> {
    let text = column.default.as_deref()?;
    let inner = text
        .strip_prefix("nextval('")?
        .strip_suffix("'::regclass)")?;
    Some(inner.replace("''", "'"))
}

/// Whether `serial` would make the same: the sequence has the name and the settings that it gives.
pub(super) fn is_plain_serial(table: &str, name: &str, column: &Column) -> bool {
    let expected = format!("{table}_{name}_seq");
    let usual = matches!(column.data_type.as_str(), "smallint" | "integer" | "bigint")
        && column
            .identity
            .as_ref()
            .is_some_and(|identity| identity.options.is_empty())
        && !column.nullable
        && expected.len() <= 63;
    usual
        && sequence_of(column).is_some_and(|sequence| {
            let own = sequence
                .strip_suffix(&quote(&expected))
                .or_else(|| sequence.strip_suffix(&expected));
            own.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
}

pub(super) fn primary_key(key: &PrimaryKey) -> String {
    let mut sql = String::new();
    if let Some(name) = &key.name {
        let _ = write!(sql, "CONSTRAINT {} ", quote(name));
    }
    let columns = key.parts.iter().filter_map(|part| part.column.as_ref());
    let _ = write!(sql, "PRIMARY KEY ({})", list(columns));
    if !key.include.is_empty() {
        let _ = write!(sql, " INCLUDE ({})", list(&key.include));
    }
    if !key.attributes.is_empty() {
        let _ = write!(sql, " {}", key.attributes);
    }
    sql
}

/// The name that a primary key's constraint has.
pub(super) fn primary_key_name(table: &str, key: &PrimaryKey) -> String {
    key.name.clone().unwrap_or_else(|| format!("{table}_pkey"))
}

/// A unique or exclusion constraint.
pub(super) fn index_constraint(name: &str, index: &Index) -> String {
    let option = |name: &str| index.options.get(name);
    if let Some(definition) = option("exclude") {
        return format!("CONSTRAINT {} {definition}", quote(name));
    }
    let columns = index.parts.iter().filter_map(|part| part.column.as_ref());
    let distinct = if option("nulls not distinct").is_some() {
        " NULLS NOT DISTINCT"
    } else {
        ""
    };
    let mut sql = format!(
        "CONSTRAINT {} UNIQUE{distinct} ({})",
        quote(name),
        list(columns)
    );
    if let Some(include) = option("include") {
        let _ = write!(sql, " INCLUDE ({include})");
    }
    if let Some(with) = option("with") {
        let _ = write!(sql, " WITH ({with})");
    }
    if let Some(tablespace) = option("tablespace") {
        let _ = write!(sql, " USING INDEX TABLESPACE {}", quote(tablespace));
    }
    if let Some(deferrable) = option("deferrable") {
        let _ = write!(sql, " {deferrable}");
    }
    sql
}

pub(super) fn create_index(table: &str, name: &str, index: &Index, concurrently: bool) -> String {
    let option = |name: &str| index.options.get(name);
    let unique = if index.unique { "UNIQUE " } else { "" };
    let concurrently = if concurrently { "CONCURRENTLY " } else { "" };
    let parts: Vec<String> = index.parts.iter().map(index_part).collect();
    // A partitioned table's index that lacks some partition is said to be invalid.
    let only = if option("invalid").is_some() {
        "ONLY "
    } else {
        ""
    };
    let mut sql = format!(
        "CREATE {unique}INDEX {concurrently}{} ON {only}{table}",
        quote(name)
    );
    if let Some(method) = option("method") {
        let _ = write!(sql, " USING {method}");
    }
    let _ = write!(sql, " ({})", parts.join(", "));
    if let Some(include) = option("include") {
        let _ = write!(sql, " INCLUDE ({include})");
    }
    if option("nulls not distinct").is_some() {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    if let Some(with) = option("with") {
        let _ = write!(sql, " WITH ({with})");
    }
    if let Some(tablespace) = option("tablespace") {
        let _ = write!(sql, " TABLESPACE {}", quote(tablespace));
    }
    if let Some(predicate) = option("where") {
        let _ = write!(sql, " WHERE {predicate}");
    }
    sql
}

fn index_part(part: &IndexPart) -> String {
    let mut sql = match (&part.column, &part.expression) {
        (Some(column), _) => quote(column),
        (None, expression) => expression.clone().unwrap_or_default(),
    };
    // Collation and operator class go before the direction, the place of nulls behind it.
    let nulls = ["NULLS FIRST", "NULLS LAST"]
        .into_iter()
        .find(|nulls| part.attributes.ends_with(nulls));
    let before = part
        .attributes
        .strip_suffix(nulls.unwrap_or_default())
        .unwrap_or(&part.attributes)
        .trim_end();
    for words in [
        before,
        if part.descending { "DESC" } else { "" },
        nulls.unwrap_or_default(),
    ] {
        if !words.is_empty() {
            let _ = write!(sql, " {words}");
        }
    }
    sql
}

pub(super) fn foreign_key(own_schema: &str, name: &str, key: &ForeignKey) -> String {
    let schema = if key.schema.is_empty() {
        own_schema
    } else {
        &key.schema
    };
    let (full, rest) = match key.attributes.strip_prefix("MATCH FULL") {
        Some(rest) => (" MATCH FULL", rest.trim_start()),
        None => ("", key.attributes.as_str()),
    };
    let mut sql = format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){full}",
        quote(name),
        list(&key.columns),
        qualified(schema, &key.table),
        list(&key.referred),
    );
    sql += &text::actions(key);
    if !rest.is_empty() {
        let _ = write!(sql, " {rest}");
    }
    sql
}

pub(super) fn check(name: &str, check: &Check) -> String {
    text::check(&quote(name), check)
}

/// A table with its columns and the constraints that can be made with it. `inline` says which foreign keys those are.
pub(super) fn create_table(
    schema: &str,
    name: &str,
    table: &Table,
    inline: impl Fn(&str) -> bool,
) -> String {
    let option = |name: &str| table.options.get(name);
    // Of a partition's columns, and of those of a table of a type, only what is its own can be said.
    let is_partition =
        table.options.contains_key("partition of") || table.options.contains_key("of");
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .filter_map(|(column_name, definition)| {
            if is_partition {
                return own_column(column_name, definition);
            }
            let serial = is_plain_serial(name, column_name, definition);
            Some(column(column_name, definition, serial))
        })
        .collect();
    let key = table.primary_key.as_ref();
    let key = key.filter(|key| !comes_late(&key.options));
    lines.extend(key.map(primary_key));
    let constraints = table
        .indexes
        .iter()
        .filter(|(_, index)| index.constraint && !comes_late(&index.options));
    for (index_name, index) in constraints.filter(|(name, _)| !is_double(table, name)) {
        lines.push(index_constraint(index_name, index));
    }
    for (check_name, definition) in &table.checks {
        if !definition.attributes.contains("NOT VALID") {
            lines.push(check(check_name, definition));
        }
    }
    for (key_name, key) in table.foreign_keys.iter().filter(|(name, _)| inline(name)) {
        lines.push(foreign_key(schema, key_name, key));
    }
    let unlogged = if option("unlogged").is_some() {
        "UNLOGGED "
    } else {
        ""
    };
    let mut sql = format!("CREATE {unlogged}TABLE {}", qualified(schema, name));
    let body = if lines.is_empty() {
        "()".to_owned()
    } else {
        format!("(\n  {}\n)", lines.join(",\n  "))
    };
    if let Some(parent) = option("partition of") {
        let _ = write!(sql, " PARTITION OF {parent}");
        if !lines.is_empty() {
            let _ = write!(sql, " {body}");
        }
        if let Some(bound) = option("partition bound") {
            let _ = write!(sql, " {bound}");
        }
    } else if let Some(of) = option("of") {
        let _ = write!(sql, " OF {of}");
        if !lines.is_empty() {
            let _ = write!(sql, " {body}");
        }
    } else {
        let _ = write!(sql, " {body}");
    }
    for (option_name, words) in [("inherits", "INHERITS"), ("with", "WITH")] {
        if option_name == "with" {
            if let Some(key) = option("partition by") {
                let _ = write!(sql, " PARTITION BY {key}");
            }
            if let Some(method) = option("using") {
                let _ = write!(sql, " USING {}", quote(method));
            }
        }
        if let Some(value) = option(option_name) {
            let _ = write!(sql, " {words} ({value})");
        }
    }
    if let Some(tablespace) = option("tablespace") {
        let _ = write!(sql, " TABLESPACE {}", quote(tablespace));
    }
    sql
}

/// Whether a unique constraint has the columns of the primary key or of another before it: `CREATE TABLE` would make one of the two.
pub(super) fn is_double(table: &Table, name: &str) -> bool {
    let Some(index) = table.indexes.get(name) else {
        return false;
    };
    let key = table.primary_key.as_ref();
    let before = table
        .indexes
        .iter()
        .filter(|(other, index)| index.constraint && other.as_str() < name);
    index.constraint
        && !index.options.contains_key("exclude")
        && (key.is_some_and(|key| key.parts == index.parts)
            || before
                .into_iter()
                .any(|(_, other)| other.parts == index.parts))
}

/// A column of a partition, as far as it is not its parent's and can be said here: that it has no default where its parent has one cannot.
fn own_column(name: &str, column: &Column) -> Option<String> {
    let mut sql = quote(name);
    let default = column.default.as_ref();
    if let Some(default) = default.filter(|_| column.generated.is_none()) {
        let _ = write!(sql, " DEFAULT {default}");
    }
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
    (sql != quote(name)).then_some(sql)
}

/// `COMMENT ON ..`.
pub(super) fn comment(what: &str, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("COMMENT ON {what} IS {}", literal(text)),
        None => format!("COMMENT ON {what} IS NULL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_as_a_word_or_in_quotes() {
        for (expression, name, found) in [
            ("(a > 0)", "a", true),
            ("(ab > 0)", "a", false),
            ("lower(\"A b\")", "A b", true),
            ("(é = 1)", "é", true),
            ("(a_b = b_a)", "a", false),
        ] {
            assert_eq!(mentions(expression, name), found, "{expression}");
        }
    }

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(qualified("s", "a\"b"), "\"s\".\"a\"\"b\"");
        assert_eq!(literal("it's \\"), "E'it''s \\\\'");
    }
}
