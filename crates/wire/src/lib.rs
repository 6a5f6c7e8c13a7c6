//! Providers' formats: the bytes of a request or a response, in any split, become facts and [`tokens::Usage`].
//!
//! * [`recognise`] says from method, path and host whether a request is a call to a model: its [`Route`], with the
//!   [`Api`] and what the path says already.
//! * [`Request`] reads a request body once and keeps facts and spans, never the prompt: model, output limit, a proven
//!   upper bound of the prompt's tokens; it counts the prompt and rewrites the body on demand.
//! * [`ResponseMeter`] watches a response pass, chunk by chunk and however large: the provider's usage, of the whole
//!   call or of the part that came, the output as far as it was seen, errors inside a 200; it takes the usage chunk out
//!   again that a client did not ask for.
//! * [`CutOff`] ends a stream before its provider does, in the provider's own form.
//! * [`Decoder`] takes content codings off a response that came encoded.
//!
//! No I/O, no DOM. A provider's own words live in one module each (`openai`), mostly as tables of fields; what they
//! share (`json`, `request`, `response`) knows none of them.

#![forbid(unsafe_code)]

mod anthropic;
mod api;
mod bedrock;
mod cohere;
mod cut;
mod encoding;
mod gemini;
mod json;
mod ollama;
mod openai;
mod prompt;
mod request;
mod response;
mod route;

pub use api::Api;
pub use cut::{CutOff, LastWords};
pub use encoding::Decoder;
pub use prompt::PromptCount;
pub use request::{Pointer, ReadError, Request, Rewrite, Trim, read_pointers};
pub use response::{Extras, FinishReason, MeterOptions, Passed, Reported, ResponseHead, ResponseMeter};
pub use route::{Route, recognise};

/// A number of tokens, and whether it is known to be the provider's own figure or an estimate of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tokens.
    pub tokens: u64,
    /// Whether only documented, verified rules went into it. It presumes that the encoding given is the model's.
    pub exact: bool,
}
