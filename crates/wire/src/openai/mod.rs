//! OpenAI's chat completions, request and response.
//!
//! Sources: the API reference ("Chat", "Chat streaming"), the cookbook "How to count tokens with tiktoken", the guides
//! "Images and vision" and "Audio"; what compatible providers do differently is marked where it is read.

mod prompt;
mod request;
mod response;
mod responses;

pub(crate) use prompt::messages;
pub(crate) use request::{
    CHAT_REQUEST, COMPLETIONS_REQUEST, EMBEDDINGS_REQUEST, FRAME, IMAGES_REQUEST, TRANSCRIPTIONS_REQUEST,
    is_own_model, limit_name,
};
pub(crate) use response::{
    CHAT_RESPONSE, CHOICE, COMPLETIONS_RESPONSE, EMBEDDINGS_RESPONSE, ERROR, IMAGES_RESPONSE,
    RESPONSES_RESPONSE, TRANSCRIPTIONS_RESPONSE, USAGE_MEMBERS,
};
pub(crate) use responses::RESPONSES_REQUEST;
