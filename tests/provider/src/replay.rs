//! Recorded answers, given to the stand-in by the one who tests, and played back as they were recorded: whatever the
//! provider, whatever the path.
//!
//! `PUT /_recordings/ID` stores one: its body is the answer's, `x-recorded-status` its status, and every header
//! `x-recorded-NAME` the answer's header NAME. A call steered with `recording=ID` gets it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};

/// The path under which recordings are stored.
pub(crate) const PATH: &str = "/_recordings/";

const PREFIX: &str = "x-recorded-";
const STATUS: &str = "x-recorded-status";

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Recording {
    /// From the request that stores it. None if its status or a header is none.
    pub(crate) fn read(request: &HeaderMap, body: Bytes) -> Option<Self> {
        let status = match request.get(STATUS) {
            Some(status) => StatusCode::from_bytes(status.as_bytes()).ok()?,
            None => StatusCode::OK,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in request {
            if let Some(name) = name.as_str().strip_prefix(PREFIX).filter(|_| name != STATUS) {
                headers.append(HeaderName::try_from(name).ok()?, value.clone());
            }
        }
        Some(Self { status, headers, body })
    }

    /// Whether it came piece by piece: those say no length.
    pub(crate) fn streamed(&self) -> bool {
        let kind = self.headers.get("content-type").map_or(&b""[..], HeaderValue::as_bytes);
        [&b"text/event-stream"[..], b"application/vnd.amazon.eventstream", b"application/x-ndjson"]
            .iter()
            .any(|streamed| kind.starts_with(streamed))
    }
}

/// All that were stored, by id.
#[derive(Debug, Default)]
pub(crate) struct Recordings(Mutex<HashMap<String, Arc<Recording>>>);

impl Recordings {
    pub(crate) fn store(&self, id: &str, recording: Recording) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(id.to_owned(), Arc::new(recording));
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Recording>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}
