//! The policies over a plan: the question that the reconciler's gate asks, asked from a terminal.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tidegate_admission::{Action, JudgedFinding};
use tidegate_host::Change;
use tidegate_schemaplan::Plan;
use tidegate_sqlplan::Dialect;

use crate::plan_review::{self, Question};
use crate::policies::{self, PolicySource};

/// How long all policies may take; each has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(30);

/// Policies match kinds of objects: a plan at a terminal is what this AtlasSchema would bring about.
const SUBJECT: &str = r#"{"apiVersion":"db.atlasgo.io/v1alpha1","kind":"AtlasSchema","metadata":{"name":"plan"},"spec":{}}"#;

/// Which policies judge.
#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// The policies file that judges the plan. Without it nothing does.
    #[arg(long = "policies", value_name = "FILE", env = "TIDEGATE_POLICIES")]
    policies: Option<PathBuf>,
    /// Keeps compiled policies between runs. Only ever a folder that nobody else can write to.
    #[arg(long, value_name = "FOLDER", env = "TIDEGATE_CACHE_DIR")]
    cache: Option<PathBuf>,
}

/// What the policies found.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) findings: Vec<Finding>,
    /// Policies without a verdict, and why; true where that denies.
    pub(super) failures: Vec<(String, bool)>,
}

/// One finding, as `check -o json` has it, and the statement it is about, from 1.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    #[serde(flatten)]
    pub(super) found: JudgedFinding,
    pub(super) statement: Option<usize>,
}

impl Judgement {
    /// Whether anything says no.
    pub(super) fn is_denied(&self) -> bool {
        let denies = |finding: &Finding| finding.found.action == Action::Deny;
        self.findings.iter().any(denies) || self.failures.iter().any(|(_, denies)| *denies)
    }
}

impl GateArgs {
    /// Asks the policies about the plan. An empty plan is not asked about.
    pub(super) async fn judge(&self, plan: &Plan, dialect: Dialect) -> Result<Judgement> {
        let Some(file) = &self.policies else {
            return Ok(Judgement::default());
        };
        if plan.statements.is_empty() {
            return Ok(Judgement::default());
        }
        let source = PolicySource {
            file: Some(file.clone()),
            cache: self.cache.clone(),
        };
        let set = policies::load(&source, Some(&dialect.to_string())).await?;
        let question = Question {
            subject: SUBJECT,
            namespace: None,
            changes: plan
                .statements
                .iter()
                .map(|statement| Change::Statement(statement.sql.clone()))
                .collect(),
            dialect: Some(dialect.to_string()),
            budget: BUDGET,
        };
        let decision = plan_review::judge(&set, question).await;
        Ok(Judgement {
            findings: decision
                .findings
                .into_iter()
                .map(|found| Finding {
                    statement: plan_review::change_of(&found).map(|(index, _)| index + 1),
                    found,
                })
                .collect(),
            failures: decision
                .failures
                .iter()
                .map(|(policy, why, action)| {
                    let message = plan_review::could_not_judge(policy, why);
                    (message, *action == Action::Deny)
                })
                .collect(),
        })
    }
}
