//! What a response says, in terms of no provider.

use tokens::Usage;

/// The provider's own figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Disjoint classes.
    pub usage: Usage,
    /// Whether these are the figures of the whole call. A stream may bring some on its way: Anthropic's first event
    /// has the input, vLLM's and Gemini's chunks have everything up to them. For a stream cut there, what was consumed
    /// is these figures plus the output seen since ([`crate::ResponseMeter::count_unreported`]).
    pub complete: bool,
}

/// Why a model stopped, as far as providers agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// It had said everything, or came to a stop sequence.
    Stop,
    /// An output limit, or the end of the context window.
    Length,
    /// It waits for the results of calls.
    ToolCalls,
    /// The provider withheld the rest.
    ContentFilter,
    Error,
    /// A reason of the provider's own.
    Other,
}

impl FinishReason {
    /// By the word that a provider has for it.
    pub(super) fn of(word: &str) -> FinishReason {
        match word {
            // OpenAI, Anthropic and Bedrock, Gemini, Cohere, Ollama, Titan.
            "stop" | "end_turn" | "stop_sequence" | "completed" | "STOP" | "COMPLETE" | "STOP_SEQUENCE"
            | "FINISH" | "FINISHED" | "eos_token" | "endoftext" | "pause_turn" => FinishReason::Stop,
            "length"
            | "max_tokens"
            | "model_length"
            | "max_output_tokens"
            | "model_context_window_exceeded"
            | "MAX_TOKENS"
            | "LENGTH"
            | "ERROR_LIMIT"
            | "incomplete" => FinishReason::Length,
            "tool_calls" | "function_call" | "tool_use" | "TOOL_CALL" => FinishReason::ToolCalls,
            "content_filter"
            | "content_filtered"
            | "CONTENT_FILTERED"
            | "guardrail_intervened"
            | "refusal"
            | "sensitive"
            | "ERROR_TOXIC"
            | "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
            | "LANGUAGE"
            | "MODEL_ARMOR"
            | "JAILBREAK" => FinishReason::ContentFilter,
            "error"
            | "ERROR"
            | "failed"
            | "network_error"
            | "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "malformed_model_output"
            | "malformed_tool_use"
            | "TIMEOUT" => FinishReason::Error,
            _ => FinishReason::Other,
        }
    }

    /// The name in stats and the ledger: those of OpenTelemetry's `gen_ai.response.finish_reasons`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::Error => "error",
            FinishReason::Other => "other",
        }
    }
}

/// What a call consumed that is not tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extras {
    /// What the provider says the call cost, in pico-USD (OpenRouter's `usage.cost`).
    pub cost_pico_usd: Option<u64>,
    /// Milliseconds of audio that were billed by their length.
    pub audio_ms: u64,
    /// Searches that the provider made and bills by the piece.
    pub searches: u64,
    /// Web pages that the provider fetched.
    pub fetches: u64,
    /// Images made.
    pub images: u64,
    /// Tokens of other inferences within the call that are billed beside [`Reported::usage`]: Anthropic's compactions
    /// and advisors, which its own totals leave out.
    pub aside: Usage,
}
