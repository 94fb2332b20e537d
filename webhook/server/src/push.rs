//! `POST /api/webhook`, Argo CD's path: a Git server says that somebody has pushed.
//!
//! What it means is for whoever is given it ([`Pushes`]); here are the limits. Anybody may call, so no more is read than a push can be, and few are read at once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::StatusCode;
use http::header::RETRY_AFTER;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The path.
const PATH: &str = "/api/webhook";
/// A larger body is refused. GitHub sends 25 MB at most and says nothing more with most of them; a push of 2,048 commits has about 2 MB.
const LARGEST: usize = 8 << 20;
/// Bodies that are held at once.
const AT_ONCE: usize = 4;
/// For the whole body to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Takes what Git servers send.
pub trait Pushes: fmt::Debug + Send + Sync + 'static {
    /// Says what came of a request: its headers, their names in lower case, and its body.
    fn receive(
        &self,
        headers: BTreeMap<String, String>,
        body: Bytes,
    ) -> BoxFuture<'_, (StatusCode, String)>;
}

#[derive(Debug)]
struct Shared {
    pushes: Arc<dyn Pushes>,
    places: Semaphore,
}

/// What the webhook's port answers besides, where somebody takes pushes.
pub fn push_app(pushes: Arc<dyn Pushes>) -> Router {
    let shared = Shared {
        pushes,
        places: Semaphore::new(AT_ONCE),
    };
    Router::new()
        .route(PATH, post(receive))
        .with_state(Arc::new(shared))
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let Ok(_place) = shared.places.try_acquire() else {
        let words = "too many pushes at once; send it again\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], words).into_response();
    };
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_TIME, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let words = format!("the body is larger than {LARGEST} bytes\n");
            return (StatusCode::PAYLOAD_TOO_LARGE, words).into_response();
        }
        Ok(Err(_)) => return (StatusCode::BAD_REQUEST, "the body broke off\n").into_response(),
        Err(_) => {
            let words = "the body did not come in time\n";
            return (StatusCode::REQUEST_TIMEOUT, words).into_response();
        }
    };
    let headers = head.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let (status, words) = shared.pushes.receive(headers.collect(), body).await;
    (status, format!("{words}\n")).into_response()
}
