//! Calls that are refused, and what the client gets to read: its provider's own error, with headers that SDKs act on
//! correctly.

mod limits;
mod shape;

use crate::admission::Shortage;
use crate::rules::Rule;
use limits::Limits;
use policy::{Unit, Window};
use wire::Api;

/// Longest wait that SDKs are told to sit out themselves: OpenAI's Python SDK obeys up to 60 s in its older versions
/// and falls back to retrying within seconds beyond that.
const LONGEST_RETRY_AFTER_MS: u64 = 60_000;

/// Why a call is refused, as far as clients have to act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Waiting a little helps.
    Throttled,
    /// Trying again is of no use before the budget's window ends, if ever.
    Exhausted,
    /// The quota server can't be asked.
    Unavailable,
    /// It is no request that could be metered.
    Unreadable,
}

impl Kind {
    /// In the `x-tollkeeper-refused` header, stats, the ledger and OpenAI's `code`.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Kind::Throttled => "rate_limit_exceeded",
            Kind::Exhausted => "insufficient_quota",
            Kind::Unavailable => "quota_unavailable",
            Kind::Unreadable => "invalid_request",
        }
    }
}

/// A call that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    kind: Kind,
    message: String,
    /// When to try again.
    retry_ms: Option<u64>,
    /// The limit that was hit, where it is one of requests or tokens.
    limits: Option<Limits>,
}

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u32,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    fn new(kind: Kind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into(), retry_ms: None, limits: None }
    }

    pub(crate) const fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// A budget does not admit the call: a throttle where waiting a little helps, else an exhausted budget, which no
    /// SDK may retry.
    /// `limit` is the subject's in the policy. The shortage has the one that the server goes by, which top-ups have raised
    /// and a newer policy may have changed; of a bucket that is refilled, it is the bucket's size.
    pub(crate) fn shortage(rule: &Rule, limit: u64, shortage: &Shortage) -> Refusal {
        let budget = &rule.budget;
        let refills = matches!(budget.window, Window::Refill { .. });
        let limit = if refills { limit } else { shortage.limit };
        let (says, window) = (budget.says(limit), &budget.window);
        let can_ever_fit = shortage.need.saturating_add(shortage.keep) <= shortage.limit;
        let retry_ms = shortage.retry_in_ms.max(1);
        let (kind, message) = if budget.unit == Unit::ConcurrentRequests {
            let message = format!(
                "Too many requests in flight for budget '{}': at most {}. Please try again in {}.",
                budget.name,
                budget.unit.amount(limit),
                duration(retry_ms)
            );
            (Kind::Throttled, message)
        } else if can_ever_fit && shortage.keep > 0 {
            let kind = if retry_ms <= LONGEST_RETRY_AFTER_MS { Kind::Throttled } else { Kind::Exhausted };
            let message = format!(
                "Budget '{}' ({says}) keeps what is left for calls that come before this one. \
                 Please try again in {}.",
                budget.name,
                duration(retry_ms)
            );
            (kind, message)
        } else if can_ever_fit && retry_ms <= LONGEST_RETRY_AFTER_MS {
            let message = format!(
                "Rate limit reached for budget '{}': {says}. Please try again in {}.",
                budget.name,
                duration(retry_ms)
            );
            (Kind::Throttled, message)
        } else if can_ever_fit {
            let resets =
                if window.ends() { format!(" It resets in {}.", duration(retry_ms)) } else { String::new() };
            (Kind::Exhausted, format!("Budget '{}' is used up: {says}.{resets}", budget.name))
        } else {
            let message = format!(
                "This request can use up to {}, more than budget '{}' ever has: {says}. \
                 Send a shorter prompt or ask for fewer output tokens.",
                budget.unit.amount(shortage.need),
                budget.name
            );
            (Kind::Exhausted, message)
        };
        let limits = Limits::of(budget.unit, limit, retry_ms);
        Refusal { retry_ms: Some(retry_ms), limits, ..Refusal::new(kind, message) }
    }

    /// The quota server can't be asked, and a budget says `deny` for that case.
    pub(crate) fn unavailable() -> Refusal {
        let message = "The quota service is not reachable, and this route does not serve without it.";
        Refusal { retry_ms: Some(1_000), ..Refusal::new(Kind::Unavailable, message) }
    }

    /// The body is no request in the route's format.
    pub(crate) fn unreadable(what: &str) -> Refusal {
        Refusal::new(Kind::Unreadable, what)
    }

    /// What the client of a provider with this format gets. `unix_ms` is now.
    pub(crate) fn reply(&self, api: Api, unix_ms: u64) -> Reply {
        let shape = shape::of(self, api);
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-tollkeeper-refused", self.reason().to_owned()),
            ("x-tollkeeper-limited-by", "gateway".to_owned()),
        ];
        match (self.kind, self.retry_ms) {
            (Kind::Throttled | Kind::Unavailable, Some(retry_ms)) => {
                headers.push(("retry-after", retry_ms.div_ceil(1_000).to_string()));
                headers.push(("retry-after-ms", retry_ms.to_string()));
            }
            (Kind::Exhausted, Some(retry_ms)) => {
                headers.push(("x-should-retry", "false".to_owned()));
                headers.push(("x-tollkeeper-reset-ms", retry_ms.to_string()));
            }
            _ => headers.push(("x-should-retry", "false".to_owned())),
        }
        if let Some(limits) = &self.limits {
            headers.extend(limits.headers(api, unix_ms));
        }
        headers.extend(shape.header);
        Reply { status: shape.status, headers, body: shape.body.to_string().into_bytes() }
    }
}

/// A length of time as OpenAI's headers write it: `6m0s`, `1.5s`, `20ms`.
fn duration(ms: u64) -> String {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, rest) = (ms / 1_000 % 60, ms % 1_000);
    let fraction =
        if rest == 0 { String::new() } else { format!(".{rest:03}").trim_end_matches('0').to_owned() };
    match (hours, minutes, seconds) {
        (0, 0, 0) => format!("{rest}ms"),
        (0, 0, _) => format!("{seconds}{fraction}s"),
        (0, _, _) => format!("{minutes}m{seconds}{fraction}s"),
        (_, _, _) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
