//! Who answers at a host, by the names of OpenTelemetry's `gen_ai.provider.name` where it has one.

use crate::Api;

/// Hosts by their ends; the first that fits counts.
const HOSTS: [(&str, &str); 38] = [
    ("api.openai.com", "openai"),
    ("openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("models.ai.azure.com", "azure.ai.inference"),
    ("models.github.ai", "azure.ai.inference"),
    ("amazonaws.com", "aws.bedrock"),
    ("amazonaws.com.cn", "aws.bedrock"),
    ("api.aws", "aws.bedrock"),
    ("anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("mistral.ai", "mistral_ai"),
    ("deepseek.com", "deepseek"),
    ("groq.com", "groq"),
    ("x.ai", "x_ai"),
    ("openrouter.ai", "openrouter"),
    ("perplexity.ai", "perplexity"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("cerebras.ai", "cerebras"),
    ("together.xyz", "together_ai"),
    ("together.ai", "together_ai"),
    ("fireworks.ai", "fireworks_ai"),
    ("huggingface.co", "hugging_face"),
    ("endpoints.huggingface.cloud", "hugging_face"),
    ("snowflakecomputing.com", "snowflake"),
    ("databricks.com", "databricks"),
    ("azuredatabricks.net", "databricks"),
    ("z.ai", "z_ai"),
    ("bigmodel.cn", "z_ai"),
    ("moonshot.ai", "moonshot_ai"),
    ("moonshot.cn", "moonshot_ai"),
    ("crusoecloud.com", "crusoe"),
    ("nvidia.com", "nvidia"),
    ("ollama.com", "ollama"),
];

/// Ollama's own port.
const OLLAMA_PORT: &str = "11434";

/// The provider at a host (`:authority`, with or without a port), `None` for one that is not known.
pub(super) fn of_host(host: &[u8]) -> Option<&'static str> {
    let host = str::from_utf8(host).ok()?;
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    HOSTS
        .iter()
        // Much else answers under Amazon's domains.
        .filter(|(_, provider)| *provider != "aws.bedrock" || name.to_ascii_lowercase().contains("bedrock"))
        .find(|(end, _)| is_under(name, end))
        .map(|(_, provider)| *provider)
        .or_else(|| (port == OLLAMA_PORT).then_some("ollama"))
}

/// Whether `name` is the domain `domain` or lies under it, in any letter case.
fn is_under(name: &str, domain: &str) -> bool {
    let Some((rest, end)) = name.len().checked_sub(domain.len()).and_then(|at| name.split_at_checked(at))
    else {
        return false;
    };
    end.eq_ignore_ascii_case(domain) && (rest.is_empty() || rest.ends_with('.') || rest.ends_with('-'))
}

/// Whose format it is, where the host says nothing.
pub(super) const fn of_api(api: Api) -> &'static str {
    match api {
        Api::OpenAiChat
        | Api::OpenAiCompletions
        | Api::OpenAiResponses
        | Api::OpenAiEmbeddings
        | Api::OpenAiImages
        | Api::OpenAiTranscriptions => "openai",
        Api::AnthropicMessages => "anthropic",
        Api::GeminiGenerate | Api::GeminiEmbed => "gcp.gemini",
        Api::BedrockConverse | Api::BedrockInvoke => "aws.bedrock",
        Api::CohereChatV1 | Api::CohereChatV2 | Api::CohereEmbed => "cohere",
        Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbed => "ollama",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_domain_in_any_case_with_or_without_a_port() {
        for (host, provider) in [
            ("api.openai.com", "openai"),
            ("eu.api.openai.com:443", "openai"),
            ("API.OpenAI.com.", "openai"),
            ("my-resource.openai.azure.com", "azure.ai.openai"),
            ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
            ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
            ("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "aws.bedrock"),
            ("europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
            ("generativelanguage.googleapis.com", "gcp.gemini"),
            ("api.x.ai", "x_ai"),
            ("localhost:11434", "ollama"),
            ("myorg-myaccount.snowflakecomputing.com", "snowflake"),
        ] {
            assert_eq!(of_host(host.as_bytes()), Some(provider), "{host}");
        }
        for host in [
            "",
            "localhost:8080",
            "notopenai.com",
            "openai.com.evil.example",
            "[::1]:80",
            "\u{e9}x.ai.",
            "xx.ai",
            "abc.execute-api.us-east-1.amazonaws.com",
        ] {
            assert_eq!(of_host(host.as_bytes()), None, "{host}");
        }
    }
}
