//! Responses: what a provider says a call consumed, whatever way it comes.
//!
//! A response is cut into documents (`framing`: JSON, lines, `sse`, `event_stream`), a document is read against its
//! format's table of fields (`reader`, `document`, `field`), and what the fields mean gathers in one place (`seen`,
//! `figures`, `output`), in terms of no provider.

mod base64;
mod document;
mod event_stream;
mod field;
mod figures;
mod formats;
mod framing;
mod head;
mod kind;
mod meter;
mod output;
mod reader;
mod report;
mod seen;
mod sse;
mod strip;
mod text;

pub(crate) use base64::Base64;
pub(crate) use field::{Field, Leaf, Said, Scope};
pub(crate) use figures::Figure;
pub use head::{MeterOptions, ResponseHead};
pub use meter::{Passed, ResponseMeter};
pub use report::{Extras, FinishReason, Reported};
