//! Anthropic's messages, also as they come through Vertex and Bedrock.

mod prompt;
mod request;
mod response;

pub(crate) use prompt::{messages, system};
pub(crate) use request::{BATCH_REQUEST, MESSAGES_REQUEST, METADATA, OUTPUT_CONFIG};
pub(crate) use response::{MESSAGES, MESSAGES_RESPONSE, USAGE_MEMBERS};
