//! A policy that misbehaves in the way that it is asked for, so that tests can hold the host to its limits.
//!
//! The settings' `review` or the object's annotation `misbehave` says how it judges, the settings' `check` how it checks the
//! settings. Without either it is a good policy that finds nothing. Build with `policies/build misbehaving`.

use tidegate_policy_sdk::prelude::*;

const GOOD: Rule = Rule::warning("asked-for", "What a good policy reports", "# asked-for");
const UNKNOWN: Rule = Rule::error("never-declared", "Not one of the policy's rules", "");

/// The policy.
#[derive(Debug)]
pub struct Misbehaving;

/// How to misbehave, and where.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// When judging, whatever the object says.
    review: Option<Behaviour>,
    /// When checking the settings.
    check: Option<Behaviour>,
}

/// Ways to misbehave.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Never returns.
    Spin,
    /// Recurses until the stack ends.
    Recurse,
    /// Allocates 1 GiB in pieces of 1 MiB and touches each page.
    Allocate,
    /// Panics, with the message `asked to trap`.
    Trap,
    /// Logs without end.
    Log,
    /// Logs one line of 1 MiB.
    LogLongLine,
    /// Reports one finding whose message is 8 MiB.
    BigOutput,
    /// Reports 1,000,000 findings.
    ManyFindings,
    /// Reports a finding of a rule that the policy does not have.
    UnknownRule,
    /// Gives a patch that does not apply.
    BadPatch,
    /// Gives a patch that applied twice is not what it is once: one finalizer more, for an object that has finalizers.
    GrowingPatch,
    /// Gives an audit annotation with an invalid key.
    BadAudit,
    /// Reports one finding, as a good policy would.
    Report,
}

impl Policy for Misbehaving {
    type Settings = Settings;
    const INFO: Info = Info::new("misbehaving", "0.1.0", "Misbehaves as asked, for tests.")
        .matches(&[Match::kinds("*", &["*"]).operations(&[
            Operation::Create,
            Operation::Update,
            Operation::Delete,
            Operation::Connect,
        ])])
        .rules(&[&GOOD])
        .mutates();

    fn check_settings(settings: &Settings) -> Vec<String> {
        let mut verdict = Verdict::default();
        if let Some(behaviour) = settings.check {
            behaviour.act(&mut verdict);
        }
        let findings = verdict.findings().iter();
        findings.map(|finding| finding.message.clone()).collect()
    }

    fn review(request: &Request, settings: &Settings, verdict: &mut Verdict) {
        let asked = request
            .object()
            .view("/metadata/annotations/misbehave")
            .ok();
        if let Some(behaviour) = settings.review.or(asked) {
            behaviour.act(verdict);
        }
    }
}

impl Behaviour {
    #[expect(clippy::panic, reason = "it was asked to")]
    fn act(self, verdict: &mut Verdict) {
        use tidegate_policy_sdk::log;

        match self {
            Self::Spin => loop {
                std::hint::black_box(());
            },
            Self::Recurse => {
                std::hint::black_box(recurse(0));
            }
            Self::Allocate => {
                let pieces: Vec<Vec<u8>> = (0..1024).map(|_| vec![1; 1 << 20]).collect();
                std::hint::black_box(pieces);
            }
            Self::Trap => panic!("asked to trap"),
            Self::Log => loop {
                log::info("a line without end");
            },
            Self::LogLongLine => log::info(&"x".repeat(1 << 20)),
            Self::BigOutput => verdict.report(Finding::new(&GOOD, "x".repeat(8 << 20))),
            Self::ManyFindings => {
                (0..1_000_000).for_each(|_| verdict.report(Finding::new(&GOOD, "")));
            }
            Self::UnknownRule => verdict.report(Finding::new(&UNKNOWN, "of no rule")),
            Self::BadPatch => {
                let _ = verdict.patch().remove("/not/there");
            }
            Self::GrowingPatch => {
                let _ = verdict
                    .patch()
                    .add("/metadata/finalizers/-", "tidegate.io/again");
            }
            Self::BadAudit => verdict.audit("not a key!", "x"),
            Self::Report => verdict.report(Finding::new(&GOOD, "asked to report").at("/metadata")),
        }
    }
}

/// Not a tail call: each frame's result is needed after the next one's.
#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth) + 1)) + depth
}

export_policy!(Misbehaving);
