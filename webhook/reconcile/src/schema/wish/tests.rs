use serde_json::json;
use tidegate_model::atlas::AtlasSchema;
use tidegate_schemaplan::Wanted;

use super::*;

fn spec(spec: &Value) -> AtlasSchemaSpec {
    AtlasSchema::from_object(&json!({"spec": spec}))
        .expect("well formed")
        .spec
}

#[track_caller]
fn refused<T>(read: Result<T, Problem>, words: &[&str]) {
    let problem = read.err().expect("it cannot be followed");
    assert_eq!(problem.reason, Reason::ReadSchema);
    for word in words {
        let message = &problem.message;
        assert!(message.contains(word), "{word:?} in {message:?}");
    }
}

/// Where the schema is: the SQL, or `configMap NAME/KEY`.
#[track_caller]
fn found(given: &Value, expected: &str) {
    let spec = spec(given);
    let read = match source(&spec).expect("it is there") {
        Source::Sql(sql) => sql.to_owned(),
        Source::ConfigMap(reference) => format!("configMap {}/{}", reference.name, reference.key),
    };
    assert_eq!(read, expected, "{given}");
}

#[test]
fn the_source_goes_by_the_operators_precedence() {
    found(&json!({"schema": {"sql": "s", "url": "atlas://x"}}), "s");
    found(&json!({"schema": {"sql": ""}}), "");
    let reference = json!({"name": "m", "key": "k.sql"});
    found(
        &json!({"schema": {"sql": "s", "hcl": "h", "configMapKeyRef": reference}}),
        "configMap m/k.sql",
    );
    for (given, words) in [
        (
            json!({"schema": {"configMapKeyRef": {"name": "m", "key": "k.hcl"}}}),
            &["must be ending with .sql", "\"k.hcl\""][..],
        ),
        (
            json!({"schema": {"sql": "s", "hcl": "h"}}),
            &["spec.schema.hcl", "write the schema as SQL"],
        ),
        (json!({"schema": {"url": "atlas://x"}}), &["Atlas Cloud"]),
        (json!({}), &["there is no schema", "spec.schema.sql"]),
    ] {
        refused(source(&spec(&given)), words);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_by_name() {
    for (given, words) in [
        (
            json!({"config": "x", "vars": [{"key": "a"}], "cloud": {"repo": "r"}}),
            &[
                "cannot follow spec.config",
                "spec.vars",
                "spec.cloud",
                "nothing is applied",
            ][..],
        ),
        (json!({"configFrom": {}}), &["spec.config"]),
        (
            json!({"policy": {"diff": {"skip": {"drop_view": true}}}}),
            &["spec.policy.diff.skip.drop_view"],
        ),
        (
            json!({"txMode": "some"}),
            &["\"some\"", "file, all or none"],
        ),
    ] {
        refused(wish(&spec(&given)), words);
    }
}

#[test]
fn what_can_be_followed_is_read() {
    let read = |given: Value| wish(&spec(&given)).expect("all of it can be followed");
    let plain = read(json!({"cloud": {"repo": ""}, "devURL": "sqlite://dev?mode=memory"}));
    assert_eq!(
        plain,
        Wish {
            backoff_limit: 20,
            ..Wish::default()
        }
    );
    let full = read(json!({
        "exclude": ["a"], "schemas": ["b"], "txMode": "none", "backoffLimit": 3,
        "policy": {
            "lint": {"destructive": {"error": false}, "review": "ALWAYS"},
            "diff": {"skip": {"drop_table": true, "add_index": false}, "concurrent_index": {"create": true}},
        },
    }));
    assert_eq!(
        (&full.settings.exclude[..], &full.schemas[..]),
        (&["a".to_owned()][..], &["b".to_owned()][..])
    );
    assert_eq!(
        (full.transaction, full.backoff_limit),
        (TransactionMode::None, 3)
    );
    assert!(full.may_lose && full.review == Review::All);
    assert!(full.settings.concurrent_index_create && !full.settings.concurrent_index_drop);
    assert!(full.settings.skip.drop_table && !full.settings.skip.add_index);
    for policy in [
        json!({"lint": {"destructive": {"error": true}}}),
        json!({"lint": {"destructive": {}}}),
        json!({"lint": {"destructive": {"error": false}, "review": "ERROR"}}),
        json!({"lint": {"destructive": {"error": false}, "review": "WARNING"}}),
    ] {
        assert!(!read(json!({"policy": policy})).may_lose);
    }
    let warned = read(json!({"policy": {"lint": {"review": "WARNING"}}}));
    assert_eq!(warned.review, Review::Warned);
}

#[test]
fn what_cannot_be_had_is_said_at_once() {
    let composite =
        json!({"schema": {"url": "atlas://x"}, "config": "env {}", "cloud": {"repo": "r"}});
    refused(
        read(&spec(&composite)),
        &["spec.config", "spec.cloud", "; spec.schema.url"],
    );
}

#[test]
fn a_hash_is_of_the_statements_and_of_what_narrows_them() {
    let hash = |text: &str, wish: &Wish| {
        let statements = text.split_inclusive(';').map(str::to_owned).collect();
        let wanted = Wanted {
            statements,
            ..Wanted::default()
        };
        hash(&Gist::of(&wanted), wish)
    };
    let plain = Wish::default();
    let narrowed = Wish {
        schemas: vec!["a".into()],
        ..Wish::default()
    };
    let patient = Wish {
        backoff_limit: 7,
        ..Wish::default()
    };
    assert_eq!(
        hash("", &plain),
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    );
    assert_eq!(hash("a", &plain), hash("a", &patient));
    assert_ne!(hash("a", &plain), hash("b", &plain));
    assert_ne!(hash("a;b", &plain), hash("a b", &plain));
    assert_ne!(hash("a", &plain), hash("a", &narrowed));
}
