//! Anthropic's messages, also as they come through Vertex and Bedrock.

mod response;

pub(crate) use response::{MESSAGES, MESSAGES_RESPONSE, USAGE_MEMBERS};
