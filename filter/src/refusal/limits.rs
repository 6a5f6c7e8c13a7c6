//! The headers that say what is left of a limit: nothing.

use super::duration;
use policy::Unit;
use wire::Api;

/// A limit of requests or tokens that was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    of_requests: bool,
    limit: u64,
    resets_in_ms: u64,
}

impl Limits {
    /// `None` for what has no such headers.
    pub(super) fn of(unit: Unit, limit: u64, resets_in_ms: u64) -> Option<Limits> {
        match unit {
            Unit::PicoUsd | Unit::GpuMs | Unit::ConcurrentRequests => None,
            Unit::Requests | Unit::Tokens | Unit::TokensOf(_) | Unit::Weighted(_) => {
                Some(Limits { of_requests: unit == Unit::Requests, limit, resets_in_ms })
            }
        }
    }

    pub(super) const fn of_requests(&self) -> bool {
        self.of_requests
    }

    /// Anthropic's or OpenAI's headers; the other providers have none, and most who do copied OpenAI's.
    pub(super) fn headers(&self, api: Api, unix_ms: u64) -> [(&'static str, String); 3] {
        let names = match (api, self.of_requests) {
            (Api::AnthropicMessages, true) => [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ],
            (Api::AnthropicMessages, false) => [
                "anthropic-ratelimit-tokens-limit",
                "anthropic-ratelimit-tokens-remaining",
                "anthropic-ratelimit-tokens-reset",
            ],
            (_, true) => {
                ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
            }
            (_, false) => {
                ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
            }
        };
        let reset = match api {
            Api::AnthropicMessages => rfc3339(unix_ms.saturating_add(self.resets_in_ms)),
            _ => duration(self.resets_in_ms),
        };
        let [limit, remaining, until] = names;
        [(limit, self.limit.to_string()), (remaining, "0".to_owned()), (until, reset)]
    }
}

/// A moment as RFC 3339 has it, rounded up to the second, in UTC.
fn rfc3339(unix_ms: u64) -> String {
    let seconds = unix_ms.div_ceil(1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// The date so many days after 1970-01-01, by the Gregorian calendar, counted in eras of 400 years from 1 March 0000,
/// so that the leap day is a year's last.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_ERA: u64 = 146_097;
    let days = days.saturating_add(719_468);
    let (era, day) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    // Of the days of an era, those before the leap days that it has had.
    let (fours, centuries, eras) = (day / 1_460, day / 36_524, day / (DAYS_OF_ERA - 1));
    let year = day.saturating_sub(fours).saturating_add(centuries).saturating_sub(eras) / 365;
    let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let day = day.saturating_sub(before);
    let month = day.saturating_mul(5).saturating_add(2) / 153;
    let first = month.saturating_mul(153).saturating_add(2) / 5;
    let month = if month < 10 { month.saturating_add(3) } else { month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year).saturating_add(u64::from(month <= 2));
    (year, month, day.saturating_sub(first).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn moments_are_written_as_date_of_gnu_writes_them() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_458_000, "2026-11-23T18:20:00Z"),
            (1_830_297_599, "2027-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds * 1_000), written);
        }
        assert_eq!(rfc3339(1), "1970-01-01T00:00:01Z");
    }
}
