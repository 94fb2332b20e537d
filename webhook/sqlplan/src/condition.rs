//! Is a condition true for every row?
//!
//! Constants are worked out; columns are unknown, except when compared with themselves. A column that is NULL would make `c = c` unknown, and
//! nobody writes it for that: it is there to look like a condition.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query,
    SelectItem, SetExpr, UnaryOperator, Value as Literal,
};

use crate::cursor::Cursor;
use crate::parse;
use crate::shown;
use crate::token::TokenKind;

/// True only when it certainly is; a condition that cannot be read, or is over the limits (which is a problem of its own), is not.
pub(crate) fn is_always_true(condition: &Cursor<'_>) -> bool {
    if condition.is_over_limits() {
        return false;
    }
    let source = condition.source_between(0, usize::MAX);
    if let Some(expression) = parse::expression(source, condition.dialect()) {
        return truth(&expression) == Some(true);
    }
    // What the parser lacks and is said otherwise may mean something else: then what names no column does not choose.
    let Some(shown) = shown::expression(condition.remaining()) else {
        return false;
    };
    names_nothing(condition)
        || parse::expression(&shown, condition.dialect())
            .is_some_and(|expression| truth(&expression) == Some(true))
}

/// Numbers, strings and operators alone.
fn names_nothing(condition: &Cursor<'_>) -> bool {
    const OPERATORS: &[&str] = &[
        "and",
        "asymmetric",
        "between",
        "collate",
        "distinct",
        "false",
        "from",
        "in",
        "is",
        "like",
        "mod",
        "not",
        "null",
        "or",
        "sounds",
        "symmetric",
        "true",
        "xor",
    ];
    let mut probe = *condition;
    while !probe.is_done() {
        if probe.word_at(0).is_some() && !probe.is_any(OPERATORS)
            || probe.kind() == Some(TokenKind::QuotedName)
        {
            return false;
        }
        probe.advance();
    }
    true
}

/// A chain of one operator grows to the left, as far as [`crate::limits::CHAIN`] lets it: walked in a loop, not by recursion.
fn chain(expression: &Expr, op: &BinaryOperator) -> Option<bool> {
    let decides = *op == BinaryOperator::Or;
    let mut all_known = true;
    let mut rest = expression;
    // `c IS NULL OR c IS NOT NULL`, in either order, side by side, is true; with AND it is false.
    let mut before: Option<(&Expr, bool)> = None;
    loop {
        let (term, left) = match rest {
            Expr::BinaryOp {
                left,
                op: same,
                right,
            } if same == op => (&**right, Some(&**left)),
            last => (last, None),
        };
        let nullness = match term {
            Expr::IsNull(inner) => Some((&**inner, true)),
            Expr::IsNotNull(inner) => Some((&**inner, false)),
            _ => None,
        };
        if let (Some((left, null)), Some((right, also_null))) = (nullness, before)
            && null != also_null
            && is_same_column(left, right)
        {
            return Some(decides);
        }
        before = nullness;
        match truth(term) {
            Some(truth) if truth == decides => return Some(decides),
            Some(_) => {}
            None => all_known = false,
        }
        let Some(left) = left else { break };
        rest = left;
    }
    all_known.then_some(!decides)
}

fn truth(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::Nested(inner) => truth(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => truth(expr).map(|truth| !truth),
        Expr::BinaryOp { op: op @ (BinaryOperator::Or | BinaryOperator::And), .. } => chain(expression, op),
        Expr::BinaryOp { left, op: BinaryOperator::Xor, right } => Some(truth(left)? != truth(right)?),
        Expr::BinaryOp { op: BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexIMatch, right, .. } => matches_all(right).then_some(true),
        Expr::BinaryOp { left, op, right } => comparison(left, op, right),
        Expr::IsTrue(inner) => truth(inner),
        Expr::IsNotFalse(inner) => truth(inner),
        Expr::IsNotNull(inner) if is_row_id(inner) => Some(true),
        Expr::IsNotNull(inner) if calls_one_of(inner, NEVER_NULL) => Some(true),
        Expr::IsNull(inner) if is_null(inner) => Some(true),
        Expr::IsNotDistinctFrom(left, right) if is_same_column(left, right) => Some(true),
        Expr::IsDistinctFrom(left, right) => {
            let (nothing, something) = if is_null(left) { (left, right) } else { (right, left) };
            (is_null(nothing) && constant(something).is_some()).then_some(true)
        }
        Expr::AnyOp { left, compare_op, right, .. } => match &**right {
            Expr::Array(array) => array.elem.iter().any(|item| comparison(left, compare_op, item) == Some(true)).then_some(true),
            _ => None,
        },
        Expr::Subquery(query) => truth(only_value(query)?),
        Expr::InSubquery { expr, subquery, negated } => {
            comparison(expr, &BinaryOperator::Eq, only_value(subquery)?).map(|equal| equal != *negated)
        }
        Expr::RLike { negated: false, pattern, .. } => matches_all(pattern).then_some(true),
        Expr::IsNotNull(inner) => constant(inner).map(|_| true),
        Expr::Exists { subquery, negated } => match (finds_any_row(subquery), finds_no_row(subquery)) {
            (true, _) => Some(!negated),
            (_, true) => Some(*negated),
            _ => None,
        },
        Expr::IsNull(inner) => constant(inner).map(|_| false),
        Expr::InList { expr, list, negated } => list.iter().find_map(|item| comparison(expr, &BinaryOperator::Eq, item).filter(|equal| *equal)).map(|_| !negated),
        Expr::Between { expr, negated, low, high } => {
            let inside = comparison(expr, &BinaryOperator::GtEq, low)? && comparison(expr, &BinaryOperator::LtEq, high)?;
            Some(inside != *negated)
        }
        Expr::Like { negated: false, pattern, .. } | Expr::ILike { negated: false, pattern, .. } => {
            matches!(constant(pattern), Some(Constant::Text(text)) if !text.is_empty() && text.chars().all(|next| next == '%')).then_some(true)
        }
        choice if is_choice(choice) => truth(taken(choice)?),
        other => match constant(other)? {
            Constant::Truth(truth) => Some(truth),
            Constant::Number(number) => Some(number != 0),
            // PostgreSQL reads 't' as true; MySQL reads text as the number it starts with.
            Constant::Text(text) => Some(matches!(text.to_lowercase().as_str(), "t" | "true" | "y" | "yes" | "on") || text.starts_with(|next: char| ('1'..='9').contains(&next))),
        },
    }
}

#[derive(PartialEq, PartialOrd)]
enum Constant {
    Truth(bool),
    Number(i128),
    Text(String),
}

fn comparison(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<bool> {
    // What a choice comes to is worked out once: each nested one would double the work otherwise.
    let worked_out = |side| {
        if is_choice(side) {
            taken(side)
        } else {
            Some(side)
        }
    };
    let (left, right) = (worked_out(left)?, worked_out(right)?);
    let allows_equal = matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Spaceship
    );
    if is_same_column(left, right) {
        let differs = matches!(
            op,
            BinaryOperator::NotEq | BinaryOperator::Lt | BinaryOperator::Gt
        );
        return (allows_equal || differs).then_some(allows_equal);
    }
    if is_row_id(left)
        && let Some(Constant::Number(number)) = constant(right)
    {
        // The row ids that people and databases make start at one.
        let all = match op {
            BinaryOperator::Gt => number <= 0,
            BinaryOperator::GtEq => number <= 1,
            BinaryOperator::NotEq => number <= 0,
            _ => false,
        };
        return all.then_some(true);
    }
    if let (Some(left), Some(right)) = (constant(left), constant(right)) {
        // `1 = '1'`.
        let (left, right) = match (left, right) {
            (Constant::Number(left), Constant::Text(right)) => (
                Constant::Number(left),
                Constant::Number(right.trim().parse().ok()?),
            ),
            (Constant::Text(left), Constant::Number(right)) => (
                Constant::Number(left.trim().parse().ok()?),
                Constant::Number(right),
            ),
            same => same,
        };
        let order = left.partial_cmp(&right)?;
        return match op {
            BinaryOperator::Eq | BinaryOperator::Spaceship => Some(order.is_eq()),
            BinaryOperator::NotEq => Some(order.is_ne()),
            BinaryOperator::Lt => Some(order.is_lt()),
            BinaryOperator::LtEq => Some(order.is_le()),
            BinaryOperator::Gt => Some(order.is_gt()),
            BinaryOperator::GtEq => Some(order.is_ge()),
            _ => number(op, &left, &right).map(|number| number != 0),
        };
    }
    None
}

/// Compared by hand: comparing whole trees is a quarter of a megabyte of code.
fn is_same_column(left: &Expr, right: &Expr) -> bool {
    let same = |left: &Ident, right: &Ident| {
        left.quote_style == right.quote_style && left.value.eq_ignore_ascii_case(&right.value)
    };
    match (left, right) {
        (Expr::Identifier(left), Expr::Identifier(right)) => same(left, right),
        (Expr::CompoundIdentifier(left), Expr::CompoundIdentifier(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        _ => false,
    }
}

/// `id` and SQLite's `rowid`, which no row lacks.
fn is_row_id(expression: &Expr) -> bool {
    let name = match expression {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        Expr::Nested(inner) => return is_row_id(inner),
        _ => None,
    };
    name.is_some_and(|name| {
        ["id", "rowid", "_rowid_", "oid"]
            .iter()
            .any(|id| name.value.eq_ignore_ascii_case(id))
    })
}

/// `SELECT` with nothing that could leave a row out. An empty table is not thought of.
fn finds_any_row(query: &Query) -> bool {
    let SetExpr::Select(select) = &*query.body else {
        return false;
    };
    let joins = select.from.iter().any(|table| !table.joins.is_empty());
    select.selection.is_none()
        && select.having.is_none()
        && !joins
        && query.limit_clause.is_none()
        && query.with.is_none()
}

/// Functions that always give a value.
const NEVER_NULL: &[&str] = &[
    "now",
    "current_user",
    "session_user",
    "current_timestamp",
    "current_date",
    "user",
    "version",
];

fn calls_one_of(expression: &Expr, names: &[&str]) -> bool {
    matches!(expression, Expr::Function(function) if is_one_of(function, names))
}

fn is_one_of(function: &Function, names: &[&str]) -> bool {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    name.is_some_and(|name| {
        names
            .iter()
            .any(|known| name.value.eq_ignore_ascii_case(known))
    })
}

fn is_null(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(value) if matches!(value.value, Literal::Null))
}

/// A regular expression that every text has.
fn matches_all(pattern: &Expr) -> bool {
    matches!(constant(pattern), Some(Constant::Text(text)) if ["", ".*", "^", "^.*", "^.*$", ".*$"].contains(&text.as_str()))
}

/// The one value of `SELECT value`.
fn only_value(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    if !select.from.is_empty() || select.selection.is_some() {
        return None;
    }
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(value)] => Some(value),
        _ => None,
    }
}

/// `SELECT .. WHERE false`.
fn finds_no_row(query: &Query) -> bool {
    let SetExpr::Select(select) = &*query.body else {
        return false;
    };
    select
        .selection
        .as_ref()
        .is_some_and(|choice| truth(choice) == Some(false))
}

/// The first argument of `length` and its like.
fn first_argument(function: &Function) -> Option<&Expr> {
    arguments(function)?.first().copied()
}

/// All arguments, where each is a plain expression.
fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    });
    arguments.collect()
}

fn is_choice(expression: &Expr) -> bool {
    matches!(expression, Expr::Case { .. }) || calls_one_of(expression, &["if", "iif"])
}

/// What is left of `CASE` and `IF` when their conditions are constants.
fn taken(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            for when in conditions {
                let holds = match operand {
                    None => truth(&when.condition)?,
                    Some(operand) => comparison(operand, &BinaryOperator::Eq, &when.condition)?,
                };
                if holds {
                    return Some(&when.result);
                }
            }
            else_result.as_deref()
        }
        Expr::Function(function) if is_one_of(function, &["if", "iif"]) => {
            let [condition, then, otherwise] = arguments(function)?.try_into().ok()?;
            Some(if truth(condition)? { then } else { otherwise })
        }
        _ => None,
    }
}

fn constant(expression: &Expr) -> Option<Constant> {
    match expression {
        choice if is_choice(choice) => constant(taken(choice)?),
        Expr::Function(function) if is_one_of(function, &["nullif"]) => {
            let [value, null] = arguments(function)?.try_into().ok()?;
            (!comparison(value, &BinaryOperator::Eq, null)?)
                .then(|| constant(value))
                .flatten()
        }
        Expr::Nested(inner) => constant(inner),
        Expr::Function(function) if is_one_of(function, &["coalesce", "ifnull"]) => {
            let arguments = arguments(function)?;
            constant(arguments.into_iter().find(|argument| !is_null(argument))?)
        }
        Expr::Function(function) if is_one_of(function, &["length", "char_length"]) => {
            match constant(first_argument(function)?)? {
                Constant::Text(text) => i128::try_from(text.chars().count())
                    .ok()
                    .map(Constant::Number),
                _ => None,
            }
        }
        Expr::Value(value) => match &value.value {
            Literal::Boolean(truth) => Some(Constant::Truth(*truth)),
            Literal::Number(number, _) => number.parse().ok().map(Constant::Number),
            Literal::SingleQuotedString(text) | Literal::DoubleQuotedString(text) => {
                Some(Constant::Text(text.clone()))
            }
            _ => None,
        },
        Expr::Cast { expr, .. } => constant(expr),
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match constant(expr)? {
            Constant::Number(number) => number.checked_neg().map(Constant::Number),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => constant(expr),
        Expr::BinaryOp { left, op, right } => {
            number(op, &constant(left)?, &constant(right)?).map(Constant::Number)
        }
        _ => None,
    }
}

fn number(op: &BinaryOperator, left: &Constant, right: &Constant) -> Option<i128> {
    let (Constant::Number(left), Constant::Number(right)) = (left, right) else {
        return None;
    };
    match op {
        BinaryOperator::Plus => left.checked_add(*right),
        BinaryOperator::Minus => left.checked_sub(*right),
        BinaryOperator::Multiply => left.checked_mul(*right),
        BinaryOperator::Divide => left.checked_div(*right),
        BinaryOperator::Modulo => left.checked_rem(*right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect::{self, Mysql, Postgres, Sqlite};
    use crate::token;

    #[test]
    fn conditions() {
        for (dialect, text, expected) in [
            (Postgres, "true", true),
            (Postgres, "1 = 1", true),
            (Postgres, "('a') = 'a'", true),
            (Postgres, "id = id", true),
            (Postgres, "id = 5 OR 1 = 1", true),
            (Postgres, "id = 5 OR (TRUE AND NOT FALSE)", true),
            (Postgres, "name LIKE '%'", true),
            (Postgres, "1 IN (1, 2)", true),
            (Postgres, "1 = ANY (ARRAY[2, 1])", true),
            (Postgres, "id = ANY (ARRAY[2, 1])", false),
            (Postgres, "NULL IS DISTINCT FROM 1", true),
            (Postgres, "a IS DISTINCT FROM 1", false),
            (Postgres, "a IS DISTINCT FROM NULL", false),
            (Mysql, "1", true),
            (Mysql, "id=5 OR 1--1", true),
            (Mysql, "2 BETWEEN 1 AND 3", true),
            (Mysql, "1 XOR 0", true),
            (Mysql, "1 XOR 1", false),
            (Mysql, "a = 1 XOR 0", false),
            (Postgres, "EXISTS (SELECT 1)", true),
            (Postgres, "EXISTS (SELECT 1 FROM users)", true),
            (Postgres, "id IS NOT NULL", true),
            (Postgres, "users.id > 0", true),
            (Postgres, "a IS NULL OR a IS NOT NULL", true),
            (Postgres, "a IS NOT NULL OR b = 1 OR a IS NULL", false),
            (Postgres, "NOT (a IS NULL AND a IS NOT NULL)", true),
            (Postgres, "NOT (a IS NULL AND b IS NOT NULL)", false),
            (Postgres, "coalesce(NULL, true)", true),
            (Postgres, "coalesce(NULL, a, true)", false),
            (
                Postgres,
                "EXISTS (SELECT 1 FROM b WHERE b.id = a.id)",
                false,
            ),
            (Postgres, "NOT EXISTS (SELECT 1 FROM users)", false),
            (Postgres, "CASE WHEN 1 = 1 THEN true ELSE false END", true),
            (Postgres, "CASE 1 WHEN 2 THEN false ELSE true END", true),
            (Postgres, "CASE WHEN id > 5 THEN true ELSE false END", false),
            (Postgres, "CASE WHEN false THEN true END", false),
            (Postgres, "NULLIF(1, 2) = 1", true),
            (Postgres, "NULLIF(1, 1) = 1", false),
            (Mysql, "IF(1, 1, 0)", true),
            (Mysql, "IF(1 = 1, id, 0) = id", true),
            (Mysql, "IF(id > 5, 1, 0)", false),
            (Mysql, "IF(0, 1, 0)", false),
            (Sqlite, "id IS id", true),
            (Sqlite, "id IS 5", false),
            (Mysql, "!0", true),
            (Mysql, "!deleted", false),
            (Postgres, "2 BETWEEN SYMMETRIC 3 AND 1", true),
            (Postgres, "a BETWEEN SYMMETRIC 3 AND 1", false),
            (Postgres, "id > 5", false),
            (Postgres, "a > 0", false),
            (Postgres, "a IS NOT NULL", false),
            (Postgres, "a IS NULL OR b IS NOT NULL", false),
            (Postgres, "id = 5", false),
            (Postgres, "1 = 0", false),
            (Postgres, "id = 5 AND 1 = 1", false),
            (Postgres, "id = other", false),
            (Postgres, "name LIKE 'a%'", false),
            (Mysql, "0", false),
            (Postgres, "this is ( no expression", false),
        ] {
            let check = |dialect: Dialect| {
                let (tokens, _) = token::tokens(text, dialect);
                is_always_true(&Cursor::new(text, dialect, &tokens))
            };
            assert_eq!(check(dialect), expected, "{dialect}: {text}");
        }
    }

    /// Each is looked at once, however deep: else this would not end.
    #[test]
    fn choices_in_choices_cost_no_more() {
        let mut text = "id > 5".to_owned();
        for _ in 0..20 {
            text = format!("CASE WHEN {text} THEN 1 ELSE 0 END = 1");
        }
        let (tokens, _) = token::tokens(&text, Postgres);
        assert!(!is_always_true(&Cursor::new(&text, Postgres, &tokens)));
    }
}
