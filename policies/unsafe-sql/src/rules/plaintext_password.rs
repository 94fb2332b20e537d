//! See `plaintext_password.md`.

use tidegate_policy_sdk::prelude::Rule;

use super::{Entry, Subject};
use crate::findings::Findings;

pub(crate) const RULE: Rule = Rule::warning(
    "plaintext-password",
    "A password stands in the object",
    include_str!("plaintext_password.md"),
);
pub(crate) const ENTRY: Entry = Entry::new(&RULE).object(object);

/// The fields that hold a database URL.
const URLS: &[&str] = &["url", "devURL"];

fn object(subject: &Subject<'_>, findings: &mut Findings) {
    for field in URLS {
        let pointer = format!("/spec/{field}");
        if subject.object.text(&pointer).is_some_and(has_password) {
            findings.about(&format!("{}{pointer}", subject.prefix));
            let message = format!(
                "`spec.{field}` holds a password in plain text: all who can \
                 read the object, its Git history or a backup can read it"
            );
            findings.push(
                None,
                message,
                &format!(
                    "put the URL into a Secret and name it in \
                 `spec.{field}From.secretKeyRef`"
                ),
            );
        }
    }
    if subject
        .object
        .text("/spec/credentials/password")
        .is_some_and(|password| !password.is_empty())
    {
        findings.about(&format!("{}/spec/credentials/password", subject.prefix));
        let message = "`spec.credentials.password` is in plain text: all who can \
                 read the object, its Git history or a backup can read it";
        findings.push(
            None,
            message,
            "put the password into a Secret and name it in \
                 `spec.credentials.passwordFrom.secretKeyRef`",
        );
    }
}

/// `scheme://user:password@host`, or a parameter of that name.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let in_authority = place
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty());
    let in_parameters = parameters
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(key, value)| {
            !value.is_empty()
                && matches!(
                    key.to_ascii_lowercase().as_str(),
                    "password" | "pwd" | "_auth_pass" | "sslpassword"
                )
        });
    in_authority || in_parameters
}
