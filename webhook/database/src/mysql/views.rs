//! Views: their texts, as the server keeps them, and what they read.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_schemaplan::{Catalog, Object, ObjectKind};
use tidegate_sqlplan::Dialect;

use super::inspect::{Reader, Scope};
use super::listing::Listing;
use super::objects::insert;
use super::sql::{quote, without_join_parentheses, without_qualifier};
use super::texts::{definer, names, view_text};
use super::wire::TextRow;
use crate::DatabaseError;

const VIEWS: Listing<'_> = Listing {
    columns: &[
        "TABLE_SCHEMA",
        "TABLE_NAME",
        "VIEW_DEFINITION",
        "CHECK_OPTION",
        "DEFINER",
        "SECURITY_TYPE",
        "ALGORITHM",
    ],
    of_mysql: &[("ALGORITHM", "'UNDEFINED'")],
    table: "VIEWS",
    only: "",
    database: "TABLE_SCHEMA",
    order: "",
};

/// Reads the views of the scope into the catalog.
pub(super) async fn read_views(
    reader: &mut Reader<'_>,
    catalog: &mut Catalog,
    account: &str,
) -> Result<(), DatabaseError> {
    for row in reader.rows(&VIEWS).await? {
        let (database, name) = (row.text(0), row.text(1));
        let object = match row.filled(2) {
            None => Object::default(),
            Some(kept) => {
                let mut view = View {
                    algorithm: row.text(6),
                    columns: String::new(),
                    select: kept,
                };
                if is_shown(reader.engine.dialect, &view.select) {
                    let what = format!("VIEW {}.{}", quote(&database), quote(&name));
                    let text = reader.shown(&what, 1).await?.unwrap_or_default();
                    if let Some(text) = view_text(&text, &name) {
                        text.algorithm.clone_into(&mut view.algorithm);
                        text.columns.clone_into(&mut view.columns);
                        text.query.clone_into(&mut view.select);
                    }
                }
                if matches!(reader.scope, Scope::One(_)) {
                    view.select = without_qualifier(&view.select, &database);
                }
                view.object(&row, &reader.scope.written(&database, &name), account)
            }
        };
        insert(
            catalog,
            reader.scope,
            &database,
            ObjectKind::View,
            name,
            object,
        );
    }
    Ok(())
}

/// Whether a view's own text is asked for. What MariaDB's list has is how it was written; what is shown is how the server reads it, joins in
/// parentheses and every character there. MySQL's list has neither the algorithm nor the names that columns were given.
fn is_shown(dialect: Dialect, kept: &str) -> bool {
    dialect == Dialect::Mysql || kept.contains(" join ") || kept.contains("????")
}

/// What a view is made of.
struct View {
    algorithm: String,
    columns: String,
    select: String,
}

impl View {
    fn object(&self, row: &TextRow, written: &str, account: &str) -> Object {
        let Self {
            columns, select, ..
        } = self;
        let algorithm = match self.algorithm.as_str() {
            "" | "UNDEFINED" => String::new(),
            algorithm => format!("ALGORITHM={algorithm} "),
        };
        let security = if row.is(5, "INVOKER") {
            "SQL SECURITY INVOKER "
        } else {
            ""
        };
        let check = match row.filled(3) {
            Some(check) if check != "NONE" => format!(" WITH {check} CHECK OPTION"),
            _ => String::new(),
        };
        let named = match columns.trim_start() {
            "" => String::new(),
            columns => format!("{columns} "),
        };
        let definer = definer(row.str(4), account);
        Object {
            create: format!(
                "CREATE {algorithm}{definer}{security}VIEW {written}{columns} AS {select}{check}"
            ),
            definition: format!(
                "{algorithm}{security}{named}AS {}{check}",
                without_join_parentheses(select)
            ),
            ..Object::default()
        }
    }
}

/// Finds the tables and views that each view names.
pub(super) fn find_needs(catalog: &mut Catalog) {
    for schema in catalog.schemas.values_mut() {
        let Some(views) = schema.objects.get_mut(&ObjectKind::View) else {
            continue;
        };
        let mut known: BTreeSet<String> = schema.tables.keys().cloned().collect();
        known.extend(views.keys().cloned());
        let needs: BTreeMap<String, Vec<String>> = views
            .iter()
            .map(|(name, view)| {
                let mut found: BTreeSet<String> = names(&view.definition)
                    .into_iter()
                    .filter(|named| known.contains(named))
                    .collect();
                found.remove(name);
                (name.clone(), found.into_iter().collect())
            })
            .collect();
        for (name, found) in needs {
            if let Some(view) = views.get_mut(&name) {
                view.needs = found;
            }
        }
    }
}
