//! What holds for every catalog, whatever engine described it.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use tidegate_schemaplan::{
    Catalog, Check, Column, Engine, ForeignKey, Index, IndexPart, Object, ObjectKind, Owner,
    PrimaryKey, RenameHint, Schema, Settings, Table, diff, losses, plan,
};
use tidegate_sqlplan::Dialect;

fn name() -> impl Strategy<Value = String> {
    "[a-eA-E]{1,2}"
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-e' \"().]{1,6}"]
}

prop_compose! {
    fn column()(
        data_type in "(int|text|varchar\\(5\\))",
        nullable in any::<bool>(),
        default in option::of(text()),
        comment in option::of(text()),
    ) -> Column {
        Column { data_type, nullable, default, comment, ..Column::default() }
    }
}

fn parts() -> impl Strategy<Value = Vec<IndexPart>> {
    let part = (name(), any::<bool>()).prop_map(|(column, descending)| IndexPart {
        column: Some(column),
        descending,
        ..IndexPart::default()
    });
    prop::collection::vec(part, 1..3)
}

prop_compose! {
    fn table()(
        columns in btree_map(name(), column(), 1..4),
        key in option::of(parts()),
        indexes in btree_map(name(), (parts(), any::<bool>(), any::<bool>()), 0..3),
        keys in btree_map(name(), (name(), name(), name()), 0..3),
        checks in btree_map(name(), text(), 0..2),
        options in btree_map("(strict|engine)", text(), 0..2),
    ) -> Table {
        Table {
            columns: columns.into_iter().collect::<IndexMap<_, _>>(),
            primary_key: key.map(|parts| PrimaryKey { parts, ..PrimaryKey::default() }),
            indexes: indexes.into_iter().map(|(name, (parts, unique, constraint))| {
                (name, Index { parts, unique, constraint, ..Index::default() })
            }).collect(),
            foreign_keys: keys.into_iter().map(|(name, (column, table, referred))| {
                (name, ForeignKey { columns: vec![column], table, referred: vec![referred], ..ForeignKey::default() })
            }).collect(),
            checks: checks.into_iter().map(|(name, expression)| (name, Check { expression, ..Check::default() })).collect(),
            options,
            ..Table::default()
        }
    }
}

prop_compose! {
    fn schema()(
        tables in btree_map(name(), table(), 0..4),
        views in btree_map(name(), (text(), prop::collection::vec(name(), 0..2)), 0..3),
    ) -> Schema {
        let views = views.into_iter().map(|(name, (definition, needs))| {
            (name, Object { create: definition.clone(), definition, needs, ..Object::default() })
        });
        Schema { tables, objects: BTreeMap::from([(ObjectKind::View, views.collect())]), ..Schema::default() }
    }
}

fn catalog() -> impl Strategy<Value = Catalog> {
    let engine = prop::sample::select(vec![
        (Dialect::Sqlite, (3, 50)),
        (Dialect::Postgres, (15, 4)),
        (Dialect::Mariadb, (10, 11)),
        (Dialect::Mysql, (8, 0)),
    ]);
    (engine, schema()).prop_map(|((dialect, version), schema)| Catalog {
        engine: Engine { dialect, version },
        schemas: BTreeMap::from([(String::new(), schema)]),
        user: Owner::default(),
    })
}

proptest! {
    #[test]
    fn what_is_equal_has_no_difference_and_no_plan(catalog in catalog(), exclude in prop::collection::vec("[a-e*.?\\[\\]=|typevw]{0,8}", 0..3)) {
        prop_assert_eq!(diff(&catalog, &catalog), vec![]);
        let settings = Settings { exclude, ..Settings::default() };
        let planned = plan(&catalog, &catalog, &settings);
        prop_assert_eq!(planned.map(|plan| plan.statements), Ok(vec![]));
        prop_assert_eq!(losses(&catalog, &catalog, &settings), vec![]);
    }

    #[test]
    fn what_is_all_excluded_is_not_touched(current in catalog(), desired in schema()) {
        let desired = Catalog { engine: current.engine, schemas: BTreeMap::from([(String::new(), desired)]), user: Owner::default() };
        let settings = Settings { exclude: vec!["*".to_owned()], ..Settings::default() };
        let planned = plan(&current, &desired, &settings);
        prop_assert_eq!(planned.map(|plan| plan.statements), Ok(vec![]));
    }

    #[test]
    fn a_hint_whose_old_name_is_gone_says_nothing(catalog in catalog(), to in name(), column in name()) {
        let gone = |from: String| RenameHint { from, to: to.clone() };
        let renames = vec![gone("gone".to_owned()), gone(format!("missing.{column}"))];
        let settings = Settings { renames, ..Settings::default() };
        let planned = plan(&catalog, &catalog, &settings);
        prop_assert_eq!(planned.map(|plan| plan.statements), Ok(vec![]));
    }

    #[test]
    fn nothing_panics(current in catalog(), desired in schema(), from in "[a-e.]{0,4}", to in "[a-e.]{0,4}") {
        let desired = Catalog { engine: current.engine, schemas: BTreeMap::from([(String::new(), desired)]), user: Owner::default() };
        let settings = Settings { renames: vec![RenameHint { from, to }], ..Settings::default() };
        let _ = plan(&current, &desired, &settings);
        let _ = losses(&current, &desired, &settings);
    }
}
