//! What a refused client gets: OpenAI's error shape, with headers that its SDKs act on correctly.

use crate::admission::Shortage;
use crate::rules::Rule;
use policy::{PICO_PER_USD, Unit};
use serde_json::json;

/// Longest wait that SDKs are told to sit out themselves: OpenAI's Python SDK obeys up to 60 s in its older versions
/// and falls back to retrying within seconds beyond that.
const LONGEST_RETRY_AFTER_MS: u64 = 60_000;

/// A local reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u32,
    /// In the `x-tollkeeper-refused` header, stats and the ledger.
    pub(crate) reason: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Refusal {
    fn new(status: u32, reason: &'static str, kind: &str, code: &str, message: &str) -> Refusal {
        let error = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
        Refusal {
            status,
            reason,
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("x-tollkeeper-refused", reason.to_owned()),
                ("x-tollkeeper-limited-by", "gateway".to_owned()),
            ],
            body: error.to_string().into_bytes(),
        }
    }

    fn header(mut self, name: &'static str, value: impl ToString) -> Refusal {
        self.headers.push((name, value.to_string()));
        self
    }

    /// A budget does not admit the call: a throttle where waiting a little helps, else an exhausted budget, which no
    /// SDK may retry.
    pub(crate) fn shortage(rule: &Rule, shortage: &Shortage) -> Refusal {
        let budget = &rule.budget;
        let limit = amount(budget.unit, shortage.limit);
        let (kind, suffix) = match budget.unit {
            Unit::Requests => ("requests", "requests"),
            Unit::Tokens | Unit::PicoUsd => ("tokens", "tokens"),
        };
        let window = duration(budget.window_ms);
        let can_ever_fit = shortage.need <= shortage.limit;
        let retry_ms = shortage.retry_in_ms.max(1);
        let refusal = if can_ever_fit && retry_ms <= LONGEST_RETRY_AFTER_MS {
            let message = format!(
                "Rate limit reached for budget '{}': {limit} per {window}. Please try again in {}.",
                budget.name,
                duration(retry_ms)
            );
            Refusal::new(429, "rate_limit_exceeded", kind, "rate_limit_exceeded", &message)
                .header("retry-after", retry_ms.div_ceil(1_000))
                .header("retry-after-ms", retry_ms)
        } else {
            let message = if can_ever_fit {
                format!(
                    "Budget '{}' is used up: {limit} per {window}. It resets in {}.",
                    budget.name,
                    duration(retry_ms)
                )
            } else {
                format!(
                    "This request can use up to {}, more than budget '{}' ever has: {limit} per {window}. \
                     Send a shorter prompt or a lower max_completion_tokens.",
                    amount(budget.unit, shortage.need),
                    budget.name
                )
            };
            Refusal::new(429, "insufficient_quota", "insufficient_quota", "insufficient_quota", &message)
                .header("x-should-retry", "false")
                .header("x-tollkeeper-reset-ms", retry_ms)
        };
        match budget.unit {
            // There is no such header for money.
            Unit::PicoUsd => refusal,
            Unit::Requests | Unit::Tokens => refusal
                .header(ratelimit(suffix, 0), shortage.limit)
                .header(ratelimit(suffix, 1), 0)
                .header(ratelimit(suffix, 2), duration(retry_ms)),
        }
    }

    /// The quota server can't be asked, and a budget says `deny` for that case.
    pub(crate) fn unavailable() -> Refusal {
        let message = "The quota service is not reachable, and this route does not serve without it.";
        Refusal::new(503, "quota_unavailable", "server_error", "quota_unavailable", message)
            .header("retry-after", 1)
    }

    /// The body is not a chat completion request.
    pub(crate) fn unreadable(what: &str) -> Refusal {
        Refusal::new(400, "invalid_request", "invalid_request_error", "invalid_request", what)
            .header("x-should-retry", "false")
    }
}

/// `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, as OpenAI names them.
fn ratelimit(suffix: &str, which: usize) -> &'static str {
    match (suffix, which) {
        ("requests", 0) => "x-ratelimit-limit-requests",
        ("requests", 1) => "x-ratelimit-remaining-requests",
        ("requests", _) => "x-ratelimit-reset-requests",
        (_, 0) => "x-ratelimit-limit-tokens",
        (_, 1) => "x-ratelimit-remaining-tokens",
        (_, _) => "x-ratelimit-reset-tokens",
    }
}

fn amount(unit: Unit, amount: u64) -> String {
    match unit {
        Unit::Requests => format!("{amount} requests"),
        Unit::Tokens => format!("{amount} tokens"),
        Unit::PicoUsd => {
            let micro = amount / (PICO_PER_USD / 1_000_000);
            format!("{}.{:06} USD", micro / 1_000_000, micro % 1_000_000)
        }
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
mod tests {
    use super::*;
    use crate::rules::Rules;
    use policy::Policy;

    fn refusal(limit: &str, need: u64, retry_in_ms: u64) -> Refusal {
        let yaml = format!("budgets: [{{ name: b, limit: {limit}, window: 1h }}]");
        let rules = Rules::new(Policy::from_yaml(&yaml).unwrap());
        let rule = &rules.budgets()[0];
        let shortage =
            Shortage { rule: 0, limit: rule.budget.limit, need, retry_in_ms, spent_for_good: true };
        Refusal::shortage(rule, &shortage)
    }

    fn header<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a str> {
        refusal.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    fn code(refusal: &Refusal) -> String {
        let body: serde_json::Value = serde_json::from_slice(&refusal.body).unwrap();
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_short_wait_is_a_throttle_that_sdks_retry_after() {
        let refusal = refusal("1000 tokens", 100, 12_300);
        assert_eq!((refusal.status, code(&refusal).as_str()), (429, "rate_limit_exceeded"));
        assert_eq!(header(&refusal, "retry-after"), Some("13"));
        assert_eq!(header(&refusal, "retry-after-ms"), Some("12300"));
        assert_eq!(header(&refusal, "x-ratelimit-limit-tokens"), Some("1000"));
        assert_eq!(header(&refusal, "x-ratelimit-reset-tokens"), Some("12.3s"));
        assert_eq!(header(&refusal, "x-should-retry"), None);
    }

    #[test]
    fn an_exhausted_budget_is_not_retried() {
        let refusal = refusal("20 requests", 1, 360_000);
        assert_eq!((refusal.status, code(&refusal).as_str()), (429, "insufficient_quota"));
        assert_eq!(header(&refusal, "x-should-retry"), Some("false"));
        assert_eq!(header(&refusal, "retry-after"), None);
        assert_eq!(header(&refusal, "x-ratelimit-reset-requests"), Some("6m0s"));
    }

    #[test]
    fn a_request_that_can_never_fit_is_told_so_however_soon_the_reset() {
        let refusal = refusal("1000 tokens", 5_000, 2_000);
        assert_eq!(code(&refusal), "insufficient_quota");
        assert!(String::from_utf8_lossy(&refusal.body).contains("up to 5000 tokens"));
    }

    #[test]
    fn money_is_written_as_money() {
        let refusal = refusal("0.50 USD", 1, 3_600_000);
        assert!(String::from_utf8_lossy(&refusal.body).contains("0.500000 USD per 1h0m0s"));
        assert_eq!(header(&refusal, "x-ratelimit-limit-tokens"), None);
    }
}
