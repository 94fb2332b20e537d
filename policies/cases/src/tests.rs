//! Pages in, cases out; and what is drawn when a policy says something else.

use crate::{Case, Expectation, Operation, Reported, Severity, compare, parse};
use serde_json::{Value, json};

#[track_caller]
fn cases(text: &str) -> Vec<Case> {
    parse("rule.md", text).expect("a valid page")
}

#[track_caller]
fn one(text: &str) -> Case {
    let mut cases = cases(text);
    assert_eq!(cases.len(), 1, "one case");
    cases.remove(0)
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let problems = parse("rule.md", text).expect_err("must be refused");
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, expected);
}

#[track_caller]
fn at(value: Option<&Value>, pointer: &str, expected: &Value) {
    assert_eq!(
        value.and_then(|value| value.pointer(pointer)),
        Some(expected)
    );
}

fn expectation(rule: &str, line: Option<u32>, part: Option<&str>) -> Expectation {
    Expectation {
        rule: rule.to_owned(),
        severity: Severity::Error,
        path: None,
        line,
        part: part.map(str::to_owned),
    }
}

fn reported(rule: &str, line: Option<u32>, message: &str) -> Reported {
    Reported {
        rule: rule.to_owned(),
        severity: Severity::Error,
        message: message.to_owned(),
        path: Some("/spec".to_owned()),
        line,
    }
}

#[test]
fn sql_is_a_migration_whose_comments_are_expectations() {
    let page = "# Rule\n\n```sql dialect=postgres settings='{\"a\": \"b c\"}'\nSELECT 1;\nDROP TABLE a; -- error: drop-table \"a\"\n\
                -- error: drop-column\n-- error: other-rule \"x -- y\"\nALTER TABLE b DROP c;\n```\n";
    let case = one(page);
    assert_eq!((case.name.as_str(), case.line), ("rule.md:4", 4));
    assert_eq!(case.settings, json!({"a": "b c"}));
    assert_eq!(case.request.operation, Operation::Create);
    assert_eq!(case.request.key.kind, "AtlasMigration");
    assert_eq!(
        (
            case.request.key.group.as_str(),
            case.request.key.version.as_str()
        ),
        ("db.atlasgo.io", "v1alpha1")
    );
    let text = page
        .lines()
        .skip(3)
        .take(5)
        .fold(String::new(), |all, line| all + line + "\n");
    at(
        case.request.object.as_ref(),
        "/spec/dir/local/1.sql",
        &json!(text),
    );
    assert_eq!(
        case.expected,
        [
            expectation("drop-table", Some(2), Some("a")),
            expectation("drop-column", Some(5), None),
            expectation("other-rule", Some(5), Some("x -- y")),
        ]
    );
}

#[test]
fn the_dialect_is_the_scheme_of_the_url() {
    for dialect in ["mysql", "mariadb", "postgres", "sqlite"] {
        let case = one(&format!(
            "```sql dialect={dialect} kind=AtlasSchema\nX\n```\n"
        ));
        let object = case.request.object.expect("an object");
        let url = object
            .pointer("/spec/url")
            .and_then(Value::as_str)
            .expect("a url");
        assert_eq!(url.split("://").next(), Some(dialect));
        at(Some(&object), "/spec/schema/sql", &json!("X\n"));
    }
}

#[test]
fn old_and_new_sql_are_an_update_and_lines_count_from_new() {
    let case = one("```sql dialect=mysql\n-- old\nA\nB\n-- new\nC -- error: dropped\n```\n");
    assert_eq!(case.request.operation, Operation::Update);
    at(
        case.request.old_object.as_ref(),
        "/spec/schema/sql",
        &json!("A\nB\n"),
    );
    at(
        case.request.object.as_ref(),
        "/spec/schema/sql",
        &json!("C -- error: dropped\n"),
    );
    assert_eq!(case.expected, [expectation("dropped", Some(1), None)]);
}

#[test]
fn yaml_is_the_object_with_what_is_stored_and_what_is_expected_after() {
    let created = one("```yaml\na: 1 # error: x /metadata/annotations/a~1b \"p q\"\n```\n");
    assert_eq!(created.request.operation, Operation::Create);
    assert_eq!(created.request.object, Some(json!({"a": 1})));
    let path = Some("/metadata/annotations/a~1b".to_owned());
    assert_eq!(
        created.expected,
        [Expectation {
            path,
            ..expectation("x", None, Some("p q"))
        }]
    );

    let updated = one("```yaml\n# old\na: 1\n---\na: 2\n```\nprose\n```yaml patch\na: 3\n```\n");
    assert_eq!(updated.request.operation, Operation::Update);
    assert_eq!(updated.request.old_object, Some(json!({"a": 1})));
    assert_eq!(updated.request.object, Some(json!({"a": 2})));
    assert_eq!(updated.patched, Some(json!({"a": 3})));

    let deleted = one("```yaml\n# old\na: 1\n```\n");
    assert_eq!(
        (deleted.request.operation, deleted.request.object),
        (Operation::Delete, None)
    );
}

#[test]
fn a_yaml_file_is_one_case() {
    let text = "# settings: {\"a\": 1}\nkind: A\n# warning: w\n---\n# patched\nkind: B\n";
    let mut cases = parse("x.yaml", text).expect("a valid file");
    let case = cases.remove(0);
    assert!(cases.is_empty());
    assert_eq!(case.name, "x.yaml:1");
    assert_eq!(case.settings, json!({"a": 1}));
    assert_eq!(case.request.key.kind, "A");
    assert_eq!(
        case.expected.first().map(|one| one.severity),
        Some(Severity::Warning)
    );
    assert_eq!(case.patched, Some(json!({"kind": "B"})));
}

#[test]
fn other_blocks_are_prose() {
    let page = "```sh\nls\n```\n```sql example\nX\n```\n```yaml example\n- x\n```\n````md\n```sql\n```\n````\n`a` ```b```\n";
    assert_eq!(cases(page), []);
}

#[test]
fn mistakes_are_all_named_with_their_line() {
    refused(
        "```sql\nX\n```\n",
        &["rule.md:1: an sql block needs dialect=mysql, mariadb, postgres or sqlite"],
    );
    refused(
        "```sql dialect=oracle\nX\n```\n\n```sql dialect=mysql\n\nX -- error: Not_A_Rule\n```\n",
        &[
            "rule.md:1: `dialect=oracle` is none of mysql, mariadb, postgres, sqlite",
            "rule.md:7: expected the id of a rule after `error:`, found `Not_A_Rule`",
        ],
    );
    refused(
        "```sql dialect=mysql kind=Pod\n```\n",
        &["rule.md:1: `kind=Pod` is neither AtlasSchema nor AtlasMigration"],
    );
    refused(
        "```yaml wrong=1\na: 1\n```\n",
        &[
            "rule.md:1: `wrong` is not known here (known: dialect=, kind=, settings='..', patch, example)",
        ],
    );
    refused(
        "```yaml settings='{'\na: 1\n```\n",
        &["rule.md:1: settings: EOF while parsing an object at line 1 column 1"],
    );
    refused(
        "```yaml settings='{\na: 1\n```\n",
        &["rule.md:1: the value of `settings` does not end with a quote"],
    );
    refused(
        "```yaml\n- 1\n```\n",
        &["rule.md:2: not an object: expected apiVersion, kind and so on"],
    );
    refused("```yaml\n```\n", &["rule.md:2: there is no object"]);
    refused(
        "```yaml patch\na: 1\n```\n",
        &["rule.md:1: `patch` does not follow a yaml block"],
    );
    refused(
        "x\n```yaml\na: 1\n",
        &["rule.md:2: the fenced block does not end"],
    );
    refused(
        "```yaml\na: 1 # error: x y\n```\n",
        &["rule.md:2: expected a part of the message in double quotes after `x`, found `y`"],
    );
}

#[test]
fn exactly_the_expected_findings_are_right() {
    let expected = [
        expectation("a", Some(2), None),
        expectation("a", None, Some("second")),
    ];
    let first = reported("a", Some(2), "first");
    let second = reported("a", Some(2), "second");
    assert_eq!(compare(&expected, &[second.clone(), first.clone()]), Ok(()));
    assert_eq!(
        compare(
            &expected,
            &[reported("a", None, "no place"), second.clone()]
        ),
        Ok(())
    );
    let info = Reported {
        severity: Severity::Info,
        ..first
    };
    assert_eq!(
        compare(&[], std::slice::from_ref(&info)),
        Ok(()),
        "info may stay unlisted"
    );
    let listed = Expectation {
        severity: Severity::Info,
        ..expectation("b", None, None)
    };
    assert!(compare(&[listed], &[info]).is_err(), "unless one is listed");
    assert_eq!(
        compare(&expected, &[reported("a", Some(3), "first"), second]),
        Err(
            "expected, but not reported:\n  error: a (line 2)\nreported, but not expected:\n  \
             error: a /spec (line 3) \"first\"\n"
                .to_owned()
        )
    );
}
