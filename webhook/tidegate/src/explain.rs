//! `tidegate explain RULE`: a rule's page, out of the very component that judges.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::Args;

use crate::policies::{self, PolicySource};

/// Which rule.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// `drop-column` or `unsafe-sql/drop-column`; none lists all rules.
    rule: Option<String>,
    #[command(flatten)]
    policies: PolicySource,
}

pub(crate) async fn run(args: &ExplainArgs) -> Result<()> {
    let policies = policies::load(&args.policies, None).await?;
    let rules = policies::rules(policies.as_ref());
    let Some(wanted) = &args.rule else {
        let width = rules
            .iter()
            .map(|(id, _)| id.len())
            .max()
            .unwrap_or_default();
        let mut list = String::new();
        for (id, rule) in &rules {
            let _ = writeln!(
                list,
                "{id:width$}  {:7}  {}",
                rule.severity.as_str(),
                rule.title
            );
        }
        return crate::print(&list);
    };
    let found: Vec<_> = rules
        .iter()
        .filter(|(id, rule)| id == wanted || rule.id == *wanted)
        .collect();
    match found.as_slice() {
        [] => bail!(
            "no rule `{wanted}`{}; `tidegate explain` lists all",
            similar(wanted, &rules)
        ),
        found => {
            let mut page = String::new();
            for (id, rule) in found {
                let _ = writeln!(
                    page,
                    "{id} ({}): {}\n\n{}",
                    rule.severity.as_str(),
                    rule.title,
                    rule.documentation.trim()
                );
            }
            crate::print(&page)
        }
    }
}

fn similar(wanted: &str, rules: &[(String, tidegate_admission::RuleInfo)]) -> String {
    let words = |id: &str| id.split(['-', '/']).map(str::to_owned).collect::<Vec<_>>();
    let wanted = words(wanted);
    let shared = |id: &str| {
        words(id)
            .iter()
            .filter(|word| wanted.contains(word))
            .count()
    };
    let best = rules
        .iter()
        .map(|(id, _)| (shared(id), id))
        .filter(|(shared, _)| *shared > 0)
        .max_by_key(|(shared, _)| *shared);
    best.map_or_else(String::new, |(_, id)| format!("; did you mean `{id}`?"))
}
