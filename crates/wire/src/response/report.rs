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
}
