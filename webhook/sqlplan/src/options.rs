//! What stands behind a table's columns, as far as it makes a difference.
//!
//! Comments, the next `AUTO_INCREMENT`, statistics and storage hints say nothing about what the table holds; they are read and left out.

use crate::cursor::Cursor;
use crate::token::TokenKind;

/// The options of a table.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// `engine=myisam`, `partition by ..`, `strict`: canonical. What is the default is left out.
    pub(crate) kept: Vec<String>,
    /// The character set, in lower case.
    pub(crate) charset: Option<String>,
    /// The collation, in lower case.
    pub(crate) collation: Option<String>,
    /// Columns come from elsewhere: `AS SELECT`, `INHERITS`, `PARTITION OF`.
    pub(crate) derived: bool,
    /// Whether each word was understood.
    pub(crate) complete: bool,
}

/// Options whose value says nothing about what the table holds.
const HINTS: &[&str] = &[
    "comment",
    "auto_increment",
    "autoextend_size",
    "row_format",
    "key_block_size",
    "stats_persistent",
    "stats_auto_recalc",
    "stats_sample_pages",
    "max_rows",
    "min_rows",
    "avg_row_length",
    "checksum",
    "table_checksum",
    "compression",
    "page_compressed",
    "page_compression_level",
    "page_checksum",
    "pack_keys",
    "delay_key_write",
    "tablespace",
    "data directory",
    "index directory",
    "connection",
    "transactional",
    "encryption",
    "encrypted",
    "encryption_key_id",
    "secondary_engine",
    "engine_attribute",
    "secondary_engine_attribute",
    "password",
    "insert_method",
    "storage",
    "sequence",
    "start transaction",
];

pub(crate) fn read(mut cursor: Cursor<'_>) -> Options {
    let mut options = Options {
        complete: true,
        ..Options::default()
    };
    while !cursor.is_done() {
        option(&mut cursor, &mut options);
    }
    options
}

fn option(cursor: &mut Cursor<'_>, options: &mut Options) {
    if cursor.accept_symbol(',') {
    } else if cursor.accept("strict") {
        options.kept.push("strict".to_owned());
    } else if cursor.accept("without rowid") {
        options.kept.push("without rowid".to_owned());
    } else if cursor.accept_any(&["engine", "type"]) {
        if let Some(engine) = value(cursor).filter(|engine| engine != "innodb") {
            options.kept.push(format!("engine={engine}"));
        }
    } else if cursor.accept_any(&[
        "default charset",
        "default character set",
        "charset",
        "character set",
    ]) {
        options.charset = value(cursor);
    } else if cursor.accept_any(&["default collate", "collate"]) {
        options.collation = value(cursor);
    } else if cursor.accept("partition by") {
        let how = partitioned(cursor);
        options.kept.push(format!("partition by {how}"));
        if cursor.accept("partitions") {
            let number = cursor.source(0);
            options.kept.push(format!("partitions {number}"));
        }
        options.kept.extend(partitions(*cursor));
        cursor.move_to(usize::MAX);
    } else if cursor.accept("partition of") {
        options.derived = true;
        cursor.move_to(usize::MAX);
    } else if cursor.accept("with system versioning") {
        options.kept.push("system versioning".to_owned());
    } else if cursor.accept_any(&["like", "of"]) {
        options.derived = true;
        cursor.name();
    } else if cursor.accept("inherits") {
        options.derived = true;
        cursor.skip_one();
    } else if cursor.accept_any(&[
        "without oids",
        "on commit drop",
        "on commit delete rows",
        "on commit preserve rows",
        "with oids",
    ]) {
    } else if cursor.is_word(0, "with") && cursor.is_symbol(1, '(') {
        cursor.advance();
        cursor.skip_one();
    } else if cursor.accept("using") {
        cursor.advance();
    } else if cursor.accept("union") {
        cursor.accept_symbol('=');
        cursor.skip_one();
    } else if cursor.accept_any(HINTS) {
        value(cursor);
    } else {
        // A query, whose columns nobody has written down.
        options.derived |= cursor.is_any(&["as", "select", "with", "values", "table", "like"])
            || cursor.is_symbol(0, '(');
        options.complete = false;
        cursor.move_to(usize::MAX);
    }
}

/// `= x`, in lower case.
fn value(cursor: &mut Cursor<'_>) -> Option<String> {
    cursor.accept_symbol('=');
    let value = match cursor.kind() {
        Some(TokenKind::Text | TokenKind::Word | TokenKind::QuotedName) => {
            Some(crate::cursor::unquote_or_word(cursor.source(0)).to_lowercase())
        }
        _ => None,
    };
    // mysqldump writes `UNION=(t1,t2)`; numbers may have a unit behind them.
    cursor.skip_one();
    value
}

/// `partition p0` for each that is named, with the rows in it.
fn partitions(mut cursor: Cursor<'_>) -> Vec<String> {
    while !(cursor.is_done() || cursor.is_symbol(0, '(') && cursor.is_word(1, "partition")) {
        cursor.skip_one();
    }
    let listed = cursor.group().map(Cursor::items).unwrap_or_default();
    let name = |mut item: Cursor<'_>| {
        item.accept("partition");
        item.part()
            .map(|name| format!("partition {}", name.to_lowercase()))
    };
    listed.into_iter().filter_map(name).collect()
}

/// How rows are spread, up to the partitions themselves.
fn partitioned(cursor: &mut Cursor<'_>) -> String {
    let start = cursor.index();
    cursor.accept("linear");
    cursor.accept_any(&[
        "range columns",
        "list columns",
        "range",
        "list",
        "hash",
        "key",
    ]);
    cursor.skip_one();
    cursor.range(start, cursor.index()).canonical()
}
