//! The four databases and how their texts differ where it matters here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which database reads the SQL. MySQL and MariaDB are kept apart: they lex alike, but differ in what they can do online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// MySQL 8 and later.
    Mysql,
    /// MariaDB 10.6 and later.
    Mariadb,
    /// PostgreSQL.
    Postgres,
    /// SQLite 3.
    Sqlite,
}

impl Dialect {
    /// All of them, for a text whose database is not known.
    pub const ALL: [Self; 4] = [Self::Mysql, Self::Mariadb, Self::Postgres, Self::Sqlite];

    /// The dialect of a database URL's scheme (`postgres://..` or just `postgres`), as Atlas names them; none for a scheme that no
    /// driver here speaks.
    pub fn from_url_scheme(url: &str) -> Option<Self> {
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        // Atlas and others write variants behind a plus sign, for example `mysql+unix`.
        let scheme = scheme.split_once('+').map_or(scheme, |(scheme, _)| scheme);
        match scheme.trim().to_ascii_lowercase().as_str() {
            "mysql" => Some(Self::Mysql),
            "mariadb" | "maria" => Some(Self::Mariadb),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "sqlite" | "sqlite3" => Some(Self::Sqlite),
            _ => None,
        }
    }

    /// The word that settings, plans and messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }

    /// Whether texts are read by MySQL's rules: backslash escapes, `#` comments, executable comments.
    pub const fn is_mysql_like(self) -> bool {
        matches!(self, Self::Mysql | Self::Mariadb)
    }

    /// The form under which two spellings of a table's name are the same table. PostgreSQL's folding has happened while reading;
    /// MySQL's table names are files on Linux and keep their case (`lower_case_table_names=0`).
    pub(crate) fn table_key(self, name: &str) -> String {
        match self {
            Self::Sqlite => name.to_lowercase(),
            Self::Mysql | Self::Mariadb | Self::Postgres => name.to_owned(),
        }
    }

    /// The form under which two spellings of a column's, index's or constraint's name are the same.
    pub(crate) fn column_key(self, name: &str) -> String {
        match self {
            Self::Postgres => name.to_owned(),
            Self::Mysql | Self::Mariadb | Self::Sqlite => name.to_lowercase(),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_schemes() {
        for (url, expected) in [
            ("mysql://root@db:3306/shop", Some(Dialect::Mysql)),
            ("mysql+unix:///run/mysqld.sock", Some(Dialect::Mysql)),
            ("maria://db/shop", Some(Dialect::Mariadb)),
            ("postgresql", Some(Dialect::Postgres)),
            ("Postgres://db", Some(Dialect::Postgres)),
            ("sqlite://file.db?_fk=1", Some(Dialect::Sqlite)),
            ("sqlserver://db", None),
            ("", None),
        ] {
            assert_eq!(Dialect::from_url_scheme(url), expected, "{url}");
        }
    }
}
