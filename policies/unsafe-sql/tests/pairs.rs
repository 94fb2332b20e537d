//! Old schemas against new ones, as people change them: each must be denied by just the rules that its first line names, or let through.
//! What is only warned about is free here; the rules' own pages hold that, with places and words.

use serde_json::{Value, json};
use tidegate_policy_sdk::prelude::Severity;
use tidegate_policy_sdk::testing;
use unsafe_sql::UnsafeSql;

/// One block: heading, expected rules, old text, new text.
struct Pair<'a> {
    title: &'a str,
    denied: Vec<&'a str>,
    old: &'a str,
    new: &'a str,
}

fn pairs(page: &str) -> Vec<Pair<'_>> {
    let mut blocks = page.split("\n## ");
    let _essay = blocks.next();
    blocks
        .map(|block| {
            let (title, rest) = block.split_once('\n').expect("a heading has a line");
            let (_, rest) = rest.split_once("```sql\n").expect("a block of SQL");
            let (text, _) = rest.rsplit_once("\n```").expect("the end of the block");
            let (said, rest) = text.split_once("\n-- old\n").expect("an old text");
            let (old, new) = rest.split_once("\n-- new\n").expect("a new text");
            let denied = match said.strip_prefix("-- denied: ") {
                Some(rules) => rules.split(", ").collect(),
                None => {
                    assert_eq!(said, "-- allowed", "{title}");
                    vec![]
                }
            };
            Pair {
                title,
                denied,
                old,
                new,
            }
        })
        .collect()
}

fn schema(dialect: &str, text: &str) -> Value {
    json!({
        "apiVersion": "db.atlasgo.io/v1alpha1",
        "kind": "AtlasSchema",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"url": format!("{dialect}://db"), "schema": {"sql": text}},
    })
}

#[track_caller]
fn check(dialect: &str, page: &str, at_least: usize) {
    let pairs = pairs(page);
    assert!(pairs.len() >= at_least, "{} pairs", pairs.len());
    let mut wrong = Vec::new();
    for pair in &pairs {
        let request =
            json!({"object": schema(dialect, pair.new), "oldObject": schema(dialect, pair.old)});
        let verdict = testing::review::<UnsafeSql>(&request);
        let errors = verdict
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let mut seen: Vec<&str> = errors.map(|finding| finding.rule.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        if seen != pair.denied {
            let messages: Vec<&str> = verdict
                .findings
                .iter()
                .map(|finding| finding.message.as_str())
                .collect();
            wrong.push(format!(
                "{dialect}, {}: {seen:?}, not {:?}: {messages:#?}",
                pair.title, pair.denied
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        pairs.len(),
        wrong.join("\n")
    );
}

#[test]
fn postgres() {
    check("postgres", include_str!("pairs/postgres.md"), 100);
}

#[test]
fn mysql() {
    check("mysql", include_str!("pairs/mysql.md"), 50);
}

#[test]
fn mariadb() {
    check("mariadb", include_str!("pairs/mariadb.md"), 50);
}

#[test]
fn sqlite() {
    check("sqlite", include_str!("pairs/sqlite.md"), 30);
}
