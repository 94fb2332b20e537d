//! Kinds that few schemas have: operators, text search, event triggers, publications.
//!
//! Event triggers and publications are the database's, not a schema's. They are read where the whole database is in scope, and listed in the
//! schema of the trigger's function and in `public`; where the scope is one schema they are only named.

use tidegate_schemaplan::{Object, ObjectKind};

use super::{Reader, qualified};
use crate::postgres::sql::{literal, quoted};
use crate::postgres::wire::TextRow;

/// A commutator or negator that is named but not made yet is no operator.
pub(super) const OPERATORS: &str = "
SELECT o.oid, o.oprnamespace, o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
  CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END,
  concat_ws(', ', 'FUNCTION = ' || substring(o.oprcode::regprocedure::text FROM UP_TO_ARGUMENTS),
    'LEFTARG = ' || CASE WHEN o.oprleft <> 0 THEN format_type(o.oprleft, NULL) END,
    'RIGHTARG = ' || CASE WHEN o.oprright <> 0 THEN format_type(o.oprright, NULL) END,
    'COMMUTATOR = OPERATOR(' || split_part(NULLIF(o.oprcom, 0)::regoperator::text, '(', 1) || ')',
    'NEGATOR = OPERATOR(' || split_part(NULLIF(o.oprnegate, 0)::regoperator::text, '(', 1) || ')',
    'RESTRICT = ' || substring(NULLIF(o.oprrest, 0)::regprocedure::text FROM UP_TO_ARGUMENTS),
    'JOIN = ' || substring(NULLIF(o.oprjoin, 0)::regprocedure::text FROM UP_TO_ARGUMENTS),
    CASE WHEN o.oprcanhash THEN 'HASHES' END, CASE WHEN o.oprcanmerge THEN 'MERGES' END),
  d.description
FROM pg_operator o
LEFT JOIN pg_description d ON d.objoid = o.oid AND d.classoid = 'pg_operator'::regclass
WHERE o.oprnamespace IN (NAMESPACES) AND o.oprcode <> 0
  AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_operator'::regclass AND deptype = 'e')";

pub(super) const DICTIONARIES: &str = "
SELECT t.oid, t.dictnamespace, t.dictname, quote_ident(n.nspname) || '.' || quote_ident(m.tmplname), t.dictinitoption, d.description
FROM pg_ts_dict t
JOIN pg_ts_template m ON m.oid = t.dicttemplate
JOIN pg_namespace n ON n.oid = m.tmplnamespace
LEFT JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_ts_dict'::regclass
WHERE t.dictnamespace IN (NAMESPACES)
  AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_dict'::regclass AND deptype = 'e')";

/// With what each kind of token is looked up in, one kind a row.
pub(super) const CONFIGURATIONS: &str = "
SELECT c.oid, c.cfgnamespace, c.cfgname, quote_ident(n.nspname) || '.' || quote_ident(p.prsname), d.description, token.alias,
  (SELECT string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) FROM pg_ts_config_map m
    WHERE m.mapcfg = c.oid AND m.maptokentype = token.tokid)
FROM pg_ts_config c
JOIN pg_ts_parser p ON p.oid = c.cfgparser
JOIN pg_namespace n ON n.oid = p.prsnamespace
CROSS JOIN LATERAL ts_token_type(c.cfgparser) AS token
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_ts_config'::regclass
WHERE c.cfgnamespace IN (NAMESPACES)
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_config'::regclass AND deptype = 'e')
ORDER BY c.oid, token.alias";

pub(super) const EVENT_TRIGGERS: &str = "
SELECT e.oid, p.pronamespace, e.evtname, e.evtevent, (SELECT string_agg(quote_literal(tag), ', ' ORDER BY tag) FROM unnest(e.evttags) AS tag),
  quote_ident(n.nspname) || '.' || quote_ident(p.proname), e.evtenabled, d.description,
  (SELECT string_agg(quote_literal(tag), ', ' ORDER BY place) FROM unnest(e.evttags) WITH ORDINALITY AS said (tag, place))
FROM pg_event_trigger e
JOIN pg_proc p ON p.oid = e.evtfoid
JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_description d ON d.objoid = e.oid AND d.classoid = 'pg_event_trigger'::regclass
WHERE e.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND deptype = 'e')";

/// What is published, one thing a row; `PUBLISHED_COLUMNS`, `PUBLISHED_ROWS` and `PUBLISHED_SCHEMAS` are known since version 15.
pub(super) const PUBLICATIONS: &str = "
SELECT p.oid, (SELECT oid FROM pg_namespace WHERE oid IN (NAMESPACES) ORDER BY nspname <> 'public', nspname LIMIT 1), p.pubname,
  'publish = ' || quote_literal(concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
    CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)) || PUBLISHED_ROOT,
  d.description, CASE WHEN p.puballtables THEN 'ALL TABLES' ELSE said.of END
FROM pg_publication p
LEFT JOIN (
  SELECT r.prpubid AS pubid, 'TABLE ONLY ' || r.prrelid::regclass::text || PUBLISHED_COLUMNS || PUBLISHED_ROWS AS of FROM pg_publication_rel r
  PUBLISHED_SCHEMAS
) said ON said.pubid = p.oid
LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_publication'::regclass
WHERE p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_publication'::regclass AND deptype = 'e')
ORDER BY p.oid, 6";

/// [`PUBLICATIONS`] for a server.
pub(super) fn publications(version: (u32, u32)) -> String {
    let since = |known: u32, text: &'static str| if version.0 >= known { text } else { "''" };
    let schemas = "UNION ALL SELECT s.pnpubid, 'TABLES IN SCHEMA ' || s.pnnspid::regnamespace::text FROM pg_publication_namespace s";
    PUBLICATIONS
        .replace(
            "PUBLISHED_ROOT",
            since(13, "', publish_via_partition_root = ' || p.pubviaroot"),
        )
        .replace(
            "PUBLISHED_COLUMNS",
            since(
                15,
                "COALESCE(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place)
      FROM unnest(r.prattrs) WITH ORDINALITY AS k (number, place) JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.number) || ')', '')",
            ),
        )
        .replace(
            "PUBLISHED_ROWS",
            since(
                15,
                "COALESCE(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')",
            ),
        )
        .replace(
            "PUBLISHED_SCHEMAS",
            if version.0 >= 15 { schemas } else { "" },
        )
}

impl Reader<'_> {
    pub(super) fn operators(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (own, parts) = (row.text(2), row.text(5));
            let shown = if key.is_empty() {
                own.clone()
            } else {
                format!("{}.{own}", quoted(&key))
            };
            let object = Object {
                create: format!("CREATE OPERATOR {shown} ({parts})"),
                definition: parts,
                comment: row.get(6),
                ..Object::default()
            };
            let name = format!("{own}({}, {})", row.text(3), row.text(4));
            self.add_object(
                ('o', row.number(0)),
                &key,
                ObjectKind::Operator,
                name,
                object,
            );
        }
    }

    pub(super) fn dictionaries(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let (name, template) = (row.text(2), row.text(3));
            let options = row.get(4);
            let behind = options.iter().map(|options| format!(", {options}"));
            let object = Object {
                create: format!(
                    "CREATE TEXT SEARCH DICTIONARY {} (TEMPLATE = {template}{})",
                    qualified(&key, &name),
                    behind.collect::<String>()
                ),
                definition: template,
                labels: options.into_iter().collect(),
                comment: row.get(5),
                ..Object::default()
            };
            let kind = ObjectKind::TextSearchDictionary;
            self.add_object(('d', row.number(0)), &key, kind, name, object);
        }
    }

    pub(super) fn configurations(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let oid = ('f', row.number(0));
            let (name, parser) = (row.text(2), row.text(3));
            if self.object(oid).is_none() {
                let object = Object {
                    create: format!(
                        "CREATE TEXT SEARCH CONFIGURATION {} (PARSER = {parser})",
                        qualified(&key, &name)
                    ),
                    definition: parser,
                    comment: row.get(4),
                    ..Object::default()
                };
                let kind = ObjectKind::TextSearchConfiguration;
                self.add_object(oid, &key, kind, name, object);
            }
            if let (Some(object), Some(dictionaries)) = (self.object(oid), row.get(6)) {
                let token = quoted(&row.text(5));
                object.labels.push(format!("{token} WITH {dictionaries}"));
            }
        }
    }

    pub(super) fn event_triggers(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let name = row.text(2);
            let create = |tags: Option<String>| {
                let tags = tags.map(|tags| format!(" WHEN TAG IN ({tags})"));
                format!(
                    "CREATE EVENT TRIGGER {} ON {}{} EXECUTE FUNCTION {}()",
                    quoted(&name),
                    row.text(3),
                    tags.unwrap_or_default(),
                    row.text(5)
                )
            };
            let state = match row.str(6) {
                Some("D") => Some("DISABLE"),
                Some("R") => Some("ENABLE REPLICA"),
                Some("A") => Some("ENABLE ALWAYS"),
                _ => None,
            };
            let object = Object {
                // Their order means nothing, and is kept where it is written.
                definition: create(row.get(4)),
                create: create(row.get(8)),
                labels: state.into_iter().map(str::to_owned).collect(),
                comment: row.get(7),
                ..Object::default()
            };
            let oid = ('e', row.number(0));
            self.add_object(oid, &key, ObjectKind::EventTrigger, name, object);
        }
    }

    pub(super) fn publications(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(1)) else {
                continue;
            };
            let oid = ('b', row.number(0));
            if self.object(oid).is_none() {
                let object = Object {
                    definition: row.text(3),
                    comment: row.get(4),
                    ..Object::default()
                };
                self.add_object(oid, &key, ObjectKind::Publication, row.text(2), object);
            }
            if let Some(object) = self.object(oid) {
                object.labels.extend(row.get(5));
                let of = match object.published() {
                    none if none.is_empty() => none,
                    of => format!(" FOR {of}"),
                };
                object.create = format!(
                    "CREATE PUBLICATION {}{of} WITH ({})",
                    quoted(&row.text(2)),
                    object.definition
                );
            }
        }
    }

    /// What of the whole database is not managed where the scope is one schema of it.
    pub(super) fn others(&mut self, rows: &[TextRow], bound: bool) {
        for row in rows {
            let what = row.text(1);
            let is_of = |words: &[&str]| words.iter().any(|word| what.starts_with(word));
            if !bound && is_of(&["event trigger ", "publication "]) {
                continue;
            }
            if let Some(key) = self.key(row.number(0)) {
                // These are named with all that they are.
                let is_whole = is_of(&[
                    "event trigger ",
                    "publication ",
                    "foreign data wrapper ",
                    "subscription ",
                    "language ",
                    "access method ",
                    "constraint ",
                ]);
                let object = Object {
                    definition: if is_whole {
                        what.clone()
                    } else {
                        String::new()
                    },
                    ..Object::default()
                };
                self.add_object(('?', 0), &key, ObjectKind::Other, what, object);
            }
        }
    }

    /// Where the extension's own comment was replaced, what says so and what says the extension's again.
    pub(super) fn comment_on_extension(object: &mut Object, row: &TextRow) {
        if let Some(comment) = row.get(3) {
            let head = format!("COMMENT ON EXTENSION {} IS", quoted(&row.text(0)));
            let usual = row.get(4);
            let usual = usual.map_or_else(|| "NULL".to_owned(), |usual| literal(&usual));
            let said = format!("{head} {}", literal(&comment));
            object.details.insert(format!("{head} {usual}"), said);
        }
    }
}
