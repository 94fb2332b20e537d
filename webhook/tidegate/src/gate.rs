//! The policies over what is about to run: the question that the reconciler's gate asks, asked from a terminal by `schema` and `migrate`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tidegate_admission::{Action, JudgedFinding};
use tidegate_host::Change;
use tidegate_sqlplan::Dialect;

use crate::plan_review::{self, Question};
use crate::policies::{self, PolicySource};

/// How long all policies may take; each has its own, shorter limit.
const BUDGET: Duration = Duration::from_secs(30);

/// Policies match kinds of objects: what is done at a terminal is what an object of this kind would bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A plan from one schema to another.
    AtlasSchema,
    /// Files of migrations.
    AtlasMigration,
}

impl Subject {
    const fn object(self) -> &'static str {
        match self {
            Self::AtlasSchema => {
                r#"{"apiVersion":"db.atlasgo.io/v1alpha1","kind":"AtlasSchema","metadata":{"name":"plan"},"spec":{}}"#
            }
            Self::AtlasMigration => {
                r#"{"apiVersion":"db.atlasgo.io/v1alpha1","kind":"AtlasMigration","metadata":{"name":"plan"},"spec":{}}"#
            }
        }
    }
}

/// Which policies judge.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The policies file that judges what would run. Without it nothing does.
    #[arg(long = "policies", value_name = "FILE", env = "TIDEGATE_POLICIES")]
    policies: Option<PathBuf>,
    /// Keeps compiled policies between runs. Only ever a folder that nobody else can write to.
    #[arg(long, value_name = "FOLDER", env = "TIDEGATE_CACHE_DIR")]
    cache: Option<PathBuf>,
}

/// What the policies found.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) findings: Vec<Finding>,
    /// Policies without a verdict, and why; true where that denies.
    pub(crate) failures: Vec<(String, bool)>,
}

/// One finding, as `check -o json` has it, and the text it is about, from 1.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    #[serde(flatten)]
    pub(crate) found: JudgedFinding,
    pub(crate) statement: Option<usize>,
}

impl Judgement {
    /// Whether anything says no.
    pub(crate) fn is_denied(&self) -> bool {
        let denies = |finding: &Finding| finding.found.action == Action::Deny;
        self.findings.iter().any(denies) || self.failures.iter().any(|(_, denies)| *denies)
    }
}

impl GateArgs {
    /// Whether anybody judges.
    pub(crate) fn is_given(&self) -> bool {
        self.policies.is_some()
    }

    /// Asks the policies about texts of SQL, in the order in which they would run: statements, or whole files. They are not asked about nothing.
    pub(crate) async fn judge(
        &self,
        subject: Subject,
        texts: impl ExactSizeIterator<Item = String>,
        dialect: Dialect,
    ) -> Result<Judgement> {
        let Some(file) = &self.policies else {
            return Ok(Judgement::default());
        };
        if texts.len() == 0 {
            return Ok(Judgement::default());
        }
        let source = PolicySource {
            file: Some(file.clone()),
            cache: self.cache.clone(),
        };
        let set = policies::load(&source, Some(&dialect.to_string())).await?;
        let question = Question {
            subject: subject.object(),
            namespace: None,
            changes: texts.map(Change::Statement).collect(),
            before: None,
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
