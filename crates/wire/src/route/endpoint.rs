//! The endpoints, by the ends of their paths.

use crate::Api;
use std::ops::Range;

/// What a path is, with the place of the model in it.
pub(super) struct Found {
    pub(super) api: Api,
    pub(super) model: Option<Range<usize>>,
    pub(super) streams: Option<bool>,
    pub(super) certain: bool,
    pub(super) batch: bool,
    pub(super) provider: Option<&'static str>,
}

impl Found {
    const fn new(api: Api, certain: bool) -> Found {
        Found { api, model: None, streams: None, certain, batch: false, provider: None }
    }
}

/// Paths that name no model, unless it is a deployment. Of several ends that fit the first counts. The flag says
/// whether nothing else has such a path.
const ENDS: [(&str, Api, bool); 26] = [
    ("/chat/completions", Api::OpenAiChat, true),
    // Mistral's agents: the agent stands for a model.
    ("/agents/completions", Api::OpenAiChat, false),
    // Snowflake Cortex.
    ("/inference:complete", Api::OpenAiChat, false),
    // Also Mistral's and DeepSeek's fill-in-the-middle.
    ("/completions", Api::OpenAiCompletions, false),
    ("/responses", Api::OpenAiResponses, false),
    ("/responses/compact", Api::OpenAiResponses, false),
    ("/images/generations", Api::OpenAiImages, true),
    ("/images/edits", Api::OpenAiImages, true),
    ("/images/variations", Api::OpenAiImages, true),
    ("/audio/transcriptions", Api::OpenAiTranscriptions, true),
    ("/audio/translations", Api::OpenAiTranscriptions, true),
    ("/v1/messages", Api::AnthropicMessages, false),
    ("/v1/messages/batches", Api::AnthropicMessages, false),
    ("/v1/chat", Api::CohereChatV1, false),
    ("/v2/chat", Api::CohereChatV2, false),
    ("/v1/embed", Api::CohereEmbed, false),
    ("/v2/embed", Api::CohereEmbed, false),
    ("/api/chat", Api::OllamaChat, false),
    ("/api/generate", Api::OllamaGenerate, false),
    ("/api/embed", Api::OllamaEmbed, false),
    ("/api/embeddings", Api::OllamaEmbed, false),
    ("/embeddings", Api::OpenAiEmbeddings, false),
    // Bedrock's, with the model before them.
    ("/invoke", Api::BedrockInvoke, false),
    ("/invoke-with-response-stream", Api::BedrockInvoke, false),
    ("/converse", Api::BedrockConverse, false),
    ("/converse-stream", Api::BedrockConverse, false),
];

/// What stands before a deployment's name: Azure's, OpenAI's older and Databricks' ones.
const BEFORE_DEPLOYMENT: [(&str, Option<&str>); 2] =
    [("/deployments/", Some("azure.ai.openai")), ("/engines/", None)];

/// Looks a path up that [`super::path::Normal`] has made plain.
pub(super) fn find(path: &[u8]) -> Option<Found> {
    if let Some((end, api, certain)) = ENDS.iter().find(|(end, ..)| ends_with(path, end)) {
        let before = path.get(..path.len().saturating_sub(end.len()))?;
        let found = Found::new(*api, *certain);
        return match api {
            Api::BedrockInvoke | Api::BedrockConverse => {
                let start = position(before, "/model/")?;
                let streams = Some(end.ends_with("stream"));
                Some(Found { model: Some(start..before.len()), streams, ..found })
            }
            Api::AnthropicMessages => Some(Found { batch: end.ends_with("batches"), ..found }),
            _ => Some(with_deployment(before, found)),
        };
    }
    if ends_with(path, "/invocations") {
        let before = path.get(..path.len().saturating_sub("/invocations".len()))?;
        let start = position(before, "/serving-endpoints/")?;
        let provider = Some("databricks");
        return Some(Found {
            model: Some(start..before.len()),
            provider,
            ..Found::new(Api::OpenAiChat, false)
        });
    }
    google(path)
}

fn with_deployment(before: &[u8], found: Found) -> Found {
    for (mark, provider) in BEFORE_DEPLOYMENT {
        let Some(start) = position(before, mark) else { continue };
        let name = before.get(start..).unwrap_or_default();
        let length = name.iter().position(|b| *b == b'/').unwrap_or(name.len());
        let model = Some(start..start.saturating_add(length));
        return Found { model, provider, certain: true, ..found };
    }
    found
}

/// What Gemini's and Vertex's models can be asked to do, and whether that streams.
const ACTIONS: [(&str, Api, bool); 8] = [
    ("generateContent", Api::GeminiGenerate, false),
    ("streamGenerateContent", Api::GeminiGenerate, true),
    ("batchGenerateContent", Api::GeminiGenerate, false),
    ("embedContent", Api::GeminiEmbed, false),
    ("batchEmbedContents", Api::GeminiEmbed, false),
    ("predict", Api::GeminiEmbed, false),
    // Other makers' models on Vertex, in their own formats.
    ("rawPredict", Api::OpenAiChat, false),
    ("streamRawPredict", Api::OpenAiChat, true),
];

/// `.../models/<model>:<action>`, also `tunedModels/` and `endpoints/`.
fn google(path: &[u8]) -> Option<Found> {
    let start = path.iter().rposition(|b| *b == b'/')?.saturating_add(1);
    let colon = path.iter().rposition(|b| *b == b':').filter(|colon| *colon > start)?;
    let (model, action) = (path.get(start..colon)?, path.get(colon.saturating_add(1)..)?);
    let (name, api, streams) =
        ACTIONS.iter().find(|(name, ..)| action.eq_ignore_ascii_case(name.as_bytes()))?;
    // Anything can be predicted; of Google's own models only embeddings are charged by tokens there.
    if *name == "predict" && position(model, "embedding").is_none() {
        return None;
    }
    let mut found = Found::new(*api, true);
    if name.ends_with("awPredict") {
        if position(path, "/publishers/anthropic/").is_some() {
            found.api = Api::AnthropicMessages;
        } else {
            found.certain = false;
        }
    }
    let vertex = position(path, "/projects/").is_some() || position(path, "/publishers/").is_some();
    Some(Found {
        model: Some(start..colon),
        streams: Some(*streams),
        batch: name.starts_with("batchG"),
        provider: vertex.then_some("gcp.vertex_ai"),
        ..found
    })
}

fn ends_with(path: &[u8], end: &str) -> bool {
    let start = path.len().checked_sub(end.len());
    start.and_then(|start| path.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

/// Just after the first place of `mark`, in any letter case.
fn position(path: &[u8], mark: &str) -> Option<usize> {
    let at = path.windows(mark.len()).position(|window| window.eq_ignore_ascii_case(mark.as_bytes()))?;
    Some(at.saturating_add(mark.len()))
}
