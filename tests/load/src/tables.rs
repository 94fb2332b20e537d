//! Schemas of any size, the same for each engine: tables of nine columns in a chain of foreign keys, each with a unique index and one of two columns.

use std::fmt::Write as _;

/// A schema of so many tables.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// How many.
    pub count: usize,
    /// Whether every tenth has another column with an index.
    pub grown: bool,
}

impl Tables {
    /// What every tenth table grows by, as SQL that all engines read.
    pub fn growth(self) -> String {
        let mut sql = String::new();
        for table in (0..self.count).step_by(10) {
            let _ = write!(
                sql,
                "ALTER TABLE t{table} ADD COLUMN added int;\nCREATE INDEX t{table}_added ON t{table} (added);\n"
            );
        }
        sql
    }

    /// As SQL that all engines read.
    pub fn sql(self) -> String {
        let mut sql = String::new();
        for table in 0..self.count {
            let grown = self.grown && table % 10 == 0;
            let _ = write!(
                sql,
                "CREATE TABLE t{table} (\n  id int NOT NULL PRIMARY KEY,\n  name varchar(50) NOT NULL,\n  note text,\n  amount int DEFAULT 0,\n  \
                 price numeric(10,2),\n  made timestamp NULL,\n  active boolean,\n  kind varchar(20),\n  before_it int"
            );
            if grown {
                sql.push_str(",\n  added int");
            }
            if let Some(before) = table.checked_sub(1) {
                let _ = write!(
                    sql,
                    ",\n  CONSTRAINT t{table}_before FOREIGN KEY (before_it) REFERENCES t{before} (id)"
                );
            }
            let _ = write!(
                sql,
                "\n);\nCREATE UNIQUE INDEX t{table}_name ON t{table} (name);\nCREATE INDEX t{table}_kind ON t{table} (kind, amount);\n"
            );
            if grown {
                let _ = writeln!(sql, "CREATE INDEX t{table}_added ON t{table} (added);");
            }
        }
        sql
    }
}
