//! What the stand-in saw and served, call by call: the provider's side of the bill.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use crate::billing::Usage;
use crate::chat::Chat;

/// One call, as `GET /_seen` shows it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    pub method: String,
    pub path: String,
    /// All headers but credentials, of which only the presence is kept.
    pub headers: BTreeMap<String, String>,
    pub body_bytes: usize,
    /// The body itself, of a call that was answered with a recording.
    pub body: Option<String>,
    /// Fields of a chat-completions request that could be read, as they were sent.
    pub model: Option<String>,
    pub stream: Option<bool>,
    pub stream_options: Value,
    pub max_tokens: Value,
    pub max_completion_tokens: Value,
    /// `id` of the answer.
    pub id: Option<String>,
    /// Of the answer; absent where the connection broke before it.
    pub status: Option<u16>,
    /// What the provider bills: of a broken answer the prompt and what had been sent, of a refusal nothing.
    pub usage: Option<Usage>,
    /// How far the answer went.
    pub sent: Sent,
    /// How it ended; absent while it goes on.
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Sent {
    pub bytes: u64,
    pub events: u64,
    /// Tokens shown.
    pub tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The whole answer was handed to the connection.
    Complete,
    /// The stand-in broke the connection, as steered.
    Reset,
    /// The client went away before that.
    ClientGone,
}

/// All calls since the start or the last `POST /_reset`, in the order of arrival.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Arc<Mutex<Record>>>>>);

impl Ledger {
    pub(crate) fn open(&self, record: Record) -> Call {
        let record = Arc::new(Mutex::new(record));
        lock(&self.0).push(record.clone());
        Call(record)
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let records: Vec<Record> = lock(&self.0).iter().map(|record| lock(record).clone()).collect();
        serde_json::to_vec_pretty(&records).unwrap_or_default()
    }
}

/// A call that goes on. Dropped before its end, it notes that the client went away.
#[derive(Debug)]
pub(crate) struct Call(Arc<Mutex<Record>>);

impl Call {
    pub(crate) fn note(&self, change: impl FnOnce(&mut Record)) {
        change(&mut lock(&self.0));
    }

    pub(crate) fn end(&self, ended: Ended) {
        self.note(|record| record.ended = Some(ended));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.note(|record| {
            record.ended.get_or_insert(Ended::ClientGone);
        });
    }
}

impl Record {
    pub fn new(method: &str, path: &str, headers: &HeaderMap, body_bytes: usize) -> Self {
        let mut kept = BTreeMap::<String, String>::new();
        for (name, value) in headers {
            let secret = matches!(name.as_str(), "authorization" | "api-key" | "x-api-key" | "cookie");
            let value = if secret { "present".into() } else { String::from_utf8_lossy(value.as_bytes()) };
            kept.entry(name.to_string())
                .and_modify(|all| *all = format!("{all}, {value}"))
                .or_insert_with(|| value.to_string());
        }
        Self { method: method.into(), path: path.into(), headers: kept, body_bytes, ..Self::default() }
    }

    pub fn chat(&mut self, chat: &Chat) {
        self.model = Some(chat.model.clone());
        self.stream = Some(chat.stream);
        self.stream_options = chat.body["stream_options"].clone();
        self.max_tokens = chat.body["max_tokens"].clone();
        self.max_completion_tokens = chat.body["max_completion_tokens"].clone();
    }
}

/// A panic elsewhere must not hide what was seen before it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
