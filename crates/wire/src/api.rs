//! The formats of the providers.

/// A provider format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Api {
    /// OpenAI's chat completions, and everybody who speaks them.
    OpenAiChat,
    /// OpenAI's older text completions.
    OpenAiCompletions,
    OpenAiResponses,
    OpenAiEmbeddings,
    /// Generations, edits and variations of images.
    OpenAiImages,
    /// Transcriptions and translations of audio.
    OpenAiTranscriptions,
    /// Anthropic's messages, also through Vertex.
    AnthropicMessages,
    /// `generateContent` and `streamGenerateContent` of Gemini and Vertex.
    GeminiGenerate,
    GeminiEmbed,
    /// `converse` and `converse-stream`.
    BedrockConverse,
    /// `invoke` and `invoke-with-response-stream`: the model's own format within.
    BedrockInvoke,
    CohereChatV1,
    CohereChatV2,
    CohereEmbed,
    OllamaChat,
    OllamaGenerate,
    OllamaEmbed,
}

impl Api {
    pub const ALL: [Api; 17] = [
        Api::OpenAiChat,
        Api::OpenAiCompletions,
        Api::OpenAiResponses,
        Api::OpenAiEmbeddings,
        Api::OpenAiImages,
        Api::OpenAiTranscriptions,
        Api::AnthropicMessages,
        Api::GeminiGenerate,
        Api::GeminiEmbed,
        Api::BedrockConverse,
        Api::BedrockInvoke,
        Api::CohereChatV1,
        Api::CohereChatV2,
        Api::CohereEmbed,
        Api::OllamaChat,
        Api::OllamaGenerate,
        Api::OllamaEmbed,
    ];

    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Api::OpenAiChat => "openai_chat",
            Api::OpenAiCompletions => "openai_completions",
            Api::OpenAiResponses => "openai_responses",
            Api::OpenAiEmbeddings => "openai_embeddings",
            Api::OpenAiImages => "openai_images",
            Api::OpenAiTranscriptions => "openai_transcriptions",
            Api::AnthropicMessages => "anthropic_messages",
            Api::GeminiGenerate => "gemini_generate",
            Api::GeminiEmbed => "gemini_embed",
            Api::BedrockConverse => "bedrock_converse",
            Api::BedrockInvoke => "bedrock_invoke",
            Api::CohereChatV1 => "cohere_chat_v1",
            Api::CohereChatV2 => "cohere_chat_v2",
            Api::CohereEmbed => "cohere_embed",
            Api::OllamaChat => "ollama_chat",
            Api::OllamaGenerate => "ollama_generate",
            Api::OllamaEmbed => "ollama_embed",
        }
    }

    /// The format with this [`Api::name`].
    #[must_use]
    pub fn named(name: &str) -> Option<Api> {
        Api::ALL.into_iter().find(|api| api.name() == name)
    }
}
