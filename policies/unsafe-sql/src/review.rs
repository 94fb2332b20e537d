//! A request judged: texts read, rules asked.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tidegate_policy_sdk::prelude::{Change as PlannedChange, Object, Request, Severity, Verdict};
use tidegate_sqlplan::{
    AlterAction, Dialect, Effect, Found, Name, Position, Reading, Script, SqlProblem, Statement,
    diff, fold,
};

use crate::comparison::Comparison;
use crate::created::Created;
use crate::document::{self, Database, Document, Purpose};
use crate::findings::Findings;
use crate::reading::{self, Read};
use crate::rules::{self, RULES};
use crate::settings::Settings;
use crate::waiver::{self, Period};

/// One text, read by the rules of one database.
pub(crate) struct Text<'a> {
    /// The text in pieces.
    pub(crate) script: &'a Script<'a>,
    /// What is wrong with it as such.
    pub(crate) problems: &'a [SqlProblem],
    /// What the operator has set.
    pub(crate) settings: &'a Settings,
}

/// One statement, and what came before it.
pub(crate) struct Judged<'a> {
    /// What its text is for.
    pub(crate) purpose: Purpose,
    /// The statement.
    pub(crate) statement: &'a Statement<'a>,
    /// What it does.
    pub(crate) reading: &'a Reading,
    /// What is wrong with it, when it was not understood.
    pub(crate) problem: Option<&'a SqlProblem>,
    /// What the text has done so far.
    pub(crate) created: &'a Created,
    /// What the operator has set.
    pub(crate) settings: &'a Settings,
    /// Findings so far on this statement, by earlier rules.
    pub(crate) reported: bool,
}

impl Judged<'_> {
    pub(crate) fn dialect(&self) -> Dialect {
        self.statement.dialect()
    }

    /// The line and column of an effect.
    pub(crate) fn place(&self, found: &Found) -> Position {
        self.statement.position_of(found.offset)
    }

    /// What `ALTER TABLE` does to tables that programs may be using.
    pub(crate) fn alterations(
        &self,
    ) -> impl Iterator<Item = (Option<Position>, &Name, &AlterAction)> {
        self.reading
            .effects
            .iter()
            .filter_map(|found| match &found.effect {
                Effect::AlterTable { table, action }
                    if !self.created.is_new(table, self.dialect()) =>
                {
                    Some((Some(self.place(found)), table, action))
                }
                _ => None,
            })
    }

    /// MySQL and MariaDB: the statement says how it is to be done, so that the server refuses to copy the table or to block writes.
    pub(crate) fn is_online(&self) -> bool {
        self.dialect().is_mysql_like()
            && self.alterations().any(|(_, _, action)| match action {
                AlterAction::Algorithm { name } => {
                    ["inplace", "nocopy", "instant"].contains(&name.as_str())
                }
                AlterAction::LockLevel { name } => name == "none",
                _ => false,
            })
    }
}

/// Judges a request.
pub(crate) fn review(request: &Request, settings: &Settings, verdict: &mut Verdict) {
    let mut findings = Findings::new(settings);
    let period = Period::new(request.day(), settings);
    match request {
        Request::Admission(admission) => {
            if let Some(object) = &admission.object {
                let old = admission.old_object.as_ref();
                let writes = |name: &str| {
                    let now = object.annotation(name);
                    now.is_some() && now != old.and_then(|old| old.annotation(name))
                };
                // Where the operator names nobody, who may write the object may approve its plans.
                let approves = !settings.waivers.by.is_empty() && writes(waiver::APPROVAL);
                let waives = (writes(waiver::ANNOTATION) || approves)
                    && !settings.may_waive(&admission.user);
                judge_object(object, old, waives, "", settings, period, &mut findings);
            }
        }
        Request::Plan(plan) => {
            let said = plan
                .dialect
                .as_deref()
                .and_then(Dialect::from_url_scheme)
                .map(Database::Known);
            let database = said.unwrap_or_else(|| document::database(&plan.subject, settings));
            let mut created = Created::new(settings);
            // What is about to be run was admitted, and its exceptions with it.
            if !settings.waivers.by.is_empty() {
                findings.waive(waiver::read(&plan.subject, period).good);
            }
            look_ahead(&plan.changes, &database, &mut created);
            for (index, change) in plan.changes.iter().enumerate() {
                let pointer = format!("/changes/{index}");
                match change {
                    PlannedChange::ApplyObject(object) => {
                        // Who wrote it is not told here; the API server asks again, and tells.
                        let waives = object.annotation(waiver::ANNOTATION).is_some()
                            && settings.waivers.by.is_empty();
                        judge_object(
                            object,
                            None,
                            waives,
                            &pointer,
                            settings,
                            period,
                            &mut findings,
                        );
                    }
                    PlannedChange::RunStatement(text) => {
                        let document = Document {
                            pointer,
                            purpose: Purpose::Migration,
                            text,
                            concurrently: None,
                        };
                        let scripts = reading::scripts(text, &database);
                        let texts = reading::read(&scripts);
                        judge_document(&document, &texts, &mut created, settings, &mut findings);
                    }
                    PlannedChange::DeleteObject(_) => {}
                }
            }
        }
    }
    let used = findings.used();
    if !used.is_empty() {
        verdict.audit("waivers", used);
    }
    for finding in findings.into_list() {
        verdict.report(finding);
    }
}

/// A plan's statements are one text: what rebuilds a table, or drops a view for a while, is told by all of them.
fn look_ahead(changes: &[PlannedChange], database: &Database, created: &mut Created) {
    let Database::Known(dialect) = *database else {
        return;
    };
    let statements = changes.iter().filter_map(|change| match change {
        PlannedChange::RunStatement(text) => Some(text.as_str()),
        PlannedChange::ApplyObject(_) | PlannedChange::DeleteObject(_) => None,
    });
    let whole = statements.collect::<Vec<_>>().join(";\n");
    let script = Script::new(&whole, dialect);
    let readings: Vec<Reading> = script.statements().map(|it| it.read()).collect();
    created.look_ahead(&script, &readings);
}

fn judge_object(
    object: &Object,
    old: Option<&Object>,
    waives_without_right: bool,
    prefix: &str,
    settings: &Settings,
    period: Period,
    findings: &mut Findings,
) {
    let purpose = document::purpose(object).or_else(|| old.and_then(document::purpose));
    if purpose.is_none() {
        return;
    }
    let database = document::database(object, settings);
    findings.in_document("");
    for entry in RULES {
        if let Some(check) = entry.object {
            findings.about(prefix);
            check(
                &rules::Subject {
                    object,
                    old,
                    database: &database,
                    waives_without_right,
                    period,
                    prefix,
                },
                findings.of(entry.rule),
            );
        }
    }
    let waivers = if waives_without_right {
        Vec::new()
    } else {
        waiver::read(object, period).good
    };
    find_stale(&waivers, object, &database, prefix, findings);
    findings.waive(waivers);
    // What was judged before, by the same rules, is not judged again: only a label may have changed.
    let same_database = old.is_some_and(|old| document::database(old, settings) == database);
    let olds = old.map(document::documents).unwrap_or_default();
    let before = if same_database { &*olds } else { &[] };
    let mut created = Created::new(settings);
    let mut after_new_file = false;
    for document in document::documents(object) {
        // Files that come with one update are one change. A new object may bring files that were run long ago.
        created.next_file(same_database && after_new_file);
        after_new_file = !before.contains(&document);
        if !after_new_file {
            if let Database::Known(dialect) = database {
                created.learn(document.text, dialect);
            }
            continue;
        }
        let pointer = document.pointer;
        let document = Document {
            pointer: format!("{prefix}{pointer}"),
            ..document
        };
        let scripts = reading::scripts(document.text, &database);
        let texts = reading::read(&scripts);
        judge_document(&document, &texts, &mut created, settings, findings);
        if document.purpose == Purpose::Desired {
            let old_text = olds.iter().find(|old| old.pointer == pointer);
            compare(&document, old_text.map(|old| old.text), &texts, findings);
            // As in the SDK: the instance ends with the call. Not so for migrations, of which one object has many texts.
            #[cfg(target_arch = "wasm32")]
            std::mem::forget(texts);
        }
    }
}

/// Exceptions for what the object does not hold, or not any more.
fn find_stale(
    waivers: &[waiver::Waiver],
    object: &Object,
    database: &Database,
    prefix: &str,
    findings: &mut Findings,
) {
    if waivers.is_empty() {
        return;
    }
    let mut texts = BTreeSet::new();
    for document in document::documents(object) {
        texts.insert(waiver::sha256(document.text));
        let scripts = reading::scripts(document.text, database);
        for read in reading::read(&scripts) {
            let statements = read.statements.iter();
            texts.extend(statements.map(|statement| waiver::sha256(statement.sql())));
        }
    }
    for waiver in waiver::stale(waivers, &texts) {
        findings.about(prefix);
        findings.of(&rules::WAIVER).push_as(
            Severity::Warning,
            None,
            format!(
                "the exception for `{}` is for a text that is not here, or not any more",
                waiver.rule
            ),
            "take it out of the annotation; after an edit it needs a new hash and a new look",
        );
    }
}

fn judge_document(
    document: &Document<'_>,
    texts: &[Read<'_>],
    created: &mut Created,
    settings: &Settings,
    findings: &mut Findings,
) {
    findings.about(&document.pointer);
    findings.in_document(document.text);
    // What one reading makes another need not make.
    let before = (texts.len() > 1).then(|| created.clone());
    for read in texts {
        if let Some(before) = &before {
            created.clone_from(before);
        }
        let text = Text {
            script: read.script,
            problems: &read.problems,
            settings,
        };
        for entry in RULES {
            if let Some(check) = entry.text {
                check(&text, findings.of(entry.rule));
            }
        }
        created.look_ahead(read.script, &read.readings);
        let statements = read.statements.iter().zip(&read.readings);
        for ((statement, reading), problem) in statements.zip(&read.checked) {
            findings.in_statement(statement.sql(), silence(read.script, statement, settings));
            let before = findings.len();
            for entry in RULES {
                if let Some(check) = entry.statement {
                    let reported = findings.len() > before;
                    let judged = Judged {
                        purpose: document.purpose,
                        statement,
                        reading,
                        problem: problem.as_ref(),
                        created,
                        settings,
                        reported,
                    };
                    check(&judged, findings.of(entry.rule));
                }
            }
            created.follow(statement, reading, document.purpose);
        }
        findings.in_no_statement();
    }
}

/// What a comment right before the statement, or in it, asks silence for.
fn silence(script: &Script<'_>, statement: &Statement<'_>, settings: &Settings) -> Option<String> {
    if !settings.honour_nolint {
        return None;
    }
    let end = statement.position().offset + statement.sql().len();
    let start = statement.start();
    script
        .comments()
        .filter(|(position, _)| (start..end).contains(&position.offset))
        .find_map(|(_, comment)| {
            let words = comment.split_once("atlas:nolint")?.1;
            Some(words.trim_end_matches("*/").trim().to_owned())
        })
}

/// Whether the text makes a table, and takes away nothing of what it makes.
fn certainly_describes(readings: &[Reading]) -> bool {
    let effects = || readings.iter().flat_map(|reading| &reading.effects);
    let makes = |found: &Found| !found.nested && matches!(found.effect, Effect::CreateTable(_));
    effects().any(makes) && !effects().any(|found| matches!(found.effect, Effect::Drop { .. }))
}

fn compare(
    document: &Document<'_>,
    old: Option<&str>,
    texts: &[Read<'_>],
    findings: &mut Findings,
) {
    findings.about(&document.pointer);
    for read in texts {
        // What is new altogether takes nothing away.
        if old.is_none() && certainly_describes(&read.readings) {
            continue;
        }
        let dialect = read.script.dialect();
        let new = fold(&read.statements, &read.readings, dialect);
        let old_script = Script::new(old.unwrap_or_default(), dialect);
        let known: BTreeMap<&str, usize> = if old.is_some() {
            let statements = read.statements.iter().enumerate();
            statements.map(|(index, it)| (it.sql(), index)).collect()
        } else {
            BTreeMap::new()
        };
        let old_statements: Vec<Statement<'_>> = old_script.statements().collect();
        // Of a large schema little changes: what is in the new text too has been read and judged there. Where it stood is told of nothing old.
        let kept = |old: &Statement<'_>| {
            let kept = known.get(old.sql())?;
            let (statement, reading) = (read.statements.get(*kept)?, read.readings.get(*kept)?);
            statement.is_same(old).then_some(reading)
        };
        let old_readings: Vec<Cow<'_, Reading>> = old_statements
            .iter()
            .map(|old| kept(old).map_or_else(|| Cow::Owned(old.read()), Cow::Borrowed))
            .collect();
        let mut old_problems = old_script.problems();
        if old_problems.is_empty() {
            let olds = old_statements.iter().zip(&old_readings);
            old_problems.extend(
                olds.filter(|(statement, _)| !known.contains_key(statement.sql()))
                    .filter_map(|(statement, reading)| statement.check(reading).err()),
            );
        }
        let old_schema = fold(&old_statements, &old_readings, dialect);
        let changes = if old.is_none_or(|old| old == read.script.text()) {
            Vec::new()
        } else {
            diff(&old_schema, &new, dialect)
        };
        let comparison = Comparison {
            dialect,
            old: &old_schema,
            new: &new,
            concurrently: document.concurrently,
            old_problems: &old_problems,
            understood: read.problems.is_empty(),
            changes: &changes,
        };
        for entry in RULES {
            if let Some(check) = entry.comparison {
                check(&comparison, findings.of(entry.rule));
            }
        }
    }
}
