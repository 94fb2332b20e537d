//! A plan for a person, for a program, for another client.
//!
//! What a person reads is SQL too: remarks are comments, so that it can be copied, and what loses something says so above the statement.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use serde::Serialize;
use tidegate_admission::Action;
use tidegate_database::Counted;
use tidegate_schemaplan::{Catalog, Plan, Refusal, Schema, Settings, Statement, plan};
use tidegate_sqlplan::Dialect;

use super::{Outcome, Output};
use crate::gate::{Finding, Judgement};

/// What Atlas says, word for word, because scripts look for it.
const NOTHING_TO_DO: &str = "Schemas are synced, no changes to be made.\n";

/// The contract of `-o json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    statements: Vec<StatementLine<'a>>,
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refusals: &'a [Refusal],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_managed: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    losses: &'a [Counted],
    hash: String,
    /// What `apply` did.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
    /// Why `apply` did nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct StatementLine<'a> {
    sql: &'a str,
    destructive: bool,
    purpose: &'a str,
}

impl<'a> StatementLine<'a> {
    fn of(statement: &'a Statement) -> Self {
        Self {
            sql: &statement.sql,
            destructive: statement.destructive,
            purpose: &statement.purpose,
        }
    }
}

/// What a plan is, and what is wrong with it.
pub(super) fn outcome(outcome: &Outcome, dialect: Dialect, output: Output) -> Result<String> {
    match output {
        Output::Json => json(outcome, None, None),
        Output::Sql => match &outcome.planned {
            Ok(plan) => Ok(sql(&plan.statements, dialect)),
            Err(refusals) => Err(anyhow!("{}", refused(refusals))),
        },
        Output::Human => Ok(human(outcome, dialect)),
    }
}

/// As [`outcome`] for a program, with what came of it.
pub(super) fn json(
    outcome: &Outcome,
    applied: Option<bool>,
    error: Option<&str>,
) -> Result<String> {
    let none = Plan::default();
    let (plan, refusals): (&Plan, &[Refusal]) = match &outcome.planned {
        Ok(plan) => (plan, &[]),
        Err(refusals) => (&none, refusals),
    };
    let Judgement { findings, failures } = &outcome.judgement;
    let mut text = serde_json::to_string_pretty(&Json {
        statements: plan.statements.iter().map(StatementLine::of).collect(),
        findings,
        failures: failures
            .iter()
            .map(|(message, _)| message.as_str())
            .collect(),
        refusals,
        not_managed: &plan.not_managed,
        losses: &outcome.losses,
        hash: plan.hash(),
        applied,
        error,
    })?;
    text.push('\n');
    Ok(text)
}

/// What makes a catalog of nothing.
pub(super) fn catalog(catalog: &Catalog, exclude: &[String], output: Output) -> Result<String> {
    if output == Output::Json {
        return Ok(serde_json::to_string_pretty(catalog)? + "\n");
    }
    let mut empty = Catalog::empty(catalog.engine);
    // Roles are the server's: the text is one that another server can run.
    let mut catalog = catalog.clone();
    catalog.disown();
    // The schema that the scope is about is there already, and so is the one that every database of PostgreSQL starts with.
    for name in ["", "public"] {
        let Some(schema) = catalog.schemas.get(name) else {
            continue;
        };
        let bare = Schema {
            charset: schema.charset.clone(),
            collation: schema.collation.clone(),
            comment: schema.comment.clone(),
            ..Schema::default()
        };
        if name.is_empty() || catalog.engine.dialect == Dialect::Postgres {
            empty.schemas.insert(name.to_owned(), bare);
        }
    }
    let settings = Settings {
        exclude: exclude.to_vec(),
        ..Settings::default()
    };
    let plan =
        plan(&empty, &catalog, &settings).map_err(|refusals| anyhow!("{}", refused(&refusals)))?;
    let mut text = String::new();
    if output == Output::Human {
        remarks(&mut text, &plan.not_managed);
    }
    Ok(text + &sql(&plan.statements, catalog.engine.dialect))
}

fn human(outcome: &Outcome, dialect: Dialect) -> String {
    let mut text = String::new();
    let plan = match &outcome.planned {
        Ok(plan) => plan,
        Err(refusals) => return refused(refusals) + "\n",
    };
    remarks(&mut text, &plan.not_managed);
    if plan.statements.is_empty() {
        return text + NOTHING_TO_DO;
    }
    for (index, statement) in plan.statements.iter().enumerate() {
        let lost = if statement.destructive {
            "LOSES DATA: "
        } else {
            ""
        };
        let _ = writeln!(text, "-- {lost}{}", one_line(&statement.purpose));
        for finding in &outcome.judgement.findings {
            if finding.statement == Some(index + 1) {
                text.push_str(&remark(finding));
            }
        }
        text.push_str(&sql(std::slice::from_ref(statement), dialect));
    }
    for finding in &outcome.judgement.findings {
        if finding.statement.is_none() {
            text.push_str(&remark(finding));
        }
    }
    for (message, _) in &outcome.judgement.failures {
        let _ = writeln!(text, "-- {}", one_line(message));
    }
    for loss in &outcome.losses {
        let _ = writeln!(text, "-- lost: {}", one_line(&loss.to_string()));
    }
    let destructive = plan.statements.iter().filter(|it| it.destructive).count();
    let losing = match destructive {
        0 => "none of which loses data".to_owned(),
        1 => "one of which loses data".to_owned(),
        more => format!("{more} of which lose data"),
    };
    let statements = crate::count(plan.statements.len(), "statement", "statements");
    let _ = writeln!(text, "-- {statements}, {losing}; plan {}", plan.hash());
    text
}

/// Why there is no plan.
pub(super) fn refused(refusals: &[Refusal]) -> String {
    let mut text = "the schema cannot be brought about:".to_owned();
    for refusal in refusals {
        let _ = write!(text, "\n- {refusal}");
    }
    text
}

fn remarks(text: &mut String, remarks: &[String]) {
    for remark in remarks {
        let _ = writeln!(text, "-- {}", one_line(remark));
    }
}

fn remark(finding: &Finding) -> String {
    let word = match finding.found.action {
        Action::Deny => "DENIED",
        _ => "warning",
    };
    let found = &finding.found;
    let mut text = format!("-- {word} {}: {}\n", found.id(), one_line(&found.message));
    if let Some(suggestion) = &found.suggestion {
        let _ = writeln!(text, "--   instead: {}", one_line(suggestion));
    }
    text
}

/// A comment ends with its line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The statements with what ends each, for a client that reads files.
fn sql(statements: &[Statement], dialect: Dialect) -> String {
    let mut text = String::new();
    for statement in statements {
        let sql = statement.sql.trim_end();
        if dialect.is_mysql_like() && sql.contains(';') {
            let _ = writeln!(text, "DELIMITER //\n{sql} //\nDELIMITER ;");
        } else {
            let _ = writeln!(text, "{};", sql.trim_end_matches(';'));
        }
    }
    text
}
