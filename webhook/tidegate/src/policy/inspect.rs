//! `tidegate policy inspect FILE`: what a component says about itself.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tidegate_admission::{Evaluate as _, PolicyInfo, PolicyState};
use tidegate_host::{Host, HostSettings, PolicySpec};

use crate::HumanOrJson;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The component.
    file: PathBuf,
    #[arg(short, long, default_value = "human")]
    output: HumanOrJson,
}

pub(crate) async fn run(args: &InspectArgs) -> Result<()> {
    let host = Host::new(HostSettings::default())?;
    // To look at it, it may have whatever it asks for.
    let capabilities = std::iter::once("cluster".to_owned()).collect();
    let set = host
        .load(
            vec![PolicySpec {
                capabilities,
                ..PolicySpec::new("policy", &args.file)
            }],
            None,
        )
        .await;
    let Some(status) = set.policies().pop() else {
        bail!("{}: not loaded", args.file.display())
    };
    if let PolicyState::Failed(reason) = &status.state {
        bail!("{}: {reason}", args.file.display());
    }
    let info = status.info.context("the policy did not describe itself")?;
    let digest = status.digest.unwrap_or_default();
    crate::print(&match args.output {
        HumanOrJson::Human => human(&info, &digest),
        HumanOrJson::Json => {
            let mut value = serde_json::to_value(info.as_ref())?;
            if let Some(map) = value.as_object_mut() {
                map.insert("sha256".into(), digest.into());
            }
            format!("{}\n", serde_json::to_string_pretty(&value)?)
        }
    })
}

fn human(info: &PolicyInfo, digest: &str) -> String {
    let mut text = format!(
        "{} {}: {}\nsha256   {digest}\nmutates  {}\n",
        info.name,
        info.version,
        info.summary,
        if info.mutates { "yes" } else { "no" }
    );
    let needs = if info.capabilities.is_empty() {
        "nothing but the log".to_owned()
    } else {
        info.capabilities.join(", ")
    };
    let _ = writeln!(text, "needs    {needs}");
    for rule in &info.matches {
        let operations: Vec<&str> = rule
            .operations
            .iter()
            .map(|operation| operation.as_str())
            .collect();
        let operations = if operations.is_empty() {
            "CREATE, UPDATE".to_owned()
        } else {
            operations.join(", ")
        };
        let _ = writeln!(
            text,
            "matches  {} of {} on {operations}",
            rule.kinds.join(", "),
            rule.groups.join(", ")
        );
    }
    let width = info
        .rules
        .iter()
        .map(|rule| rule.id.len())
        .max()
        .unwrap_or_default();
    let _ = writeln!(text, "rules");
    for rule in &info.rules {
        let _ = writeln!(
            text,
            "  {:width$}  {:7}  {}",
            rule.id,
            rule.severity.as_str(),
            rule.title
        );
    }
    let _ = writeln!(text, "settings {}", info.settings_schema);
    text
}
