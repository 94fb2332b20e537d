//! Pushes of Git servers, asked of the router without a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tidegate_server::{Bytes, Pushes, push_app};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt as _;

/// Says what it was given; waits where the body says so.
#[derive(Debug)]
struct Echo {
    waits: mpsc::UnboundedSender<()>,
    release: Semaphore,
}

fn echo() -> (Arc<Echo>, mpsc::UnboundedReceiver<()>) {
    let (waits, waiting) = mpsc::unbounded_channel();
    let release = Semaphore::new(0);
    (Arc::new(Echo { waits, release }), waiting)
}

impl Pushes for Echo {
    fn receive(
        &self,
        headers: BTreeMap<String, String>,
        body: Bytes,
    ) -> BoxFuture<'_, (StatusCode, String)> {
        async move {
            if &body[..] == b"wait" {
                self.waits.send(()).unwrap();
                self.release.acquire().await.unwrap().forget();
            }
            let event = headers.get("x-github-event").cloned().unwrap_or_default();
            (StatusCode::OK, format!("{event} {}", body.len()))
        }
        .boxed()
    }
}

async fn ask(echo: &Arc<Echo>, method: &str, body: Body) -> (u16, String) {
    let request = Request::builder().method(method).uri("/api/webhook");
    let request = request.header("X-GitHub-Event", "push").body(body).unwrap();
    let answer = push_app(echo.clone()).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_push_is_handed_on_within_limits() {
    let (echo, _waiting) = echo();
    let answer = |status: u16, words: &str| (status, words.to_owned());
    assert_eq!(
        ask(&echo, "POST", Body::from("{}")).await,
        answer(200, "push 2\n")
    );
    assert_eq!(ask(&echo, "GET", Body::empty()).await.0, 405);
    let large = Body::from(vec![b' '; (8 << 20) + 1]);
    assert_eq!(
        ask(&echo, "POST", large).await,
        answer(413, "the body is larger than 8388608 bytes\n")
    );
}

#[tokio::test]
async fn not_more_than_a_few_are_held_at_once() {
    let (echo, mut waiting) = echo();
    let router = push_app(echo.clone());
    let ask = |body: &'static str| {
        let request = Request::builder().method("POST").uri("/api/webhook");
        router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
    };
    let held: Vec<_> = (0..4).map(|_| tokio::spawn(ask("wait"))).collect();
    for _ in 0..4 {
        waiting.recv().await.unwrap();
    }
    let answer = ask("{}").await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "1");
    echo.release.add_permits(4);
    for answer in held {
        assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
    }
}
