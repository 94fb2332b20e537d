//! Whether a column's new type makes other values of those that it holds.
//!
//! SQLite refuses nothing here outside a `STRICT` table: what is copied into a column is silently turned into what its type prefers
//! (<https://sqlite.org/datatype3.html#type_affinity>). A text that looks like a number becomes one and loses its leading noughts, a whole number
//! loses digits as a floating one, and a floating one loses digits as a text. So such a change counts as destructive, and somebody looks at it first.

use tidegate_sqlplan::Affinity;

use crate::catalog::Table;

/// Whether values can change when a column of both tables is copied from the one into the other.
pub(super) fn narrows(old: &Table, new: &Table, column: &str) -> bool {
    let of = |table: &Table| {
        let declared = &table.columns.get(column)?.data_type;
        let is_any = table.options.contains_key("strict") && declared.eq_ignore_ascii_case("any");
        Some(if is_any {
            Affinity::Blob
        } else {
            Affinity::of(declared)
        })
    };
    let (Some(old), Some(new)) = (of(old), of(new)) else {
        return false;
    };
    match (old, new) {
        (Affinity::Text | Affinity::Blob, Affinity::Integer | Affinity::Numeric) => true,
        (_, Affinity::Real) => old != Affinity::Real,
        (Affinity::Real, Affinity::Text) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Column;

    use super::*;

    fn table(data_type: &str, strict: bool) -> Table {
        let mut table = Table::default();
        let column = Column {
            data_type: data_type.to_owned(),
            ..Column::default()
        };
        table.columns.insert("c".to_owned(), column);
        if strict {
            table.options.insert("strict".to_owned(), String::new());
        }
        table
    }

    #[test]
    fn a_type_that_leaves_values_as_they_are_loses_nothing() {
        for (old, new) in [
            ("integer", "bigint"),
            ("integer", "text"),
            ("integer", "numeric"),
            ("integer", "blob"),
            ("real", "double"),
            ("real", "integer"),
            ("text", "varchar(20)"),
            ("text", ""),
            ("datetime", "text"),
            ("decimal(10,2)", "integer"),
            ("blob", "text"),
        ] {
            assert!(
                !narrows(&table(old, false), &table(new, false), "c"),
                "{old} -> {new}"
            );
        }
    }

    #[test]
    fn a_type_that_makes_other_values_is_told() {
        for (old, new) in [
            ("text", "integer"),
            ("varchar(20)", "decimal(10,2)"),
            ("varchar(20)", "real"),
            ("", "int"),
            ("blob", "boolean"),
            ("integer", "real"),
            ("decimal(10,2)", "float"),
            ("double", "text"),
        ] {
            assert!(
                narrows(&table(old, false), &table(new, false), "c"),
                "{old} -> {new}"
            );
        }
    }

    #[test]
    fn any_takes_everything_in_a_strict_table_and_is_numeric_elsewhere() {
        assert!(!narrows(&table("text", false), &table("any", true), "c"));
        assert!(narrows(&table("text", false), &table("any", false), "c"));
        assert!(narrows(&table("any", true), &table("integer", true), "c"));
    }
}
