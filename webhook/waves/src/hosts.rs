//! Names of services in the texts of manifests: urls, addresses, commands that wait.

use std::collections::BTreeSet;

/// The longest text that is searched; addresses stand in short ones, and scripts begin with their waiting.
const LONGEST: usize = 16 << 10;

/// Parts of the name of a variable whose value is a host and nothing else.
const HOST_VARIABLES: [&str; 7] = ["HOST", "ADDR", "SERVER", "URL", "URI", "ENDPOINT", "DSN"];

/// Words of a command after which a host comes.
const BEFORE_A_HOST: [&str; 13] = [
    "-h",
    "--host",
    "-z",
    "-vz",
    "-zv",
    "-w",
    "nc",
    "ping",
    "nslookup",
    "getent",
    "dig",
    "wait-for",
    "wait-for-it.sh",
];

/// The hosts that a text names: `mysql` in `mysql://root:pass@mysql:3306/app`, `db.shop` in `nc -z db.shop 5432`. `variable` is the name of the environment variable that holds
/// it, or empty. Never a credential: what stands before an `@` is passed over.
pub(crate) fn hosts(variable: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = text.get(..LONGEST).unwrap_or(text);
    if text.len() > LONGEST {
        return found;
    }
    let upper = variable.to_ascii_uppercase();
    let is_host_variable = HOST_VARIABLES.iter().any(|part| upper.contains(part));
    let mut before = "";
    for word in text.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | ';' | ',' | '|' | '&' | '=' | '(' | ')' | '<' | '>'
            )
    }) {
        if word.is_empty() {
            continue;
        }
        let has_scheme = word.contains("://");
        let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
        let has_user = rest.contains('@');
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
        let port = rest
            .strip_prefix(host)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let asked = BEFORE_A_HOST.contains(&before) || (is_host_variable && rest == host);
        let qualified = host.contains(".svc");
        if is_host(host) && (has_scheme || has_user || port || asked || qualified) {
            found.insert(host.to_owned());
        }
        before = word;
    }
    found
}

/// What urls of databases, queues and caches begin with; `postgresql+psycopg` and `jdbc:mysql` are of them too.
const STORE_SCHEMES: [&str; 16] = [
    "postgres",
    "postgresql",
    "pgsql",
    "mysql",
    "mariadb",
    "maria",
    "sqlserver",
    "mssql",
    "clickhouse",
    "mongodb",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "nats",
    "kafka",
];

/// The hosts among [`hosts`] that a url calls a database, queue or cache.
pub(crate) fn store_hosts(text: &str) -> BTreeSet<String> {
    let text = if text.len() > LONGEST { "" } else { text };
    let is_end = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ';' | ',' | '=' | '(' | ')' | '<' | '>')
    };
    text.split(is_end)
        .filter(|word| {
            let scheme = word.split("://").next().unwrap_or_default();
            let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
            let scheme = scheme.split('+').next().unwrap_or_default();
            STORE_SCHEMES
                .iter()
                .any(|store| scheme.eq_ignore_ascii_case(store))
        })
        .filter_map(host_of_url)
        .collect()
}

/// The host of a database's url; none for a file, or for what is no url.
pub(crate) fn host_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.strip_prefix("tcp(").unwrap_or(rest);
    let host = rest.split(['/', '?', ':', ')']).next()?;
    is_host(host).then(|| host.to_owned())
}

fn is_host(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 253
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

/// Decodes the standard alphabet of base 64; none for what is not text in it. For Secrets whose `data` is in Git.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for c in text
        .bytes()
        .filter(|c| !c.is_ascii_whitespace() && *c != b'=')
    {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_is_a_store() {
        for (text, expected) in [
            ("postgres://app:pw@db:5432/shop", Some("db")),
            ("postgresql+asyncpg://db.shop.svc/shop", Some("db.shop.svc")),
            ("jdbc:mysql://mysql:3306/shop", Some("mysql")),
            ("migrate -database redis://cache:6379 up", Some("cache")),
            ("https://api/v1", None),
            ("db:5432", None),
            ("sqlite:///data/app.db", None),
        ] {
            let found = store_hosts(text);
            assert_eq!(found.first().map(String::as_str), expected, "{text}");
        }
    }

    #[test]
    fn hosts_are_found_where_an_address_is_meant() {
        for (variable, text, expected) in [
            (
                "DATABASE_URL",
                "mysql://root:pass@mysql:3306/app",
                vec!["mysql"],
            ),
            ("DB_HOST", "mysql", vec!["mysql"]),
            ("GREETING", "mysql", vec![]),
            (
                "PGHOST",
                "db.shop.svc.cluster.local",
                vec!["db.shop.svc.cluster.local"],
            ),
            ("", "until nc -z db 5432; do sleep 1; done", vec!["db"]),
            ("", "pg_isready -h db.shop", vec!["db.shop"]),
            ("", "curl http://api:8080/ready", vec!["api"]),
            ("", "wait-for redis:6379 -- run", vec!["redis"]),
            ("", "--host=db", vec!["db"]),
            ("", "mysql --version", vec![]),
            (
                "BROKERS",
                "kafka-0.kafka:9092,kafka-1.kafka:9092",
                vec!["kafka-0.kafka", "kafka-1.kafka"],
            ),
        ] {
            let found: Vec<String> = hosts(variable, text).into_iter().collect();
            assert_eq!(found, expected, "{variable} {text}");
        }
    }

    #[test]
    fn urls_have_hosts() {
        for (url, expected) in [
            ("mysql://root:p@ss@mysql:3306/app", Some("mysql")),
            (
                "postgres://db.shop.svc/app?sslmode=disable",
                Some("db.shop.svc"),
            ),
            ("sqlite://file.db", Some("file.db")),
            ("sqlite:///data/app.db", None),
            ("nonsense", None),
        ] {
            assert_eq!(host_of_url(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn data_is_decoded() {
        assert_eq!(
            decode("bXlzcWw6Ly9kYi9hcHA=").as_deref(),
            Some("mysql://db/app")
        );
        assert_eq!(decode("not base64!"), None);
    }
}
