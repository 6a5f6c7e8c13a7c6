//! What the server counts about itself, in Prometheus' text form.

use crate::store::audit::Action;
use crate::store::{Acquired, Swept, Synced};
use policy::Policy;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub enum Method {
    Acquire,
    Sync,
    RateLimit,
}

#[derive(Clone, Copy, Debug)]
pub enum Listener {
    Grpc,
    Http,
}

#[derive(Debug, Default)]
pub struct Metrics {
    granted: AtomicU64,
    exhausted: AtomicU64,
    stale: AtomicU64,
    withdrawn: AtomicU64,
    applied: AtomicU64,
    repeated: AtomicU64,
    past: AtomicU64,
    skipped: AtomicU64,
    passed: AtomicU64,
    over_limit: AtomicU64,
    lapsed: AtomicU64,
    reloads: AtomicU64,
    broken_reloads: AtomicU64,
    unknown_by_grpc: AtomicU64,
    unknown_by_http: AtomicU64,
    overloads: AtomicU64,
    left_out: AtomicU64,
    topped_up: AtomicU64,
    reset: AtomicU64,
    /// By budget: their units differ. Bounded, because only the policy's names get in.
    overshoot: Mutex<BTreeMap<String, u64>>,
    acquire_time: Histogram,
    sync_time: Histogram,
    rate_limit_time: Histogram,
}

/// Values of a counter's label, each with its count.
type Series<'a> = &'a [(&'a str, &'a AtomicU64)];

impl Metrics {
    pub fn acquired(&self, acquired: &Acquired) {
        let counter = match acquired {
            Acquired::Granted(_) => &self.granted,
            Acquired::Exhausted(_) => &self.exhausted,
            Acquired::Stale(_) => &self.stale,
            Acquired::Withdrawn => &self.withdrawn,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub fn synced(&self, synced: &Synced, policy: &Policy) {
        match synced {
            Synced::Applied { overshoots, skipped, .. } => {
                self.applied.fetch_add(1, Relaxed);
                self.skipped.fetch_add(*skipped, Relaxed);
                let Ok(mut sums) = self.overshoot.lock() else { return };
                for overshoot in overshoots {
                    let known = policy.budget(&overshoot.budget).is_some();
                    let name = if known { overshoot.budget.as_str() } else { "other" };
                    let sum = sums.entry(name.to_owned()).or_default();
                    *sum = sum.saturating_add(overshoot.amount);
                }
            }
            Synced::Repeated(_) => {
                self.repeated.fetch_add(1, Relaxed);
            }
            Synced::Past(_) => {
                self.past.fetch_add(1, Relaxed);
            }
        }
    }

    pub fn rate_limited(&self, over: bool) {
        if over { &self.over_limit } else { &self.passed }.fetch_add(1, Relaxed);
    }

    pub fn swept(&self, swept: Swept) {
        self.lapsed.fetch_add(swept.lapsed, Relaxed);
    }

    pub fn reloaded(&self, usable: bool) {
        if usable { &self.reloads } else { &self.broken_reloads }.fetch_add(1, Relaxed);
    }

    /// Somebody without a token, or with one that nobody has.
    pub fn turned_away(&self, at: Listener) {
        let counter = match at {
            Listener::Grpc => &self.unknown_by_grpc,
            Listener::Http => &self.unknown_by_http,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Entries of reports that can't be used.
    pub fn left_out(&self, entries: u32) {
        self.left_out.fetch_add(entries.into(), Relaxed);
    }

    /// A budget was changed by hand.
    pub fn adjusted(&self, action: Action) {
        match action {
            Action::TopUp(_) => &self.topped_up,
            Action::Reset => &self.reset,
        }
        .fetch_add(1, Relaxed);
    }

    /// The store has more to do than may wait.
    pub fn overloaded(&self) {
        self.overloads.fetch_add(1, Relaxed);
    }

    pub fn took(&self, method: Method, time: Duration) {
        match method {
            Method::Acquire => &self.acquire_time,
            Method::Sync => &self.sync_time,
            Method::RateLimit => &self.rate_limit_time,
        }
        .observe(time);
    }

    /// The text that `/metrics` answers.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(4096);
        let counters: [(&str, &str, &str, Series<'_>); 11] = [
            (
                "acquires_total",
                "Acquire calls by how they ended.",
                "result",
                &[
                    ("granted", &self.granted),
                    ("exhausted", &self.exhausted),
                    ("stale_policy", &self.stale),
                    ("withdrawn", &self.withdrawn),
                ],
            ),
            (
                "syncs_total",
                "Sync calls by how they ended.",
                "result",
                &[("applied", &self.applied), ("repeated", &self.repeated), ("out_of_sequence", &self.past)],
            ),
            ("skipped_sequences_total", "Sync sequence numbers that never came.", "", &[("", &self.skipped)]),
            (
                "rate_limits_total",
                "ShouldRateLimit calls by answer.",
                "code",
                &[("ok", &self.passed), ("over_limit", &self.over_limit)],
            ),
            (
                "lapsed_processes_total",
                "Processes whose leases lapsed because they fell silent.",
                "",
                &[("", &self.lapsed)],
            ),
            (
                "policy_reloads_total",
                "Changes of the policy file seen, by whether the new version was usable.",
                "result",
                &[("loaded", &self.reloads), ("refused", &self.broken_reloads)],
            ),
            (
                "turned_away_total",
                "Requests without a token that somebody has, by listener.",
                "listener",
                &[("grpc", &self.unknown_by_grpc), ("http", &self.unknown_by_http)],
            ),
            (
                "overloads_total",
                "Requests answered at once that the store has too much to do.",
                "",
                &[("", &self.overloads)],
            ),
            (
                "left_out_entries_total",
                "Entries of reports that were left out because they can't be used.",
                "",
                &[("", &self.left_out)],
            ),
            (
                "adjustments_total",
                "Changes of budgets by hand.",
                "action",
                &[("top-up", &self.topped_up), ("reset", &self.reset)],
            ),
            (
                "refusals_total",
                "Requests for budget that were refused: exhausted acquires and rate limits over the limit.",
                "by",
                &[("acquire", &self.exhausted), ("rate_limit", &self.over_limit)],
            ),
        ];
        for (name, help, label, series) in counters {
            head(&mut out, name, help, "counter");
            for (value, counter) in series {
                line(&mut out, name, label, value, counter.load(Relaxed));
            }
        }

        head(
            &mut out,
            "overshoot_total",
            "Spent beyond or without a grant, in the budget's unit.",
            "counter",
        );
        if let Ok(sums) = self.overshoot.lock() {
            sums.iter().for_each(|(budget, &sum)| line(&mut out, "overshoot_total", "budget", budget, sum));
        }

        head(&mut out, "request_seconds", "Time to decide and make durable, by method.", "histogram");
        let times = [
            ("acquire", &self.acquire_time),
            ("sync", &self.sync_time),
            ("should_rate_limit", &self.rate_limit_time),
        ];
        times.iter().for_each(|(method, histogram)| histogram.write(&mut out, method));
        out
    }
}

const PREFIX: &str = "tollkeeper_server_";

// Writing to a String has no way to fail.
fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
}

fn line(out: &mut String, name: &str, label: &str, value: &str, count: u64) {
    let labels = if label.is_empty() { String::new() } else { format!("{{{label}=\"{}\"}}", escape(value)) };
    let _ = writeln!(out, "{PREFIX}{name}{labels} {count}");
}

/// As the exposition format asks for label values.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Upper bounds in microseconds: from a commit to memory to a disk that hangs.
const BOUNDS_US: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

#[derive(Debug, Default)]
struct Histogram {
    counts: [AtomicU64; BOUNDS_US.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    fn observe(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|&bound| us <= bound);
        bucket.and_then(|index| self.counts.get(index)).unwrap_or(&self.beyond).fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }

    fn write(&self, out: &mut String, method: &str) {
        let name = format!("{PREFIX}request_seconds");
        let mut total = 0;
        for (bound, count) in BOUNDS_US.iter().zip(&self.counts) {
            total += count.load(Relaxed);
            let _ = writeln!(
                out,
                "{name}_bucket{{method=\"{method}\",le=\"{}\"}} {total}",
                Duration::from_micros(*bound).as_secs_f64()
            );
        }
        total += self.beyond.load(Relaxed);
        let sum = Duration::from_micros(self.sum_us.load(Relaxed)).as_secs_f64();
        let _ = writeln!(out, "{name}_bucket{{method=\"{method}\",le=\"+Inf\"}} {total}");
        let _ = writeln!(
            out,
            "{name}_sum{{method=\"{method}\"}} {sum}\n{name}_count{{method=\"{method}\"}} {total}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_buckets_are_cumulative_and_in_seconds() {
        let metrics = Metrics::default();
        metrics.took(Method::Sync, Duration::from_micros(300));
        metrics.took(Method::Sync, Duration::from_millis(2));
        metrics.took(Method::Sync, Duration::from_secs(60));
        let text = metrics.text();
        let has = |line: &str| assert!(text.lines().any(|each| each == line), "no {line} in\n{text}");
        has(r#"tollkeeper_server_request_seconds_bucket{method="sync",le="0.00025"} 0"#);
        has(r#"tollkeeper_server_request_seconds_bucket{method="sync",le="0.0005"} 1"#);
        has(r#"tollkeeper_server_request_seconds_bucket{method="sync",le="0.0025"} 2"#);
        has(r#"tollkeeper_server_request_seconds_bucket{method="sync",le="+Inf"} 3"#);
        has(r#"tollkeeper_server_request_seconds_sum{method="sync"} 60.0023"#);
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape("a\"b\\c\n"), "a\\\"b\\\\c\\n");
    }
}
