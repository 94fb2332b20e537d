//! A report as workflow commands, which GitHub shows as annotations on the lines of a pull request.

use std::fmt::Write as _;

use tidegate_admission::Action;

use super::report::Report;

/// One command a finding: `::error file=...,line=...,endLine=...,col=...,endColumn=...,title=...::message`.
pub(crate) fn draw(report: &Report) -> String {
    let mut text = String::new();
    for judged in &report.judged {
        for finding in &judged.decision.findings {
            let place = judged.place(finding);
            let suggestion = finding
                .suggestion
                .as_deref()
                .map_or_else(String::new, |text| format!("\n{text}"));
            let _ = writeln!(
                text,
                "::{} file={},line={},endLine={},col={},endColumn={},title={}::{}",
                command(finding.action),
                property(&judged.file),
                place.line,
                place.line,
                place.column,
                judged.end_column(place),
                property(&finding.id()),
                data(&format!("{}{suggestion}", finding.message)),
            );
        }
        for (policy, why, action) in &judged.decision.failures {
            let (command, file) = (command(*action), property(&judged.file));
            let _ = writeln!(
                text,
                "::{command} file={file},line={}::{}",
                judged.start.line,
                data(&format!("policy {policy}: {why}"))
            );
        }
    }
    text
}

fn command(action: Action) -> &'static str {
    match action {
        Action::Deny => "error",
        Action::Warn => "warning",
        Action::Audit | Action::Off => "notice",
    }
}

/// The escapes of a command's data, as GitHub's toolkit defines them.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::check::judge::dropped;

    #[test]
    fn an_annotation_has_an_end() {
        assert_eq!(
            draw(&dropped()),
            "::error file=a.sql,line=2,endLine=2,col=3,endColumn=15,title=unsafe-sql/drop-table::it is lost\n"
        );
    }
}
