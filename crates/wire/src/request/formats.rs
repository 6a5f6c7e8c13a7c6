//! Which tables a body is read by.

use super::format::Format;
use crate::{Api, Route, anthropic, bedrock, cohere, gemini, ollama, openai};

pub(super) fn of(route: &Route) -> &'static Format {
    match route.api {
        Api::OpenAiChat => &openai::CHAT_REQUEST,
        Api::OpenAiCompletions => &openai::COMPLETIONS_REQUEST,
        Api::OpenAiResponses => &openai::RESPONSES_REQUEST,
        Api::OpenAiEmbeddings => &openai::EMBEDDINGS_REQUEST,
        Api::OpenAiImages => &openai::IMAGES_REQUEST,
        Api::OpenAiTranscriptions => &openai::TRANSCRIPTIONS_REQUEST,
        Api::AnthropicMessages if route.batch => &anthropic::BATCH_REQUEST,
        Api::AnthropicMessages => &anthropic::MESSAGES_REQUEST,
        Api::GeminiGenerate if route.batch => &gemini::BATCH_REQUEST,
        Api::GeminiGenerate => &gemini::GENERATE_REQUEST,
        Api::GeminiEmbed => &gemini::EMBED_REQUEST,
        Api::BedrockConverse => &bedrock::CONVERSE_REQUEST,
        Api::BedrockInvoke => bedrock::request_of(route.model.as_deref().unwrap_or_default()),
        Api::CohereChatV1 => &cohere::CHAT_V1_REQUEST,
        Api::CohereChatV2 => &cohere::CHAT_V2_REQUEST,
        Api::CohereEmbed => &cohere::EMBED_REQUEST,
        Api::OllamaChat => &ollama::CHAT_REQUEST,
        Api::OllamaGenerate => &ollama::GENERATE_REQUEST,
        Api::OllamaEmbed => &ollama::EMBED_REQUEST,
    }
}

/// Whether bodies also come as forms.
pub(super) const fn may_be_form(api: Api) -> bool {
    matches!(api, Api::OpenAiImages | Api::OpenAiTranscriptions)
}
