//! A word for another, within SQL: what a rename does to expressions.

use std::collections::BTreeMap;

use tidegate_sqlplan::Dialect;

use crate::catalog::{IndexPart, Schema, Table};

/// Whether a name stands in an expression of SQLite's, in any case.
pub(crate) fn has_word(text: &str, name: &str) -> bool {
    let words = Words {
        dialect: Dialect::Sqlite,
        from: name,
        // No name has it.
        to: "\0",
    };
    words.within(text).contains('\0')
}

/// A word for another, within SQL.
pub(super) struct Words<'a> {
    pub(super) dialect: Dialect,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

impl Words<'_> {
    pub(super) fn in_expressions(&self, table: &mut Table) {
        for column in table.columns.values_mut() {
            if let Some(generated) = &mut column.generated {
                generated.expression = self.within(&generated.expression);
            }
        }
        for check in table.checks.values_mut() {
            check.expression = self.within(&check.expression);
        }
        for index in table.indexes.values_mut() {
            for IndexPart { expression, .. } in &mut index.parts {
                *expression = expression.as_deref().map(|text| self.within(text));
            }
            for option in ["where", "include"] {
                if let Some(text) = index.options.get_mut(option) {
                    *text = self.within(text);
                }
            }
        }
    }

    pub(super) fn in_objects(&self, schema: &mut Schema) {
        for object in schema.objects.values_mut().flat_map(BTreeMap::values_mut) {
            let mut needed = false;
            for need in object.needs.iter_mut().filter(|need| self.is(need)) {
                self.to.clone_into(need);
                needed = true;
            }
            // MySQL leaves the views of a renamed table broken; the others rewrite them.
            if needed && !self.dialect.is_mysql_like() {
                object.definition = self.within(&object.definition);
            }
        }
    }

    /// What needs the table of a schema by its full name, wherever it is itself.
    pub(super) fn in_needs(&self, schema: &mut Schema, of: &str) {
        let (from, to) = (format!("{of}.{}", self.from), format!("{of}.{}", self.to));
        let objects = schema.objects.values_mut().flat_map(BTreeMap::values_mut);
        let of_objects = objects.flat_map(|object| &mut object.needs);
        let of_tables = schema.tables.values_mut().flat_map(|it| &mut it.needs);
        for need in of_objects.chain(of_tables).filter(|need| **need == from) {
            need.clone_from(&to);
        }
    }

    fn is(&self, word: &str) -> bool {
        match self.dialect {
            Dialect::Postgres => word == self.from,
            _ => word.eq_ignore_ascii_case(self.from),
        }
    }

    /// The text with each word that is the name changed, quoted or not; strings stay.
    pub(super) fn within(&self, text: &str) -> String {
        // SQLite's texts are in one spelling, which is lower case.
        let to = match self.dialect {
            Dialect::Sqlite => self.to.to_lowercase(),
            _ => self.to.to_owned(),
        };
        let is_part = |it: char| it.is_alphanumeric() || it == '_' || it == '$';
        let mut changed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '\'' | '"' | '`' => rest
                    .char_indices()
                    .skip(1)
                    .find(|(_, it)| *it == first)
                    .map_or(rest.len(), |(end, it)| end + it.len_utf8()),
                _ if is_part(first) => rest.find(|it| !is_part(it)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
            let bare = token.trim_matches(['"', '`']);
            if first != '\'' && self.is(bare) {
                changed.push_str(&token.replace(bare, &to));
            } else {
                changed.push_str(token);
            }
            rest = after;
        }
        changed
    }
}
