//! One connection and the simple query protocol: a text goes out, rows of texts come back.
//!
//! Every value is asked for as text, because what is inspected is compared and printed, never calculated with; and the simple protocol takes
//! every statement there is, also those that cannot be prepared. Statements are not logged by the driver: they may hold data.

use futures::StreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSslMode};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _, ValueRef as _,
};

use super::address::{PostgresAddress, TlsMode};
use crate::DatabaseError;
use crate::lost::in_words;

/// One connection.
pub(super) struct Wire {
    connection: PgConnection,
}

/// What the server said of a statement.
#[derive(Debug)]
pub(super) struct Refused {
    /// The five characters of SQLSTATE; none when it was not the server that failed.
    pub(super) code: Option<String>,
    /// With detail and hint.
    pub(super) message: String,
}

/// A row of texts.
pub(super) struct TextRow(PgRow);

impl Wire {
    /// Connects, with everything from the address and nothing from the environment.
    pub(super) async fn connect(address: &PostgresAddress) -> Result<Self, DatabaseError> {
        let failed = |message: String| DatabaseError::Connect {
            place: address.place(),
            message,
        };
        let options = options(address);
        let connection = tokio::time::timeout(address.connect_timeout, options.connect())
            .await
            .map_err(|_| failed(format!("no answer within {:?}", address.connect_timeout)))?
            .map_err(|error| failed(Refused::from(error).message))?;
        Ok(Self { connection })
    }

    /// Runs a text of one or more statements; the rows of all of them.
    pub(super) async fn rows(&mut self, sql: &str) -> Result<Vec<TextRow>, Refused> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        let rows = self.connection.fetch_all(query).await?;
        Ok(rows.into_iter().map(TextRow).collect())
    }

    /// Runs a text of one or more statements.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Refused> {
        self.connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await?;
        Ok(())
    }

    /// Runs a text of several statements. The error says how many had ended before it.
    pub(super) async fn run_counted(&mut self, sql: &str) -> Result<(), (usize, Refused)> {
        let mut done = 0;
        let mut answers = self
            .connection
            .fetch_many(sqlx::raw_sql(AssertSqlSafe(sql)));
        while let Some(answer) = answers.next().await {
            match answer {
                // A row comes on the right, the end of a statement on the left.
                Ok(answer) => done += usize::from(answer.is_left()),
                Err(error) => return Err((done, error.into())),
            }
        }
        Ok(())
    }

    /// Says goodbye. Without it the server notices the closed socket.
    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

impl TextRow {
    /// A column's text; none for NULL (or where there is no such column or it is no text, which no query here does).
    pub(super) fn get(&self, column: usize) -> Option<String> {
        self.str(column).map(str::to_owned)
    }

    /// As [`Self::get`], empty for NULL.
    pub(super) fn text(&self, column: usize) -> String {
        self.get(column).unwrap_or_default()
    }

    /// Whether it is `t`.
    pub(super) fn is(&self, column: usize) -> bool {
        self.str(column) == Some("t")
    }

    /// A number, zero where there is none.
    pub(super) fn number<T: std::str::FromStr + Default>(&self, column: usize) -> T {
        self.str(column)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// The numbers of `{1,2}` and `1 2`.
    pub(super) fn numbers(&self, column: usize) -> Vec<i16> {
        self.str(column)
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_digit() && c != '-')
            .filter_map(|number| number.parse().ok())
            .collect()
    }

    pub(super) fn str(&self, column: usize) -> Option<&str> {
        let value = self.0.try_get_raw(column).ok()?;
        if value.is_null() {
            return None;
        }
        value.as_str().ok()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return Self {
                code: None,
                message: in_words(&error),
            };
        };
        let mut message = database.message().to_owned();
        if let Some(more) = database.try_downcast_ref::<PgDatabaseError>() {
            for (word, text) in [("detail", more.detail()), ("hint", more.hint())] {
                if let Some(text) = text {
                    message = format!("{message} ({word}: {text})");
                }
            }
        }
        Self {
            code: database.code().map(std::borrow::Cow::into_owned),
            message,
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

    /// Whether it was not the server that answered.
    pub(super) fn is_no_answer(&self) -> bool {
        self.code.is_none()
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

fn options(address: &PostgresAddress) -> PgConnectOptions {
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .username(&address.user)
        .password(address.password.as_deref().unwrap_or_default())
        .database(&address.database)
        .application_name(&address.application_name)
        .ssl_mode(match address.tls.mode {
            TlsMode::Disable => PgSslMode::Disable,
            TlsMode::Allow => PgSslMode::Allow,
            TlsMode::Prefer => PgSslMode::Prefer,
            TlsMode::Require => PgSslMode::Require,
            TlsMode::VerifyCa => PgSslMode::VerifyCa,
            TlsMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .disable_statement_logging();
    if let Some(path) = &address.tls.root_certificate {
        options = options.ssl_root_cert(path);
    }
    if let Some(path) = &address.tls.certificate {
        options = options.ssl_client_cert(path);
    }
    if let Some(path) = &address.tls.key {
        options = options.ssl_client_key(path);
    }
    if !address.settings.is_empty() {
        options = options.options(address.settings.iter().map(|(name, value)| (name, value)));
    }
    options
}
