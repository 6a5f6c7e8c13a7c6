//! A stand-in for an LLM provider: OpenAI's documented chat-completions bytes over HTTP, steered call by call by the
//! one who sends it, and a record of what was served to compare a bill with.
//!
//! * `POST /v1/chat/completions` answers as JSON or as server-sent events; [`Steer`] says what can be asked of it.
//! * `GET /_seen` lists the calls ([`Record`]) since the start or the last `POST /_reset`.
//! * `PUT /_recordings/ID` stores an answer of any provider, which a call can ask for instead of one made up here.
//! * `GET /v1/models` and every other path answer with a little JSON.
//!
//! Its figures are its own: it shares no code with the crates it is used to test.

mod answer;
mod billing;
mod chat;
mod plan;
mod random;
mod replay;
mod seen;
mod sending;
mod serve;
mod shape;
mod steer;

pub use seen::{Ended, Record, Sent};
pub use serve::serve;
pub use steer::{Gzip, HEADER, Steer, UsagePlace, Write};

/// Reads the vocabularies, which takes a moment, so that the first call is answered as fast as the others.
pub fn prepare() {
    billing::vocabulary("gpt-4o");
    billing::vocabulary("gpt-4");
}
