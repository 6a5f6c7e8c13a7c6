//! What an ended call is charged, however it ended.

use crate::host::Host;
use tokens::Usage;
use wire::{Counted, Reported};

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
    /// The provider broke its answer off with an error, though it had begun well.
    BrokenOff,
}

impl Ending {
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Ending::Complete => "ok",
            Ending::ProviderError => "upstream_error",
            Ending::NotReached => "not_reached",
            Ending::UpstreamGone => "upstream_gone",
            Ending::ClientGone => "client_closed",
            Ending::BrokenOff => "broken_off",
        }
    }

    /// Whether the provider has work to charge for.
    pub(crate) const fn is_charged(self) -> bool {
        !matches!(self, Ending::ProviderError | Ending::NotReached)
    }

    /// The same, of an answer that has an error in it though its status is none of one. Where it brought nothing else
    /// there was no work to charge for.
    pub(crate) fn with_error(self, brought_something: bool) -> Ending {
        match self {
            Ending::Complete if brought_something => Ending::BrokenOff,
            Ending::Complete => Ending::ProviderError,
            other => other,
        }
    }

    /// An ending with a status: `by_provider` says whether it is the provider's own, `complete` whether the answer came
    /// to its end.
    pub(crate) fn of_answer(host: &dyn Host, status: u32, by_provider: bool, complete: bool) -> Ending {
        if status < 400 && complete {
            return Ending::Complete;
        }
        let flags = response_flags(host);
        if status < 400 {
            return if flags & REACHED == 0 { Ending::ClientGone } else { Ending::UpstreamGone };
        }
        if by_provider {
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

/// Whether the status that has just arrived is the provider's and not one that Envoy answers with in its stead. Later
/// the host's details tell of how the answer ended.
pub(crate) fn is_by_provider(host: &dyn Host) -> bool {
    host.property(&["response", "code_details"]).is_ok_and(|details| details == b"via_upstream")
}

fn response_flags(host: &dyn Host) -> u64 {
    host.property(&["response", "flags"])
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

/// What is known of a call at its end.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) reported: Option<Reported>,
    pub(crate) prompt: Counted,
    /// The output that was seen and not reported.
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
    let seen_all = known.readable && !matches!(ending, Ending::UpstreamGone | Ending::BrokenOff);
    let (usage, prompt_is_exact) = match known.reported {
        Some(Reported { usage, complete: true }) => return (usage, Source::Reported),
        Some(Reported { usage, complete: false }) => (usage, true),
        None => (Usage { uncached_input: known.prompt.tokens, ..Usage::default() }, known.prompt.exact),
    };
    let output = if known.readable {
        usage.output_visible.saturating_add(known.output.tokens)
    } else {
        known.output_limit.saturating_sub(usage.output()).saturating_add(usage.output_visible)
    };
    let exact = prompt_is_exact && known.output.exact && seen_all;
    let source = if exact { Source::Counted } else { Source::Estimated };
    (Usage { output_visible: output, ..usage }, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let prompt = Counted { tokens: 20, exact: true };
        let output = Counted { tokens: 5, exact: true };
        Known { reported: None, prompt, output, output_limit: 500, readable: true }
    }

    fn charged(ending: Ending, known: Known) -> (u64, u64, Source) {
        let (usage, source) = charge(ending, || known);
        (usage.input(), usage.output(), source)
    }

    #[test]
    fn the_providers_figures_come_first() {
        let usage = Usage { uncached_input: 21, output_visible: 6, ..Usage::default() };
        let reported = |complete| Some(Reported { usage, complete });
        assert_eq!(
            charged(Ending::Complete, Known { reported: reported(true), ..known() }),
            (21, 6, Source::Reported)
        );
        // What they lack is counted.
        let partial = || Known { reported: reported(false), ..known() };
        assert_eq!(charged(Ending::ClientGone, partial()), (21, 11, Source::Counted));
        assert_eq!(charged(Ending::UpstreamGone, partial()), (21, 11, Source::Estimated));
        assert_eq!(
            charged(Ending::Complete, Known { readable: false, ..partial() }),
            (21, 500, Source::Estimated)
        );
    }

    #[test]
    fn an_error_inside_an_answer_is_free_where_it_is_all_there_is() {
        assert_eq!(Ending::Complete.with_error(false), Ending::ProviderError);
        assert_eq!(charged(Ending::Complete.with_error(true), known()), (20, 5, Source::Estimated));
        assert_eq!(Ending::ClientGone.with_error(false), Ending::ClientGone);
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
