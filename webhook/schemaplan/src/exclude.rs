//! What neither side is looked at for: Atlas' `exclude`.
//!
//! A pattern has up to three parts with dots between, each a glob as Go's `path.Match` reads them (`*`, `?`, `[a-z]`, `\` before a character that means
//! itself). Where the scope is one schema they are table (or object) and what is in it; where it is several, the schema comes first, and what has none
//! (an extension, an event trigger, a publication) stands beside the schemas. A part may end
//! with a selector of kinds: `*[type=view]`, `users.*[type=index|fk]`. What matches only in part matches nothing: `users` is the table, not
//! its columns' namesakes.
//!
//! Rule followed: <https://atlasgo.io/declarative/inspect#exclude-schemas>.

use crate::catalog::{Catalog, ObjectKind, Schema, Table};

/// Takes away what the patterns name.
pub(crate) fn exclude(catalog: &mut Catalog, patterns: &[String]) {
    for pattern in patterns {
        let parts = split(pattern);
        let one_schema = catalog.schemas.keys().all(String::is_empty);
        if one_schema {
            for schema in catalog.schemas.values_mut() {
                exclude_from_schema(schema, &parts);
            }
            continue;
        }
        let Some((first, rest)) = parts.split_first() else {
            continue;
        };
        if rest.is_empty() {
            catalog
                .schemas
                .retain(|name, _| !(first.is_of("schema") && first.matches(name)));
            for schema in catalog.schemas.values_mut() {
                exclude_from_database(schema, first);
            }
        }
        for (_, schema) in catalog
            .schemas
            .iter_mut()
            .filter(|(name, _)| first.matches(name))
        {
            exclude_from_schema(schema, rest);
        }
    }
}

/// Takes away the table in which versioned migrations say what was run, and the schema made for it: whoever wants a schema does not mean that
/// the history of how it was reached be lost.
pub(crate) fn exclude_revisions(catalog: &mut Catalog) {
    const REVISIONS: &str = "atlas_schema_revisions";
    catalog.schemas.remove(REVISIONS);
    for schema in catalog.schemas.values_mut() {
        schema.tables.remove(REVISIONS);
    }
}

/// What has no schema of its own stands beside the schemas, wherever the catalog keeps it.
fn exclude_from_database(schema: &mut Schema, name: &Part) {
    const KINDS: [ObjectKind; 3] = [
        ObjectKind::Extension,
        ObjectKind::EventTrigger,
        ObjectKind::Publication,
    ];
    for kind in KINDS {
        if let Some(objects) = schema.objects.get_mut(&kind) {
            objects.retain(|object, _| !(is_kind(name, kind) && name.matches(object)));
        }
    }
    schema.objects.retain(|_, objects| !objects.is_empty());
}

fn exclude_from_schema(schema: &mut Schema, parts: &[Part]) {
    match parts {
        [name] => {
            schema
                .tables
                .retain(|table, _| !(name.is_of("table") && name.matches(table)));
            for (kind, objects) in &mut schema.objects {
                objects.retain(|object, entry| {
                    // A trigger's key has its table before it.
                    let bare = match &entry.table {
                        Some(table) => object
                            .strip_prefix(table.as_str())
                            .and_then(|rest| rest.strip_prefix('.'))
                            .unwrap_or(object),
                        None => object,
                    };
                    !(is_kind(name, *kind) && (name.matches(object) || name.matches(bare)))
                });
            }
            schema.objects.retain(|_, objects| !objects.is_empty());
        }
        [table, part] => {
            for (_, entry) in schema
                .tables
                .iter_mut()
                .filter(|(name, _)| table.is_of("table") && table.matches(name))
            {
                exclude_from_table(entry, part);
            }
            if let Some(triggers) = schema.objects.get_mut(&ObjectKind::Trigger) {
                triggers.retain(|name, trigger| {
                    let owner = trigger.table.as_deref().unwrap_or_default();
                    let bare = name
                        .strip_prefix(owner)
                        .and_then(|rest| rest.strip_prefix('.'))
                        .unwrap_or(name);
                    !(table.matches(owner) && part.is_of("trigger") && part.matches(bare))
                });
            }
        }
        _ => {}
    }
}

fn exclude_from_table(table: &mut Table, part: &Part) {
    if part.is_of("column") {
        table.columns.retain(|name, _| !part.matches(name));
    }
    if part.is_of("index") {
        table.indexes.retain(|name, _| !part.matches(name));
    }
    if part.is_of("fk") || part.is_of("foreign_key") {
        table.foreign_keys.retain(|name, _| !part.matches(name));
    }
    if part.is_of("check") {
        table.checks.retain(|name, _| !part.matches(name));
    }
}

/// The selector's word for a kind, in several spellings.
fn is_kind(part: &Part, kind: ObjectKind) -> bool {
    let word = kind.as_str();
    let first = word.split(' ').next().unwrap_or(word);
    part.is_of(word)
        || part.is_of(&word.replace(' ', "_"))
        || part.is_of(first)
        || (kind == ObjectKind::MaterializedView && part.is_of("materialized"))
}

/// One part of a pattern.
struct Part {
    glob: Vec<char>,
    /// Empty for any.
    kinds: Vec<String>,
}

impl Part {
    fn is_of(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|known| known == kind)
    }

    fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        glob(&self.glob, &name)
    }
}

fn split(pattern: &str) -> Vec<Part> {
    let mut parts = vec![String::new()];
    let mut brackets = 0_usize;
    for character in pattern.chars() {
        match character {
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if character == '.' && brackets == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    parts
        .iter()
        .map(|part| {
            let selector = part
                .rfind("[type=")
                .and_then(|at| Some((part.get(..at)?, part.get(at + 6..)?.strip_suffix(']')?)));
            let (text, kinds) = selector.unwrap_or((part, ""));
            Part {
                glob: text.chars().collect(),
                kinds: kinds
                    .split('|')
                    .filter(|kind| !kind.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        })
        .collect()
}

/// Go's `path.Match`, without its slash. A star is tried at each place once, so that no pattern takes exponential time.
fn glob(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut pattern_at) = (0, 0);
    // Where to go on when what followed the last star did not match.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let matched = match pattern.get(pattern_at) {
            Some('*') => {
                star = Some((pattern_at + 1, at));
                pattern_at += 1;
                continue;
            }
            None if at == name.len() => return true,
            None => None,
            Some(_) => name
                .get(at)
                .and_then(|character| one(pattern.get(pattern_at..)?, *character)),
        };
        match (matched, star) {
            (Some(length), _) => {
                pattern_at += length;
                at += 1;
            }
            (None, Some((after, tried))) if tried < name.len() => {
                star = Some((after, tried + 1));
                (pattern_at, at) = (after, tried + 1);
            }
            _ => return false,
        }
    }
}

/// How much of the pattern matches this one character.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == character).then_some(2),
        ['[', rest @ ..] => {
            let (negated, rest) = match rest {
                ['^', rest @ ..] => (true, rest),
                _ => (false, rest),
            };
            let end = rest.iter().position(|it| *it == ']')?;
            let mut set = rest.get(..end)?;
            let mut found = false;
            while let [low, tail @ ..] = set {
                set = tail;
                if let ['-', high, tail @ ..] = set {
                    set = tail;
                    found |= (*low..=*high).contains(&character);
                } else {
                    found |= *low == character;
                }
            }
            let length = 1 + usize::from(negated) + end + 1;
            (found != negated).then_some(length)
        }
        [literal, ..] => (*literal == character).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::{Column, Engine, Index, Object};
    use tidegate_sqlplan::Dialect;

    fn schema() -> Schema {
        let mut table = Table::default();
        for name in ["id", "email", "secret_a"] {
            table.columns.insert(name.to_owned(), Column::default());
        }
        table.indexes.insert("email".to_owned(), Index::default());
        let tables = ["users", "orders", "tmp_1"].map(|name| (name.to_owned(), table.clone()));
        let trigger = Object {
            table: Some("users".to_owned()),
            ..Object::default()
        };
        Schema {
            tables: BTreeMap::from(tables),
            objects: BTreeMap::from([
                (
                    ObjectKind::View,
                    BTreeMap::from([("active".to_owned(), Object::default())]),
                ),
                (
                    ObjectKind::Trigger,
                    BTreeMap::from([("users.touch".to_owned(), trigger)]),
                ),
            ]),
            ..Schema::default()
        }
    }

    /// What is left, in words.
    fn left(catalog: &Catalog) -> String {
        let mut words = Vec::new();
        for (name, schema) in &catalog.schemas {
            if !name.is_empty() {
                words.push(format!("{name}:"));
            }
            for (name, table) in &schema.tables {
                let columns: Vec<&str> = table.columns.keys().map(String::as_str).collect();
                let index = if table.indexes.is_empty() { "" } else { "+" };
                words.push(format!("{name}{index}({})", columns.join(",")));
            }
            words.extend(schema.objects.values().flat_map(BTreeMap::keys).cloned());
        }
        words.join(" ").replace("(id,email,secret_a)", "")
    }

    fn after(schemas: &[&str], patterns: &[&str]) -> String {
        let engine = Engine {
            dialect: Dialect::Sqlite,
            version: (3, 50),
        };
        let mut catalog = Catalog::empty(engine);
        for name in schemas {
            catalog.schemas.insert((*name).to_owned(), schema());
        }
        let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
        exclude(&mut catalog, &patterns);
        left(&catalog)
    }

    #[test]
    fn one_schema() {
        let check = |patterns: &[&str], expected: &str| {
            assert_eq!(after(&[""], patterns), expected, "{patterns:?}");
        };
        check(&[], "orders+ tmp_1+ users+ active users.touch");
        check(&["users"], "orders+ tmp_1+ active users.touch");
        check(&["tmp_*", "o?d[a-f]rs"], "users+ active users.touch");
        check(&["*"], "");
        check(&["*[type=table]"], "active users.touch");
        check(&["*[type=view|trigger]"], "orders+ tmp_1+ users+");
        check(&["touch"], "orders+ tmp_1+ users+ active");
        check(&["users.touch"], "orders+ tmp_1+ users+ active");
        check(
            &["users.secret_*"],
            "orders+ tmp_1+ users+(id,email) active users.touch",
        );
        check(
            &["users.email[type=index]"],
            "orders+ tmp_1+ users active users.touch",
        );
        check(
            &["*.email[type=column]"],
            "orders+(id,secret_a) tmp_1+(id,secret_a) users+(id,secret_a) active users.touch",
        );
        check(
            &["u\\sers", "ser", "users.[^a-z]*"],
            "orders+ tmp_1+ active users.touch",
        );
    }

    #[test]
    fn several_schemas() {
        let both = &["app", "log"];
        assert_eq!(
            after(both, &["log"]),
            "app: orders+ tmp_1+ users+ active users.touch"
        );
        assert_eq!(
            after(both, &["log.*", "app.*[type=table]"]),
            "app: active users.touch log:"
        );
        assert_eq!(
            after(
                both,
                &[
                    "*.tmp_1",
                    "*.users.id",
                    "*.*[type=trigger]",
                    "*.*[type=view]"
                ]
            ),
            "app: orders+ users+(email,secret_a) log: orders+ users+(email,secret_a)"
        );
    }

    #[test]
    fn what_has_no_schema_stands_beside_them() {
        let left = |pattern: &str| {
            let engine = Engine {
                dialect: Dialect::Postgres,
                version: (15, 0),
            };
            let mut catalog = Catalog::empty(engine);
            let objects = ["hstore", "uuid-ossp"].map(|name| (name.to_owned(), Object::default()));
            let mut public = schema();
            public
                .objects
                .insert(ObjectKind::Extension, BTreeMap::from(objects));
            catalog.schemas.insert("public".to_owned(), public);
            exclude(&mut catalog, &[pattern.to_owned()]);
            let schema = catalog.schemas.remove("public").unwrap_or_default();
            let extensions = schema.objects.get(&ObjectKind::Extension).cloned();
            let extensions: Vec<String> = extensions.unwrap_or_default().into_keys().collect();
            (schema.tables.len(), extensions.join(" "))
        };
        assert_eq!(left("*[type=extension]"), (3, String::new()));
        assert_eq!(left("hstore"), (3, "uuid-ossp".to_owned()));
        assert_eq!(left("*[type=view]"), (3, "hstore uuid-ossp".to_owned()));
        assert_eq!(left("public.hstore"), (3, "uuid-ossp".to_owned()));
        assert_eq!(left("*[type=schema]"), (0, String::new()));
    }

    #[test]
    fn the_history_of_migrations_is_left_alone() {
        let engine = Engine {
            dialect: Dialect::Postgres,
            version: (15, 0),
        };
        let mut catalog = Catalog::empty(engine);
        let mut own = Schema::default();
        for table in ["users", "atlas_schema_revisions", "revisions"] {
            own.tables.insert(table.to_owned(), Table::default());
        }
        catalog
            .schemas
            .insert("atlas_schema_revisions".to_owned(), own.clone());
        catalog.schemas.insert("public".to_owned(), own);
        exclude_revisions(&mut catalog);
        let left: Vec<(&String, Vec<&String>)> = catalog
            .schemas
            .iter()
            .map(|(name, schema)| (name, schema.tables.keys().collect()))
            .collect();
        assert_eq!(
            left,
            [(
                &"public".to_owned(),
                vec![&"revisions".to_owned(), &"users".to_owned()]
            )]
        );
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = "*a".repeat(40) + "b";
        let name: Vec<char> = "a".repeat(2_000).chars().collect();
        assert!(!glob(&pattern.chars().collect::<Vec<_>>(), &name));
        for broken in ["[", "[a", "\\", "[a-", "]", "[]"] {
            let pattern: Vec<char> = broken.chars().collect();
            glob(&pattern, &['a']);
        }
    }
}
