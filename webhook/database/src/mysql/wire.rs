//! One connection and the text protocol: a text goes out, rows of texts come back.
//!
//! Every value is wanted as text, because what is inspected is compared and printed, never calculated with; and the text protocol takes every
//! statement there is, also those that cannot be prepared (`CREATE TRIGGER`). Statements are not logged by the driver: they may hold data.

use sqlx::mysql::{
    MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlSslMode,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::address::{MysqlAddress, TlsMode};
use crate::DatabaseError;
use crate::lost::in_words;

/// One connection.
pub(super) struct Wire {
    connection: MySqlConnection,
}

/// What the server said of a statement.
#[derive(Debug)]
pub(super) struct Refused {
    /// The server's error number; none when it was not the server that failed.
    pub(super) number: Option<u16>,
    pub(super) message: String,
}

/// A row of texts.
pub(super) struct TextRow(MySqlRow);

impl Wire {
    /// Connects, with everything from the address and nothing from the environment. In no database where `database` is none.
    pub(super) async fn connect(
        address: &MysqlAddress,
        database: Option<&str>,
    ) -> Result<Self, DatabaseError> {
        let failed = |message: String| DatabaseError::Connect {
            place: address.place(),
            message,
        };
        let options = options(address, database);
        let connection = tokio::time::timeout(address.connect_timeout, options.connect())
            .await
            .map_err(|_| failed(format!("no answer within {:?}", address.connect_timeout)))?
            .map_err(|error| failed(Refused::from(error).message))?;
        Ok(Self { connection })
    }

    /// The rows of a statement.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<TextRow>, Refused> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = self.connection.fetch_all(query).await?;
        Ok(rows.into_iter().map(TextRow).collect())
    }

    /// Runs a statement.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Refused> {
        self.connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await?;
        Ok(())
    }

    /// Says goodbye. Without it the server notices the closed socket.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

impl TextRow {
    /// A column's text; none for NULL, and where there is no such column or it is no text, which no query here asks for.
    pub(super) fn str(&self, column: usize) -> Option<&str> {
        self.0.try_get_unchecked(column).ok().flatten()
    }

    /// As [`Self::str`].
    pub(super) fn get(&self, column: usize) -> Option<String> {
        self.str(column).map(str::to_owned)
    }

    /// As [`Self::get`], empty for NULL.
    pub(super) fn text(&self, column: usize) -> String {
        self.get(column).unwrap_or_default()
    }

    /// A text, none where it is empty.
    pub(super) fn filled(&self, column: usize) -> Option<String> {
        self.get(column).filter(|text| !text.is_empty())
    }

    /// Whether it is the word, whatever its case.
    pub(super) fn is(&self, column: usize, word: &str) -> bool {
        self.str(column)
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    /// How many columns there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// `caching_sha2_password`, the only way of `MySQL` 9 and the usual one of 8.
const PASSWORD_OVER_TLS: &str = "the account's password goes over TLS alone (caching_sha2_password), and the address says `tls=false`: leave that out, or say `tls=skip-verify` \
     or more";

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            let message = match &error {
                // The driver's own words are for who builds it. It would need RSA to send the password without TLS.
                sqlx::Error::Configuration(reason) if reason.to_string().contains("RSA") => {
                    PASSWORD_OVER_TLS.to_owned()
                }
                _ => in_words(&error),
            };
            return Self {
                number: None,
                message,
            };
        };
        Self {
            number: database
                .try_downcast_ref::<MySqlDatabaseError>()
                .map(MySqlDatabaseError::number),
            message: database.message().to_owned(),
        }
    }
}

impl Refused {
    /// An error of something that this room does for itself.
    pub(super) fn while_doing(self, doing: &str) -> DatabaseError {
        DatabaseError::Server {
            doing: doing.to_owned(),
            message: self.message,
        }
    }

    /// Whether what it was about is held by somebody else for longer than it may wait.
    pub(super) fn is_held(&self) -> bool {
        self.number == Some(1205)
    }

    /// Whether a right is missing.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.number, Some(1044 | 1142 | 1143 | 1227 | 1370))
    }
}

fn options(address: &MysqlAddress, database: Option<&str>) -> MySqlConnectOptions {
    let mut options = MySqlConnectOptions::new()
        .host(&address.host)
        .port(address.port)
        .username(&address.user)
        .ssl_mode(match address.tls.mode {
            TlsMode::Disabled => MySqlSslMode::Disabled,
            TlsMode::Preferred => MySqlSslMode::Preferred,
            TlsMode::Required => MySqlSslMode::Required,
            TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
            TlsMode::VerifyIdentity => MySqlSslMode::VerifyIdentity,
        })
        // The session's own first statement sets modes (see `session`); these would put `||` for strings into texts.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging();
    if let Some(password) = &address.password {
        options = options.password(password);
    }
    if let Some(path) = &address.socket {
        options = options.socket(path);
    }
    if let Some(database) = database {
        options = options.database(database);
    }
    if let Some(path) = &address.tls.root_certificate {
        options = options.ssl_ca(path);
    }
    if let Some(path) = &address.tls.certificate {
        options = options.ssl_client_cert(path);
    }
    if let Some(path) = &address.tls.key {
        options = options.ssl_client_key(path);
    }
    options
}
