//! What an ended call is charged, however it ended.

use crate::host::Host;
use tokens::Usage;
use wire::{Counted, PromptCount};

/// Where a charge's figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The provider's own figures.
    Reported,
    /// The model's own tokenizer, over all that was sent and seen.
    Counted,
    /// Something between: another vocabulary, or output that could not be seen.
    Estimated,
    /// Nothing was consumed.
    Nothing,
}

impl Source {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Source::Reported => "reported",
            Source::Counted => "counted",
            Source::Estimated => "estimated",
            Source::Nothing => "none",
        }
    }
}

/// How a call ended, as far as its charge depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The provider's answer came to its end.
    Complete,
    /// The provider answered with an error; it charges nothing for those.
    ProviderError,
    /// The call never got to the provider.
    NotReached,
    /// The provider had the call, and gave no answer in time or hung up.
    UpstreamGone,
    /// The client left.
    ClientGone,
}

impl Ending {
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Ending::Complete => "ok",
            Ending::ProviderError => "upstream_error",
            Ending::NotReached => "not_reached",
            Ending::UpstreamGone => "upstream_gone",
            Ending::ClientGone => "client_closed",
        }
    }

    /// Whether the provider has work to charge for.
    pub(crate) const fn is_charged(self) -> bool {
        matches!(self, Ending::Complete | Ending::UpstreamGone | Ending::ClientGone)
    }

    /// An ending with a status: `complete` says whether the answer came to its end.
    pub(crate) fn of_answer(host: &dyn Host, status: u32, complete: bool) -> Ending {
        if status < 400 && complete {
            return Ending::Complete;
        }
        let flags = response_flags(host);
        if status < 400 {
            return if flags & REACHED == 0 { Ending::ClientGone } else { Ending::UpstreamGone };
        }
        let details = host.property(&["response", "code_details"]);
        if details.is_ok_and(|details| details == b"via_upstream") {
            Ending::ProviderError
        } else if flags & REACHED == 0 {
            Ending::NotReached
        } else {
            Ending::UpstreamGone
        }
    }

    /// An ending before any answer: the client left while the provider was at work, or before it was.
    pub(crate) fn without_answer(host: &dyn Host) -> Ending {
        match host.property(&["upstream", "address"]) {
            Ok(address) if !address.is_empty() => Ending::ClientGone,
            _ => Ending::NotReached,
        }
    }
}

// Envoy's response flags, by their bits in the `response.flags` attribute (`CoreResponseFlag` in stream_info.h).
const UPSTREAM_REQUEST_TIMEOUT: u64 = 1 << 2;
const LOCAL_RESET: u64 = 1 << 3;
const UPSTREAM_REMOTE_RESET: u64 = 1 << 4;
const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;
const STREAM_IDLE_TIMEOUT: u64 = 1 << 16;
const UPSTREAM_MAX_STREAM_DURATION_REACHED: u64 = 1 << 19;
const DURATION_TIMEOUT: u64 = 1 << 22;
/// Among others, a connection that ended inside a chunked answer.
const UPSTREAM_PROTOCOL_ERROR: u64 = 1 << 23;

/// Failures of the upstream after it had received the call.
const REACHED: u64 = UPSTREAM_REQUEST_TIMEOUT
    | LOCAL_RESET
    | UPSTREAM_REMOTE_RESET
    | UPSTREAM_CONNECTION_TERMINATION
    | STREAM_IDLE_TIMEOUT
    | UPSTREAM_MAX_STREAM_DURATION_REACHED
    | DURATION_TIMEOUT
    | UPSTREAM_PROTOCOL_ERROR;

fn response_flags(host: &dyn Host) -> u64 {
    host.property(&["response", "flags"])
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

/// What is known of a call at its end.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) reported: Option<Usage>,
    pub(crate) prompt: PromptCount,
    pub(crate) output: Counted,
    /// The most the answer could have had, for one that could not be read.
    pub(crate) output_limit: u64,
    /// Whether all of the answer that passed could be read.
    pub(crate) readable: bool,
}

/// Tokens to charge, and where the figures come from. `known` is only asked where it matters: counting costs time.
pub(crate) fn charge(ending: Ending, known: impl FnOnce() -> Known) -> (Usage, Source) {
    if !ending.is_charged() {
        return (Usage::default(), Source::Nothing);
    }
    let known = known();
    if let Some(usage) = known.reported {
        return (usage, Source::Reported);
    }
    let seen_all = known.readable && ending != Ending::UpstreamGone;
    let exact = known.prompt.exact && known.output.exact && seen_all;
    let output = if known.readable { known.output.tokens } else { known.output_limit };
    let usage = Usage { uncached_input: known.prompt.tokens(), output_visible: output, ..Usage::default() };
    (usage, if exact { Source::Counted } else { Source::Estimated })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let prompt = PromptCount { text: 13, overhead: 7, media: 0, exact: true };
        let output = Counted { tokens: 5, exact: true };
        Known { reported: None, prompt, output, output_limit: 500, readable: true }
    }

    fn charged(ending: Ending, known: Known) -> (u64, u64, Source) {
        let (usage, source) = charge(ending, || known);
        (usage.input(), usage.output(), source)
    }

    #[test]
    fn the_providers_figures_come_first() {
        let reported = Usage { uncached_input: 21, output_visible: 6, ..Usage::default() };
        assert_eq!(
            charged(Ending::Complete, Known { reported: Some(reported), ..known() }),
            (21, 6, Source::Reported)
        );
    }

    #[test]
    fn a_client_that_hangs_up_is_charged_what_passed() {
        assert_eq!(charged(Ending::ClientGone, known()), (20, 5, Source::Counted));
    }

    #[test]
    fn a_provider_that_hangs_up_may_have_done_more_than_was_seen() {
        assert_eq!(charged(Ending::UpstreamGone, known()), (20, 5, Source::Estimated));
    }

    #[test]
    fn an_unreadable_answer_is_charged_at_its_limit_never_for_free() {
        assert_eq!(
            charged(Ending::Complete, Known { readable: false, ..known() }),
            (20, 500, Source::Estimated)
        );
    }

    #[test]
    fn errors_and_calls_that_never_arrived_are_free_and_not_counted() {
        for ending in [Ending::ProviderError, Ending::NotReached] {
            let (usage, source) = charge(ending, || panic!("nothing to count"));
            assert_eq!((usage.total(), source), (0, Source::Nothing));
        }
    }
}
