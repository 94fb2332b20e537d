//! What the operator may set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_policy_sdk::prelude::UserInfo;
use tidegate_sqlplan::{Dialect, Name};

/// What the operator may set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Settings {
    /// The database of objects whose URL is in a Secret, so that their SQL is read by its rules. Without it such SQL is judged as all of
    /// them would read it.
    pub dialect: Option<Database>,
    /// How severe findings are as a whole. What each rule does can be set apart, in the policies file.
    pub profile: Profile,
    /// PostgreSQL's major version, the oldest where there are several; 12 or later is assumed. Before 11 any default writes the table again,
    /// before 12 a validated CHECK does not spare `SET NOT NULL` its scan.
    pub postgres: Option<u32>,
    /// MySQL's major version, the oldest where there are several; 8 or later is assumed. Before 8 a new column writes the table again, and a
    /// CHECK is read and forgotten.
    pub mysql: Option<u32>,
    /// Files are run in one transaction each, unless they say otherwise: then `CONCURRENTLY` fails in them, and a constraint must not be
    /// validated in the file that adds it.
    pub assume_in_transaction: bool,
    /// The tables, as `table` or `schema.table`, on which a lock is felt. When there are any, what blocks or copies another table is a
    /// warning; what loses data or breaks programs stays what it is.
    pub large_tables: Vec<String>,
    /// Obey `-- atlas:nolint` in the SQL. Who writes the SQL then approves it; what hides what it does is denied all the same.
    pub honour_nolint: bool,
    /// Exceptions by annotation.
    pub waivers: Waivers,
}

/// Who may allow an exception, by the annotation `gate.tidegate.dev/waive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Waivers {
    /// User names, and groups as `group:NAME`, who may write or change the annotation. Nobody, unless set. Who delivers for everybody (the
    /// account of Argo CD) makes everybody's commit an approval: then the review of the commit is what approves.
    pub by: Vec<String>,
    /// The days an exception may last from the day on which it is judged, `until` included.
    pub longest_days: u32,
}

impl Default for Waivers {
    fn default() -> Self {
        Self {
            by: Vec::new(),
            longest_days: 366,
        }
    }
}

/// How severe findings are as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Warnings are errors too.
    Strict,
    /// As the rules say.
    #[default]
    Standard,
    /// Errors are warnings, except where SQL hides what it does or cannot be read.
    Advisory,
}

/// The databases whose SQL is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl From<Database> for Dialect {
    fn from(database: Database) -> Self {
        match database {
            Database::Mysql => Self::Mysql,
            Database::Mariadb => Self::Mariadb,
            Database::Postgres => Self::Postgres,
            Database::Sqlite => Self::Sqlite,
        }
    }
}

impl Settings {
    /// Every problem beyond the types.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self
            .postgres
            .is_some_and(|version| !(9..=99).contains(&version))
        {
            problems.push("/postgres: the major version, for example 15".to_owned());
        }
        if self
            .mysql
            .is_some_and(|version| !(5..=99).contains(&version))
        {
            problems.push("/mysql: the major version, for example 8".to_owned());
        }
        if !(1..=3660).contains(&self.waivers.longest_days) {
            problems.push("/waivers/longestDays: from 1 to 3660".to_owned());
        }
        for (index, who) in self.waivers.by.iter().enumerate() {
            if who.trim().is_empty() || who == "group:" {
                problems.push(format!("/waivers/by/{index}: a user's name, or group:NAME"));
            }
        }
        problems
    }

    /// Whether some of the servers are of MySQL 5.
    pub(crate) fn has_old_mysql(&self, dialect: Dialect) -> bool {
        dialect == Dialect::Mysql && self.mysql.is_some_and(|major| major < 8)
    }

    /// Whether the user may allow exceptions.
    pub(crate) fn may_waive(&self, user: &UserInfo) -> bool {
        self.waivers.by.iter().any(|who| {
            who.strip_prefix("group:").map_or_else(
                || *who == user.username,
                |group| user.groups.iter().any(|own| own == group),
            )
        })
    }

    /// Whether a lock on the table is felt.
    pub(crate) fn is_large(&self, table: &Name) -> bool {
        self.large_tables.is_empty() || self.is_said_to_be_large(table)
    }

    /// Whether the table is one of those that were named.
    pub(crate) fn is_said_to_be_large(&self, table: &Name) -> bool {
        self.large_tables
            .iter()
            .any(|large| *large == table.name || *large == table.to_string())
    }
}
