//! What Envoy's stats say of calls.
//!
//! Envoy's metrics have no labels: labels are written into the name as `label=.=value;.;`, the form that Istio's own
//! extractor and the `stats_tags` of our Envoy configuration take out again. Stats never expire, so the number of
//! distinct label sets is bounded; what exceeds it is counted under `other`.
//!
//! Counters are added up here and handed over on each tick: a call into the host for each would cost more than all
//! the counting.

use crate::host::{Host, LogLevel, MetricId, MetricKind};
use crate::outbox::OTHER;
use crate::rules::{Labels, Rules};
use hashbrown::HashMap;
use policy::{Budget, Unit};
use tokens::{TokenClass, Usage};
use wire::{Extras, FinishReason};

/// Distinct label sets a worker keeps apart.
const MOST_SERIES: usize = 1_000;

/// A finished call, as far as stats care.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended, as in the ledger.
    pub(crate) outcome: &'static str,
    pub(crate) usage: Usage,
    pub(crate) cost_pico_usd: Option<u64>,
    pub(crate) source: &'static str,
    pub(crate) arrived_ns: u64,
    pub(crate) duration_ns: u64,
    /// The answer is complete, and its provider did not say what it consumed.
    pub(crate) usage_missing: bool,
    pub(crate) said: Said,
}

/// What an answer said, beside its usage.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// When the first and the last piece of a stream's text came.
    pub(crate) first_token_ns: Option<u64>,
    pub(crate) last_token_ns: Option<u64>,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) tool_calls: u64,
    pub(crate) extras: Extras,
    /// Bytes that passed and could not be read.
    pub(crate) unread_bytes: u64,
    /// Why it was ended early, if it was.
    pub(crate) stopped: Option<&'static str>,
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    series: HashMap<String, Series>,
    plain: HashMap<String, Metric>,
}

/// A metric, defined when it is first needed: one that never happens does not appear.
#[derive(Debug, Default)]
struct Metric {
    /// `None` inside: the host refused to define it.
    id: Option<Option<MetricId>>,
    /// Counted since the last tick.
    pending: u64,
}

/// The metrics of one label set.
#[derive(Debug, Default)]
struct Series {
    metrics: HashMap<&'static str, Metric>,
    /// Pico-USD not yet worth a nano-USD, so that rounding never accumulates.
    pico_remainder: u64,
    /// The same of what providers say that it cost.
    provider_pico_remainder: u64,
}

impl Stats {
    /// A call that went to the provider has ended.
    pub(crate) fn finished(
        &mut self,
        host: &dyn Host,
        rules: &Rules,
        labels: &Labels,
        provider: &str,
        call: &Finished,
    ) {
        let prefix = self.prefix(rules, labels, provider);
        let series = self.series.entry(prefix.clone()).or_default();
        series.count("tollkeeper_requests_total", 1);
        series.count(outcome_metric(call.outcome), 1);
        for (class, tokens) in call.usage.classes() {
            series.count(class_metric(class), tokens);
        }
        series.count(source_metric(call.source), 1);
        match call.cost_pico_usd {
            Some(cost) => {
                let nano = whole_nano(&mut series.pico_remainder, cost);
                series.count("tollkeeper_cost_nanousd_total", nano);
            }
            None => series.count("tollkeeper_unpriced_total", 1),
        }
        series.count("tollkeeper_usage_missing_total", call.usage_missing.into());
        series.said(&call.said);
        series.record(host, &prefix, "tollkeeper_request_duration_ms", call.duration_ns / 1_000_000);
        if let Some(first) = call.said.first_token_ns {
            let waited = first.saturating_sub(call.arrived_ns);
            series.record(host, &prefix, "tollkeeper_time_to_first_token_ms", waited / 1_000_000);
            let generating = call.said.last_token_ns.unwrap_or(first).saturating_sub(first);
            if let Some(each) = generating.checked_div(call.usage.output().saturating_sub(1)) {
                series.record(host, &prefix, "tollkeeper_time_per_output_token_us", each / 1_000);
            }
        }
    }

    /// A call was refused.
    pub(crate) fn refused(&mut self, rules: &Rules, labels: &Labels, provider: &str, reason: &str) {
        let prefix = format!("{}reason=.={reason};.;", self.prefix(rules, labels, provider));
        self.count(&format!("{prefix}tollkeeper_refused_total"), 1);
    }

    /// A shadow budget would have refused a call.
    pub(crate) fn would_refuse(&mut self, budget: &str) {
        self.count(&format!("budget=.={budget};.;tollkeeper_would_refuse_total"), 1);
    }

    /// A call has consumed so much more of a budget than it held.
    pub(crate) fn overshoot(&mut self, budget: &Budget, over: u64) {
        let amount = in_stats(budget, over);
        let label = format!("budget=.={};.;", budget.name);
        self.count(&format!("{label}tollkeeper_overshoot_total"), amount);
        self.count(&format!("{label}tollkeeper_overshoot_calls_total"), 1);
    }

    /// A call goes on without so much that it could not ask the server for.
    pub(crate) fn without_server(&mut self, budget: &Budget, missing: u64) {
        let label = format!("budget=.={};.;mode=.={};.;", budget.name, budget.when_unreachable.name());
        self.count(&format!("{label}tollkeeper_without_server_total"), in_stats(budget, missing));
        self.count(&format!("{label}tollkeeper_without_server_calls_total"), 1);
    }

    /// A call was refused that gives way to others.
    pub(crate) fn gave_way(&mut self, budget: &str) {
        self.count(&format!("budget=.={budget};.;tollkeeper_gave_way_total"), 1);
    }

    /// What the filter itself added to a call: from its complete body to its going on.
    pub(crate) fn overhead(&mut self, host: &dyn Host, ns: u64) {
        let name = "tollkeeper_overhead_us";
        self.plain.entry_ref(name).or_default().record(host, || name.to_owned(), ns / 1_000);
    }

    /// Something that has no tenant: calls to the server, failures.
    pub(crate) fn count(&mut self, name: &str, by: u64) {
        if self.plain.len() < MOST_SERIES || self.plain.contains_key(name) {
            let metric = self.plain.entry_ref(name).or_default();
            metric.pending = metric.pending.saturating_add(by);
        }
    }

    /// Hands over what was counted since the last tick.
    pub(crate) fn flush(&mut self, host: &dyn Host) {
        for (prefix, series) in &mut self.series {
            for (name, metric) in &mut series.metrics {
                metric.flush(host, || format!("{prefix}{name}"));
            }
        }
        for (name, metric) in &mut self.plain {
            metric.flush(host, || name.clone());
        }
    }

    fn prefix(&self, rules: &Rules, labels: &Labels, provider: &str) -> String {
        let named = |tenant_and_more: &[String], model: &str| {
            let mut prefix = String::with_capacity(96);
            for (dimension, value) in rules.policy().dimensions.iter().zip(tenant_and_more) {
                push(&mut prefix, &dimension.name, value);
            }
            push(&mut prefix, "model", model);
            push(&mut prefix, "provider", provider);
            prefix
        };
        let prefix = named(&labels.dimensions, &labels.model);
        if self.series.len() < MOST_SERIES || self.series.contains_key(&prefix) {
            return prefix;
        }
        named(&vec![OTHER.to_owned(); labels.dimensions.len()], OTHER)
    }
}

fn push(prefix: &mut String, label: &str, value: &str) {
    for text in [label, "=.=", value, ";.;"] {
        prefix.push_str(text);
    }
}

impl Series {
    fn count(&mut self, name: &'static str, by: u64) {
        if by > 0 {
            let metric = self.metrics.entry(name).or_default();
            metric.pending = metric.pending.saturating_add(by);
        }
    }

    fn said(&mut self, said: &Said) {
        self.count("tollkeeper_unread_bytes_total", said.unread_bytes);
        if let Some(reason) = said.finish {
            self.count(finish_metric(reason), 1);
        }
        match said.stopped {
            Some("guardrail") => self.count("reason=.=guardrail;.;tollkeeper_stopped_total", 1),
            Some(_) => self.count("reason=.=overrun;.;tollkeeper_stopped_total", 1),
            None => {}
        }
        self.count("tollkeeper_tool_calls_total", said.tool_calls);
        let Extras { cost_pico_usd, audio_ms, searches, fetches, images, aside, .. } = said.extras;
        let nano = whole_nano(&mut self.provider_pico_remainder, cost_pico_usd.unwrap_or(0));
        self.count("tollkeeper_provider_cost_nanousd_total", nano);
        self.count("tollkeeper_audio_ms_total", audio_ms);
        self.count("tollkeeper_searches_total", searches);
        self.count("tollkeeper_fetches_total", fetches);
        self.count("tollkeeper_images_total", images);
        // At prices of other models, which are not told apart yet: seen, but in no sum.
        self.count("tollkeeper_aside_tokens_total", aside.total());
    }

    fn record(&mut self, host: &dyn Host, prefix: &str, name: &'static str, value: u64) {
        self.metrics.entry(name).or_default().record(host, || format!("{prefix}{name}"), value);
    }
}

impl Metric {
    fn flush(&mut self, host: &dyn Host, name: impl FnOnce() -> String) {
        if self.pending == 0 {
            return;
        }
        if let Some(id) = self.id(host, MetricKind::Counter, name) {
            // Stats are best effort by nature: a host that refuses one must not stop the call.
            let _ = host.add_metric(id, i64::try_from(self.pending).unwrap_or(i64::MAX));
        }
        self.pending = 0;
    }

    fn record(&mut self, host: &dyn Host, name: impl FnOnce() -> String, value: u64) {
        if let Some(id) = self.id(host, MetricKind::Histogram, name) {
            let _ = host.record_metric(id, value);
        }
    }

    /// The metric's number. Asked for once: the host allocates at every definition.
    fn id(&mut self, host: &dyn Host, kind: MetricKind, name: impl FnOnce() -> String) -> Option<MetricId> {
        *self.id.get_or_insert_with(|| {
            let name = name();
            host.define_metric(kind, &name)
                .inspect_err(|error| host.log(LogLevel::Warn, &format!("tollkeeper: stat {name}: {error}")))
                .ok()
        })
    }
}

/// An amount of a budget as stats say it: in its unit, money in nano-USD.
fn in_stats(budget: &Budget, amount: u64) -> u64 {
    match budget.unit {
        Unit::PicoUsd => amount.div_ceil(1_000),
        _ => amount,
    }
}

/// Whole nano-USD of the sum; what is left over stays.
fn whole_nano(remainder: &mut u64, pico: u64) -> u64 {
    let sum = pico.saturating_add(*remainder);
    *remainder = sum % 1_000;
    sum / 1_000
}

fn outcome_metric(outcome: &str) -> &'static str {
    match outcome {
        "ok" => "outcome=.=ok;.;tollkeeper_outcomes_total",
        "client_closed" => "outcome=.=client_closed;.;tollkeeper_outcomes_total",
        "upstream_gone" => "outcome=.=upstream_gone;.;tollkeeper_outcomes_total",
        "upstream_error" => "outcome=.=upstream_error;.;tollkeeper_outcomes_total",
        "broken_off" => "outcome=.=broken_off;.;tollkeeper_outcomes_total",
        "stopped" => "outcome=.=stopped;.;tollkeeper_outcomes_total",
        _ => "outcome=.=not_reached;.;tollkeeper_outcomes_total",
    }
}

const fn finish_metric(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "reason=.=stop;.;tollkeeper_finish_reasons_total",
        FinishReason::Length => "reason=.=length;.;tollkeeper_finish_reasons_total",
        FinishReason::ToolCalls => "reason=.=tool_calls;.;tollkeeper_finish_reasons_total",
        FinishReason::ContentFilter => "reason=.=content_filter;.;tollkeeper_finish_reasons_total",
        FinishReason::Error => "reason=.=error;.;tollkeeper_finish_reasons_total",
        FinishReason::Other => "reason=.=other;.;tollkeeper_finish_reasons_total",
    }
}

const fn class_metric(class: TokenClass) -> &'static str {
    match class {
        TokenClass::UncachedInput => "class=.=uncached_input;.;tollkeeper_tokens_total",
        TokenClass::CacheRead => "class=.=cache_read;.;tollkeeper_tokens_total",
        TokenClass::CacheWrite5m => "class=.=cache_write_5m;.;tollkeeper_tokens_total",
        TokenClass::CacheWrite1h => "class=.=cache_write_1h;.;tollkeeper_tokens_total",
        TokenClass::AudioIn => "class=.=audio_in;.;tollkeeper_tokens_total",
        TokenClass::ImageIn => "class=.=image_in;.;tollkeeper_tokens_total",
        TokenClass::OutputVisible => "class=.=output_visible;.;tollkeeper_tokens_total",
        TokenClass::Reasoning => "class=.=reasoning;.;tollkeeper_tokens_total",
        TokenClass::AudioOut => "class=.=audio_out;.;tollkeeper_tokens_total",
    }
}

fn source_metric(source: &str) -> &'static str {
    match source {
        "reported" => "source=.=reported;.;tollkeeper_usage_source_total",
        "counted" => "source=.=counted;.;tollkeeper_usage_source_total",
        "estimated" => "source=.=estimated;.;tollkeeper_usage_source_total",
        _ => "source=.=none;.;tollkeeper_usage_source_total",
    }
}
