//! Responses: what a provider says a call consumed, whatever way it comes.

mod head;
mod meter;
mod output;
mod report;
mod seen;
mod sse;
mod strip;

pub use head::{MeterOptions, ResponseHead};
pub use meter::{Passed, ResponseMeter};
pub(crate) use output::{Channel, Source};
pub use report::{Extras, FinishReason, Reported};
pub(crate) use seen::Seen;
