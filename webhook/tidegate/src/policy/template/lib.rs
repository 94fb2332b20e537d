//! {{name}}: every Application says who owns it.

use tidegate_policy_sdk::prelude::*;

/// The policy. It is a pure function of the request: no clock, no network, nothing kept between calls.
#[derive(Debug)]
pub struct Owners;

const OWNER_MISSING: Rule =
    Rule::error("owner-missing", "An Application names its owner", include_str!("owner_missing.md"));

impl Policy for Owners {
    type Settings = NoSettings;
    const INFO: Info = Info::new("{{name}}", "0.1.0", "Every Application says who owns it.")
        .matches(&[Match::kinds("argoproj.io", &["Application"])])
        .rules(&[&OWNER_MISSING]);

    fn review(request: &Request, _: &NoSettings, verdict: &mut Verdict) {
        if request.object().annotation("example.com/owner").is_none() {
            verdict.report(
                Finding::new(&OWNER_MISSING, "the Application does not say who owns it")
                    .at("/metadata/annotations")
                    .suggest("add the annotation `example.com/owner: TEAM`"),
            );
        }
    }
}

export_policy!(Owners);

#[test]
fn the_page_tells_the_truth() {
    tidegate_policy_sdk::testing::check_markdown::<Owners>(OWNER_MISSING.documentation);
}
