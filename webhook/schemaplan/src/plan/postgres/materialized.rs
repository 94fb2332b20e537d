//! What of a materialized view can change while its rows stay: its indexes and its storage parameters. Another query needs another view.
//!
//! One that is made is filled, also where the wanted schema says `WITH NO DATA`: a dump says so of all of them, and fills them later. Only where it reads
//! one that is empty in the database the server could not fill it.

use crate::catalog::{Object, ObjectKind};
use crate::plan::Statement;

use super::alter::set_and_reset;
use super::objects::statement;
use super::text::{joined, quote, unquoted};
use super::{ObjectName, Work, is_view};

impl Work<'_> {
    /// What makes a view that the wanted schema does not fill and the server could not; none where it is made as usual.
    pub(super) fn made_empty(
        &self,
        (schema, _, name): ObjectName<'_>,
        view: &Object,
    ) -> Option<Object> {
        let is_empty = view.unfilled.0 && self.reads_empty(view, &joined(schema, name));
        is_empty.then(|| Object {
            create: format!("{} WITH NO DATA", view.create),
            ..view.clone()
        })
    }

    fn reads_empty(&self, view: &Object, own: &str) -> bool {
        let schemas = self.desired.schemas.iter();
        let mut objects = schemas.flat_map(|(schema, held)| super::all(schema, &held.objects));
        objects.any(|(read, object)| {
            let key = joined(read.0, read.2);
            is_view(read.1)
                && key != own
                && view.needs.contains(&key)
                && self.is_empty(read, object)
        })
    }

    fn is_empty(&self, name: ObjectName<'_>, view: &Object) -> bool {
        let is_made = self.made.contains_key(&name) || self.again.contains(&name);
        let (schema, kind, own) = name;
        let held = self.current.schemas.get(schema);
        let held = held.and_then(|held| held.objects.get(&kind)?.get(own));
        match held {
            Some(held) if kind == ObjectKind::MaterializedView && !is_made => held.unfilled.0,
            _ => self.reads_empty(view, &joined(schema, own)),
        }
    }
}

/// The statements that do it; none where the view has to be made again. `shown` and `schema` name the view and where it is.
pub(super) fn in_place(
    (schema, shown): (&str, &str),
    purpose: &str,
    old: &Object,
    new: &Object,
) -> Option<Vec<Statement>> {
    let ((was, before), (is, query)) = (parameters(&old.definition), parameters(&new.definition));
    if before != query || speaks_of_indexes(old) || speaks_of_indexes(new) {
        return None;
    }
    let mut sql = Vec::new();
    for index in old.labels.iter().filter(|it| !new.labels.contains(it)) {
        let name = quote(&unquoted(index_name(index)?));
        let schema = match schema {
            "" => String::new(),
            schema => format!("{}.", quote(schema)),
        };
        sql.push(format!("DROP INDEX {schema}{name}"));
    }
    let changes = set_and_reset(was, is).into_iter();
    sql.extend(changes.map(|change| format!("ALTER MATERIALIZED VIEW {shown} {change}")));
    let added = new.labels.iter().filter(|it| !old.labels.contains(it));
    sql.extend(added.cloned());
    Some(sql.into_iter().map(|sql| statement(sql, purpose)).collect())
}

/// The parameters, and the query behind them.
fn parameters(definition: &str) -> (Option<&str>, &str) {
    let taken = definition.strip_prefix(" WITH (").and_then(|rest| {
        let (parameters, query) = rest.split_once(')')?;
        Some((Some(parameters), query))
    });
    taken.unwrap_or((None, definition))
}

/// What is said of an index has to be said again where the index is made again, which making the view again does.
fn speaks_of_indexes(view: &Object) -> bool {
    let mut details = view.details.keys();
    details
        .any(|undo| undo.starts_with("COMMENT ON INDEX ") || undo.ends_with(" SET WITHOUT CLUSTER"))
}

/// The name in `CREATE UNIQUE INDEX name ON ..`, as the server writes it.
fn index_name(create: &str) -> Option<&str> {
    let (_, rest) = create.split_once(" INDEX ")?;
    let mut is_quoted = false;
    let end = rest.find(|c: char| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    })?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(definition: &str, indexes: &[&str]) -> Object {
        Object {
            definition: definition.to_owned(),
            labels: indexes.iter().map(|&index| index.to_owned()).collect(),
            ..Object::default()
        }
    }

    fn changed(old: &Object, new: &Object) -> Option<Vec<String>> {
        let statements = in_place(("app", r#""app"."m""#), "modify", old, new)?;
        Some(statements.into_iter().map(|one| one.sql).collect())
    }

    #[test]
    fn indexes_and_parameters_change_in_place() {
        let of_a = "CREATE INDEX m_a ON app.m USING btree (a)";
        let odd = r#"CREATE UNIQUE INDEX "m "" ON b" ON app.m USING btree (b)"#;
        let old = view(
            " WITH (fillfactor=70, toast_tuple_target=200) SELECT 1",
            &[odd],
        );
        let new = view(" WITH (fillfactor=80) SELECT 1", &[of_a]);
        assert_eq!(
            changed(&old, &new).expect("the query is the same"),
            [
                r#"DROP INDEX "app"."m "" ON b""#,
                r#"ALTER MATERIALIZED VIEW "app"."m" SET (fillfactor=80)"#,
                r#"ALTER MATERIALIZED VIEW "app"."m" RESET (toast_tuple_target)"#,
                of_a,
            ]
        );
    }

    #[test]
    fn another_query_and_what_is_said_of_an_index_need_another_view() {
        let one = view(" SELECT 1", &[]);
        assert_eq!(changed(&one, &view(" SELECT 2", &[])), None);
        let mut said = view(" SELECT 1", &["CREATE INDEX i ON app.m USING btree (a)"]);
        said.details.insert(
            "COMMENT ON INDEX app.i IS NULL".to_owned(),
            "COMMENT ON INDEX app.i IS 'x'".to_owned(),
        );
        assert_eq!(changed(&said, &one), None);
        assert_eq!(changed(&one, &said), None);
    }
}
