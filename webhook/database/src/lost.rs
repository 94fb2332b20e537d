//! A connection that ends while something is asked. The drivers say how many bytes of what they had expected; what matters is what became of the statement.

use std::io::ErrorKind;

/// What is not known then. A server goes on with what it was told, and finds out that nobody listens when it is done.
pub(crate) const IN_DOUBT: &str =
    "the server may still be at it, or have done it, which the next plan sees";

/// An error that is not a server's answer.
pub(crate) fn in_words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
            ) =>
        {
            "the connection to the server was lost".to_owned()
        }
        other => other.to_string(),
    }
}
