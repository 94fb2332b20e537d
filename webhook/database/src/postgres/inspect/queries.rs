//! What is asked of `pg_catalog`: a fixed number of queries, however many tables there are.
//!
//! `NAMESPACES` stands for the oids of the schemas in scope. What an extension brought along is the extension's and is left out. All columns
//! are read as text. Columns of the system's tables that older versions lack are given by [`for_version`].

use super::said::{NO_STATISTICS_TARGETS, STATISTICS_TARGETS};

/// The schemas that are no system's.
pub(super) const SCHEMAS: &str = "
SELECT n.oid, n.nspname, d.description
FROM pg_namespace n
LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0
WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND n.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND deptype = 'e')
ORDER BY n.nspname";

pub(super) const RELATIONS: &str = "
SELECT c.oid, c.relnamespace, c.relname, c.relkind, c.relpersistence,
  array_to_string(c.reloptions || (SELECT array_agg('toast.' || o.setting) FROM pg_class toast, unnest(toast.reloptions) AS o (setting)
    WHERE toast.oid = c.reltoastrelid), ', '),
  CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
  c.relispartition, pg_get_expr(c.relpartbound, c.oid),
  (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
  c.relrowsecurity, c.relforcerowsecurity, c.relreplident, am.amname, ts.spcname, d.description,
  CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END, c.relispopulated
FROM pg_class c
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')
ORDER BY c.oid";

pub(super) const COLUMNS: &str = "
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  CASE WHEN a.atthasdef THEN pg_get_expr(ad.adbin, ad.adrelid) END, a.attidentity, a.attgenerated,
  CASE WHEN co.oid IS NULL THEN NULL WHEN pg_collation_is_visible(co.oid) THEN quote_ident(co.collname)
    ELSE quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
  d.description,
  a.attinhcount > 0 AND CASE WHEN c.relispartition
    THEN d.description IS NULL AND a.attnotnull = pa.attnotnull AND pg_get_expr(ad.adbin, ad.adrelid) IS NOT DISTINCT FROM pg_get_expr(pd.adbin, pd.adrelid)
    ELSE d.description IS NULL AND EXISTS (SELECT FROM pg_inherits i
      JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname AND NOT p.attisdropped
      LEFT JOIN pg_attrdef q ON q.adrelid = p.attrelid AND q.adnum = p.attnum
      WHERE i.inhrelid = a.attrelid AND a.attnotnull = p.attnotnull
        AND pg_get_expr(ad.adbin, ad.adrelid) IS NOT DISTINCT FROM pg_get_expr(q.adbin, q.adrelid)) END,
  NULLIF(a.attstorage, t.typstorage), COMPRESSION, NULLIF(a.attstattarget, -1), array_to_string(a.attoptions, ', '),
  a.attislocal AND a.attinhcount > 0 AND NOT c.relispartition
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_description d ON d.objoid = a.attrelid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
LEFT JOIN pg_inherits inh ON c.relispartition AND inh.inhrelid = a.attrelid
LEFT JOIN pg_attribute pa ON pa.attrelid = inh.inhparent AND pa.attname = a.attname AND NOT pa.attisdropped
LEFT JOIN pg_attrdef pd ON pd.adrelid = pa.attrelid AND pd.adnum = pa.attnum
WHERE c.relnamespace IN (NAMESPACES) AND c.relkind IN ('r', 'p', 'c', 'v') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

pub(super) const SEQUENCES: &str = "
SELECT s.seqrelid, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
  d.refobjid, d.refobjsubid, d.deptype, s.seqrelid::regclass::text
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
  AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
WHERE c.relnamespace IN (NAMESPACES)";

pub(super) const CONSTRAINTS: &str = "
SELECT con.oid, con.conname, con.contype, con.conrelid, con.contypid, con.conindid, con.conkey::text, con.confrelid,
  CASE WHEN con.contype = 'f' THEN fn.nspname END, CASE WHEN con.contype = 'f' THEN fc.relname END,
  CASE WHEN con.contype = 'f' THEN
    (SELECT string_agg(quote_ident(fa.attname), ',' ORDER BY k.place)
     FROM unnest(con.confkey) WITH ORDINALITY AS k (number, place)
     JOIN pg_attribute fa ON fa.attrelid = con.confrelid AND fa.attnum = k.number) END,
  con.confupdtype, con.confdeltype, con.confmatchtype, con.condeferrable, con.condeferred, con.convalidated, con.connoinherit,
  CASE WHEN con.contype = 'c' THEN pg_get_expr(con.conbin, con.conrelid) END,
  CASE WHEN con.contype IN ('x', 'f') OR con.contypid <> 0 THEN pg_get_constraintdef(con.oid) END,
  d.description, ENFORCED
FROM pg_constraint con
LEFT JOIN pg_class c ON c.oid = con.conrelid
LEFT JOIN pg_class fc ON fc.oid = con.confrelid
LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
LEFT JOIN pg_description d ON d.objoid = con.oid AND d.classoid = 'pg_constraint'::regclass
WHERE con.connamespace IN (NAMESPACES) AND con.contype IN ('p', 'u', 'x', 'f', 'c') AND con.conparentid = 0
  AND NOT (con.coninhcount > 0 AND (NOT con.conislocal OR c.relispartition))
ORDER BY con.oid";

pub(super) const INDEXES: &str = "
SELECT i.indexrelid, i.indrelid, ic.relname, i.indisunique, i.indisprimary, am.amname, i.indnkeyatts,
  pg_get_expr(i.indpred, i.indrelid), array_to_string(ic.reloptions, ', '), NULLS_NOT_DISTINCT, ts.spcname, d.description,
  i.indisvalid, i.indisreplident, i.indisclustered, CASE WHEN tc.relkind = 'm' THEN pg_get_indexdef(i.indexrelid, 0, true) END
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class tc ON tc.oid = i.indrelid
JOIN pg_am am ON am.oid = ic.relam
LEFT JOIN pg_tablespace ts ON ts.oid = ic.reltablespace
LEFT JOIN pg_description d ON d.objoid = ic.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
WHERE tc.relnamespace IN (NAMESPACES) AND tc.relkind IN ('r', 'p', 'm') AND INDEX_IS_OWN
ORDER BY i.indexrelid";

/// A partition's index that is part of its parent's is said with that, but for one that a key of the partition's own stands on.
const INDEX_IS_OWN: &str = "(NOT ic.relispartition OR EXISTS (SELECT FROM pg_constraint own
  WHERE own.conindid = i.indexrelid AND own.contype IN ('p', 'u', 'x') AND own.conparentid = 0))";

pub(super) const INDEX_PARTS: &str = "
SELECT i.indexrelid, k.k, i.indkey[k.k - 1], CASE WHEN i.indkey[k.k - 1] = 0 THEN pg_get_indexdef(i.indexrelid, k.k, false) END,
  CASE WHEN k.k <= i.indnkeyatts THEN i.indoption[k.k - 1] END,
  CASE WHEN co.oid IS NULL THEN NULL WHEN pg_collation_is_visible(co.oid) THEN quote_ident(co.collname)
    ELSE quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
  CASE WHEN oc.opcdefault AND ia.attoptions IS NULL THEN NULL WHEN pg_opclass_is_visible(oc.oid) THEN quote_ident(oc.opcname)
    ELSE quote_ident(ocn.nspname) || '.' || quote_ident(oc.opcname) END,
  array_to_string(ia.attoptions, ', '), NULLIF(ia.attstattarget, -1)
FROM pg_index i
JOIN pg_class tc ON tc.oid = i.indrelid
JOIN pg_class ic ON ic.oid = i.indexrelid
CROSS JOIN LATERAL generate_series(1, i.indnatts::int) AS k (k)
JOIN pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k.k
LEFT JOIN pg_attribute ta ON ta.attrelid = i.indrelid AND ta.attnum = i.indkey[k.k - 1] AND ta.attnum <> 0
LEFT JOIN pg_type ty ON ty.oid = ia.atttypid
LEFT JOIN pg_collation co ON k.k <= i.indnkeyatts AND co.oid = i.indcollation[k.k - 1]
  AND co.oid <> COALESCE(ta.attcollation, ty.typcollation)
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_opclass oc ON k.k <= i.indnkeyatts AND oc.oid = i.indclass[k.k - 1]
LEFT JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace
WHERE tc.relnamespace IN (NAMESPACES) AND tc.relkind IN ('r', 'p') AND INDEX_IS_OWN
ORDER BY i.indexrelid, k.k";

/// The indexes of partitions that are parts of an index, at any depth: the index, how deep, the partition, the name; where they do not have the name that
/// the server would have given them, and where the index lacks some and was put together by hand. Of one that lacks parts itself, those that it has;
/// and whether it is a unique constraint below a primary key.
pub(super) const PARTS_OF_INDEXES: &str = "
SELECT top.indexrelid, part.level, i.indrelid::regclass, ic.relname,
  CASE WHEN ic.relkind = 'I' AND NOT i.indisvalid
    THEN COALESCE((SELECT string_agg(h.inhrelid::regclass::text, ', ' ORDER BY h.inhrelid::regclass::text) FROM pg_inherits h WHERE h.inhparent = ic.oid), '') END,
  top.indisprimary AND NOT i.indisprimary
FROM pg_index top
JOIN pg_class tic ON tic.oid = top.indexrelid
JOIN pg_class tc ON tc.oid = top.indrelid
CROSS JOIN LATERAL pg_partition_tree(top.indexrelid) AS part
JOIN pg_index above ON above.indexrelid = part.parentrelid
JOIN pg_index i ON i.indexrelid = part.relid
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
LEFT JOIN pg_constraint con ON con.conindid = ic.oid AND con.contype IN ('p', 'u', 'x')
CROSS JOIN LATERAL (SELECT string_agg(CASE WHEN k.number = 0 THEN COALESCE(NULLIF(split_part(pg_get_indexdef(top.indexrelid, k.place::int, false), '(', 1), ''), 'expr')
    ELSE a.attname END, '_' ORDER BY k.place) AS columns
  FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number) AS named
WHERE tc.relnamespace IN (NAMESPACES) AND tc.relkind = 'p' AND NOT tic.relispartition
  AND (con.oid IS NULL OR con.conparentid <> 0)
  AND (NOT above.indisvalid OR top.indisprimary AND NOT i.indisprimary OR NOT CASE WHEN con.oid IS NULL THEN
      rtrim(ic.relname, '0123456789') = c.relname || '_' || named.columns || '_idx'
      OR octet_length(c.relname || '_' || named.columns) > 55 AND ic.relname ~ '_idx[0-9]*$'
      OR i.indexprs IS NOT NULL AND ic.relname ~ '_idx[0-9]*$'
    ELSE
      rtrim(ic.relname, '0123456789') = c.relname || CASE con.contype WHEN 'p' THEN '_pkey' WHEN 'u' THEN '_' || named.columns || '_key'
        ELSE '_' || named.columns || '_excl' END
      OR octet_length(c.relname || '_' || named.columns) > 55 AND ic.relname ~ '_(pkey|key|excl)[0-9]*$'
      OR con.contype = 'x' END)";

/// How the indexes and foreign keys of partitions are called that are parts of their parents', by the names of those.
pub(super) const PARTS: &str = "
SELECT i.indrelid, above.relname, ic.relname, i.indisreplident, i.indisclustered
FROM pg_inherits h
JOIN pg_class ic ON ic.oid = h.inhrelid AND ic.relkind IN ('i', 'I')
JOIN pg_class above ON above.oid = h.inhparent
JOIN pg_index i ON i.indexrelid = ic.oid
WHERE ic.relnamespace IN (NAMESPACES)
UNION ALL
SELECT con.conrelid, above.conname, con.conname, false, false
FROM pg_constraint con JOIN pg_constraint above ON above.oid = con.conparentid
WHERE con.connamespace IN (NAMESPACES) AND con.contype = 'f' AND con.conrelid <> above.conrelid";

pub(super) const TYPES: &str = "
SELECT t.oid, t.typnamespace, t.typname, t.typtype, t.typnotnull, t.typdefault, format_type(t.typbasetype, t.typtypmod),
  CASE WHEN co.oid IS NULL THEN NULL WHEN pg_collation_is_visible(co.oid) THEN quote_ident(co.collname)
    ELSE quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
  COALESCE(d.description, dc.description), t.typrelid, concat_ws(', ', 'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
    'SUBTYPE_OPCLASS = ' || (SELECT quote_ident(n.nspname) || '.' || quote_ident(ro.opcname)
      FROM pg_opclass ro JOIN pg_namespace n ON n.oid = ro.opcnamespace WHERE ro.oid = r.rngsubopc AND NOT ro.opcdefault),
    'COLLATION = ' || (SELECT quote_ident(n.nspname) || '.' || quote_ident(rc.collname)
      FROM pg_collation rc JOIN pg_namespace n ON n.oid = rc.collnamespace JOIN pg_type rs ON rs.oid = r.rngsubtype
      WHERE rc.oid = r.rngcollation AND rc.oid <> rs.typcollation),
    'CANONICAL = ' || substring(NULLIF(r.rngcanonical, 0)::regprocedure::text FROM UP_TO_ARGUMENTS),
    'SUBTYPE_DIFF = ' || substring(NULLIF(r.rngsubdiff, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), MULTIRANGE),
  format_type(t.oid, NULL)
FROM pg_type t
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_collation co ON t.typtype = 'd' AND co.oid = t.typcollation AND t.typcollation <> b.typcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_type'::regclass
LEFT JOIN pg_description dc ON dc.objoid = c.oid AND dc.classoid = 'pg_class'::regclass AND dc.objsubid = 0
WHERE t.typnamespace IN (NAMESPACES)
  AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c' OR (t.typtype = 'b' AND t.typelem = 0))
  AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')
ORDER BY t.oid";

/// The name of a range's multirange where it is not the one that the server would give, since version 14.
const MULTIRANGE: &str = "(SELECT 'MULTIRANGE_TYPE_NAME = ' || format_type(m.oid, NULL) FROM pg_type m WHERE m.oid = r.rngmultitypid
      AND m.typname <> CASE WHEN t.typname ~ 'range' THEN regexp_replace(t.typname, 'range', 'multirange') ELSE t.typname || '_multirange' END)";

pub(super) const LABELS: &str = "
SELECT e.enumtypid, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
WHERE t.typnamespace IN (NAMESPACES) ORDER BY e.enumtypid, e.enumsortorder";

pub(super) const FUNCTIONS: &str = "
SELECT p.oid, p.pronamespace, p.proname, p.prokind, oidvectortypes(p.proargtypes),
  CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
  pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), d.description,
  quote_ident(n.nspname) || '.' || quote_ident(p.proname)
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
WHERE p.pronamespace IN (NAMESPACES)
  AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype IN ('e', 'i'))
ORDER BY p.oid";

pub(super) const TRIGGERS: &str = "
SELECT t.oid, t.tgrelid, t.tgname, pg_get_triggerdef(t.oid, true), t.tgenabled, d.description
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
LEFT JOIN pg_description d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
WHERE c.relnamespace IN (NAMESPACES) AND NOT t.tgisinternal AND TRIGGER_IS_OWN";

pub(super) const RULES: &str = "
SELECT r.oid, r.ev_class, r.rulename, pg_get_ruledef(r.oid, true), r.ev_enabled, d.description
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
LEFT JOIN pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_rewrite'::regclass
WHERE c.relnamespace IN (NAMESPACES) AND r.rulename <> '_RETURN'";

pub(super) const POLICIES: &str = "
SELECT p.oid, p.polrelid, p.polname, p.polcmd, p.polpermissive,
  (SELECT string_agg(CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE quote_ident(a.rolname) END, ', ' ORDER BY a.rolname)
   FROM unnest(p.polroles) AS r (oid) LEFT JOIN pg_roles a ON a.oid = r.oid),
  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), d.description
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_policy'::regclass
WHERE c.relnamespace IN (NAMESPACES)";

pub(super) const EXTENSIONS: &str = "
SELECT e.extname, n.nspname, n.oid, d.description, a.comment FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_available_extensions a ON a.name = e.extname
LEFT JOIN pg_description d ON d.objoid = e.oid AND d.classoid = 'pg_extension'::regclass AND d.description IS DISTINCT FROM a.comment
WHERE n.nspname <> 'pg_catalog' ORDER BY e.extname";

pub(super) const STATISTICS: &str = "
SELECT s.oid, s.stxnamespace, s.stxname, s.stxrelid, pg_get_statisticsobjdef(s.oid), d.description,
  quote_ident(n.nspname) || '.' || quote_ident(s.stxname)
FROM pg_statistic_ext s
JOIN pg_namespace n ON n.oid = s.stxnamespace
LEFT JOIN pg_description d ON d.objoid = s.oid AND d.classoid = 'pg_statistic_ext'::regclass
WHERE s.stxnamespace IN (NAMESPACES)";

/// What is only named.
pub(super) const OTHERS: &str = "
WITH theirs AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
SELECT opcnamespace, 'operator class ' || opcname
  FROM pg_opclass WHERE opcnamespace IN (NAMESPACES) AND ('pg_opclass'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT f.opfnamespace, 'operator family ' || f.opfname || ' of ' || (SELECT count(*) FROM pg_amop o WHERE o.amopfamily = f.oid)
    || ' operators and ' || (SELECT count(*) FROM pg_amproc p WHERE p.amprocfamily = f.oid) || ' functions'
  FROM pg_opfamily f WHERE f.opfnamespace IN (NAMESPACES) AND ('pg_opfamily'::regclass, f.oid) NOT IN (SELECT classid, objid FROM theirs)
    AND NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = f.oid AND c.opcname = f.opfname)
UNION ALL SELECT typnamespace, 'shell type ' || typname
  FROM pg_type WHERE typnamespace IN (NAMESPACES) AND NOT typisdefined AND ('pg_type'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT connamespace, 'conversion ' || conname
  FROM pg_conversion WHERE connamespace IN (NAMESPACES) AND ('pg_conversion'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT prsnamespace, 'text search parser ' || prsname
  FROM pg_ts_parser WHERE prsnamespace IN (NAMESPACES) AND ('pg_ts_parser'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT tmplnamespace, 'text search template ' || tmplname
  FROM pg_ts_template WHERE tmplnamespace IN (NAMESPACES) AND ('pg_ts_template'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT COALESCE((SELECT oid FROM pg_namespace WHERE oid IN (NAMESPACES) AND oid = t.typnamespace),
      (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES))), 'transform of ' || t.typname || ' for ' || l.lanname
  FROM pg_transform tr JOIN pg_type t ON t.oid = tr.trftype JOIN pg_language l ON l.oid = tr.trflang
  WHERE ('pg_transform'::regclass, tr.oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'language ' || lanname
  FROM pg_language WHERE oid >= 16384 AND ('pg_language'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'rights on language ' || lanname || ': ' || lanacl::text
  FROM pg_language WHERE lanacl IS NOT NULL
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'comment on language ' || l.lanname || ': ' || d.description
  FROM pg_language l JOIN pg_description d ON d.objoid = l.oid AND d.classoid = 'pg_language'::regclass
  WHERE ('pg_language'::regclass, l.oid) NOT IN (SELECT classid, objid FROM theirs) AND l.oid >= 16384
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'default rights of ' || quote_ident(r.rolname) || ' in all schemas on '
    || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'schemas' END || ': ' || d.defaclacl::text
  FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole WHERE d.defaclnamespace = 0
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'access method ' || amname
  FROM pg_am WHERE oid >= 16384 AND ('pg_am'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'subscription ' || subname
  FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'event trigger ' || evtname || ' on ' || evtevent
    || ' by ' || evtfoid::regproc || ' (' || evtenabled::text || ')'
  FROM pg_event_trigger WHERE ('pg_event_trigger'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'publication ' || p.pubname || CASE WHEN p.puballtables
    THEN ' of all tables' ELSE COALESCE(' of ' || (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text)
      FROM pg_publication_rel r WHERE r.prpubid = p.oid), '') END
  FROM pg_publication p
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'foreign data wrapper ' || fdwname
  FROM pg_foreign_data_wrapper WHERE ('pg_foreign_data_wrapper'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
UNION ALL SELECT (SELECT min(oid) FROM pg_namespace WHERE oid IN (NAMESPACES)), 'foreign server ' || srvname
  FROM pg_foreign_server WHERE ('pg_foreign_server'::regclass, oid) NOT IN (SELECT classid, objid FROM theirs)
OTHER_CONSTRAINTS";

/// Keys over periods, and what a NOT NULL can be since PostgreSQL 18 beside that: columns and keys of the catalog have no place for either.
const OTHER_CONSTRAINTS: &str = "
UNION ALL SELECT con.connamespace, 'constraint ' || c.relname || '.' || con.conname || ': ' || pg_get_constraintdef(con.oid)
  FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid
  WHERE con.connamespace IN (NAMESPACES) AND con.conislocal AND con.conparentid = 0
    AND (con.conperiod OR con.contype = 'n' AND (NOT con.convalidated OR con.connoinherit))";

/// Conversions between types, of which one is in scope; where the whole database is, those between the server's own types too, which are listed in `public`.
pub(super) const CASTS: &str = "
SELECT c.oid, CASE WHEN s.typnamespace IN (NAMESPACES) THEN s.typnamespace WHEN t.typnamespace IN (NAMESPACES) THEN t.typnamespace
    WHEN p.pronamespace IN (NAMESPACES) THEN p.pronamespace
    ELSE (SELECT oid FROM pg_namespace WHERE oid IN (NAMESPACES) ORDER BY nspname <> 'public', nspname LIMIT 1) END,
  '(' || format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) || ')',
  CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION' WHEN 'i' THEN 'WITH INOUT' ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END
    || CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END,
  d.description
FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget LEFT JOIN pg_proc p ON p.oid = c.castfunc
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_cast'::regclass
WHERE (s.typnamespace IN (NAMESPACES) OR t.typnamespace IN (NAMESPACES) OR p.pronamespace IN (NAMESPACES) OR c.oid >= 16384 AND IS_WHOLE)
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_cast'::regclass AND deptype IN ('e', 'i'))";

/// What an aggregate is made of, in the words of `CREATE AGGREGATE`; its name, arguments and comment come with the functions.
pub(super) const AGGREGATES: &str = "
SELECT a.aggfnoid::oid, pg_get_function_arguments(a.aggfnoid), pg_get_function_identity_arguments(a.aggfnoid), concat_ws(', ',
  'SFUNC = ' || substring(a.aggtransfn::regprocedure::text FROM UP_TO_ARGUMENTS), 'STYPE = ' || format_type(a.aggtranstype, NULL), 'SSPACE = ' || NULLIF(a.aggtransspace, 0),
  'FINALFUNC = ' || substring(NULLIF(a.aggfinalfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
  'FINALFUNC_MODIFY = ' || CASE WHEN a.aggfinalmodify = CASE a.aggkind WHEN 'n' THEN 'r'::\"char\" ELSE 'w' END THEN NULL
    ELSE CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
  'COMBINEFUNC = ' || substring(NULLIF(a.aggcombinefn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), 'SERIALFUNC = ' || substring(NULLIF(a.aggserialfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS),
  'DESERIALFUNC = ' || substring(NULLIF(a.aggdeserialfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), 'INITCOND = ' || quote_literal(a.agginitval),
  'MSFUNC = ' || substring(NULLIF(a.aggmtransfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), 'MINVFUNC = ' || substring(NULLIF(a.aggminvtransfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS),
  'MSTYPE = ' || CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END, 'MSSPACE = ' || NULLIF(a.aggmtransspace, 0),
  'MFINALFUNC = ' || substring(NULLIF(a.aggmfinalfn, 0)::regprocedure::text FROM UP_TO_ARGUMENTS), CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
  'MINITCOND = ' || quote_literal(a.aggminitval),
  'SORTOP = ' || CASE WHEN a.aggsortop <> 0 THEN (SELECT 'OPERATOR(' || quote_ident(n.nspname) || '.' || o.oprname || ')'
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = a.aggsortop) END,
  CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END,
  'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END)
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.pronamespace IN (NAMESPACES)";

/// `LOCALE` is where a version keeps the locale of ICU.
pub(super) const COLLATIONS: &str = "
SELECT c.oid, c.collnamespace, c.collname, c.collprovider, c.collisdeterministic, c.collcollate, c.collctype, LOCALE, d.description
FROM pg_collation c
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_collation'::regclass
WHERE c.collnamespace IN (NAMESPACES)
  AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_collation'::regclass AND deptype = 'e')";

/// Who needs whom. `c` is a table, view or sequence, `t` a type, `p` a function, `g` a trigger, `y` a row-level policy, `o` an operator, `e` an event
/// trigger, `b` a publication.
pub(super) const NEEDS: &str = "
WITH links AS (
  SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d
  WHERE d.deptype IN ('n', 'a') AND d.refobjid >= 16384 AND d.objid >= 16384
    AND (d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
      OR d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass,
        'pg_type'::regclass)
        AND d.refclassid IN ('pg_class'::regclass, 'pg_type'::regclass)
      OR d.refclassid = 'pg_type'::regclass AND d.classid IN ('pg_type'::regclass, 'pg_class'::regclass, 'pg_cast'::regclass,
        'pg_operator'::regclass))
)
SELECT DISTINCT
  CASE WHEN l.classid IN ('pg_rewrite'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass) OR con.conrelid <> 0 THEN 'c'
    WHEN l.classid = 'pg_proc'::regclass THEN 'p' WHEN l.classid = 'pg_trigger'::regclass THEN 'g'
    WHEN l.classid = 'pg_policy'::regclass THEN 'y' WHEN l.classid = 'pg_cast'::regclass THEN 'k'
    WHEN l.classid = 'pg_operator'::regclass THEN 'o' WHEN l.classid = 'pg_event_trigger'::regclass THEN 'e'
    WHEN l.classid = 'pg_publication_rel'::regclass THEN 'b' ELSE 't' END,
  COALESCE(r.ev_class, ad.adrelid, NULLIF(con.conrelid, 0), con.contypid, i.indrelid, pr.prpubid, l.objid),
  CASE WHEN l.refclassid = 'pg_class'::regclass OR t.typrelid <> 0 OR te.typrelid <> 0 THEN 'c'
    WHEN l.refclassid = 'pg_proc'::regclass THEN 'p' WHEN l.refclassid = 'pg_operator'::regclass THEN 'o' ELSE 't' END,
  COALESCE(NULLIF(t.typrelid, 0), NULLIF(te.typrelid, 0), te.oid, l.refobjid)
FROM links l
LEFT JOIN pg_rewrite r ON l.classid = 'pg_rewrite'::regclass AND r.oid = l.objid
LEFT JOIN pg_attrdef ad ON l.classid = 'pg_attrdef'::regclass AND ad.oid = l.objid
LEFT JOIN pg_constraint con ON l.classid = 'pg_constraint'::regclass AND con.oid = l.objid
LEFT JOIN pg_index i ON l.classid = 'pg_class'::regclass AND i.indexrelid = l.objid
LEFT JOIN pg_publication_rel pr ON l.classid = 'pg_publication_rel'::regclass AND pr.oid = l.objid
LEFT JOIN pg_type t ON l.refclassid = 'pg_type'::regclass AND t.oid = l.refobjid
LEFT JOIN pg_type te ON te.oid = t.typelem AND t.typcategory = 'A'";

/// What of a routine's name with its arguments is the name, which may hold a bracket where it is quoted.
const UP_TO_ARGUMENTS: &str = r#"'^(?:[^"(]|"[^"]*")*'"#;

/// Puts in the schemas, and what this version of the server has.
pub(super) fn for_version(query: &str, namespaces: &str, version: (u32, u32)) -> String {
    query
        .replace("INDEX_IS_OWN", INDEX_IS_OWN)
        .replace(
            "STATISTICS_TARGETS",
            if version.0 >= 13 {
                STATISTICS_TARGETS
            } else {
                NO_STATISTICS_TARGETS
            },
        )
        .replace("UP_TO_ARGUMENTS", UP_TO_ARGUMENTS)
        .replace(
            "ENFORCED",
            if version.0 >= 18 {
                "con.conenforced"
            } else {
                "true"
            },
        )
        .replace(
            "OTHER_CONSTRAINTS",
            if version.0 >= 18 {
                OTHER_CONSTRAINTS
            } else {
                ""
            },
        )
        .replace("NAMESPACES", namespaces)
        .replace(
            "NULLS_NOT_DISTINCT",
            if version.0 >= 15 {
                "i.indnullsnotdistinct"
            } else {
                "false"
            },
        )
        .replace(
            "MULTIRANGE",
            if version.0 >= 14 { MULTIRANGE } else { "NULL" },
        )
        .replace(
            "COMPRESSION",
            if version.0 >= 14 {
                "NULLIF(a.attcompression, '')"
            } else {
                "NULL"
            },
        )
        .replace(
            "LOCALE",
            match version.0 {
                ..=14 => "NULL",
                15..=16 => "c.colliculocale",
                _ => "c.colllocale",
            },
        )
        .replace(
            "TRIGGER_PARENT",
            if version.0 >= 13 {
                "t.tgparentid"
            } else {
                "NULL::oid"
            },
        )
        .replace(
            "TRIGGER_IS_OWN",
            if version.0 >= 13 {
                "t.tgparentid = 0"
            } else {
                "true"
            },
        )
}
