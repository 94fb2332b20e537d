//! From a database and what it should be to statements; and what speaks against running them. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

use tidegate_model::atlas::Reason;
use tidegate_model::words::APPROVE;
use tidegate_schemaplan::{Catalog, Loss, Plan, approves};

use super::snapshot::{Review, Sides, Snapshot, Wish};
use crate::gate::GateFinding;
use crate::problem::{Problem, list};

/// The way from what is there to what is wanted.
pub(super) fn plan(sides: &Sides, wish: &Wish) -> Result<Plan, Problem> {
    let current = narrowed(&sides.current, wish);
    let desired = narrowed(&sides.desired, wish);
    tidegate_schemaplan::plan(&current, &desired, &wish.settings).map_err(|refusals| {
        Problem::new(
            Reason::SchemaPlan,
            list(
                "the database cannot be brought to the wanted schema, and nothing was changed",
                refusals,
            ),
        )
    })
}

/// What that way would drop.
pub(super) fn losses(sides: &Sides, wish: &Wish) -> Vec<Loss> {
    let current = narrowed(&sides.current, wish);
    let desired = narrowed(&sides.desired, wish);
    tidegate_schemaplan::losses(&current, &desired, &wish.settings)
}

/// Why the plan does not run, unless somebody says so; none when it may.
///
/// Rule followed: the first run on a database never loses anything, as with the Atlas operator. Later a plan that does has to be approved, unless the
/// object itself says that it may (`policy.lint.destructive.error: false`); with the operator that is the default.
pub(super) fn objection(
    snapshot: &Snapshot,
    wish: &Wish,
    sides: &Sides,
    plan: &Plan,
    first_run: bool,
) -> Option<Problem> {
    let hash = plan.hash();
    let loses = plan.is_destructive();
    if loses && first_run {
        let mut message = lost(sides, plan);
        let _ = write!(
            message,
            "\nTo prevent accidental drop of resources, first run of a schema must not contain destructive changes. Nothing was changed. Describe in the \
             schema what is there, or leave it out with spec.exclude; it can be dropped by a later version. This is plan {hash}"
        );
        return Some(Problem::new(Reason::FirstRunDestructive, message));
    }
    if is_approved(snapshot, plan) || !(wish.review == Review::All || loses && !wish.may_lose) {
        return None;
    }
    let (reason, mut message) = if loses {
        (Reason::LintPolicyError, lost(sides, plan))
    } else {
        (Reason::ApprovalPending, waiting(plan))
    };
    message.push_str(&how_to_approve(snapshot, plan));
    Some(Problem::new(reason, message))
}

/// Why a plan that the policies warn about does not run, where somebody wants to see such plans.
pub(super) fn warned(snapshot: &Snapshot, plan: &Plan, warnings: &[GateFinding]) -> Problem {
    let message = format!(
        "{}\n{}{}",
        waiting(plan),
        list("the policies warn", warnings),
        how_to_approve(snapshot, plan)
    );
    Problem::new(Reason::ApprovalPending, message)
}

/// Whether somebody approved exactly this plan. It answers the policies too: they say what a plan does, and this person has seen it done.
pub(super) fn is_approved(snapshot: &Snapshot, plan: &Plan) -> bool {
    let approved = snapshot.approved.as_deref().map(str::trim);
    approved.is_some_and(|approved| approves(approved, &plan.hash()))
}

/// The last sentence of a refusal that a person may overrule.
pub(super) fn how_to_approve(snapshot: &Snapshot, plan: &Plan) -> String {
    let other = if snapshot.approved.is_some() {
        "Another plan was approved. "
    } else {
        ""
    };
    format!(
        "\n{other}Nothing was changed. When exactly this is meant, annotate the object with {APPROVE}: {}",
        plan.hash()
    )
}

fn waiting(plan: &Plan) -> String {
    let statements = plan.statements.iter();
    list(
        "Schema plan is waiting for approval",
        statements.map(|statement| ended(&statement.sql)),
    )
}

/// The statements that lose something, in the operator's words, and what they lose.
fn lost(sides: &Sides, plan: &Plan) -> String {
    let statements = plan.statements.iter();
    let statements = statements.filter(|statement| statement.destructive);
    let mut message = list(
        "destructive changes detected",
        statements.map(|statement| ended(&statement.sql)),
    );
    if !sides.losses.is_empty() {
        let _ = write!(message, "\n{}", list("what would be lost", &sides.losses));
    }
    message
}

/// As the operator prints statements.
fn ended(sql: &str) -> String {
    format!("{};", sql.trim_end_matches(';'))
}

fn narrowed<'a>(catalog: &'a Catalog, wish: &Wish) -> Cow<'a, Catalog> {
    if wish.schemas.is_empty() {
        return Cow::Borrowed(catalog);
    }
    let mut narrowed = catalog.clone();
    narrowed.restrict(&wish.schemas);
    Cow::Owned(narrowed)
}
