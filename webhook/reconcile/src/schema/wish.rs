//! Which schema an AtlasSchema wants, and whether everything that it wants beside it can be had. Pure.

use tidegate_model::atlas::{AtlasSchemaSpec, KeyRef};

use super::snapshot::{Cause, Problem};

/// Where the wanted schema is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    /// In the object.
    Sql(&'a str),
    /// In a `ConfigMap`.
    ConfigMap(&'a KeyRef),
}

/// Reads the wish, by the Atlas operator's precedence: `configMapKeyRef`, `hcl`, `sql`, `url`.
///
/// A setting that cannot be followed is refused with the whole object: whoever wrote `exclude` or `review: ALWAYS` counts on it, and
/// to leave it out in silence would do what they forbade.
pub(super) fn wish(spec: &AtlasSchemaSpec) -> Result<Wish<'_>, Problem> {
    let unknown = unknown_settings(spec);
    if !unknown.is_empty() {
        return refuse(format!(
            "this version cannot follow {}: remove it, or nothing is applied",
            unknown.join(", ")
        ));
    }
    if let Some(reference) = &spec.schema.config_map_key_ref {
        let is_sql = reference
            .key
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "sql");
        return if is_sql {
            Ok(Wish::ConfigMap(reference))
        } else {
            refuse(format!(
                "spec.schema.configMapKeyRef.key must be ending with .sql, received {:?}; schemas in Atlas HCL cannot be \
                 applied: write the schema as SQL",
                reference.key
            ))
        };
    }
    if spec.schema.hcl.is_some() {
        return refuse(
            "spec.schema.hcl cannot be applied: write the schema as SQL into spec.schema.sql",
        );
    }
    match (&spec.schema.sql, &spec.schema.url) {
        (Some(sql), _) => Ok(Wish::Sql(sql)),
        (None, Some(_)) => refuse(
            "spec.schema.url names a schema in Atlas Cloud, which cannot be applied: write it as SQL into spec.schema.sql",
        ),
        (None, None) => refuse("there is no schema: write SQL into spec.schema.sql"),
    }
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::new(Cause::ReadSchema, message))
}

fn unknown_settings(spec: &AtlasSchemaSpec) -> Vec<&'static str> {
    // What would be destroyed is never in a plan, so that to skip it changes nothing. What would be added is.
    let skips_additions = spec
        .policy
        .diff
        .skip
        .iter()
        .any(|(kind, skip)| *skip && kind.starts_with("add_"));
    let review = spec.policy.lint.review.as_deref();
    [
        (!spec.exclude.is_empty(), "spec.exclude"),
        (!spec.schemas.is_empty(), "spec.schemas"),
        (
            spec.transaction_mode.as_deref() == Some("none"),
            "spec.txMode: none",
        ),
        (skips_additions, "spec.policy.diff.skip.add_*"),
        // ERROR asks for a review of plans that break a rule. Those never run here.
        (
            matches!(review, Some("ALWAYS" | "WARNING")),
            "spec.policy.lint.review: ALWAYS or WARNING",
        ),
    ]
    .into_iter()
    .filter_map(|(is_set, name)| is_set.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidegate_model::atlas::AtlasSchema;

    use super::*;

    /// What a spec wishes: the SQL, `configMap NAME/KEY`, or the words of the refusal.
    #[track_caller]
    fn check(spec: &Value, expected: Result<&str, &[&str]>) {
        let schema = AtlasSchema::from_object(&json!({"spec": spec})).expect("well formed");
        let read = wish(&schema.spec).map(|wish| match wish {
            Wish::Sql(sql) => sql.to_owned(),
            Wish::ConfigMap(reference) => format!("configMap {}/{}", reference.name, reference.key),
        });
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{spec}"),
            (Err(problem), Err(words)) => {
                assert_eq!(problem.cause, Cause::ReadSchema);
                for word in words {
                    assert!(
                        problem.message.contains(word),
                        "{word:?} in {:?}",
                        problem.message
                    );
                }
            }
            (read, _) => panic!("{spec}: {read:?}"),
        }
    }

    #[test]
    fn the_source_goes_by_the_operators_precedence() {
        check(
            &json!({"schema": {"sql": "s", "url": "atlas://x"}}),
            Ok("s"),
        );
        check(&json!({"schema": {"sql": ""}}), Ok(""));
        let reference = json!({"name": "m", "key": "k.sql"});
        check(
            &json!({"schema": {"sql": "s", "hcl": "h", "configMapKeyRef": reference}}),
            Ok("configMap m/k.sql"),
        );
        check(
            &json!({"schema": {"configMapKeyRef": {"name": "m", "key": "k.hcl"}}}),
            Err(&["must be ending with .sql", "\"k.hcl\""]),
        );
        check(
            &json!({"schema": {"sql": "s", "hcl": "h"}}),
            Err(&["spec.schema.hcl", "write the schema as SQL"]),
        );
        check(
            &json!({"schema": {"url": "atlas://x"}}),
            Err(&["Atlas Cloud"]),
        );
        check(&json!({}), Err(&["there is no schema", "spec.schema.sql"]));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name() {
        let with = |setting: Value| {
            let mut spec = json!({"schema": {"sql": "s"}});
            if let (Some(spec), Value::Object(setting)) = (spec.as_object_mut(), setting) {
                spec.extend(setting);
            }
            spec
        };
        check(
            &with(json!({"exclude": ["a"], "schemas": ["b"]})),
            Err(&["cannot follow spec.exclude, spec.schemas:"]),
        );
        check(
            &with(json!({"txMode": "none"})),
            Err(&["spec.txMode: none"]),
        );
        check(&with(json!({"txMode": "file"})), Ok("s"));
        check(
            &with(json!({"policy": {"diff": {"skip": {"add_table": true}}}})),
            Err(&["skip.add_*"]),
        );
        check(
            &with(json!({"policy": {"diff": {"skip": {"drop_table": true, "add_index": false}}}})),
            Ok("s"),
        );
        check(
            &with(json!({"policy": {"lint": {"review": "ALWAYS"}}})),
            Err(&["spec.policy.lint.review"]),
        );
        check(
            &with(json!({"policy": {"lint": {"review": "ERROR", "destructive": {"error": true}}}})),
            Ok("s"),
        );
    }
}
