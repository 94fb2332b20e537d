//! Example policy: every Application names its owner. 15 lines of code; the rule's page is its documentation and its test.

use tidegate_policy_sdk::prelude::*;

const NO_OWNER: Rule = Rule::error("no-owner", "No owner", include_str!("no-owner.md"));

struct RequireOwner;

impl Policy for RequireOwner {
    type Settings = NoSettings;
    const INFO: Info = Info::new("require-owner", "0.1.0", "Each has an owner.")
        .matches(&[Match::kinds("argoproj.io", &["Application"])])
        .rules(&[&NO_OWNER]);

    fn review(request: &Request, _: &NoSettings, verdict: &mut Verdict) {
        if request.object().annotation("owner").is_none() {
            verdict.report(Finding::new(&NO_OWNER, "annotation `owner` missing"));
        }
    }
}

export_policy!(RequireOwner);

#[cfg(test)]
#[test]
fn the_page_is_right() {
    tidegate_policy_sdk::testing::check_markdown::<RequireOwner>(NO_OWNER.documentation);
}
