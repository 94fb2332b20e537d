//! A report for a person at a terminal: each finding under its line, with a caret, and what to write instead.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use tidegate_admission::{Action, JudgedFinding};
use tidegate_waves::OrderedResource;

use super::judge::Judged;
use super::locations::{Place, marked};
use super::report::Report;

/// The longest line shown; minified JSON has longer ones.
const LONGEST_LINE: usize = 160;

/// The whole report. Colours are in it; what prints takes them out where the output is no terminal.
pub(crate) fn draw(report: &Report) -> String {
    let mut text = String::new();
    for judged in &report.judged {
        for finding in &judged.decision.findings {
            let _ = writeln!(text, "{}\n", draw_finding(judged, finding));
        }
        for (policy, why, action) in &judged.decision.failures {
            let title = format!("policy {policy} could not judge {}: {why}", subject(judged));
            let level = if *action == Action::Deny {
                Level::ERROR
            } else {
                Level::WARNING
            };
            let group = Group::with_title(level.primary_title(printable(&title)));
            let _ = writeln!(text, "{}\n", Renderer::styled().render(&[group]));
        }
    }
    if let Some(order) = &report.order {
        draw_order(&mut text, order);
    }
    for file in &report.not_judged {
        let _ = writeln!(
            text,
            "{}: not judged, it is run only to undo a migration",
            printable(file)
        );
    }
    let summary = report.summary();
    let _ = writeln!(
        text,
        "{} checked: {} denied, {}",
        crate::count(summary.checked, "object or file", "objects and files"),
        summary.denied,
        crate::count(summary.warnings, "warning", "warnings"),
    );
    text
}

fn draw_finding(judged: &Judged, finding: &JudgedFinding) -> String {
    let place = judged.place(finding);
    let line = shown_line(&judged.text, place);
    let id = finding.id();
    let level = match finding.action {
        Action::Deny => Level::ERROR,
        Action::Warn => Level::WARNING,
        Action::Audit | Action::Off => Level::INFO,
    };
    let mut group = Group::with_title(level.primary_title(printable(&finding.message)).id(&id))
        .element(
            Snippet::source(&line.text)
                .path(judged.file.as_str())
                .line_start(place.line)
                .annotation(AnnotationKind::Primary.span(line.from..line.to)),
        );
    let path = finding.path.as_deref().filter(|_| judged.object.is_some());
    let of = path.map_or_else(
        || subject(judged),
        |path| format!("{}, {path}", subject(judged)),
    );
    group = group.element(Level::NOTE.message(printable(&of)));
    if let Some(suggestion) = &finding.suggestion {
        group = group.element(Level::HELP.message(printable(suggestion)));
    }
    Renderer::styled().render(&[group])
}

fn subject(judged: &Judged) -> String {
    judged
        .object
        .as_ref()
        .map_or_else(|| judged.file.clone(), ToString::to_string)
}

/// A line and the part of it to underline, in bytes.
struct ShownLine {
    text: String,
    from: usize,
    to: usize,
}

fn shown_line(text: &str, place: Place) -> ShownLine {
    let line = text
        .lines()
        .nth(place.line.saturating_sub(1))
        .unwrap_or_default();
    let line: String = line
        .chars()
        .take(LONGEST_LINE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let from = line
        .char_indices()
        .nth(place.column.saturating_sub(1))
        .map_or(line.len(), |(index, _)| index);
    let rest = line.get(from..).unwrap_or_default();
    ShownLine {
        to: from + marked(rest).len().max(usize::from(!rest.is_empty())),
        from,
        text: line,
    }
}

fn draw_order(text: &mut String, order: &[OrderedResource]) {
    let rows: Vec<[String; 4]> = order
        .iter()
        .map(|resource| {
            let name = match &resource.namespace {
                Some(namespace) if !namespace.is_empty() => {
                    format!("{namespace}/{}", resource.name)
                }
                _ => resource.name.clone(),
            };
            [
                resource.phase.as_str().to_owned(),
                resource.wave.to_string(),
                resource.kind.clone(),
                name,
            ]
        })
        .collect();
    let header = ["PHASE", "WAVE", "KIND", "NAME"].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain([&header])
            .filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    for [phase, wave, kind, name] in [&header].into_iter().chain(&rows) {
        let [w0, w1, w2] = widths;
        let _ = writeln!(text, "{phase:w0$}  {wave:>w1$}  {kind:w2$}  {name}");
    }
    text.push('\n');
}

/// Findings quote the object, and the object is a stranger's: nothing in it may drive the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}
