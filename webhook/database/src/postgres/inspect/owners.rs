//! Whose things are: in a database what the server says, of a wanted schema what its text says.
//!
//! `ALTER .. OWNER TO` does not run in the scratch place. The role need not be there, nor need who looks be a member of it, and what it does not own it
//! could not go on working with. What each statement is about is found by the server all the same: a relation by its name, anything else by a
//! comment on it, which names its object as `OWNER TO` does and is taken back.
//!
//! Most texts with owners are dumps, and a dump says of each thing whose it was where it was taken. So two things are no wish: that it is whoever runs the
//! plan, whose is all that it makes (what a live database has given to its application must not be taken away by a dump of the developer's own); and a
//! role that is not here, or to which whoever runs the plan could give nothing. The latter is named as not managed.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_schemaplan::{Object, ObjectKind, Owner};

use super::{Oid, Reader, reading};
use crate::DatabaseError;
use crate::postgres::apply::in_batches;
use crate::postgres::sql::{literal, shown};
use crate::postgres::wire::{TextRow, Wire};

/// What a wanted schema's text says of owners.
#[derive(Debug, Default)]
pub(in crate::postgres) struct Declared {
    /// Roles, as the server writes them in a statement, by what is theirs.
    roles: BTreeMap<Oid, String>,
    /// Why some are not among them.
    not_managed: BTreeSet<String>,
}

/// Where owners are taken from.
#[derive(Debug)]
pub(in crate::postgres) enum Owners {
    /// From the server.
    Live,
    /// From a wanted schema's text, and from the server where the text made something as somebody else.
    Declared(Declared),
}

/// Who looks, and what is somebody else's, of all kinds at once: there are few such things, if any.
pub(super) const OWNERS: &str = "
WITH owned (kind, oid, owner) AS (
  SELECT 'c', oid, relowner FROM pg_class WHERE relnamespace IN (NAMESPACES) AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  UNION ALL SELECT 't', oid, typowner FROM pg_type WHERE typnamespace IN (NAMESPACES) AND (typtype <> 'b' OR typelem = 0)
  UNION ALL SELECT 'p', oid, proowner FROM pg_proc WHERE pronamespace IN (NAMESPACES)
  UNION ALL SELECT 'l', oid, collowner FROM pg_collation WHERE collnamespace IN (NAMESPACES)
  UNION ALL SELECT 'o', oid, oprowner FROM pg_operator WHERE oprnamespace IN (NAMESPACES)
  UNION ALL SELECT 's', oid, stxowner FROM pg_statistic_ext WHERE stxnamespace IN (NAMESPACES)
  UNION ALL SELECT 'd', oid, dictowner FROM pg_ts_dict WHERE dictnamespace IN (NAMESPACES)
  UNION ALL SELECT 'f', oid, cfgowner FROM pg_ts_config WHERE cfgnamespace IN (NAMESPACES)
  UNION ALL SELECT 'e', oid, evtowner FROM pg_event_trigger
  UNION ALL SELECT 'b', oid, pubowner FROM pg_publication
  UNION ALL SELECT 'n', oid, nspowner FROM pg_namespace WHERE oid IN (NAMESPACES)
), me AS (SELECT oid, rolname FROM pg_roles WHERE rolname = current_user)
SELECT '', 0, quote_ident(rolname) FROM me
UNION ALL
SELECT o.kind, o.oid::bigint, quote_ident(r.rolname) FROM owned o JOIN pg_roles r ON r.oid = o.owner
WHERE o.owner NOT IN (SELECT oid FROM me)";

/// What a statement with `OWNER TO` is about.
#[derive(Debug, PartialEq, Eq)]
struct Gift<'a> {
    /// How the server finds it.
    by: By,
    /// As it is written.
    named: &'a str,
    /// Not quoted.
    role: String,
    /// `IF EXISTS`.
    may_lack: bool,
}

/// How the server finds what a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A relation, which several words mean: by its name.
    Relation,
    /// A schema: by its name. Where the scope is one schema, the scratch place has none of that name, and whose it is is nobody's matter.
    Schema,
    /// Anything else: by a comment, in these words of `COMMENT ON`.
    Comment(&'static str),
}

/// The kinds whose owners are compared, by the words behind `ALTER`.
const KINDS: [(&str, By); 18] = [
    ("TABLE", By::Relation),
    ("SEQUENCE", By::Relation),
    ("VIEW", By::Relation),
    ("MATERIALIZED VIEW", By::Relation),
    ("FOREIGN TABLE", By::Relation),
    ("SCHEMA", By::Schema),
    ("FUNCTION", By::Comment("FUNCTION")),
    ("PROCEDURE", By::Comment("PROCEDURE")),
    ("ROUTINE", By::Comment("ROUTINE")),
    ("AGGREGATE", By::Comment("AGGREGATE")),
    ("TYPE", By::Comment("TYPE")),
    ("DOMAIN", By::Comment("DOMAIN")),
    ("COLLATION", By::Comment("COLLATION")),
    ("STATISTICS", By::Comment("STATISTICS")),
    (
        "TEXT SEARCH DICTIONARY",
        By::Comment("TEXT SEARCH DICTIONARY"),
    ),
    (
        "TEXT SEARCH CONFIGURATION",
        By::Comment("TEXT SEARCH CONFIGURATION"),
    ),
    ("EVENT TRIGGER", By::Comment("EVENT TRIGGER")),
    ("PUBLICATION", By::Comment("PUBLICATION")),
];

/// As [`KINDS`]; two other kinds begin with its word.
const OPERATOR: &str = "OPERATOR";

/// None where the owner is not one of what is compared (a language, say), or is whoever runs the text.
fn gift(sql: &str) -> Option<Gift<'_>> {
    let (rest, role) = last_name(sql.trim_end())?;
    let rest = strip_last(strip_last(rest, "TO")?, "OWNER")?;
    let rest = strip_first(rest, "ALTER")?;
    let is_kind = |words: &str| words.split(' ').try_fold(rest, strip_first);
    let kind = KINDS
        .iter()
        .find_map(|(words, by)| Some((*by, is_kind(words)?)));
    let operator = || {
        let rest = is_kind(OPERATOR)?;
        let is_other = ["CLASS", "FAMILY"]
            .iter()
            .any(|word| strip_first(rest, word).is_some());
        (!is_other).then_some((By::Comment(OPERATOR), rest))
    };
    let (by, mut named) = kind.or_else(operator)?;
    let exists = strip_first(named, "IF").and_then(|rest| strip_first(rest, "EXISTS"));
    if let Some(rest) = exists {
        named = rest;
    }
    if by == By::Relation {
        named = strip_first(named, "ONLY").unwrap_or(named);
        named = named.trim_end().trim_end_matches('*');
    }
    Some(Gift {
        by,
        named: named.trim(),
        role: role?,
        may_lack: exists.is_some(),
    })
}

/// What stands before the last name, and the name; none of the words that mean whoever is there.
fn last_name(sql: &str) -> Option<(&str, Option<String>)> {
    if let Some(inner) = sql.strip_suffix('"') {
        // A doubled quote is part of the name.
        let hidden = inner.replace("\"\"", "\0\0");
        let at = hidden.rfind('"')?;
        let name = inner.get(at + 1..)?.replace("\"\"", "\"");
        return Some((inner.get(..at)?, Some(name)));
    }
    let at = sql.rfind(char::is_whitespace)?;
    let (rest, name) = sql.split_at_checked(at)?;
    let name = name.trim().to_lowercase();
    let is_whoever = ["current_user", "current_role", "session_user"].contains(&name.as_str());
    Some((rest, (!is_whoever).then_some(name)))
}

fn strip_first<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (head, rest) = text.split_at_checked(word.len())?;
    let ends = rest.starts_with(|c: char| c.is_whitespace() || c == '"');
    (head.eq_ignore_ascii_case(word) && ends).then_some(rest)
}

fn strip_last<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_end();
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(word.len())?)?;
    let begins = rest.ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | ')'));
    (tail.eq_ignore_ascii_case(word) && begins).then_some(rest)
}

/// What the statements, each with its place in the wanted schema, say. `mark` is found in no other comment.
///
/// # Errors
/// Where one is about something that is not there.
pub(in crate::postgres) async fn declared(
    wire: &mut Wire,
    texts: &[(usize, String)],
    mark: &str,
) -> Result<Owners, DatabaseError> {
    let unknown = |index: usize, message: String| {
        let text = texts.get(index);
        let (number, sql) = text
            .map(|(number, sql)| (number + 1, shown(sql)))
            .unwrap_or_default();
        DatabaseError::Wanted {
            number,
            message,
            sql,
        }
    };
    let gifts: Vec<(usize, Gift<'_>)> = texts
        .iter()
        .enumerate()
        .filter_map(|(index, (_, sql))| Some((index, gift(sql)?)))
        .collect();
    let mut declared = Declared::default();
    if gifts.is_empty() {
        return Ok(Owners::Declared(declared));
    }
    wire.run("SAVEPOINT tidegate_owners")
        .await
        .map_err(reading)?;
    let marked: Vec<_> = gifts
        .iter()
        .filter_map(|(index, gift)| match gift.by {
            By::Comment(words) => Some((index, words, gift.named)),
            By::Relation | By::Schema => None,
        })
        .collect();
    let comments: Vec<String> = marked
        .iter()
        .map(|(index, words, named)| {
            let text = literal(&format!("{mark} {index}"));
            format!("COMMENT ON {words} {named} IS {text}")
        })
        .collect();
    let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
    in_batches(wire, &comments)
        .await
        .map_err(|(failed, refused)| {
            let index = marked.get(failed).map(|(index, ..)| **index);
            unknown(index.unwrap_or_default(), refused.message)
        })?;
    let values = gifts.iter().map(|(index, gift)| {
        let by_name = |by: By, function: &str| {
            if gift.by == by {
                format!("{function}({})", literal(gift.named))
            } else {
                "NULL".to_owned()
            }
        };
        let relation = by_name(By::Relation, "to_regclass");
        let schema = by_name(By::Schema, "to_regnamespace");
        format!("({index}, {}, {relation}, {schema})", literal(&gift.role))
    });
    let values: Vec<String> = values.collect();
    let rows = wire
        .rows(&format!(
            "SELECT g.place, quote_ident(g.role), CASE WHEN g.relation IS NOT NULL THEN 'c' WHEN g.schema IS NOT NULL THEN 'n' ELSE CASE d.classoid::regclass::text WHEN 'pg_proc' THEN 'p' WHEN 'pg_collation' THEN 'l'
               WHEN 'pg_operator' THEN 'o' WHEN 'pg_statistic_ext' THEN 's' WHEN 'pg_ts_dict' THEN 'd' WHEN 'pg_ts_config' THEN 'f'
               WHEN 'pg_event_trigger' THEN 'e' WHEN 'pg_publication' THEN 'b' WHEN 'pg_type' THEN 't' END END, COALESCE(g.relation::oid, g.schema::oid, d.objoid),
               g.role = current_user, quote_ident(current_user),
               COALESCE((SELECT pg_has_role(r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = g.role), false)
             FROM (VALUES {}) AS g (place, role, relation, schema)
             LEFT JOIN pg_description d ON g.relation IS NULL AND g.schema IS NULL AND d.objsubid = 0 AND d.description = {} || g.place
             ORDER BY g.place",
            values.join(", "),
            literal(&format!("{mark} "))
        ))
        .await
        .map_err(reading)?;
    wire.run("ROLLBACK TO SAVEPOINT tidegate_owners")
        .await
        .map_err(reading)?;
    for row in &rows {
        let index: usize = row.number(0);
        let kind = row.str(2).and_then(|kind| kind.chars().next());
        let gift = gifts
            .iter()
            .find(|(place, _)| *place == index)
            .map(|(_, gift)| gift);
        match (kind, gift) {
            (Some(kind), _) if row.get(3).is_some() => {
                let (thing, role) = ((kind, row.number(3)), row.text(1));
                let is_own = row.str(4) == Some("t");
                if row.str(6) == Some("t") && !is_own {
                    declared.roles.insert(thing, role);
                    continue;
                }
                declared.roles.remove(&thing);
                if !is_own {
                    declared.not_managed.insert(format!(
                        "owner {role}, no role that {} is a member of,",
                        row.text(5)
                    ));
                }
            }
            // A later statement has marked the same thing, and says whose it is in the end; so does a column that owns a sequence.
            (_, Some(gift)) if gift.by == By::Relation && !gift.may_lack => {
                return Err(unknown(
                    index,
                    format!("relation {} does not exist", gift.named),
                ));
            }
            _ => {}
        }
    }
    Ok(Owners::Declared(declared))
}

impl Reader<'_> {
    /// Gives each thing its owner; who looks. What a text grants to the owner that it names is the owner's already.
    pub(super) fn owners(&mut self, rows: &[TextRow], owners: &Owners) -> Owner {
        let me = rows.iter().find(|row| row.number::<u32>(1) == 0);
        let me = me.map(|row| Owner::from(row.text(2))).unwrap_or_default();
        let is_live = matches!(owners, Owners::Live);
        let user = if is_live { me } else { Owner::default() };
        let mut said: BTreeMap<Oid, Owner> = rows
            .iter()
            .filter_map(|row| {
                let kind = row.str(0)?.chars().next()?;
                Some(((kind, row.number(1)), Owner::from(row.text(2))))
            })
            .collect();
        if let Owners::Declared(declared) = owners {
            let roles = declared.roles.iter();
            said.extend(roles.map(|(oid, role)| (*oid, Owner::from(role.clone()))));
            if let Some(first) = self.namespaces.first().map(|first| first.key.clone()) {
                for what in &declared.not_managed {
                    let object = Object {
                        definition: what.clone(),
                        ..Object::default()
                    };
                    self.add_object(('?', 0), &first, ObjectKind::Other, what.clone(), object);
                }
            }
        }
        for namespace in self.namespaces.iter().filter(|one| !one.key.is_empty()) {
            let owner = match (said.get(&('n', namespace.oid)), owners) {
                // Every database is made with this one, and whose it is there is nobody's wish.
                (_, Owners::Declared(declared))
                    if namespace.name == "public"
                        && !declared.roles.contains_key(&('n', namespace.oid)) =>
                {
                    Owner::default()
                }
                (Some(role), _) => role.clone(),
                (None, _) => user.clone(),
            };
            if let Some(schema) = self.schemas.get_mut(&namespace.key) {
                schema.rights.retain(|undo, _| is_live || !owner.has(undo));
                schema.owner = owner;
            }
        }
        let mut places: Vec<Oid> = self.places.keys().copied().collect();
        // A composite type stands among the relations as well.
        places.retain(|(kind, _)| *kind != '?');
        for oid in places {
            let owner = said.get(&oid).unwrap_or(&user).clone();
            if let Some(table) = self.table(oid.1).filter(|_| oid.0 == 'c') {
                table.rights.retain(|undo, _| is_live || !owner.has(undo));
                table.owner = owner;
            } else if let Some(place) = self.places.get(&oid).cloned()
                && let Some(object) = self.object(oid)
                && is_given(oid, place.kind, object)
            {
                object.rights.retain(|undo, _| is_live || !owner.has(undo));
                object.owner = owner;
            }
        }
        user
    }
}

/// Whether a statement can change whose it is. What belongs to a table or a column goes with that.
fn is_given((of, _): Oid, kind: Option<ObjectKind>, object: &Object) -> bool {
    match kind {
        Some(ObjectKind::Sequence) => object.labels.is_empty(),
        Some(ObjectKind::Composite) => of == 't',
        Some(
            ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::Cast
            | ObjectKind::Extension
            | ObjectKind::Other,
        ) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn given(sql: &str, expected: Option<(&str, &str, &str)>) {
        let gift = gift(sql);
        let found = gift.as_ref().map(|gift| {
            let words = match gift.by {
                By::Relation => "",
                By::Schema => "SCHEMA",
                By::Comment(words) => words,
            };
            (words, gift.named, gift.role.as_str())
        });
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn what_a_statement_gives_to_whom_is_read() {
        given("ALTER TABLE a.t OWNER TO App", Some(("", "a.t", "app")));
        given(
            "alter table if exists only \"T 1\" * owner\nto \"The \"\"App\"\"\"",
            Some(("", "\"T 1\"", "The \"App\"")),
        );
        given("ALTER VIEW\"v\"OWNER TO x", Some(("", "\"v\"", "x")));
        given(
            "ALTER MATERIALIZED  VIEW m OWNER TO x",
            Some(("", "m", "x")),
        );
        given(
            "ALTER FUNCTION s.f(a integer, OUT b text)OWNER TO x",
            Some(("FUNCTION", "s.f(a integer, OUT b text)", "x")),
        );
        given(
            "ALTER OPERATOR s.+ (NONE, integer) OWNER TO x",
            Some(("OPERATOR", "s.+ (NONE, integer)", "x")),
        );
        given(
            "ALTER SCHEMA \"s\" OWNER TO x",
            Some(("SCHEMA", "\"s\"", "x")),
        );
        given(
            "ALTER TEXT SEARCH DICTIONARY d OWNER TO x",
            Some(("TEXT SEARCH DICTIONARY", "d", "x")),
        );
    }

    #[test]
    fn what_is_not_compared_is_left_out() {
        given("ALTER OPERATOR CLASS c USING btree OWNER TO x", None);
        given("ALTER TABLE t OWNER TO CURRENT_USER", None);
        given("ALTER TABLE t RENAME TO x", None);
        given("", None);
    }
}
