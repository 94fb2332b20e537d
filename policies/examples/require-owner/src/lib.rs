//! Example policy: every Application names its owner.

use tidegate_policy_sdk::prelude::*;

const NO_OWNER: Rule = Rule::error("no-owner", "Names no owner", include_str!("no-owner.md"));

/// Refuses an Application that does not say whom to ask.
#[derive(Debug)]
pub struct RequireOwner;

impl Policy for RequireOwner {
    type Settings = NoSettings;
    const INFO: Info = Info::new(
        "require-owner",
        "0.1.0",
        "Every Application names its owner.",
    )
    .matches(&[Match::kinds("argoproj.io", &["Application"])])
    .rules(&[&NO_OWNER]);

    fn review(request: &Request, _: &NoSettings, verdict: &mut Verdict) {
        if request.object().annotation("owner").is_none() {
            verdict.report(Finding::new(&NO_OWNER, "no owner").at("/metadata/annotations"));
        }
    }
}

export_policy!(RequireOwner);
