//! Which requests are calls to a model, in what format, and what their paths already say.

mod endpoint;
mod path;
mod provider;

use crate::Api;
use endpoint::find;
use path::Normal;

/// A request that is a call to a model, by its path and host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The format of the request and the response.
    pub api: Api,
    /// Who answers: by the host where that is a known one, else whose format it is. Names as in OpenTelemetry's
    /// `gen_ai.provider.name` (`openai`, `azure.ai.openai`, `aws.bedrock`, `gcp.vertex_ai` ...).
    pub provider: &'static str,
    /// Whether the answer is to be streamed, where the path decides that and not the body.
    pub streams: Option<bool>,
    /// The model (or deployment, endpoint, inference profile), where the path names it; percent-encoding decoded.
    pub model: Option<String>,
    /// Whether the path is one of a model's and of nothing else. If not (`/v1/messages`, `/api/chat`), the body
    /// decides: [`crate::Request::read`] may find that it is no call.
    pub certain: bool,
    /// The body holds many requests, whose answers come later and elsewhere.
    pub batch: bool,
}

/// The route of a request with this method, path (query string included or not) and host (`:authority`), `None` for
/// everything that is not a call to a model, and for what providers do not charge (`count_tokens`, `:countTokens`,
/// `/tokenize`).
///
/// A path counts by its last segments, whatever the prefix (`/v1`, `/openai/v1`, a gateway's own). It is read as lenient
/// servers read it: in any letter case, percent-encoding decoded, empty and `.` segments and matrix parameters ignored,
/// `..` resolved; so no spelling of a metered path goes by unmetered. The host never makes a call unmetered: it gives
/// the provider's name, and makes an uncertain path certain.
///
/// Not recognised, so not metered: what is charged by other measures and reports no tokens (speech from text,
/// reranking, video, other models' `:predict`), and calls without a body (`/v1/realtime`).
///
/// Batches: those whose body carries prompts are recognised (Anthropic's `/v1/messages/batches`, Gemini's
/// `:batchGenerateContent`), with [`Route::batch`]. Those that name a file (`/v1/batches`, Vertex's
/// `batchPredictionJobs`, Bedrock's `model-invocation-job`) are not: nothing in the request says what it will cost.
#[must_use]
pub fn recognise(method: &[u8], path: &[u8], host: &[u8]) -> Option<Route> {
    if method != b"POST" { None } else { Route::of_path(path).map(|route| route.at_host(host)) }
}

impl Route {
    /// The route of a path, the method being `POST` and the host unknown. See [`recognise`].
    #[must_use]
    pub fn of_path(path: &[u8]) -> Option<Route> {
        let path = Normal::of(path);
        let found = find(&path.bytes)?;
        let model = found.model.and_then(|place| path.bytes.get(place));
        Some(Route {
            api: found.api,
            provider: found.provider.unwrap_or(provider::of_api(found.api)),
            streams: found.streams,
            model: model.map(|name| String::from_utf8_lossy(name).into_owned()),
            certain: found.certain,
            batch: found.batch,
        })
    }

    /// The route that an operator says it is, whatever the path: all requests there are calls in this format. What the
    /// path says of model and streaming is read from it as far as it is one of that format's.
    #[must_use]
    pub fn forced(api: Api, path: &[u8], host: &[u8]) -> Route {
        let route = Route::of_path(path).filter(|route| route.api == api);
        let route = route.unwrap_or(Route {
            api,
            provider: provider::of_api(api),
            streams: None,
            model: None,
            certain: true,
            batch: false,
        });
        Route { certain: true, ..route.at_host(host) }
    }

    /// The same with what the host says.
    #[must_use]
    pub fn at_host(self, host: &[u8]) -> Route {
        let Some(provider) = provider::of_host(host) else { return self };
        let certain = self.certain
            || match self.api {
                Api::CohereChatV1 | Api::CohereChatV2 | Api::CohereEmbed => provider == "cohere",
                Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbed => provider == "ollama",
                Api::BedrockInvoke | Api::BedrockConverse => provider == "aws.bedrock",
                _ => true,
            };
        Route { provider, certain, ..self }
    }

    /// The path with another model in place of the one it names, every other byte as it was sent; `None` where it names
    /// none.
    #[must_use]
    pub fn path_with_model(&self, path: &[u8], model: &str) -> Option<Vec<u8>> {
        let normal = Normal::of(path);
        let place = find(&normal.bytes)?.model?;
        let sent = normal.sent(place)?;
        let mut changed = Vec::with_capacity(path.len().saturating_add(model.len()));
        changed.extend_from_slice(path.get(..sent.start)?);
        for byte in model.bytes() {
            // Unreserved characters (RFC 3986) and `@`, which Vertex has in versions and every path may hold.
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
                changed.push(byte);
            } else {
                changed.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
        }
        changed.extend_from_slice(path.get(sent.end..)?);
        Some(changed)
    }
}

#[cfg(test)]
mod tests;
