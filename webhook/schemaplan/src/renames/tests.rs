//! Hints, done and refused.

use std::collections::BTreeMap;

use tidegate_sqlplan::Dialect;

use super::*;
use crate::catalog::{Check, Column, Engine, ForeignKey, Index, IndexPart};

/// `users (id)`, and `orders (id, total)` with everything that names its column.
fn present() -> Catalog {
    let engine = Engine {
        dialect: Dialect::Sqlite,
        version: (3, 50),
    };
    let mut catalog = Catalog::empty(engine);
    let columns = |names: &[&str]| {
        let column = |name: &&str| ((*name).to_owned(), Column::default());
        names.iter().map(column).collect::<IndexMap<_, _>>()
    };
    let check = Check {
        expression: "total>0 and 'total'<>\"total\"".to_owned(),
        ..Check::default()
    };
    let unique = Index {
        constraint: true,
        parts: vec![IndexPart {
            column: Some("total".to_owned()),
            ..IndexPart::default()
        }],
        ..Index::default()
    };
    let orders = Table {
        columns: columns(&["id", "total"]),
        checks: BTreeMap::from([(check.nameless(), check)]),
        indexes: BTreeMap::from([(unique.nameless(), unique)]),
        ..Table::default()
    };
    let key = ForeignKey {
        columns: vec!["id".to_owned()],
        table: "orders".to_owned(),
        referred: vec!["total".to_owned()],
        ..ForeignKey::default()
    };
    let users = Table {
        columns: columns(&["id"]),
        foreign_keys: BTreeMap::from([(key.nameless(), key)]),
        ..Table::default()
    };
    let tables = [("orders", orders), ("users", users)];
    let schema = Schema {
        tables: tables.map(|(name, table)| (name.to_owned(), table)).into(),
        ..Schema::default()
    };
    catalog.schemas.insert(String::new(), schema);
    catalog
}

fn hints(hints: &[(&str, &str)]) -> Vec<RenameHint> {
    let hint = |(from, to): &(&str, &str)| RenameHint {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
    };
    hints.iter().map(hint).collect()
}

/// What is wanted: the tables and columns named.
fn wanted(tables: &[(&str, &[&str])]) -> Catalog {
    let mut wanted = Catalog::empty(present().engine);
    let schema = wanted.schemas.entry(String::new()).or_default();
    for (name, columns) in tables {
        let table = schema.tables.entry((*name).to_owned()).or_default();
        for column in *columns {
            table
                .columns
                .insert((*column).to_owned(), Column::default());
        }
    }
    wanted
}

#[test]
fn everything_that_bears_the_name_is_renamed() {
    let mut catalog = present();
    let desired = wanted(&[("purchases", &["id", "amount"]), ("users", &["id"])]);
    let hints = hints(&[("orders", "purchases"), ("orders.total", "amount")]);
    let renames = rename(&mut catalog, &desired, &hints).unwrap();
    let said: Vec<_> = renames
        .iter()
        .map(|it| (it.from.as_str(), it.table.as_str(), it.column.as_deref()))
        .collect();
    assert_eq!(
        said,
        [
            ("orders", "purchases", None),
            ("total", "purchases", Some("amount"))
        ]
    );
    let schema = catalog.schemas.get("").unwrap();
    let purchases = schema.tables.get("purchases").unwrap();
    assert_eq!(
        purchases.columns.keys().collect::<Vec<_>>(),
        ["id", "amount"]
    );
    let checks: Vec<_> = purchases.checks.keys().collect();
    assert_eq!(checks, ["check (amount>0 and 'total'<>\"amount\")"]);
    let indexes: Vec<_> = purchases.indexes.keys().collect();
    assert_eq!(indexes, ["unique (amount)"]);
    let users = schema.tables.get("users").unwrap();
    let (name, key) = users.foreign_keys.first_key_value().unwrap();
    assert_eq!(name, "(id) -> purchases");
    assert_eq!(key.referred, ["amount"]);
    let again = rename(&mut catalog, &desired, &hints);
    assert_eq!(again, Ok(vec![]), "what is done is satisfied");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let both: &[(&str, &[&str])] = &[("orders", &["id"]), ("purchases", &["id"])];
    for (hint, wanted_tables, expected) in [
        (("orders", "purchases"), both, "still has the table orders"),
        (
            ("orders", "users"),
            &[("users", &["id"][..])][..],
            "has a table users already",
        ),
        (("orders", "x"), &[("y", &["id"][..])][..], "has no table x"),
        (
            ("orders.total", "x"),
            &[("orders", &["id"][..])][..],
            "has no column x",
        ),
        (
            ("a.b.c.d", "x"),
            both,
            "name a table, or a table and its column",
        ),
    ] {
        let refusals = rename(&mut present(), &wanted(wanted_tables), &hints(&[hint]));
        let refusals = refusals.unwrap_err();
        let reason = refusals
            .first()
            .map(|it| it.reason.as_str())
            .unwrap_or_default();
        assert!(reason.contains(expected), "{hint:?}: {reason}");
    }
}

#[test]
fn where_there_are_several_schemas_a_name_alone_is_one_of_public() {
    let several = |mut catalog: Catalog| {
        catalog.engine.dialect = Dialect::Postgres;
        let schema = catalog.schemas.remove("").unwrap();
        catalog.schemas.insert("public".to_owned(), schema);
        catalog
    };
    let desired = several(wanted(&[
        ("purchases", &["id", "amount"]),
        ("users", &["id"]),
    ]));
    for (table, column) in [
        ("orders", "orders.total"),
        ("public.orders", "purchases.total"),
        ("orders", "public.purchases.total"),
    ] {
        let mut catalog = several(present());
        let hints = hints(&[(table, "purchases"), (column, "amount")]);
        let renames = rename(&mut catalog, &desired, &hints).unwrap();
        let said: Vec<_> = renames
            .iter()
            .map(|it| (it.from.as_str(), it.table.as_str()))
            .collect();
        assert_eq!(
            said,
            [("orders", "purchases"), ("total", "purchases")],
            "{column}"
        );
    }
}

#[test]
fn what_is_of_a_table_and_below_it_follows_its_name() {
    let mut catalog = present();
    catalog.engine.dialect = Dialect::Postgres;
    let schema = catalog.schemas.get_mut("").unwrap();
    let users = schema.tables.get_mut("users").unwrap();
    let options = &mut users.options;
    options.insert("inherits".to_owned(), "others, orders".to_owned());
    let policy = crate::catalog::Object {
        table: Some("orders".to_owned()),
        ..crate::catalog::Object::default()
    };
    let policies = schema.objects.entry(ObjectKind::Policy).or_default();
    policies.insert("orders.seen".to_owned(), policy);
    let desired = wanted(&[("purchases", &["id", "total"]), ("users", &["id"])]);
    rename(&mut catalog, &desired, &hints(&[("orders", "purchases")])).unwrap();
    let schema = catalog.schemas.get("").unwrap();
    let parents = schema.tables.get("users").unwrap().options.get("inherits");
    assert_eq!(parents.unwrap(), "others, purchases");
    let (name, policy) = schema.objects[&ObjectKind::Policy]
        .first_key_value()
        .unwrap();
    assert_eq!(
        (name.as_str(), policy.table.as_deref()),
        ("purchases.seen", Some("purchases"))
    );
}
