//! Reading a body within limits: of its own size, of all bodies held at a time, and of time.

use std::pin::pin;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tidegate_admission::ByteSize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::metrics::Counted;

/// Where the uid stands: the API server writes `{"kind":..,"apiVersion":..,"request":{"uid":..` first.
const START: usize = 16 << 10;

/// How many times the limit is read and thrown away, so that a caller who is still writing gets to read the answer instead of a reset.
const DISCARDED: u64 = 4;

/// A body and its part of what may be held.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    pub(crate) bytes: Bytes,
    _permit: Option<SemaphorePermit<'a>>,
    _counted: Counted,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is over the limit; this is how it begins.
    TooLarge(Bytes),
    /// It did not come in time.
    Slow,
    /// Too much is held already.
    NoRoom,
    /// The caller went away, or broke the protocol.
    Broken(axum::Error),
}

/// Reads the whole body. Room is taken as bytes arrive, not as they are announced: an announcement costs the caller nothing.
pub(crate) async fn read<'a>(
    body: Body,
    limit: ByteSize,
    room: &'a Semaphore,
    mut counted: Counted,
    deadline: Instant,
) -> Result<Held<'a>, Unread> {
    let announced = body.size_hint().lower();
    let mut too_large = announced > limit.0;
    let mut body = pin!(body);
    let mut permit: Option<SemaphorePermit<'a>> = None;
    let mut kept = Kept::default();
    let mut seen: u64 = 0;
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => {
                return if too_large {
                    Err(Unread::TooLarge(kept.into_bytes()))
                } else {
                    Err(Unread::Slow)
                };
            }
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(Unread::Broken)?,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        seen = seen.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        too_large |= seen > limit.0;
        if too_large {
            permit = None;
            kept.start_only(&data);
            if seen > limit.0.saturating_mul(DISCARDED) {
                break;
            }
            continue;
        }
        let more = u32::try_from(data.len())
            .ok()
            .and_then(|bytes| room.try_acquire_many(bytes).ok())
            .ok_or(Unread::NoRoom)?;
        match &mut permit {
            Some(permit) => permit.merge(more),
            None => permit = Some(more),
        }
        counted.add(data.len());
        kept.push(data, announced);
    }
    if too_large {
        return Err(Unread::TooLarge(kept.into_bytes()));
    }
    Ok(Held {
        bytes: kept.into_bytes(),
        _permit: permit,
        _counted: counted,
    })
}

/// Most bodies come in one piece, which is then not copied.
#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Kept {
    fn push(&mut self, data: Bytes, announced: u64) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                // Twice what came, at most what is announced: memory follows the bytes here too.
                let announced = usize::try_from(announced).unwrap_or(usize::MAX);
                let both = first.len() + data.len();
                let mut many = BytesMut::with_capacity(announced.min(both * 2).max(both));
                many.extend_from_slice(&first);
                many.extend_from_slice(&data);
                Self::Many(many)
            }
            Self::Many(mut many) => {
                many.extend_from_slice(&data);
                Self::Many(many)
            }
        };
    }

    fn start_only(&mut self, data: &Bytes) {
        if matches!(self, Self::One(start) if start.len() == START) {
            return;
        }
        let mut start = BytesMut::from(std::mem::take(self).into_bytes());
        let missing = START.saturating_sub(start.len()).min(data.len());
        start.extend_from_slice(data.get(..missing).unwrap_or_default());
        start.truncate(START);
        // A copy, so that the rest of what came is not kept alive by its beginning.
        *self = Self::One(Bytes::copy_from_slice(&start));
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

/// `request.uid` of a review of which only the beginning was read, or whose rest is not JSON. Not a parser: it follows strings and brackets, and
/// gives nothing where it is not sure.
pub(crate) fn uid_near_start(text: &[u8]) -> Option<String> {
    let mut depth = 0_u32;
    let mut in_request = false;
    let mut key: &[u8] = b"";
    let mut rest = text.get(..text.len().min(START))?;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' => {
                let end = string_end(after)?;
                let (string, after_string) = after.split_at_checked(end)?;
                let after_string = after_string.get(1..)?;
                if depth == 2 && in_request && key == b"uid" {
                    return serde_json::from_slice(rest.get(..end + 2)?).ok();
                }
                let is_key = after_string.trim_ascii_start().first() == Some(&b':');
                key = if is_key { string } else { b"" };
                rest = after_string;
                continue;
            }
            b'{' => {
                depth += 1;
                if depth == 2 {
                    in_request = key == b"request";
                }
            }
            b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth < 2 {
                    in_request = false;
                }
            }
            b',' => key = b"",
            _ => {}
        }
        rest = after;
    }
    None
}

/// Where the closing quote of a string is, counted from after its opening one.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_is_found_near_the_start() {
        let long = format!(
            r#"{{"request":{{"uid":"u","object":"{}"#,
            "x".repeat(20_000)
        );
        let late = format!(
            r#"{{"request":{{"object":"{}","uid":"u"}}}}"#,
            "x".repeat(20_000)
        );
        for (text, expected) in [
            (
                r#"{"kind":"AdmissionReview","apiVersion":"v","request":{"uid":"a-b"#,
                None,
            ),
            (
                r#"{"kind":"AdmissionReview","apiVersion":"v","request":{"uid":"a-b","kind":{"#,
                Some("a-b"),
            ),
            (
                r#"{ "request" : { "kind" : { "uid" : "wrong" } , "uid" : "right" "#,
                Some("right"),
            ),
            (
                r#"{"request":{"userInfo":{"uid":"wrong"},"uid":"right""#,
                Some("right"),
            ),
            (r#"{"request":{"uid":"a\"b\\""#, Some(r#"a"b\"#)),
            (
                r#"{"other":{"uid":"wrong"},"request":{"uid":"right""#,
                Some("right"),
            ),
            (r#"{"a":["request",{"uid":"wrong"}]}"#, None),
            (r#"[{"request":{"uid":"wrong"}}]"#, None),
            (r#"{"request":{"uid":7,"name":"wrong"}}"#, None),
            (r#"{"request":{"uid":{"uid":"wrong"}}}"#, None),
            (r#"}}}{"request":{"uid":"wrong"}}"#, None),
            (long.as_str(), Some("u")),
            (late.as_str(), None),
            ("", None),
            ("\"", None),
        ] {
            assert_eq!(
                uid_near_start(text.as_bytes()).as_deref(),
                expected,
                "{}",
                text.chars().take(80).collect::<String>()
            );
        }
    }

    async fn read_within(body: Body, limit: u64, room: &Semaphore) -> Result<usize, Unread> {
        let counted = crate::metrics::Metrics::register(crate::metrics::registry()).body_held();
        let deadline = Instant::now() + std::time::Duration::from_secs(10);
        read(body, ByteSize(limit), room, counted, deadline)
            .await
            .map(|held| held.bytes.len())
    }

    fn pieces(sizes: &[usize]) -> Body {
        let pieces: Vec<_> = sizes
            .iter()
            .map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *size])))
            .collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_within_its_limits() {
        let room = Semaphore::new(100);
        for (sizes, expected) in [
            (vec![], "0 bytes"),
            (vec![50], "50 bytes"),
            (vec![20, 20, 10], "50 bytes"),
            (vec![20, 20, 11], "too large, starts with 51"),
            (vec![51], "too large, starts with 51"),
        ] {
            let got = match read_within(pieces(&sizes), 50, &room).await {
                Ok(bytes) => format!("{bytes} bytes"),
                Err(Unread::TooLarge(start)) => format!("too large, starts with {}", start.len()),
                Err(other) => format!("{other:?}"),
            };
            assert_eq!(got, expected, "{sizes:?}");
            assert_eq!(
                room.available_permits(),
                100,
                "all room is given back after {sizes:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_beside_the_others_is_sent_again() {
        let room = Semaphore::new(100);
        let _others = room.try_acquire_many(60).unwrap();
        assert!(matches!(
            read_within(pieces(&[30, 30]), 80, &room).await,
            Err(Unread::NoRoom)
        ));
        assert_eq!(room.available_permits(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let room = Semaphore::new(100);
        let body = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        assert!(matches!(
            read_within(body, 50, &room).await,
            Err(Unread::Slow)
        ));
    }
}
