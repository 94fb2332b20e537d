//! Keeps credentials out of what people read.
//!
//! A repository's address may carry `user:password@`, and git, ssh and helm repeat addresses in their errors. Nothing that a program printed leaves this
//! crate but through [`text`].

use std::fmt::Write as _;

use tidegate_model::url::RedactedUrl;

/// What stands where a credential was.
const MASK: &str = "***";
/// The most characters of a program's words that a condition carries.
const LONGEST: usize = 2_000;
/// A shorter secret is part of too many words.
const SHORTEST_SECRET: usize = 4;

/// An address as people may see it. `git@host:path` has a user and no password, and stays readable.
pub(crate) fn redacted(address: &str) -> String {
    if address.contains("://") {
        RedactedUrl(address).to_string()
    } else {
        address.to_owned()
    }
}

/// What a program said, without the given secrets and without any `user:password@`, its end where it is long.
pub(crate) fn text(said: &str, secrets: &[&str]) -> String {
    let mut said = said.trim().to_owned();
    for secret in secrets {
        if secret.len() >= SHORTEST_SECRET {
            said = said.replace(secret, MASK);
        }
    }
    let mut clean = String::with_capacity(said.len());
    for (index, line) in said.lines().enumerate() {
        if index > 0 {
            clean.push('\n');
        }
        for (index, word) in line.split(' ').enumerate() {
            if index > 0 {
                clean.push(' ');
            }
            let _ = write!(clean, "{}", without_credentials(word));
        }
    }
    let length = clean.chars().count();
    if length <= LONGEST {
        return clean;
    }
    let end: String = clean.chars().skip(length - LONGEST).collect();
    format!("... {end}")
}

/// A word with the user information of the address in it masked.
fn without_credentials(word: &str) -> String {
    let Some((before, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{before}://{MASK}@{host}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_stay_readable() {
        for (address, shown) in [
            ("https://github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://u:p@host/a/b", "https://***@host/a/b"),
            ("git@host:a/b.git", "git@host:a/b.git"),
        ] {
            assert_eq!(redacted(address), shown);
        }
    }

    #[test]
    fn what_programs_print_is_cleaned_and_cut() {
        let said =
            "fatal: unable to access 'https://u:hunter2@host/x': denied\nremote: token s3cr3t bad";
        assert_eq!(
            text(said, &["s3cr3t"]),
            "fatal: unable to access 'https://***@host/x': denied\nremote: token *** bad"
        );
        let long = text(&"x".repeat(10_000), &[]);
        assert_eq!(long.len(), LONGEST + 4);
    }

    proptest! {
        /// Whatever the password is, what is shown does not have it.
        #[test]
        fn no_password_survives(password in "[a-zA-Z0-9/:@#%]{4,20}Q7", before in "[a-z' ]{0,9}") {
            let said = format!("{before}https://user:{password}@host/x: refused, {password} is wrong");
            let shown = text(&said, &[&password]);
            prop_assert!(!shown.contains("Q7"), "{}", shown);
        }
    }
}
