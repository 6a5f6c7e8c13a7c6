use super::*;
#[cfg(feature = "cl100k")]
use Encoding::Cl100kBase;
use Encoding::{O200kBase, O200kHarmony};

/// Names as providers and gateways write them, each with its encoding by OpenAI's tiktoken.
#[test]
fn names_of_openais_models_give_their_encoding() {
    for (name, encoding) in [
        ("gpt-4o", O200kBase),
        ("gpt-4o-2024-08-06", O200kBase),
        ("gpt-4o-mini-2024-07-18", O200kBase),
        ("gpt-4o-audio-preview-2024-12-17", O200kBase),
        ("gpt-4o-mini-realtime-preview", O200kBase),
        ("gpt-4o-search-preview", O200kBase),
        ("gpt-4o-transcribe-diarize", O200kBase),
        ("chatgpt-4o-latest", O200kBase),
        ("gpt-4.1", O200kBase),
        ("gpt-4.1-nano-2025-04-14", O200kBase),
        ("gpt-4.5-preview-2025-02-27", O200kBase),
        ("gpt-5", O200kBase),
        ("gpt-5-chat-latest", O200kBase),
        ("gpt-5-codex", O200kBase),
        ("gpt-5.1-codex-max", O200kBase),
        ("gpt-5.2-2025-12-11", O200kBase),
        ("gpt-5.4-mini-2026-03-17", O200kBase),
        ("gpt-5.6-sol", O200kBase),
        ("gpt-audio-mini", O200kBase),
        ("gpt-realtime-2025-08-28", O200kBase),
        ("o1", O200kBase),
        ("o1-preview-2024-09-12", O200kBase),
        ("o3-deep-research", O200kBase),
        ("o4-mini-2025-04-16", O200kBase),
        ("codex-mini-latest", O200kBase),
        ("computer-use-preview-2025-03-11", O200kBase),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", O200kBase),
        ("openai/gpt-4o", O200kBase),
        ("openrouter/openai/gpt-5-mini:free", O200kBase),
        ("azure/gpt-4.1", O200kBase),
        ("openai.gpt-5.5", O200kBase),
        ("gpt-oss-120b", O200kHarmony),
        ("openai/gpt-oss-20b", O200kHarmony),
        ("openai.gpt-oss-120b-1:0", O200kHarmony),
        ("us.openai.gpt-oss-20b-1:0", O200kHarmony),
        ("gpt-oss:20b", O200kHarmony),
        ("gpt-oss-safeguard-20b", O200kHarmony),
    ] {
        let model = Model::of(name);
        assert_eq!((model.encoding, model.known), (encoding, Known::Exact), "{name}");
    }
}

#[cfg(feature = "cl100k")]
#[test]
fn so_do_those_of_the_older_ones() {
    for name in [
        "gpt-4",
        "gpt-4-0613",
        "gpt-4-32k-0314",
        "gpt-4-turbo-2024-04-09",
        "gpt-4-1106-preview",
        "gpt-4-vision-preview",
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-16k-0613",
        "gpt-3.5-turbo-instruct",
        "gpt-35-turbo",
        "ft:gpt-3.5-turbo-0125:acme::abc",
        "text-embedding-3-small",
        "text-embedding-3-large",
        "text-embedding-ada-002",
        "davinci-002",
        "ft:babbage-002:acme::1",
    ] {
        let model = Model::of(name);
        assert_eq!((model.encoding, model.known), (Cl100kBase, Known::Exact), "{name}");
    }
}

#[test]
fn a_name_that_only_begins_like_a_known_one_is_an_estimate() {
    for name in [
        "",
        "gpt",
        "gpt-4ominous",
        "gpt-4o-uncensored",
        "gpt-4o-distilled-7b-by-somebody",
        "somebody/gpt-4o",
        "huggingface/somebody/gpt-oss-20b",
        "gpt-5.",
        "gpt-6",
        "o10",
        "o1x",
        "my-gpt-4o",
        "gpt-neox-20b",
        "evil.openai.gpt-4o",
        "claude-sonnet-4-5",
        "gemini-2.5-pro",
        "llama3",
    ] {
        assert_eq!(Model::of(name).known, Known::Estimated, "{name}");
    }
}

#[test]
fn other_makers_models_are_known_by_their_family_wherever_they_run() {
    for (name, family) in [
        ("claude-3-5-sonnet-20241022", Family::Claude),
        ("claude-3-opus@20240229", Family::Claude),
        ("claude-sonnet-4-20250514", Family::Claude),
        ("claude-sonnet-4-6", Family::Claude),
        ("claude-opus-4-5-20251101", Family::Claude),
        ("anthropic/claude-3.7-sonnet:thinking", Family::Claude),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Claude),
        ("anthropic.claude-v2", Family::Claude),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
            Family::Claude,
        ),
        ("claude-opus-4-7", Family::ClaudeNew),
        ("anthropic/claude-opus-4.8", Family::ClaudeNew),
        ("claude-sonnet-5", Family::ClaudeNew),
        ("claude-fable-5", Family::ClaudeNew),
        ("google/gemini-2.5-flash", Family::Gemini),
        ("publishers/google/models/gemini-3-pro-preview", Family::Gemini),
        ("gemma-3-27b-it", Family::Gemini),
        ("mistral-large-latest", Family::Mistral),
        ("mistral.mistral-large-3-675b-instruct", Family::Mistral),
        ("us.mistral.pixtral-large-2502-v1:0", Family::Mistral),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", Family::Mistral),
        ("command-r7b-12-2024", Family::Cohere),
        ("us.amazon.nova-micro-v1:0", Family::Nova),
        ("meta-llama/llama-4-scout-17b-16e-instruct", Family::Llama),
        ("meta-llama/Llama-3.3-70B-Instruct", Family::Llama),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", Family::Llama),
        ("deepseek-r1-distill-llama-70b", Family::Llama),
        ("qwen/qwen3-32b", Family::Qwen),
        ("qwen3:0.6b", Family::Qwen),
        ("deepseek-ai/DeepSeek-R1", Family::DeepSeek),
        ("us.deepseek.r1-v1:0", Family::DeepSeek),
        ("zai/GLM-5.2", Family::Other),
        ("my-deployment", Family::Other),
    ] {
        let model = Model::of(name);
        assert_eq!((model.family, model.known), (family, Known::Estimated), "{name}");
    }
}

#[test]
fn the_cookbook_names_a_few_models_and_no_others() {
    for name in ["gpt-4o", "gpt-4o-mini-2024-07-18", "azure/gpt-4o", "ft:gpt-4o:a::b"] {
        assert!(Model::of(name).has_documented_framing(), "{name}");
    }
    // Not for texts that are counted by another vocabulary.
    for name in ["gpt-4-0613", "gpt-3.5-turbo-0125"] {
        assert_eq!(Model::of(name).has_documented_framing(), cfg!(feature = "cl100k"), "{name}");
    }
    for name in [
        "gpt-4o-audio-preview",
        "gpt-4o-search-preview",
        "gpt-4.1",
        "gpt-5",
        "o1",
        "gpt-oss-20b",
        "gpt-4o-uncensored",
        "text-embedding-3-small",
    ] {
        assert!(!Model::of(name).has_documented_framing(), "{name}");
    }
}

/// Billed for the example images of OpenAI's guide and by measurements of its users.
#[test]
fn images_cost_what_the_model_says() {
    let square = Some(crate::ImageSize { width: 1024, height: 1024 });
    let of = |name: &str, detail| Model::of(name).images.tokens(square, detail);
    use crate::Detail::{High, Low};
    assert_eq!((of("gpt-4o", High), of("gpt-4o", Low)), (765, 85));
    assert_eq!((of("gpt-4o-mini", High), of("gpt-4o-mini", Low)), (2833 + 4 * 5667, 2833));
    assert_eq!((of("gpt-5", High), of("gpt-5", Low)), (630, 70));
    assert_eq!(of("o3", High), 675);
    assert_eq!(of("gpt-4.1-mini", High), 1658);
    assert_eq!(of("gpt-4.1-nano", High), 2519);
    assert_eq!(of("claude-sonnet-4-5", High), 1369);
    assert_eq!((of("gemini-3-pro-preview", High), of("gemini-3-pro-preview", Low)), (1120, 280));
}
