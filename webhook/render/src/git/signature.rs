//! Whether a commit or a tag is signed by a key that somebody trusts.
//!
//! The signature is taken out of the object and given to `gpg`, with a home that has the trusted keys and nothing else. Git is not asked to verify: which
//! program it would ask is a matter of what the signature says of itself. A key is named by its fingerprint or the last 16 digits of it, as Argo CD has
//! it (`util/sourceintegrity`); a signature by a subkey counts as one by its key. Signatures of ssh and X.509 are none.

use std::fs;
use std::path::Path;

use crate::error::{ProcessError, RenderError};
use crate::process::Run;
use crate::settings::Settings;

/// How many digits of a fingerprint name a key at least.
const DIGITS: usize = 16;
/// The first line of a signature.
const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----";

/// Who is trusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust<'a> {
    /// Public keys, as armoured text.
    pub(super) keyring: &'a str,
    /// Which of them may sign: ids or fingerprints.
    pub(super) signers: &'a [String],
}

/// What carries a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// In the header `gpgsig`.
    Commit,
    /// At its end.
    Tag,
}

/// An object of git, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    payload: String,
    signature: String,
}

/// Why an object is not trusted, in words that follow "it"; none where it is.
///
/// # Errors
/// gpg cannot be run.
pub(super) fn distrust(
    settings: &Settings,
    home: &Path,
    trust: Trust<'_>,
    kind: Signed,
    object: &str,
) -> Result<Option<String>, RenderError> {
    let Some(parts) = parts(kind, object) else {
        return Ok(Some("is not signed".to_owned()));
    };
    if trust.keyring.trim().is_empty() {
        return Ok(Some(
            "is signed, and no key is in the ConfigMap argocd-gpg-keys-cm".to_owned(),
        ));
    }
    let keys = home.join("keys");
    let files = [
        ("trusted", trust.keyring),
        ("payload", &parts.payload),
        ("signature", &parts.signature),
    ];
    fs::create_dir_all(&keys).map_err(RenderError::io("make", &keys))?;
    for (name, text) in files {
        let path = keys.join(name);
        fs::write(&path, text).map_err(RenderError::io("write", &path))?;
    }
    let gpg = |arguments: &[&str]| {
        Run::new(settings, "gpg", home, &keys)
            .args(["--batch", "--no-tty", "--no-options", "--no-autostart"])
            .args(["--no-auto-key-retrieve", "--trust-model", "always"])
            .args(["--homedir", "."])
            .args(arguments)
            .output()
    };
    let verified = gpg(&["--quiet", "--import", "trusted"])
        .and_then(|_| gpg(&["--status-fd", "1", "--verify", "signature", "payload"]));
    match verified {
        Ok(status) => Ok(signer(&String::from_utf8_lossy(&status), trust.signers).err()),
        Err(ProcessError::Failed { said, .. }) => {
            Ok(Some(format!("has no good signature: {}", said.trim())))
        }
        Err(problem) => Err(RenderError::Tool {
            path: "signature".to_owned(),
            problem,
        }),
    }
}

/// What was signed, and the signature; none where there is not exactly one that gpg reads.
fn parts(kind: Signed, object: &str) -> Option<Parts> {
    match kind {
        Signed::Commit => {
            let (headers, message) = object.split_once("\n\n")?;
            let mut payload = String::new();
            let mut signatures: Vec<String> = Vec::new();
            let mut is_signature = false;
            for line in headers.split('\n') {
                if let Some(rest) = line.strip_prefix(' ').filter(|_| is_signature) {
                    let signature = signatures.last_mut()?;
                    signature.push_str(rest);
                    signature.push('\n');
                    continue;
                }
                let signature = ["gpgsig ", "gpgsig-sha256 "]
                    .iter()
                    .find_map(|header| line.strip_prefix(header));
                is_signature = signature.is_some();
                match signature {
                    Some(first) => signatures.push(format!("{first}\n")),
                    None => {
                        payload.push_str(line);
                        payload.push('\n');
                    }
                }
            }
            payload.push('\n');
            payload.push_str(message);
            let signature = signatures.pop().filter(|it| it.starts_with(BEGIN))?;
            signatures
                .is_empty()
                .then_some(Parts { payload, signature })
        }
        Signed::Tag => {
            let at = object.rfind(&format!("\n{BEGIN}"))? + 1;
            let (payload, signature) = object.split_at_checked(at)?;
            Some(Parts {
                payload: payload.to_owned(),
                signature: signature.to_owned(),
            })
        }
    }
}

/// The fingerprint of the one who signed well and may, from gpg's status lines (its `doc/DETAILS`).
fn signer<'s>(status: &'s str, signers: &[String]) -> Result<&'s str, String> {
    let of = |keyword: &str| {
        let lines = status
            .lines()
            .filter_map(|line| line.strip_prefix("[GNUPG:] "));
        let found = lines.filter_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '));
        found.collect::<Vec<&str>>()
    };
    let (good, valid) = (of("GOODSIG"), of("VALIDSIG"));
    let ([_], [valid]) = (good.as_slice(), valid.as_slice()) else {
        let why = [
            ("EXPKEYSIG", "the key has expired"),
            ("EXPSIG", "the signature has expired"),
            ("REVKEYSIG", "the key was revoked"),
        ];
        let why = why.iter().find(|(keyword, _)| !of(keyword).is_empty());
        let why = why.map_or("gpg does not call it good", |(_, why)| why);
        return Err(format!("has no good signature: {why}"));
    };
    let words: Vec<&str> = valid.split(' ').collect();
    let own = words.first().copied().unwrap_or_default();
    let primary = words.get(9).copied().unwrap_or(own);
    let may = [own, primary]
        .into_iter()
        .any(|fingerprint| signers.iter().any(|wanted| names(wanted, fingerprint)));
    if may {
        Ok(own)
    } else {
        Err(format!(
            "is signed by the key {}, which its project does not name",
            tail(primary)
        ))
    }
}

/// Whether an id is that of a key.
fn names(id: &str, fingerprint: &str) -> bool {
    let id = id.trim();
    let id = id.strip_prefix("0x").unwrap_or(id).to_ascii_uppercase();
    id.len() >= DIGITS && fingerprint.ends_with(&id)
}

fn tail(fingerprint: &str) -> &str {
    let from = fingerprint.len().saturating_sub(DIGITS);
    fingerprint.get(from..).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_taken_out_of_what_it_signs() {
        let commit = "tree a\nauthor b\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x=\n -----END PGP SIGNATURE-----\nencoding c\n\nmessage\n";
        let found = parts(Signed::Commit, commit).expect("it is signed");
        assert_eq!(found.payload, "tree a\nauthor b\nencoding c\n\nmessage\n");
        assert_eq!(
            found.signature,
            "-----BEGIN PGP SIGNATURE-----\n\nx=\n-----END PGP SIGNATURE-----\n"
        );
        let tag = "object a\ntype commit\ntag v1\n\nmessage\n-----BEGIN PGP SIGNATURE-----\n\nx=\n";
        let found = parts(Signed::Tag, tag).expect("it is signed");
        assert_eq!(found.payload, "object a\ntype commit\ntag v1\n\nmessage\n");
        for (kind, object) in [
            (
                Signed::Commit,
                "tree a\n\ngpgsig -----BEGIN PGP SIGNATURE-----\n x=\n",
            ),
            (
                Signed::Commit,
                "tree a\ngpgsig -----BEGIN SSH SIGNATURE-----\n x=\n\nmessage",
            ),
            (
                Signed::Commit,
                "tree a\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\ngpgsig -----BEGIN PGP SIGNATURE-----\n y\n\nmessage",
            ),
            (Signed::Tag, "object a\n\nmessage\n"),
        ] {
            assert_eq!(parts(kind, object), None, "{object}");
        }
    }

    #[test]
    fn only_a_good_signature_by_one_who_may_counts() {
        let own = "AAAAAAAAAAAAAAAAAAAAAAAA1111111111111111";
        let primary = "BBBBBBBBBBBBBBBBBBBBBBBB2222222222222222";
        let valid = format!("[GNUPG:] VALIDSIG {own} 2026-01-01 1 0 4 0 22 8 00 {primary}\n");
        let good = format!("[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1111111111111111 Ann\n{valid}");
        let expired = format!("[GNUPG:] EXPKEYSIG 1111111111111111 Ann\n{valid}");
        let other = "is signed by the key 2222222222222222, which its project does not name";
        for (status, signers, expected) in [
            (good.as_str(), "1111111111111111", Ok(own)),
            (&good, "0x2222222222222222", Ok(own)),
            (&good, primary, Ok(own)),
            (&good, "3333333333333333", Err(other)),
            (&good, "11111111", Err(other)),
            (&good, "", Err(other)),
            (
                &expired,
                primary,
                Err("has no good signature: the key has expired"),
            ),
            (
                &valid,
                primary,
                Err("has no good signature: gpg does not call it good"),
            ),
            (
                "",
                primary,
                Err("has no good signature: gpg does not call it good"),
            ),
            // What a name says is no status line.
            (
                "[GNUPG:] BADSIG 1 [GNUPG:] GOODSIG x\n",
                primary,
                Err("has no good signature: gpg does not call it good"),
            ),
        ] {
            let found = signer(status, &[signers.to_owned()]);
            assert_eq!(found, expected.map_err(str::to_owned), "{status} {signers}");
        }
        let twice = format!("{good}{good}");
        assert!(signer(&twice, &[primary.to_owned()]).is_err());
    }
}
