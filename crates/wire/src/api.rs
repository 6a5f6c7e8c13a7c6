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
