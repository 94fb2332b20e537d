//! What is said of things by statements of its own: comments on parts, defaults of a view's columns, rights.
//!
//! Each is read as the statement that says it and the one that takes it back, both spelled here, so that a scratch schema's and the real one's
//! are alike.

use tidegate_schemaplan::{Object, ObjectKind, Sayings};

use super::objects::switched;
use super::{Reader, qualified};
use crate::postgres::sql::{literal, quoted};
use crate::postgres::wire::TextRow;

/// Whose they are, the schema, what they are, the name, the part, the value.
pub(super) const DETAILS: &str = "
WITH owned AS (
  SELECT d.objid, d.refobjid FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
)
SELECT 'c', c.oid, c.relnamespace, 'comment on column', c.relname, a.attname, d.description
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind IN ('v', 'm', 'c') AND a.attnum > 0
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'default', c.relname, a.attname, pg_get_expr(ad.adbin, ad.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_attrdef ad ON ad.adrelid = c.oid AND ad.adnum = a.attnum
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'v'
UNION ALL
SELECT 't', t.oid, t.typnamespace, 'comment on constraint', t.typname, con.conname, d.description
FROM pg_constraint con JOIN pg_type t ON t.oid = con.contypid
JOIN pg_description d ON d.objoid = con.oid AND d.classoid = 'pg_constraint'::regclass
WHERE t.typnamespace IN (NAMESPACES)
UNION ALL
SELECT 'c', o.refobjid, c.relnamespace, 'comment on sequence', c.relname, NULL, d.description
FROM owned o JOIN pg_class c ON c.oid = o.objid
JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE c.relnamespace IN (NAMESPACES)
UNION ALL
SELECT 'c', i.indrelid, ic.relnamespace, 'comment on index', ic.relname, NULL, d.description
FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_description d ON d.objoid = ic.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE ic.relnamespace IN (NAMESPACES) AND i.indisprimary
UNION ALL
SELECT 'c', i.indrelid, ic.relnamespace, 'comment on index', ic.relname, NULL, d.description
FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_description d ON d.objoid = ic.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'm'
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'statistics of column', c.relname, a.attname, a.attstattarget::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'm' AND a.attnum > 0 AND a.attstattarget >= 0
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'storage of column', c.relname, a.attname,
  (SELECT string_agg(CASE of WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END, ' ' ORDER BY place)
    FROM unnest(ARRAY[t.typstorage, a.attstorage]) WITH ORDINALITY AS one (of, place))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'm' AND a.attnum > 0 AND a.attstorage <> t.typstorage
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'unlogged', c.relname, NULL, NULL
FROM pg_class c WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'S' AND c.relpersistence = 'u'
UNION ALL
SELECT 'c', i.indrelid, c.relnamespace, 'cluster', c.relname, ic.relname, NULL
FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'm' AND i.indisclustered
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'trigger', c.relname, t.tgname, up.tgenabled::text || t.tgenabled::text
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_trigger up ON up.oid = TRIGGER_PARENT
WHERE c.relnamespace IN (NAMESPACES) AND NOT t.tgisinternal AND t.tgenabled <> up.tgenabled
UNION ALL
SELECT 'c', c.oid, c.relnamespace, 'compression of column', c.relname, a.attname, (COMPRESSION)::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind = 'm' AND a.attnum > 0 AND COMPRESSION IS NOT NULL
UNION ALL
SELECT 'p', p.oid, p.pronamespace, 'routine depends', p.proname, oidvectortypes(p.proargtypes), e.extname
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' AND p.pronamespace IN (NAMESPACES)
UNION ALL
SELECT 'c', COALESCE(i.indrelid, c.oid), c.relnamespace, 'depends', c.relname, CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'INDEX' END, e.extname
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_extension e ON e.oid = d.refobjid LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' AND c.relnamespace IN (NAMESPACES)
UNION ALL
SELECT 'g', t.oid, c.relnamespace, 'trigger depends', c.relname, t.tgname, e.extname
FROM pg_depend d JOIN pg_trigger t ON t.oid = d.objid JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_extension e ON e.oid = d.refobjid
WHERE d.classid = 'pg_trigger'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' AND c.relnamespace IN (NAMESPACES)
UNION ALL
STATISTICS_TARGETS";

/// Statistics objects have a target since version 13.
pub(super) const STATISTICS_TARGETS: &str = "
SELECT 's', s.oid, s.stxnamespace, 'statistics', s.stxname, NULL, s.stxstattarget::text
FROM pg_statistic_ext s WHERE s.stxnamespace IN (NAMESPACES) AND s.stxstattarget >= 0";

/// In the place of [`STATISTICS_TARGETS`] where there are none.
pub(super) const NO_STATISTICS_TARGETS: &str =
    "SELECT NULL, 0, 0::oid, NULL, NULL, NULL, NULL WHERE false";

/// Rights that differ from the server's defaults, but for the owner's: whose they are, the schema, what they are on, its name and arguments, the
/// column, the right, the role, whether it may be handed on, and whether it is a default that was taken away.
pub(super) const RIGHTS: &str = "
WITH owned AS (
  SELECT d.objid, min(d.refobjid) AS refobjid FROM pg_depend d JOIN pg_sequence s ON s.seqrelid = d.objid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  GROUP BY d.objid
), things (kind, oid, namespace, word, name, arguments, part, owner, acl, usual) AS (
  SELECT 'c', COALESCE(o.refobjid, c.oid), c.relnamespace, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname, NULL, NULL,
    c.relowner, c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner)
  FROM pg_class c LEFT JOIN owned o ON o.objid = c.oid
  WHERE c.relnamespace IN (NAMESPACES) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relacl IS NOT NULL
  UNION ALL
  SELECT 'c', c.oid, c.relnamespace, 'TABLE', c.relname, NULL, a.attname, c.relowner, a.attacl, NULL
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace IN (NAMESPACES) AND a.attacl IS NOT NULL AND NOT a.attisdropped
  UNION ALL
  SELECT 'p', p.oid, p.pronamespace, CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.proname, oidvectortypes(p.proargtypes), NULL,
    p.proowner, p.proacl, acldefault('f', p.proowner)
  FROM pg_proc p WHERE p.pronamespace IN (NAMESPACES) AND p.proacl IS NOT NULL
  UNION ALL
  SELECT 't', t.oid, t.typnamespace, 'TYPE', t.typname, NULL, NULL, t.typowner, t.typacl, acldefault('T', t.typowner)
  FROM pg_type t WHERE t.typnamespace IN (NAMESPACES) AND t.typacl IS NOT NULL
  UNION ALL
  SELECT 'n', n.oid, n.oid, 'SCHEMA', n.nspname, NULL, NULL, n.nspowner, n.nspacl,
    COALESCE((SELECT i.initprivs FROM pg_init_privs i WHERE i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass), acldefault('n', n.nspowner))
  FROM pg_namespace n WHERE n.oid IN (NAMESPACES) AND n.nspacl IS NOT NULL
  UNION ALL
  SELECT 'n', d.defaclnamespace, d.defaclnamespace, 'DEFAULT ' || CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
    WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END, quote_ident(r.rolname), NULL, NULL, d.defaclrole, d.defaclacl, NULL
  FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole WHERE d.defaclnamespace IN (NAMESPACES)
), has AS (
  SELECT t.*, e.privilege_type, e.grantee, e.is_grantable, false AS is_usual FROM things t, aclexplode(t.acl) e
  UNION ALL
  SELECT t.*, e.privilege_type, e.grantee, e.is_grantable, true FROM things t, aclexplode(t.usual) e
)
SELECT h.kind, h.oid, h.namespace, h.word, h.name, h.arguments, h.part, h.privilege_type,
  CASE h.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END, bool_or(h.is_grantable), bool_or(h.is_usual)
FROM has h LEFT JOIN pg_roles r ON r.oid = h.grantee
WHERE h.grantee <> h.owner AND (h.grantee = 0 OR r.oid IS NOT NULL)
  AND COALESCE(r.rolname, '') <> 'pg_database_owner'
GROUP BY h.kind, h.oid, h.namespace, h.word, h.name, h.arguments, h.part, h.privilege_type, h.grantee, r.rolname
HAVING bool_or(h.is_usual) <> bool_or(NOT h.is_usual)";

impl Reader<'_> {
    pub(super) fn details(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(2)) else {
                continue;
            };
            let (name, part, value) = (row.text(4), row.text(5), row.text(6));
            let shown = qualified(&key, &name);
            let comment = |what: String| {
                let comment = |text: &str| format!("COMMENT ON {what} IS {text}");
                (comment("NULL"), comment(&literal(&value)))
            };
            let (undo, said) = match row.str(3).unwrap_or_default() {
                "comment on column" => comment(format!("COLUMN {shown}.{}", quoted(&part))),
                "comment on constraint" => {
                    comment(format!("CONSTRAINT {} ON DOMAIN {shown}", quoted(&part)))
                }
                "comment on sequence" => comment(format!("SEQUENCE {shown}")),
                "comment on index" => comment(format!("INDEX {shown}")),
                "default" => {
                    let column = format!("ALTER VIEW {shown} ALTER COLUMN {}", quoted(&part));
                    let set = format!("{column} SET DEFAULT {value}");
                    (format!("{column} DROP DEFAULT"), set)
                }
                "statistics of column" | "storage of column" => {
                    let column = format!(
                        "ALTER MATERIALIZED VIEW {shown} ALTER COLUMN {}",
                        quoted(&part)
                    );
                    // The usual storage and the column's.
                    match value.split_once(' ') {
                        Some((usual, own)) => {
                            let set = |to: &str| format!("{column} SET STORAGE {to}");
                            (set(usual), set(own))
                        }
                        None => {
                            let set = |to: &str| format!("{column} SET STATISTICS {to}");
                            (set("-1"), set(&value))
                        }
                    }
                }
                "unlogged" => {
                    let set = |to: &str| format!("ALTER SEQUENCE {shown} SET {to}");
                    (set("LOGGED"), set("UNLOGGED"))
                }
                "cluster" => {
                    let view = format!("ALTER MATERIALIZED VIEW {shown}");
                    let set = format!("{view} CLUSTER ON {}", quoted(&part));
                    (format!("{view} SET WITHOUT CLUSTER"), set)
                }
                "compression of column" => {
                    let column = quoted(&part);
                    let set = |to: &str| {
                        format!(
                            "ALTER MATERIALIZED VIEW {shown} ALTER COLUMN {column} SET COMPRESSION {to}"
                        )
                    };
                    (
                        set("default"),
                        set(if value == "l" { "lz4" } else { "pglz" }),
                    )
                }
                // A partition's copy of its parent's: how that is switched, and how the copy is.
                "trigger" => {
                    let set = |state: Option<&str>| {
                        let switched = switched("TRIGGER", &part, state);
                        let usual = || format!("ENABLE TRIGGER {}", quoted(&part));
                        format!("ALTER TABLE {shown} {}", switched.unwrap_or_else(usual))
                    };
                    (set(value.get(..1)), set(value.get(1..)))
                }
                "depends" => depends(&format!("{part} {shown}"), &value),
                "routine depends" => depends(&format!("ROUTINE {shown}({part})"), &value),
                "trigger depends" => {
                    depends(&format!("TRIGGER {} ON {shown}", quoted(&part)), &value)
                }
                _ => {
                    let set = format!("ALTER STATISTICS {shown} SET STATISTICS");
                    (format!("{set} -1"), format!("{set} {value}"))
                }
            };
            let whose = (oid_kind(row), row.number(1));
            if let Some(details) = self.sayings(whose, |object| &mut object.details) {
                details.insert(undo, said);
            } else if let Some(table) = self.table(row.number(1)) {
                table.details.insert(undo, said);
            }
        }
    }

    pub(super) fn rights(&mut self, rows: &[TextRow]) {
        for row in rows {
            let Some(key) = self.key(row.number(2)) else {
                continue;
            };
            let (word, name, right, role) = (row.text(3), row.text(4), row.text(7), row.text(8));
            let (is_grantable, is_missing) = (row.is(9), row.is(10));
            if row.str(0) == Some("n") && key.is_empty() {
                // The one schema of a scope has no name here, and these need it.
                let what = match word.strip_prefix("DEFAULT ") {
                    Some(kind) => format!("default rights of {role} on {kind}"),
                    None => format!("right {right} of {role} on the schema"),
                };
                let object = Object {
                    definition: what.clone(),
                    ..Object::default()
                };
                self.add_object(('?', 0), &key, ObjectKind::Other, what, object);
                continue;
            }
            let (head, target) = match word.strip_prefix("DEFAULT ") {
                Some(kind) => {
                    let schema = quoted(&key);
                    let head =
                        format!("ALTER DEFAULT PRIVILEGES FOR ROLE {name} IN SCHEMA {schema} ");
                    (head, kind.to_owned())
                }
                None if word == "SCHEMA" => (String::new(), format!("SCHEMA {}", quoted(&name))),
                None => {
                    let arguments = row.get(5).map(|arguments| format!("({arguments})"));
                    let shown = qualified(&key, &name);
                    (
                        String::new(),
                        format!("{word} {shown}{}", arguments.unwrap_or_default()),
                    )
                }
            };
            let column = row.get(6).map(|column| format!(" ({})", quoted(&column)));
            let right = format!("{right}{} ON {target}", column.unwrap_or_default());
            let grant = format!("{head}GRANT {right} TO {role}");
            let revoke = format!("{head}REVOKE {right} FROM {role}");
            let mut said = Sayings::new();
            if is_missing {
                said.insert(grant, revoke);
            } else {
                if is_grantable {
                    let undo = format!("{head}REVOKE GRANT OPTION FOR {right} FROM {role}");
                    said.insert(undo, format!("{grant} WITH GRANT OPTION"));
                }
                said.insert(revoke, grant);
            }
            let whose = (oid_kind(row), row.number(1));
            if whose.0 == 'n' {
                if let Some(schema) = self.schemas.get_mut(&key) {
                    schema.rights.append(&mut said);
                }
            } else if let Some(rights) = self.sayings(whose, |object| &mut object.rights) {
                rights.append(&mut said);
            } else if let Some(table) = self.table(row.number(1)) {
                table.rights.append(&mut said);
            }
        }
    }

    fn sayings(
        &mut self,
        whose: (char, u32),
        which: impl Fn(&mut Object) -> &mut Sayings,
    ) -> Option<&mut Sayings> {
        self.object(whose).map(which)
    }
}

/// What is dropped with an extension.
fn depends(what: &str, extension: &str) -> (String, String) {
    let on = format!("DEPENDS ON EXTENSION {}", quoted(extension));
    (
        format!("ALTER {what} NO {on}"),
        format!("ALTER {what} {on}"),
    )
}

fn oid_kind(row: &TextRow) -> char {
    let kind = row.str(0).and_then(|kind| kind.chars().next());
    kind.unwrap_or('?')
}
