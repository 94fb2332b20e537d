//! The policies over a plan: the question that the reconciler's gate asks, asked from a terminal.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tidegate_admission::{
    Action, GroupVersionKind, GroupVersionResource, JudgedFinding, Operation, Review, Stage,
    UserInfo, decide,
};
use tidegate_host::{Change, PlanRequest};
use tidegate_schemaplan::Plan;
use tidegate_sqlplan::Dialect;

use crate::policies::{self, PolicySource};

/// How long all policies may take; each has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(30);

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
        let subject = subject();
        let evaluated = set
            .judge_plan(PlanRequest {
                kind: subject.kind.clone(),
                namespace: None,
                subject: subject.object.clone().unwrap_or_default(),
                changes: plan
                    .statements
                    .iter()
                    .map(|statement| Change::Statement(statement.sql.clone()))
                    .collect(),
                dialect: Some(dialect.to_string()),
                budget: BUDGET,
                day: policies::today(),
            })
            .await;
        let decision = decide(&subject, Stage::Validate, &evaluated);
        Ok(Judgement {
            findings: decision
                .findings
                .into_iter()
                .map(|found| Finding {
                    statement: statement(&found),
                    found,
                })
                .collect(),
            failures: decision
                .failures
                .iter()
                .map(|(policy, why, action)| {
                    let message = format!("policy {policy} could not judge the plan: {why}");
                    (message, *action == Action::Deny)
                })
                .collect(),
        })
    }
}

fn statement(finding: &JudgedFinding) -> Option<usize> {
    let rest = finding.path.as_deref()?.strip_prefix("/changes/")?;
    let index: usize = rest.split('/').next()?.parse().ok()?;
    Some(index + 1)
}

/// Policies match kinds of objects: this plan is what an AtlasSchema would bring about.
fn subject() -> Review {
    let object = r#"{"apiVersion":"db.atlasgo.io/v1alpha1","kind":"AtlasSchema","metadata":{"name":"plan"},"spec":{}}"#;
    Review {
        uid: String::new(),
        operation: Operation::Update,
        kind: GroupVersionKind {
            group: "db.atlasgo.io".to_owned(),
            version: "v1alpha1".to_owned(),
            kind: "AtlasSchema".to_owned(),
        },
        resource: GroupVersionResource::default(),
        sub_resource: None,
        name: "plan".to_owned(),
        namespace: None,
        user: UserInfo::default(),
        dry_run: false,
        object: Some(object.into()),
        old_object: None,
    }
}
