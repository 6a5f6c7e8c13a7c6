//! Which requests are calls to a model, and in what format.

use std::borrow::Cow;

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

/// The format of a request with this method and this path (query string included or not), `None` for everything that
/// is not a call to a model.
///
/// A path counts by its last two segments, whatever the prefix (`/v1`, `/openai/v1`, `/openai/deployments/x`). It is
/// read as lenient servers read it (percent-encoding decoded, empty and `.` segments ignored), so that no spelling of
/// a metered path goes by unmetered. `..` is left to Envoy's `normalize_path`.
#[must_use]
pub fn recognise(method: &[u8], path: &[u8]) -> Option<Api> {
    if method != b"POST" {
        return None;
    }
    let path = path.split(|b| matches!(b, b'?' | b'#')).next()?;
    let path = percent_decoded(path);
    let mut segments = path.split(|b| *b == b'/').rev().filter(|s| !matches!(s, [] | [b'.']));
    match (segments.next(), segments.next()) {
        (Some(b"completions"), Some(b"chat")) => Some(Api::OpenAiChat),
        _ => None,
    }
}

fn percent_decoded(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        if let Some((byte, tail)) = hex.and_then(|(hex, tail)| Some((hex_byte(*hex)?, tail))) {
            decoded.push(byte);
            rest = tail;
        } else {
            decoded.push(*first);
            rest = after;
        }
    }
    Cow::Owned(decoded)
}

fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)?.wrapping_shl(4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_completions_are_recognised_under_any_prefix() {
        for path in [
            "/v1/chat/completions",
            "/chat/completions",
            "/openai/v1/chat/completions",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "/v1/chat/completions/",
            "/v1//chat/./completions",
            "/v1/chat%2Fcompletion%73",
        ] {
            assert_eq!(recognise(b"POST", path.as_bytes()), Some(Api::OpenAiChat), "{path}");
        }
    }

    #[test]
    fn other_methods_and_paths_are_none_of_ours() {
        assert_eq!(recognise(b"GET", b"/v1/chat/completions"), None);
        for path in [
            "/",
            "",
            "*",
            "/v1/completions",
            "/v1/chat/completions/x",
            "/v1/xchat/completions",
            "/x?/chat/completions",
            "/%",
        ] {
            assert_eq!(recognise(b"POST", path.as_bytes()), None, "{path}");
        }
    }
}
