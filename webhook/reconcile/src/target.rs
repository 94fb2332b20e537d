//! Which database an object names, and whether it is this object's to change.

use std::fmt::Write as _;

use tidegate_database::{Address, DatabaseError, Place};
use tidegate_model::ObjectKey;
use tidegate_model::atlas::{Credentials, Project, Reason, Target};
use tidegate_model::url::DatabaseUrl;

use crate::claims::Claim;
use crate::context::Context;
use crate::inputs::Inputs;
use crate::problem::Problem;

/// A database that the object may change.
pub(crate) struct Reached {
    pub(crate) address: Address,
    pub(crate) place: Place,
}

/// The database, claimed for the object.
///
/// # Errors
/// It cannot be found, or belongs to another object.
pub(crate) async fn reach<G>(
    context: &Context<G>,
    key: &ObjectKey,
    created: i64,
    inputs: &mut Inputs<'_, G>,
    target: &Target,
    schemas: &[String],
) -> Result<Reached, Problem> {
    let address = address(inputs, target)
        .await
        .inspect_err(|_| context.release(key))?;
    let place = context.databases.place(&address).await;
    let Some(place) = place.map_err(|error| login(&error))? else {
        context.release(key);
        return Err(Problem::new(
            Reason::Login,
            "a database in memory ends with the program that opened it and cannot be reconciled: name a file, \
             sqlite:///data/app.db",
        ));
    };
    match context.claim(key, created, &Claim::new(&place, schemas)) {
        None => Ok(Reached { address, place }),
        Some(holder) => Err(Problem::new(
            Reason::Login,
            format!(
                "the database belongs to {holder}, which was created before this object; two objects on one database \
                 would undo each other's work: merge them into one object, or delete one of them"
            ),
        )),
    }
}

/// The database that a wanted schema is tried out in, where the object names one: `devURLFrom`, then `devURL`.
///
/// None where it would have to be started first (`devDB`, whose url is that of a pod; `docker://`): a scratch place of the database's own server is as
/// empty, and is there.
pub(crate) async fn dev_address<G>(
    inputs: &mut Inputs<'_, G>,
    project: &Project,
) -> Result<Option<Address>, Problem> {
    if project.dev_db.is_some() {
        return Ok(None);
    }
    let from = inputs
        .secret("spec.devURLFrom", project.dev_url_from.as_ref())
        .await?
        .map(DatabaseUrl::new);
    match from.as_ref().or(project.dev_url.as_ref()) {
        Some(url) if !url.is_empty() && !starts_a_container(url) => {
            parse(inputs, "spec.devURL: ", url).map(Some)
        }
        _ => Ok(None),
    }
}

/// `docker://postgres/15/dev`, `docker+postgres://...`: what Atlas starts a container for.
fn starts_a_container(url: &DatabaseUrl) -> bool {
    let scheme = url.scheme().unwrap_or_default();
    scheme.split('+').next() == Some("docker")
}

/// Why a database could not be reached.
pub(crate) fn login(error: &DatabaseError) -> Problem {
    Problem::new(Reason::Login, error.to_string())
}

/// The address, by the operator's precedence: `urlFrom`, then `url`, then `credentials`.
pub(crate) async fn address<G>(
    inputs: &mut Inputs<'_, G>,
    target: &Target,
) -> Result<Address, Problem> {
    let from = inputs
        .secret("spec.urlFrom", target.url_from.as_ref())
        .await?
        .map(DatabaseUrl::new);
    let named = [from.as_ref(), target.url.as_ref()];
    if let Some(url) = named.into_iter().flatten().find(|url| !url.is_empty()) {
        return parse(inputs, "", url);
    }
    let Some(given) = &target.credentials else {
        return Err(inputs
            .problem("no target database defined: write its address into spec.url, or into a Secret named by spec.urlFrom"));
    };
    let mut whole = given.clone();
    for (field, from, part) in [
        (
            "spec.credentials.userFrom",
            &given.user_from,
            &mut whole.user,
        ),
        (
            "spec.credentials.passwordFrom",
            &given.password_from,
            &mut whole.password,
        ),
        (
            "spec.credentials.hostFrom",
            &given.host_from,
            &mut whole.host,
        ),
    ] {
        if let Some(value) = inputs.secret(field, from.as_ref()).await? {
            *part = Some(value);
        }
    }
    let url = url(&whole).map_err(|missing| {
        inputs.problem(format!(
            "no target database defined: spec.credentials has no {missing}"
        ))
    })?;
    parse(inputs, "spec.credentials: ", &url)
}

fn parse<G>(inputs: &Inputs<'_, G>, place: &str, url: &DatabaseUrl) -> Result<Address, Problem> {
    Address::parse(url.reveal()).map_err(|error| inputs.problem(format!("{place}{error}")))
}

/// The url of its parts, each escaped, so that a password may hold any character. An error is the part that is missing.
fn url(parts: &Credentials) -> Result<DatabaseUrl, &'static str> {
    let given = |part: &Option<String>| part.clone().filter(|text| !text.is_empty());
    let scheme = given(&parts.scheme).ok_or("scheme")?;
    let host = given(&parts.host).ok_or("host")?;
    let mut url = format!("{scheme}://");
    if let Some(user) = given(&parts.user) {
        url += &escaped(&user);
        if let Some(password) = given(&parts.password) {
            url.push(':');
            url += &escaped(&password);
        }
        url.push('@');
    }
    // A literal IPv6 address has colons and stands in brackets.
    if host.contains(':') && !host.starts_with('[') {
        url.extend(["[", &host, "]"]);
    } else {
        url += &host;
    }
    if let Some(port) = parts.port {
        url.extend([":", &port.to_string()]);
    }
    if let Some(database) = given(&parts.database) {
        url.push('/');
        url += &escaped(&database);
    }
    for (index, (name, value)) in parts.parameters.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.extend([&escaped(name), "=", &escaped(value)]);
    }
    Ok(DatabaseUrl::new(url))
}

/// RFC 3986: everything but the unreserved characters as `%xx`.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(credentials: Value, expected: Result<&str, &str>) {
        let parts: Credentials = serde_json::from_value(credentials).expect("well formed");
        let url = url(&parts);
        let url = url.as_ref().map(DatabaseUrl::reveal).map_err(|part| *part);
        assert_eq!(url, expected);
    }

    #[test]
    fn parts_become_a_url() {
        check(
            json!({"scheme": "postgres", "user": "app", "password": "p@ss/w:rd#%", "host": "db", "port": 5433, "database": "shop",
                   "parameters": {"sslmode": "verify-full", "search_path": "a b"}}),
            Ok(
                "postgres://app:p%40ss%2Fw%3Ard%23%25@db:5433/shop?search_path=a%20b&sslmode=verify-full",
            ),
        );
        check(
            json!({"scheme": "mysql", "host": "::1", "password": "without a user it means nothing"}),
            Ok("mysql://[::1]"),
        );
        check(json!({"scheme": "mysql"}), Err("host"));
        check(json!({"host": "db", "scheme": ""}), Err("scheme"));
    }

    proptest! {
        /// Whatever they are made of, the parts that are read back are those that were written.
        #[test]
        fn parts_are_read_back(password in "[ -~é]{1,20}", user in "[ -~]{1,10}", database in "[a-z/?&=]{1,10}") {
            let parts = Credentials {
                scheme: Some("mysql".into()),
                host: Some("h".into()),
                user: Some(user),
                password: Some(password),
                database: Some(database.clone()),
                ..Credentials::default()
            };
            let url = url(&parts).expect("nothing is missing");
            let Ok(Address::Mysql(address)) = Address::parse(url.reveal()) else {
                return Err(TestCaseError::fail(url.reveal().to_owned()));
            };
            prop_assert_eq!(address.database(), Some(database.as_str()));
            prop_assert_eq!(address.place(), format!("h:3306/{database}"));
        }
    }
}
