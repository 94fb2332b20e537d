//! The native harness fails a policy that is not what its page says, and says how.

use tidegate_policy_sdk::prelude::*;
use tidegate_policy_sdk::testing;

const BARE: Rule = Rule::warning("bare", "No labels", "");

#[derive(Debug)]
struct Labels;

/// Adds a label, or a finalizer at each review when told to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    grow: bool,
}

impl Policy for Labels {
    type Settings = Settings;
    const INFO: Info = Info::new("labels", "0.1.0", "Adds labels.")
        .matches(&[Match::kinds("", &["ConfigMap"])])
        .rules(&[&BARE])
        .mutates();

    fn review(request: &Request, settings: &Settings, verdict: &mut Verdict) {
        if settings.grow {
            verdict.patch().add("/list/-", 1);
        } else if request.object().label("a").is_none() {
            verdict.report(Finding::new(&BARE, "no labels").at("/metadata").mended());
            verdict.patch().add("/metadata/labels", json!({"a": "b"}));
        }
    }
}

export_policy!(Labels);

const PAGE: &str = "```yaml\nmetadata: {} # warning: bare /metadata \"no labels\"\n```\n\
                    ```yaml patch\nmetadata: {labels: {a: b}}\n```\n";

#[test]
fn a_right_page_passes() {
    testing::check_markdown::<Labels>(PAGE);
    let verdict = testing::review::<Labels>(&json!({"object": {"metadata": {}}}));
    assert_eq!(verdict.findings.len(), 1);
    assert!(verdict.findings.iter().all(|finding| finding.mended));
}

#[test]
#[should_panic(expected = "expected, but not reported:\n  warning: bare \"other words\"")]
fn another_message_fails() {
    testing::check_markdown::<Labels>(
        "```yaml\nmetadata: {} # warning: bare \"other words\"\n```\n",
    );
}

#[test]
#[should_panic(expected = "expected after the patch:")]
fn another_object_after_the_patch_fails() {
    testing::check_markdown::<Labels>(&PAGE.replace("a: b", "a: c"));
}

#[test]
#[should_panic(expected = "the patched object changes again")]
fn a_patch_that_never_ends_fails() {
    testing::check_markdown::<Labels>("```yaml settings='{\"grow\": true}'\nlist: []\n```\n");
}

#[test]
#[should_panic(expected = "settings refused: /grow: invalid type: integer `1`, expected a boolean")]
fn settings_that_do_not_fit_fail() {
    testing::check_markdown::<Labels>("```yaml settings='{\"grow\": 1}'\nlist: []\n```\n");
}

#[test]
#[should_panic(expected = "has no case")]
fn a_page_without_cases_fails() {
    testing::check_markdown::<Labels>("prose\n");
}
