//! Which table of fields belongs to which format.

use super::field::Field;
use super::head::ResponseHead;
use crate::Api;
use crate::{anthropic, bedrock, cohere, gemini, ollama, openai};
use tokens::Usage;

/// How the responses of a format are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) document: &'static Field,
    /// What documents come in, where they come in an event stream.
    pub(super) envelope: Option<&'static Field>,
    /// Reads the figures that come with the head.
    pub(super) figures_in_head: Option<fn(&ResponseHead<'_>) -> Option<Usage>>,
}

pub(super) const fn format(api: Api) -> Format {
    let document = match api {
        Api::OpenAiChat => &openai::CHAT_RESPONSE,
        Api::OpenAiCompletions => &openai::COMPLETIONS_RESPONSE,
        Api::OpenAiResponses => &openai::RESPONSES_RESPONSE,
        Api::OpenAiEmbeddings => &openai::EMBEDDINGS_RESPONSE,
        Api::OpenAiImages => &openai::IMAGES_RESPONSE,
        Api::OpenAiTranscriptions => &openai::TRANSCRIPTIONS_RESPONSE,
        Api::AnthropicMessages => &anthropic::MESSAGES_RESPONSE,
        Api::GeminiGenerate => &gemini::GENERATE_RESPONSE,
        Api::GeminiEmbed => &gemini::EMBED_RESPONSE,
        Api::BedrockConverse => &bedrock::CONVERSE_RESPONSE,
        Api::BedrockInvoke => {
            return Format {
                document: &bedrock::INVOKE_RESPONSE,
                envelope: Some(&bedrock::INVOKE_CHUNK),
                figures_in_head: Some(bedrock::figures_in_head),
            };
        }
        Api::CohereChatV1 => &cohere::CHAT_V1_RESPONSE,
        Api::CohereChatV2 => &cohere::CHAT_V2_RESPONSE,
        Api::CohereEmbed => &cohere::EMBED_RESPONSE,
        Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbed => &ollama::RESPONSE,
    };
    Format { document, envelope: None, figures_in_head: None }
}
