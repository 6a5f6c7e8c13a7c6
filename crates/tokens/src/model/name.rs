//! A model's name without what gateways, clouds and fine-tuning put around it.

/// The parts of a name that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// The model's own name: `gpt-4o-2024-08-06`, `claude-sonnet-4-5-20250929-v1`.
    pub(super) model: &'a str,
    /// Who made it, where a cloud or a gateway says so.
    pub(super) maker: &'a str,
    /// Whether everything before it is known to serve that very model.
    pub(super) trusted: bool,
}

/// Gateways and clouds that put their own or the maker's name before OpenAI's models (`openrouter/openai/gpt-4o`).
/// Sources: the model lists of OpenRouter, LiteLLM, GitHub Models, Groq, Vercel and Cloudflare, November 2025.
const SERVERS: [&str; 17] = [
    "openai",
    "azure",
    "azure_ai",
    "azure-openai",
    "azureopenai",
    "openrouter",
    "litellm",
    "github",
    "groq",
    "cerebras",
    "together",
    "together_ai",
    "fireworks",
    "fireworks_ai",
    "bedrock",
    "vercel",
    "models",
];

/// Bedrock's makers of models; a geography may stand before it (`us.anthropic.claude-…`, user guide "Inference profiles").
const MAKERS: [&str; 16] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "writer",
    "zai",
];

impl<'a> Name<'a> {
    pub(super) fn of(name: &'a str) -> Name<'a> {
        let (path, last) = name.rsplit_once('/').unwrap_or(("", name));
        // An ARN ends in the model's id, or in an id of the account's own, which says nothing.
        let mut trusted = path.split('/').all(|part| {
            part.is_empty() || part.starts_with("arn:") || SERVERS.contains(&part) || MAKERS.contains(&part)
        });
        let mut model = last;
        if let Some(tuned) = model.strip_prefix("ft:") {
            // `ft:gpt-4o-2024-08-06:acme::abc` (guide "Fine-tuning").
            model = tuned.split(':').next().unwrap_or(tuned);
        }
        // `:free`, `:thinking` (OpenRouter), `:20b` (Ollama), `:0` (Bedrock), `@20250929` (Vertex).
        model = model.split([':', '@']).next().unwrap_or(model);
        let mut maker = path.rsplit('/').next().unwrap_or("");
        if let Some((before, by, rest)) = split_maker(model) {
            trusted &= before.is_empty() || is_geography(before);
            (maker, model) = (by, rest);
        }
        Name { model, maker, trusted }
    }
}

/// `us`, `anthropic` and `claude-…` of `us.anthropic.claude-…`.
fn split_maker(model: &str) -> Option<(&str, &str, &str)> {
    let (first, rest) = model.split_once('.')?;
    if MAKERS.contains(&first) {
        return Some(("", first, rest));
    }
    let (second, rest) = rest.split_once('.')?;
    MAKERS.contains(&second).then_some((first, second, rest))
}

fn is_geography(name: &str) -> bool {
    matches!(name, "us" | "us-gov" | "eu" | "apac" | "jp" | "au" | "ca" | "global")
}
